"""Edges of reading charts: zones, names that other versions use, references that must not be lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cards.dates import PartialDate, cut_at, parse_partial_date
from cards.decisions.shared.orders import earlier_orders
from cards.drugs.medication import product_of
from cards.drugs.recognise import recognise
from cards.fhir.bundles import Listed, unwrap
from cards.fhir.json_values import partial_date_of
from cards.fhir.references import resolver, within
from cards.fhir.versions import version_by_shape
from cards.knowledge.code_systems import ICD_10_CM, RXNORM
from cards.patient.pregnancy import Pregnancy, pregnancy
from cards.reading import read_chart
from cards.reading.allergies import read_allergies
from cards.reading.diagnoses import diagnosis_concepts, names_rls_in_text, read_diagnoses
from cards.reading.drug_reasons import read_reasons
from cards.reading.lab_orders import read_lab_orders
from cards.reading.medications import read_drugs
from cards.reading.procedures import read_procedures
from cards.reading.rls_words import names_rls
from tests.decisions.charts import chart as chart_of

TODAY = date(2026, 6, 15)
NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
LOINC = "http://loinc.org"
FERRITIN = {"coding": [{"system": LOINC, "code": "2276-4"}]}


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("2026-06-15T02:00:00Z", "2026-06-14"),
        ({"start": "2026-06-01T02:00:00Z"}, "2026-05-31"),
        ({"start": "2026-06-01", "end": "2026-06-15T02:00:00Z"}, "2026-06-14"),
        (["nonsense", {"end": "2026-06-15"}], "2026-06-15"),
    ],
)
def test_a_day_is_a_day_of_the_clinic(value: Any, day: str) -> None:
    found = partial_date_of({"when": value}, "other", "when", zone=NEW_YORK)
    assert found and found.text == day


@pytest.mark.parametrize(
    "members",
    [
        {"code": FERRITIN},
        {"code": {"text": "Panel"}, "orderDetail": [FERRITIN]},
        {"item": [{"code": FERRITIN}]},
    ],
)
def test_a_test_is_found_wherever_an_order_names_it(members: dict[str, Any]) -> None:
    order = {"resourceType": "ServiceRequest", "id": "o", "status": "active", "intent": "order",
             "authoredOn": "2026-06-01"}  # fmt: skip
    (found,) = read_lab_orders([order | members], patient_id="p", zone=UTC)
    assert (found.tests, found.active, found.reference) == (frozenset({"ferritin"}), True, "ServiceRequest/o")
    assert found.when and found.when.text == "2026-06-01"


def allergy(concept: dict[str, Any], **members: Any) -> Any:
    resource = {"resourceType": "AllergyIntolerance", "id": "a", "code": concept, **members}
    return read_allergies([resource], patient_id="p", recognise=recognise, concepts_of=diagnosis_concepts)


def test_a_severe_allergy_to_iron_of_no_named_product_keeps_its_reference() -> None:
    (found,) = allergy({"text": "iron"}, criticality="high")
    assert (found.concepts, found.severe, found.reference) == (
        frozenset({"iron-adverse-reaction"}),
        True,
        "AllergyIntolerance/a",
    )
    assert allergy({"text": "iron"}) == ()


def test_an_allergy_to_an_infusion_keeps_its_reference() -> None:
    (found,) = allergy({"text": "ferric carboxymaltose"})
    assert (found.reference, found.severe) == ("AllergyIntolerance/a", False)
    assert "ferric carboxymaltose" in found.ingredients


def test_rls_by_code_and_by_words_is_one_diagnosis() -> None:
    code = {"coding": [{"system": "http://snomed.info/sct", "code": "32914008"}], "text": "Restless legs syndrome"}
    condition = {"resourceType": "Condition", "id": "c", "code": [code, {"text": "restless legs syndrome"}]}
    found = read_diagnoses([condition], patient_id="p", today=TODAY, zone=UTC)
    assert [each.concepts for each in found if "rls" in each.concepts] == [frozenset({"rls"})]


# --- medications that are named elsewhere ----------------------------------------------------------------------

TABLET = {"coding": [{"system": RXNORM, "code": "310325"}]}
MEDICATION = {"resourceType": "Medication", "id": "7", "code": TABLET}


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("Medication/7", True),
        ("https://ehr.example/fhir/Medication/7", True),
        ("https://ehr.example/fhir/Medication/7/", True),
        ("Medication/7/_history/2", True),
        ("https://ehr.example/fhir/Medication/7/_history/2", True),
        ("urn:uuid:7", True),
        ("Medication/8", False),
        ("Patient/7", False),
    ],
)
def test_a_medication_is_found_by_its_reference(reference: str, found: bool) -> None:
    order = {"medicationReference": {"reference": reference}}
    assert bool(product_of(order, resolver([MEDICATION]))) is found


@pytest.mark.parametrize(("reference", "found"), [("#7", True), ("#8", False), ("Medication/7", False)])
def test_a_contained_medication_is_found_in_its_order_alone(reference: str, found: bool) -> None:
    order = {"medicationReference": {"reference": reference}, "contained": [MEDICATION]}
    resolve = within(order, resolver([]))
    assert bool(product_of(order, resolve)) is found


@pytest.mark.parametrize(
    "item",
    [
        {"itemCodeableConcept": {"text": "ferrous sulfate"}},
        {"item": {"text": "ferrous sulfate"}},
        {"item": {"concept": {"text": "ferrous sulfate"}}},
        {"itemReference": {"display": "ferrous sulfate"}},
    ],
)
@pytest.mark.parametrize("strength", ["strength", "strengthRatio"])
def test_a_medication_is_known_by_its_active_ingredients(item: dict[str, Any], strength: str) -> None:
    ratio = {"numerator": {"value": 325, "unit": "mg"}, "denominator": {"value": 1}}
    colour = {"itemCodeableConcept": {"text": "ferrous fumarate"}, "isActive": False}
    medication = {"resourceType": "Medication", "id": "7", "form": {"text": "tablet"},
                  "ingredient": [colour, {**item, strength: ratio}]}  # fmt: skip
    product = product_of({"medicationReference": {"reference": "Medication/7"}}, resolver([medication]))
    assert product
    (amount,) = product.ingredients
    assert (amount.ingredient, amount.mg) == ("ferrous sulfate", 325)


def test_the_route_of_an_order_tells_what_its_medication_is() -> None:
    order = {
        "medicationReference": {"reference": "Medication/7"},
        "dosageInstruction": [{"route": {"text": "intravenous"}}],
    }
    medication = {"resourceType": "Medication", "id": "7", "code": {"text": "iron dextran"}}
    product = product_of(order, resolver([medication]))
    assert product and product.route == "iv"
    assert "iron-iv" in product.classes


def test_the_route_may_stand_under_the_name_of_a_statement() -> None:
    statement = {"medication": {"text": "iron dextran"}, "dosage": [{"route": {"text": "intravenous"}}]}
    product = product_of(statement, resolver([]))
    assert product and product.route == "iv"


@pytest.mark.parametrize(
    ("ratio", "mg"),
    [
        ({"numerator": {"value": 325, "unit": "mg"}}, 325),
        ({"numerator": {"value": 325, "unit": "mg"}, "denominator": {"value": 1}}, 325),
        ({"numerator": {"value": 325, "unit": "mg"}, "denominator": {"value": 5}}, 65),
        ({"numerator": {"value": 1, "code": "g"}}, 1000),
        ({"numerator": {"value": 325, "unit": "furlong"}}, None),
        ({"numerator": {"unit": "mg"}}, None),
        ({}, None),
    ],
)
def test_the_strength_of_an_ingredient(ratio: dict[str, Any], mg: int | None) -> None:
    ingredient = {"itemCodeableConcept": {"text": "ferrous sulfate"}, "strength": ratio}
    medication = {"resourceType": "Medication", "id": "7", "ingredient": [ingredient]}
    product = product_of({"medicationReference": {"reference": "Medication/7"}}, resolver([medication]))
    assert product and product.ingredients[0].mg == mg


@pytest.mark.parametrize("name", ["performedPeriod", "occurrencePeriod"])
def test_a_procedure_is_dated_by_the_end_of_its_period(name: str) -> None:
    code = {"coding": [{"system": "http://snomed.info/sct", "code": "302497006"}]}
    procedure = {"resourceType": "Procedure", "id": "x", "status": "completed", "code": code,
                 name: {"start": "2026-05-01", "end": "2026-05-02"}}  # fmt: skip
    found = read_procedures([procedure], patient_id="p", today=TODAY, zone=UTC)
    assert [each.when and each.when.text for each in found] == ["2026-05-02"]


@pytest.mark.parametrize("name", ["abatementDateTime", "abatementPeriod"])
def test_a_diagnosis_counts_until_the_day_it_ended(name: str) -> None:
    code = {"coding": [{"system": "http://snomed.info/sct", "code": "32914008"}]}
    value: Any = {"start": "2026-04-01", "end": "2026-05-02"} if name.endswith("Period") else "2026-05-02"
    condition = {"resourceType": "Condition", "id": "c", "code": code, name: value}
    days = date(2026, 4, 29), date(2026, 5, 2)
    before, on = (read_diagnoses([condition], patient_id="p", today=today, zone=UTC) for today in days)
    assert (before[0].counts, on[0].counts) == (True, False)


RLS = {"coding": [{"system": "http://snomed.info/sct", "code": "32914008"}]}


@pytest.mark.parametrize(
    ("categories", "from_encounter"),
    [
        (["diagnosis"], False),
        ([], False),
        (["encounter-diagnosis"], True),
        (["problem-list-item"], False),
        (["problem-list-item", "encounter-diagnosis"], False),
        (["something-else"], False),
    ],
)
def test_a_diagnosis_of_a_visit_is_known_by_its_category(categories: list[str], from_encounter: bool) -> None:
    category = [{"coding": [{"code": code}]} for code in categories]
    condition = {"resourceType": "Condition", "id": "c", "code": RLS, "category": category}
    (found,) = read_diagnoses([condition], patient_id="p", today=TODAY, zone=UTC)
    assert found.from_encounter is from_encounter


@pytest.mark.parametrize(
    ("system", "code", "written"),
    [
        ("urn:oid:2.16.840.1.113883.6.90", "G25.81", "http://hl7.org/fhir/sid/icd-10-cm|"),
        ("http://snomed.info/sct", "32914008", "http://snomed.info/sct|32914008"),
    ],
)
def test_the_code_of_a_diagnosis_is_kept_under_its_usual_system(system: str, code: str, written: str) -> None:
    condition = {"resourceType": "Condition", "id": "c", "code": {"coding": [{"system": system, "code": code}]}}
    (found,) = read_diagnoses([condition], patient_id="p", today=TODAY, zone=UTC)
    assert found.code.startswith(written)


def test_the_words_of_a_reason_that_is_referred_to_count() -> None:
    order = {"reasonReference": [{"reference": "Condition/unknown", "display": "Restless legs syndrome"}]}
    found = read_reasons(order, lambda reference: None, diagnosis_concepts)
    assert (found.rls_in_words_only, found.name_rls) == (True, True)


@pytest.mark.parametrize(
    ("said", "day", "hour"),
    [
        ("2026-05-20T23:45:00+05:30", "2026-05-20", (18, 15)),
        ("2026-05-20T02:00:00+05:30", "2026-05-19", (20, 30)),
        ("2026-05-20T08:00:00Z", "2026-05-20", (8, 0)),
        ("2026-05-20T23:00:00-0230", "2026-05-21", (1, 30)),
    ],
)
def test_the_offset_of_a_time_has_minutes(said: str, day: str, hour: tuple[int, int]) -> None:
    found = parse_partial_date(said, UTC)
    assert found is None or (found.text, found.at and (found.at.hour, found.at.minute)) == (day, hour)
    assert found or "0230" in said


def result(updated: str | None, status: str) -> dict[str, Any]:
    meta = {"meta": {"lastUpdated": updated}} if updated else {}
    return meta | {
        "resourceType": "Observation", "id": "f", "status": status, "code": FERRITIN,
        "effectiveDateTime": "2026-05-20", "valueQuantity": {"value": 38, "unit": "ng/mL"},
    }  # fmt: skip


@pytest.mark.parametrize("turned", [False, True])
def test_of_copies_of_a_result_the_one_that_takes_it_back_counts(turned: bool) -> None:
    copies = (result(None, "final"), result(None, "entered-in-error"))
    listed = Listed(tuple(reversed(copies)) if turned else copies)
    chart = read_chart({"labs": listed}, patient_id="p", now=NOON, zone=UTC)
    assert chart.labs == ()


def test_the_end_of_a_course_is_a_day_of_the_clinic() -> None:
    order = {
        "resourceType": "MedicationStatement", "id": "m", "status": "completed",
        "medicationCodeableConcept": {"text": "ferrous sulfate 325 mg tablet"},
    }  # fmt: skip
    for members in ({"effectivePeriod": {"end": "2026-05-20T02:00:00Z"}}, {"dateEnded": "2026-05-20T02:00:00Z"}):
        (found,) = read_drugs([order | members], patient_id="p", today=TODAY, zone=NEW_YORK)
        assert found.end and found.end.text == "2026-05-19"


SUPPRESSED = {"resourceType": "OperationOutcome", "issue": [{"severity": "information", "code": "suppressed"}]}


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "entry": [{"resource": each} for each in resources]}


def test_a_note_inside_one_of_several_bundles_is_not_forgotten() -> None:
    assert unwrap(bundle(bundle(SUPPRESSED), bundle(result(None, "final")))).withheld is True
    assert unwrap(bundle(bundle(result(None, "final")))).withheld is False


def test_an_impossible_age_of_a_pregnancy_is_passed_over_for_the_one_before() -> None:
    built = chart_of({"person": "31 F pregnant", "measures": ["gestational-age 50 7d", "gestational-age 12 14d"]})
    assert pregnancy(built).days == 12 * 7 + 14


# --- days of the clinic, and statuses that tell little ----------------------------------------------------------

LATE = "2026-06-15T02:00:00Z"  # the evening before in New York


@pytest.mark.parametrize("onset", [{"onsetDateTime": LATE}, {"onsetPeriod": {"start": LATE}}])
def test_an_onset_is_a_day_of_the_clinic(onset: dict[str, Any]) -> None:
    code = {"coding": [{"system": ICD_10_CM, "code": "G25.81"}]}
    condition = {"resourceType": "Condition", "id": "c", "code": code, **onset}
    (found,) = read_diagnoses([condition], patient_id="p", today=TODAY, zone=NEW_YORK)
    assert found.onset and found.onset.text == "2026-06-14"


@pytest.mark.parametrize("end", [{"abatementDateTime": LATE}, {"abatementPeriod": {"end": LATE}}])
def test_the_end_of_a_diagnosis_is_a_day_of_the_clinic(end: dict[str, Any]) -> None:
    code = {"coding": [{"system": ICD_10_CM, "code": "G25.81"}]}
    condition = {"resourceType": "Condition", "id": "c", "code": code, **end}
    here, there = (
        read_diagnoses([condition], patient_id="p", today=date(2026, 6, 14), zone=zone) for zone in (NEW_YORK, UTC)
    )
    assert (here[0].counts, there[0].counts) == (False, True)


def test_the_end_of_a_course_and_the_day_of_a_procedure_are_days_of_the_clinic() -> None:
    lasting = {"repeat": {"boundsPeriod": {"start": "2026-05-01", "end": LATE}}}
    order = {"resourceType": "MedicationRequest", "id": "m", "status": "completed", "intent": "order",
             "medicationCodeableConcept": {"text": "ropinirole 1 mg tablet"},
             "dosageInstruction": [{"timing": lasting}]}  # fmt: skip
    (found,) = read_drugs([order], patient_id="p", today=TODAY, zone=NEW_YORK)
    assert found.end and found.end.text == "2026-06-14"
    done = {"resourceType": "Procedure", "id": "x", "status": "completed", "performedDateTime": LATE,
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "302497006"}]}}  # fmt: skip
    chart = read_chart({"procedures": unwrap(done)}, patient_id="p", now=NOON, zone=NEW_YORK)
    assert [each.when and each.when.text for each in chart.procedures] == ["2026-06-14"]


@pytest.mark.parametrize(
    ("said", "today", "last"),
    [
        ("2026-06", date(2026, 6, 1), date(2026, 6, 1)),
        ("2026-06", date(2026, 6, 15), date(2026, 6, 15)),
        ("2026-06", date(2026, 6, 30), date(2026, 6, 30)),
        ("2026-06", date(2026, 7, 1), date(2026, 6, 30)),
        ("2026-06", date(2026, 5, 31), date(2026, 6, 30)),
    ],
)
def test_a_month_under_way_ends_today(said: str, today: date, last: date) -> None:
    found = parse_partial_date(said, UTC)
    assert found and cut_at(found, today) == PartialDate(date(2026, 6, 1), last)


def test_an_exact_time_is_kept_in_utc() -> None:
    found = parse_partial_date("2026-06-15T10:00:00+02:00", NEW_YORK)
    assert found and found.at == datetime(2026, 6, 15, 8, tzinfo=UTC)
    assert found.at and found.at.tzinfo is UTC


@pytest.mark.parametrize(
    ("status", "one_dose", "earlier"),
    [("completed", False, True), ("stopped", False, True), ("completed", True, False), ("on-hold", False, False)],
)
def test_a_course_without_an_end_is_renewed_where_it_is_over(status: str, one_dose: bool, earlier: bool) -> None:
    built = chart_of({"drugs": ["da pramipexole 0.25 since 20d inactive"], "drafts": ["da pramipexole 0.25"]})
    past = replace(built.drugs[0], status=status, one_dose=one_dose)
    assert bool(earlier_orders(replace(built, drugs=(past,)), built.drafts[0])) is earlier


@pytest.mark.parametrize("said", ["pregnant 30d", "pregnant+puerperal 10d"])
def test_a_pregnancy_of_unknown_week(said: str) -> None:
    assert pregnancy(chart_of({"dx": ["rls", said]})) == Pregnancy(is_pregnant=True)


def test_the_dose_of_a_statement_stands_under_its_own_name() -> None:
    statement = {"resourceType": "MedicationStatement", "id": "m", "status": "active",
                 "medicationCodeableConcept": {"text": "ferrous sulfate 325 mg tablet"},
                 "dosage": [{"text": "2 tablets daily"}]}  # fmt: skip
    (found,) = read_drugs([statement], patient_id="p", today=TODAY, zone=UTC)
    assert found.daily and found.daily.elemental_iron_mg == 130


def test_a_reason_by_a_code_of_the_sites_own_is_one() -> None:
    own = {("http://ehr.example/problems", "HF"): frozenset({"heart-failure"})}
    order = {"reasonCode": [{"coding": [{"system": "http://ehr.example/problems", "code": "HF"}]}]}
    found = read_reasons(order, lambda reference: None, partial(diagnosis_concepts, local=own))
    assert (found.concepts, found.readable) == ({"heart-failure"}, True)
    assert not read_reasons(order, lambda reference: None, diagnosis_concepts).readable


# --- restless legs in words ------------------------------------------------------------------------------------


def test_a_typed_and_a_printed_apostrophe_are_one() -> None:
    assert names_rls("Ekbom's syndrome")
    assert names_rls("Ekbom’s syndrome")


def test_the_words_of_a_referred_concept_are_read_beside_those_of_the_reference() -> None:
    assert names_rls_in_text({"text": "as told", "concept": {"text": "restless legs"}})
    assert not names_rls_in_text({"text": "no evidence of", "concept": {"text": "restless legs"}})


# --- versions by shape -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("member", ["comment", "context", "related"])
def test_members_of_an_older_observation_tell(member: str) -> None:
    assert version_by_shape([{"resourceType": "Observation", member: "x"}]) == "STU3"


@pytest.mark.parametrize("dose", ["doseQuantity", "doseRange"])
def test_the_dose_of_an_older_order_tells(dose: str) -> None:
    order = {"resourceType": "MedicationRequest", "dosageInstruction": [{dose: {}}]}
    assert version_by_shape([order]) == "STU3"


def test_what_is_of_either_later_version_goes_with_the_more_of_them() -> None:
    open_to_both = {"resourceType": "Condition", "clinicalStatus": {}}
    r4, r5 = ({"resourceType": "ServiceRequest", "code": code} for code in ({}, {"concept": {}}))
    assert version_by_shape([r4, r4, r5, open_to_both, open_to_both]) == "R4"
    assert version_by_shape([r4, r5, r5, open_to_both]) == "R5"


def test_twenty_reasons_of_an_order_are_read_and_a_condition_that_is_named_twice_counts_once() -> None:
    rls = {"text": "restless legs syndrome"}
    other = [{"text": f"reason {number}"} for number in range(19)]
    read = [read_reasons({"reasonCode": [*other, *more, rls]}, lambda reference: None, diagnosis_concepts)
            for more in ([], [{"text": "one more"}])]  # fmt: skip
    assert [each.rls_in_words_only for each in read] == [True, False]
    named = [{"reference": "Condition/a"}] * 40
    found = read_reasons({"reasonReference": [*named, {"display": "restless legs"}]}, lambda reference: None,
                         diagnosis_concepts)  # fmt: skip
    assert found.rls_in_words_only
