"""One patient's chart from what was gathered: lists, other people's resources, drafts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cards.facts.chart import LISTS, Chart, Listing
from cards.fhir.bundles import Listed, unwrap
from cards.reading import Site, read_chart
from cards.reading.resource_types import DRUG_ADMINISTRATION, DRUG_ORDERS, DRUG_STATEMENTS, LIST_TYPES
from tests.builders.observations import LOINC, NOW, ZONE, observation

PATIENT = {"resourceType": "Patient", "id": "7", "gender": "female", "birthDate": "1980-02-03"}
FERRITIN_ORDER = {"coding": [{"system": LOINC, "code": "2276-4"}]}


def chart_of(gathered: dict[str, Any] | None = None, **options: Any) -> Chart:
    listed = {key: value if isinstance(value, Listed) else unwrap(value) for key, value in (gathered or {}).items()}
    return read_chart(listed, patient_id="7", now=options.pop("now", NOW), zone=options.pop("zone", ZONE), **options)


def searchset(*resources: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "entry": [{"resource": each} for each in resources], **members}


def test_a_key_that_is_absent_is_not_known() -> None:
    chart = chart_of()
    assert {name: chart.listing(name) for name in LISTS} == dict.fromkeys(LISTS, Listing.NOT_KNOWN)


def test_a_key_that_is_null_is_known_to_be_empty_but_for_the_patient() -> None:
    chart = chart_of(dict.fromkeys(LISTS))
    assert chart.knows(*(name for name in LISTS if name != "patient"))
    assert chart.listing("patient") is Listing.NOT_KNOWN


@pytest.mark.parametrize(
    ("value", "listing", "discarded"),
    [
        (PATIENT, Listing.COMPLETE, 0),
        (searchset(PATIENT), Listing.COMPLETE, 0),
        ({**PATIENT, "id": None}, Listing.COMPLETE, 0),
        ({**PATIENT, "id": "8"}, Listing.NOT_KNOWN, 1),
        (searchset({**PATIENT, "id": "8"}, PATIENT), Listing.COMPLETE, 1),
        (observation("ferritin", 38, "ng/mL"), Listing.NOT_KNOWN, 0),
        ("123", Listing.NOT_KNOWN, 0),
    ],
)
def test_the_patient_is_the_one_of_the_call(value: Any, listing: Listing, discarded: int) -> None:
    chart = chart_of({"patient": value})
    assert (chart.listing("patient"), chart.discarded) == (listing, discarded)
    assert chart.person.sex == ("female" if listing is Listing.COMPLETE else "unknown")


@pytest.mark.parametrize("key", [name for name in LISTS if name != "patient"])
def test_an_answer_to_another_question_is_none(key: str) -> None:
    assert chart_of({key: PATIENT}).listing(key) is Listing.NOT_KNOWN
    assert chart_of({key: searchset(PATIENT)}).listing(key) is Listing.NOT_KNOWN


def test_today_is_the_day_at_the_clinic() -> None:
    late = datetime(2026, 6, 16, 3, 30, tzinfo=UTC)
    assert chart_of(now=late, zone=ZoneInfo("America/New_York")).today == date(2026, 6, 15)
    assert chart_of(now=late, zone=ZoneInfo("Pacific/Auckland")).today == date(2026, 6, 16)


def test_every_list_drops_and_counts_what_is_about_somebody_else() -> None:
    foreign = {"subject": {"reference": "Patient/8"}, "patient": {"reference": "Patient/8"}}
    chart = chart_of(
        {
            "labs": searchset(observation("ferritin", 38, "ng/mL"), observation("tsat", 24, "%", **foreign)),
            "conditions": searchset({"resourceType": "Condition", **foreign}),
            "medications": searchset({"resourceType": "MedicationRequest", **foreign}),
            "allergies": searchset({"resourceType": "AllergyIntolerance", **foreign}),
            "procedures": searchset({"resourceType": "Procedure", **foreign}),
            "orders": searchset({"resourceType": "ServiceRequest", **foreign}),
        },
        drafts=searchset({"resourceType": "ServiceRequest", "code": FERRITIN_ORDER, "status": "draft", **foreign}),
    )
    assert [each.analyte for each in chart.labs] == ["ferritin"]
    assert (chart.drafts, chart.discarded) == ((), 7)


def test_results_that_were_withheld_are_said_to_be() -> None:
    note = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "diagnostics": "suppressed"}]}
    chart = chart_of({"labs": searchset(observation("ferritin", 38, "ng/mL"), note)})
    assert chart.results_withheld and chart.listing("labs") is Listing.COMPLETE


@pytest.mark.parametrize("is_limited", [True, False])
def test_access_to_laboratory_results_alone_is_kept_in_mind(is_limited: bool) -> None:
    results = unwrap(searchset(observation("ferritin", 38, "ng/mL")))
    chart = chart_of({"labs": replace(results, laboratory_only=is_limited)})
    assert chart.laboratory_only is is_limited and chart.listing("labs") is Listing.COMPLETE


def test_a_failed_read_of_results_is_not_mixed_with_what_came_before() -> None:
    error = {"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}
    chart = chart_of({"labs": searchset(observation("ferritin", 38, "ng/mL"), error)})
    assert (chart.listing("labs"), chart.labs) == (Listing.NOT_KNOWN, ())


def test_a_cut_list_keeps_what_is_in_it() -> None:
    page = searchset(observation("ferritin", 38, "ng/mL"), link=[{"relation": "next", "url": "x"}])
    chart = chart_of({"labs": page})
    assert (chart.listing("labs"), len(chart.labs)) == (Listing.CUT, 1)


def test_a_stated_pregnancy_is_a_diagnosis() -> None:
    answer = {"coding": [{"system": "http://snomed.info/sct", "code": "77386006"}]}
    code = {"coding": [{"system": LOINC, "code": "82810-3"}]}
    chart = chart_of({"labs": searchset(observation("ferritin", code=code, valueCodeableConcept=answer))})
    assert len(chart.diagnosed("pregnant")) == 1


# --- drafts ----------------------------------------------------------------------------------------------------


def lab_draft(**members: Any) -> dict[str, Any]:
    order = {"resourceType": "ServiceRequest", "id": "a", "status": "draft", "code": FERRITIN_ORDER}
    return {key: value for key, value in {**order, **members}.items() if value is not None}


def drafts_of(*resources: dict[str, Any], selections: list[str] | None = None) -> list[tuple[Any, ...]]:
    chart = chart_of(drafts=searchset(*resources), selections=selections)
    return [(each.reference, each.can_be_removed, each.selected, each.number) for each in chart.drafts]


def test_a_draft_for_a_test() -> None:
    (draft,) = chart_of(drafts=searchset(lab_draft())).drafts
    assert (draft.tests, draft.drug, draft.can_be_removed) == (frozenset({"ferritin"}), None, True)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, [("ServiceRequest/a", True, True, 1)]),
        ({"status": "active"}, [("ServiceRequest/a", False, True, 1)]),
        ({"status": "on-hold"}, [("ServiceRequest/a", False, True, 1)]),
        ({"status": None}, [("ServiceRequest/a", False, True, 1)]),
        ({"id": None}, [("", False, True, 1)]),
        ({"status": "cancelled"}, []),
        ({"status": "stopped"}, []),
        ({"status": "completed"}, []),
        ({"status": "revoked"}, []),
        ({"status": "entered-in-error "}, []),
        ({"doNotPerform": True}, []),
        ({"code": {"text": "Ferritin"}}, []),
        ({"resourceType": "NutritionOrder"}, []),
    ],
)
def test_which_drafts_are_judged(members: dict[str, Any], expected: list[tuple[Any, ...]]) -> None:
    assert drafts_of(lab_draft(**members)) == expected


@pytest.mark.parametrize(
    ("selections", "selected"),
    [
        (None, [True, True]),
        ([], [True, True]),
        (["ServiceRequest/b"], [False, True]),
        (["b"], [False, True]),
        (["MedicationRequest/b"], [True, True]),
        ([" b ", 5, "a"], [True, True]),
    ],
)
def test_selections_name_drafts_by_type_and_id_or_by_id(selections: Any, selected: list[bool]) -> None:
    found = drafts_of(lab_draft(), lab_draft(id="b"), selections=selections)
    assert [each[2] for each in found] == selected


FHIR = "https://ehr.example.org/fhir/r4"


def in_entries(*entries: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    found = [{"fullUrl": url, "resource": draft} if url else {"resource": draft} for url, draft in entries]
    return {"resourceType": "Bundle", "entry": found}


@pytest.mark.parametrize(
    ("selection", "selected"),
    [
        (f"{FHIR}/ServiceRequest/a", [True, False, False]),
        (f"{FHIR}/ServiceRequest/a/_history/3", [True, False, False]),
        ("ServiceRequest/b/_history/1", [False, True, False]),
        ("urn:uuid:1-1-1", [True, False, False]),
        ("urn:uuid:3-3-3", [False, False, True]),
        (f" {FHIR}/ServiceRequest/b ", [False, True, False]),
        ("urn:uuid:9-9-9", [True, True, True]),
        (f"{FHIR}/ServiceRequest/z", [True, True, True]),
        (f"{FHIR}/MedicationRequest/a", [True, True, True]),
        ("ServiceRequest/a/_history/", [True, False, False]),
        ("ServiceRequest/a/x", [True, True, True]),
        ("ServiceRequest/", [True, True, True]),
        ("urn:uuid:", [True, True, True]),
        ("", [True, True, True]),
    ],
)
def test_a_selection_may_be_spelled_otherwise(selection: str, selected: list[bool]) -> None:
    nameless = lab_draft(id=None)
    drafts = in_entries(("urn:uuid:1-1-1", lab_draft()), ("", lab_draft(id="b")), ("urn:uuid:3-3-3", nameless))
    assert [each.selected for each in chart_of(drafts=drafts, selections=[selection]).drafts] == selected


def test_a_draft_without_an_id_goes_by_the_address_of_its_entry() -> None:
    drafts = in_entries((f"{FHIR}/ServiceRequest/a", lab_draft(id=None)), ("", lab_draft(id="b")))
    for selection in ("ServiceRequest/a", f"{FHIR}/ServiceRequest/a"):
        assert [each.selected for each in chart_of(drafts=drafts, selections=[selection]).drafts] == [True, False]


def test_a_spelling_that_fits_two_drafts_selects_both() -> None:
    shared = in_entries(("urn:uuid:1", lab_draft()), ("urn:uuid:1", lab_draft(id="b")))
    assert [each.selected for each in chart_of(drafts=shared, selections=["urn:uuid:1"]).drafts] == [True, True]
    twice = in_entries(("", lab_draft()), ("", lab_draft()))
    found = chart_of(drafts=twice, selections=[f"{FHIR}/ServiceRequest/a"]).drafts
    assert [each.selected for each in found] == [True, True]


def test_the_number_is_the_place_in_the_basket() -> None:
    nutrition = {"resourceType": "NutritionOrder", "id": "n"}
    assert [each[3] for each in drafts_of(nutrition, lab_draft(), nutrition, lab_draft(id="b"))] == [2, 4]


# --- drugs -----------------------------------------------------------------------------------------------------

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SULFATE = {"coding": [{"system": RXNORM, "code": "310325"}]}
RLS = {"coding": [{"system": "http://snomed.info/sct", "code": "32914008"}]}


def order(**members: Any) -> dict[str, Any]:
    built = {
        "resourceType": "MedicationRequest",
        "id": "m",
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": SULFATE,
        "dosageInstruction": [{"timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}}],
    }
    return {key: value for key, value in {**built, **members}.items() if value is not None}


def test_a_draft_for_a_drug() -> None:
    (draft,) = chart_of(drafts=searchset(order())).drafts
    assert draft.drug is not None and draft.drug.has("iron-oral")
    assert (draft.reference, draft.tests, draft.can_be_removed) == ("MedicationRequest/m", frozenset(), True)


@pytest.mark.parametrize("sent", ["draft", "active", None])
def test_only_what_says_that_it_is_a_draft_can_be_removed(sent: str | None) -> None:
    (draft,) = chart_of(drafts=searchset(order(status=sent))).drafts
    assert draft.can_be_removed is (sent == "draft")


def test_results_of_somebody_else_are_left_out_and_counted() -> None:
    own = observation("ferritin", 38, "ng/mL")
    chart = chart_of({"labs": searchset(own, {**own, "id": "other", "subject": {"reference": "Patient/8"}})})
    assert ([lab.quantity.text for lab in chart.labs], chart.discarded) == (["38 ng/mL"], 1)


def test_an_order_for_no_drug_of_ours_and_one_without_a_drug_are_not_judged() -> None:
    unknown = {"coding": [{"system": RXNORM, "code": "999999999"}]}
    assert chart_of(drafts=searchset(order(medicationCodeableConcept=unknown))).drafts == ()
    assert chart_of(drafts=searchset(order(medicationCodeableConcept=None))).drafts == ()


def test_a_drug_of_the_list_finds_its_reason_among_the_conditions() -> None:
    condition = {"resourceType": "Condition", "id": "c", "code": RLS, "subject": {"reference": "Patient/7"}}
    taken = order(status="active", reasonReference=[{"reference": "Condition/c"}])
    (drug,) = chart_of({"conditions": searchset(condition), "medications": searchset(taken)}).drugs
    assert drug.reasons.name_rls


def test_a_draft_finds_its_drug_and_its_reason_where_they_are_referred_to() -> None:
    medication = {"resourceType": "Medication", "id": "d", "code": SULFATE}
    condition = {"resourceType": "Condition", "id": "c", "code": RLS, "subject": {"reference": "Patient/7"}}
    draft = order(
        medicationCodeableConcept=None,
        medicationReference={"reference": "Medication/d"},
        reasonReference=[{"reference": "Condition/c"}],
    )
    for gathered, basket in (
        ({"conditions": searchset(condition)}, searchset(draft, medication)),
        ({"medications": searchset(order(id="x", status="stopped"), medication)}, searchset(draft, condition)),
    ):
        (found,) = chart_of(gathered, drafts=basket).drafts
        assert found.drug is not None and found.drug.has("iron-oral") and found.drug.reasons.name_rls


def test_the_drugs_of_the_chart() -> None:
    chart = chart_of({"medications": searchset(order(status="active", authoredOn="2026-05-01"))})
    assert [drug.reference for drug in chart.active_drugs("iron-oral")] == ["MedicationRequest/m"]
    assert chart.listing("medications") is Listing.COMPLETE


@pytest.mark.parametrize("kind", sorted(LIST_TYPES["medications"].answering))
def test_a_list_of_any_one_type_answers_the_drug_question(kind: str) -> None:
    chart = chart_of({"medications": searchset(order(resourceType=kind, status="active", authoredOn="2026-05-01"))})
    assert chart.listing("medications") is Listing.COMPLETE


@pytest.mark.parametrize("kind", sorted(DRUG_ORDERS | DRUG_STATEMENTS | {DRUG_ADMINISTRATION}))
def test_orders_statements_and_administrations_are_drugs(kind: str) -> None:
    chart = chart_of({"medications": searchset(order(resourceType=kind, status="active", authoredOn="2026-05-01"))})
    assert [drug.reference for drug in chart.drugs] == [f"{kind}/m"]


@pytest.mark.parametrize("key", LISTS)
def test_a_list_of_another_types_records_is_not_known(key: str) -> None:
    resource = {"resourceType": "Immunization", "id": "x", "subject": {"reference": "Patient/7"}}
    assert chart_of({key: searchset(resource)}).listing(key) is Listing.NOT_KNOWN


def test_a_sites_own_drug_code() -> None:
    local = {"coding": [{"system": "urn:oid:1.2.3", "code": "FE1"}]}
    site = Site(drug_codes={("urn:oid:1.2.3", "FE1"): "310325"})
    basket = searchset(order(medicationCodeableConcept=local))
    assert chart_of(drafts=basket).drafts == ()
    assert len(chart_of(drafts=basket, site=site).drafts) == 1


def test_a_sites_own_laboratory_code() -> None:
    mine = observation("ferritin", 38, "ng/mL", code={"coding": [{"system": "urn:oid:1.2.3", "code": "FERR"}]})
    site = Site(local_codes={("urn:oid:1.2.3", "FERR"): "lab-ferritin"})
    assert [each.analyte for each in chart_of({"labs": searchset(mine)}, site=site).labs] == ["ferritin"]


@pytest.mark.parametrize("code", ["1433693", "5992"])  # carboxymaltose; dextran, which also stands in vitamins
def test_an_allergy_to_intravenous_iron(code: str) -> None:
    iron = {"coding": [{"system": RXNORM, "code": code}]}
    allergy = {"resourceType": "AllergyIntolerance", "id": "a", "code": iron, "patient": {"reference": "Patient/7"}}
    (found,) = chart_of({"allergies": searchset(allergy)}).allergies
    assert found.concepts == frozenset({"iron-iv"})


def test_an_allergy_to_tablets_is_none_to_infusions() -> None:
    allergy = {"resourceType": "AllergyIntolerance", "code": SULFATE, "patient": {"reference": "Patient/7"}}
    (found,) = chart_of({"allergies": searchset(allergy)}).allergies
    assert found.concepts == frozenset({"iron-oral"})
