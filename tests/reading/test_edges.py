"""Edges of reading charts: zones, names that other versions use, references that must not be lost."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cards.code_systems import RXNORM
from cards.drugs.medication import product_of, resolver, within
from cards.drugs.recognise import recognise
from cards.moment import parse_moment
from cards.pregnancy import pregnancy
from cards.reading import Listed, read_chart, unwrap
from cards.reading.allergies import read_allergies
from cards.reading.diagnoses import diagnosis_concepts, read_diagnoses
from cards.reading.lab_orders import read_lab_orders
from cards.reading.medications import read_drugs, read_reasons
from cards.reading.procedures import read_procedures
from cards.reading.shapes import moment_of, reference_id, reference_type
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
    found = moment_of({"when": value}, "other", "when", zone=NEW_YORK)
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


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"reference": "Patient/7"}, "Patient"),
        ({"reference": "https://ehr.example/fhir/Patient/7"}, "Patient"),
        ({"reference": "urn:uuid:7", "type": "Patient"}, "Patient"),
        ({"reference": "#7"}, ""),
    ],
)
def test_what_a_reference_names(value: dict[str, str], kind: str) -> None:
    assert (reference_type(value), reference_id(value)) == (kind, "7")


@pytest.mark.parametrize("name", ["performedPeriod", "occurrencePeriod"])
def test_a_procedure_is_dated_by_the_end_of_its_period(name: str) -> None:
    code = {"coding": [{"system": "http://snomed.info/sct", "code": "302497006"}]}
    procedure = {"resourceType": "Procedure", "id": "x", "status": "completed", "code": code,
                 name: {"start": "2026-05-01", "end": "2026-05-02"}}  # fmt: skip
    found = read_procedures([procedure], patient_id="p", today=TODAY, zone=UTC)
    assert [each.when and each.when.text for each in found] == ["2026-05-02"]


@pytest.mark.parametrize("name", ["abatementDateTime", "abatementPeriod"])
def test_when_a_diagnosis_ended(name: str) -> None:
    code = {"coding": [{"system": "http://snomed.info/sct", "code": "32914008"}]}
    value: Any = {"end": "2026-05-02"} if name.endswith("Period") else "2026-05-02"
    condition = {"resourceType": "Condition", "id": "c", "code": code, name: value}
    (found,) = read_diagnoses([condition], patient_id="p", today=TODAY, zone=UTC)
    assert found.abated and found.abated.text == "2026-05-02"


RLS = {"coding": [{"system": "http://snomed.info/sct", "code": "32914008"}]}


@pytest.mark.parametrize(
    ("categories", "from_encounter"),
    [
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
    found = parse_moment(said, UTC)
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
