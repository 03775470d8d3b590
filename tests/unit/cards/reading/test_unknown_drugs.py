"""Orders that name their drug by a Medication: known, none of ours, or not to be told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cards.facts.chart import Chart, Listing
from cards.fhir.bundles import unwrap
from cards.reading import read_chart

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
ORDER = {"resourceType": "MedicationRequest", "id": "m1", "status": "active", "intent": "order",
         "authoredOn": "2026-05-01", "subject": {"reference": "Patient/p"}}  # fmt: skip
NOWHERE = {"reference": "Medication/x"}
MASKED = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}
UNKNOWN = (
    {"medicationReference": NOWHERE},
    {"medicationReference": {"identifier": {"value": "4711"}}},
    {"medication": {"reference": NOWHERE}},
    {"medication": {"reference": {"identifier": {"value": "4711"}}}},
    {"medicationReference": {"reference": "#x"}},
    {"medicationReference": {"reference": "#x"}, "contained": [{"resourceType": "Medication", "id": "y"}]},
    {"medicationReference": {"reference": "#x"}, "contained": [{"resourceType": "Medication", "id": "x"}]},
    {"medicationCodeableConcept": {"coding": [{"system": "urn:x", "code": "1"}]}, "medicationReference": NOWHERE},
    {"medicationCodeableConcept": {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm"}]}},
    {"medicationCodeableConcept": {"coding": [{"system": "urn:x", "code": ""}], "text": " "}},
    {"medicationCodeableConcept": MASKED},
    {"medicationCodeableConcept": {"coding": [MASKED]}},
    {"medicationCodeableConcept": {"_text": MASKED}},
    {"medicationReference": {"type": "Medication"}},
    {"medicationReference": MASKED},
    {"medication": {"concept": MASKED}},
    {"medication": {"reference": {"type": "Medication"}}},
    {
        "medicationReference": {"reference": "#x"},
        "contained": [{"resourceType": "Medication", "id": "x", "code": {"coding": [{"system": "urn:x"}]}}],
    },
)
#: In a draft no drug is chosen yet: the member is missing, or is a form that was not filled in.
BLANK = (
    {},
    {"_medicationCodeableConcept": MASKED},
    {"medicationCodeableConcept": {}},
    {"medicationCodeableConcept": {"text": ""}},
    {"medicationReference": {}},
    {"medicationCodeableConcept": {"coding": [], "text": ""}},
    {"medicationCodeableConcept": {"coding": [{"system": "", "code": None, "userSelected": False}], "text": " "}},
    {"medication": {"concept": {}, "reference": {"reference": ""}}},
)
KNOWN = (
    {"medicationCodeableConcept": MASKED, "medicationReference": {"display": "atorvastatin"}},
    {"medicationCodeableConcept": {"coding": [{"system": "urn:x", "display": "atorvastatin"}]}},
    {"medicationCodeableConcept": {"text": "No known medications", "coding": [MASKED]}},
    {"medicationReference": {"display": "atorvastatin"}},
    {"medicationReference": NOWHERE | {"display": "atorvastatin"}},
    {"medication": {"reference": NOWHERE | {"display": "atorvastatin"}}},
    {"medicationCodeableConcept": {"text": "atorvastatin"}, "medicationReference": NOWHERE},
    {"medication": {"concept": {"text": "atorvastatin"}}},
    {
        "medicationReference": {"reference": "#x"},
        "contained": [{"resourceType": "Medication", "id": "x", "code": {"text": "atorvastatin"}}],
    },
    {"medicationReference": {"reference": "Medication/here"}},
)
TOLD = {"medicationReference": {"display": "atorvastatin"}}
NEVER_TAKEN = (
    {"status": "draft"},
    {"intent": "proposal"},
    {"doNotPerform": True},
    {"subject": {"reference": "Patient/q"}},
)
HERE = {"resourceType": "Medication", "id": "here", "code": {"text": "atorvastatin"}}


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": each} for each in resources]}


def read(drugs: dict[str, Any] | None = None, drafts: dict[str, Any] | None = None, **more: Any) -> Chart:
    return read_chart({"medications": unwrap(drugs)}, patient_id="p", now=NOW, zone=UTC, drafts=drafts, **more)


@pytest.mark.parametrize("drug", UNKNOWN)
@pytest.mark.parametrize(
    "kind", ["MedicationRequest", "MedicationStatement", "MedicationAdministration", "MedicationDispense"]
)
def test_a_drug_on_record_that_cannot_be_told_leaves_the_list_cut(drug: dict[str, Any], kind: str) -> None:
    assert read(bundle(ORDER | drug | {"resourceType": kind})).listing("medications") is Listing.CUT


@pytest.mark.parametrize("drug", KNOWN)
def test_a_drug_that_is_told_or_none_leaves_the_list_whole(drug: dict[str, Any]) -> None:
    assert read(bundle(ORDER | drug, HERE)).listing("medications") is Listing.COMPLETE


@pytest.mark.parametrize("drug", BLANK)
@pytest.mark.parametrize("kind", ["MedicationRequest", "MedicationStatement"])
def test_a_record_that_names_nothing_leaves_the_list_cut_unless_it_has_ended(drug: dict[str, Any], kind: str) -> None:
    record = ORDER | drug | {"resourceType": kind}
    assert read(bundle(record)).listing("medications") is Listing.CUT
    assert read(bundle(record | {"status": "stopped"}, ORDER | TOLD)).listing("medications") is Listing.COMPLETE


STATEMENT, GIVEN, HANDED_OUT = (
    {"resourceType": f"Medication{kind}", "authoredOn": None} for kind in ("Statement", "Administration", "Dispense")
)


def lasts(days: int) -> dict[str, Any]:
    return {"daysSupply": {"value": days}}


def valid_until(day: str) -> dict[str, Any]:
    return {"dispenseRequest": {"validityPeriod": {"end": day}}}


@pytest.mark.parametrize(
    "record",
    [
        STATEMENT | {"effectivePeriod": {"end": "2010-03-01"}},
        STATEMENT | {"effectivePeriod": {"start": "2009-03-01", "end": "2026-06-14"}},
        {"dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": {"end": "2010-03-01"}}}}]},
        {"authoredOn": "2009-12-01"} | valid_until("2010-03-01"),
        valid_until("2026-03-16"),
        GIVEN | {"status": "unknown", "effectiveDateTime": "2015-03-01"},
        GIVEN | {"status": "on-hold", "effectiveDateTime": "2019-03-01"},
        GIVEN | {"status": "in-progress", "effectivePeriod": {"start": "2019-03-01"}},
        HANDED_OUT | {"status": "unknown", "whenHandedOver": "2015-03-01"},
        HANDED_OUT | {"status": "in-progress", "whenHandedOver": "2026-05-01"} | lasts(30),
        HANDED_OUT | {"status": "in-progress", "whenHandedOver": "2026-03-16"},
    ],
)
def test_a_record_that_names_nothing_and_is_over_leaves_the_list_whole(record: dict[str, Any]) -> None:
    assert read(bundle(ORDER | record, ORDER | TOLD | {"id": "m2"})).listing("medications") is Listing.COMPLETE


@pytest.mark.parametrize(
    "record",
    [
        {"authoredOn": "2009-12-01"},
        STATEMENT,
        STATEMENT | {"effectivePeriod": {"start": "2009-03-01", "end": "9999-12-31"}},
        STATEMENT | {"effectivePeriod": {"start": "2009-03-01", "end": "2026-06"}},
        STATEMENT | {"effectivePeriod": {"end": "2026-06-15"}},
        valid_until("2026-03-17"),
        GIVEN | {"status": "unknown"},
        GIVEN | {"status": "unknown", "effectiveDateTime": "2026-06-01"},
        GIVEN | {"status": "in-progress", "effectivePeriod": {"start": "2019-03-01", "end": "2026-07-01"}},
        HANDED_OUT | {"status": "unknown", "whenHandedOver": "2026-03-17"},
        HANDED_OUT | {"status": "unknown", "whenHandedOver": "2026-02-01"} | lasts(180),
    ],
)
def test_a_record_that_names_nothing_and_may_be_taken_leaves_the_list_cut(record: dict[str, Any]) -> None:
    assert read(bundle(ORDER | record, ORDER | TOLD | {"id": "m2"})).listing("medications") is Listing.CUT


@pytest.mark.parametrize("order", NEVER_TAKEN)
def test_an_order_that_was_never_taken_or_is_somebody_elses_cuts_nothing(order: dict[str, Any]) -> None:
    taken = ORDER | TOLD | {"id": "m2"}
    assert read(bundle(ORDER | UNKNOWN[0] | order, taken)).listing("medications") is Listing.COMPLETE


def test_another_kind_of_resource_names_no_drug() -> None:
    vaccine = ORDER | UNKNOWN[0] | {"resourceType": "Immunization"}
    assert read(bundle(vaccine, ORDER | TOLD)).listing("medications") is Listing.COMPLETE


def test_a_list_that_was_not_read_stays_not_read() -> None:
    failed = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
    assert read(failed).listing("medications") is Listing.NOT_KNOWN


@pytest.mark.parametrize("drug", UNKNOWN)
def test_a_draft_that_cannot_be_told(drug: dict[str, Any]) -> None:
    assert read(drafts=bundle(ORDER | {"status": "draft"} | drug)).has_unknown_draft


@pytest.mark.parametrize("drug", [*BLANK, *KNOWN])
def test_a_draft_that_is_told_or_none(drug: dict[str, Any]) -> None:
    assert not read(drafts=bundle(ORDER | {"status": "draft"} | drug, HERE)).has_unknown_draft


@pytest.mark.parametrize(
    "order",
    [
        {"status": "cancelled"},
        {"doNotPerform": True},
        {"subject": {"reference": "Patient/q"}},
        {"resourceType": "ServiceRequest"},
    ],
)
def test_a_draft_that_is_not_being_signed_asks_for_nothing(order: dict[str, Any]) -> None:
    assert not read(drafts=bundle(ORDER | UNKNOWN[0] | order)).has_unknown_draft


@pytest.mark.parametrize(("selected", "unknown"), [("MedicationRequest/m1", True), ("MedicationRequest/m2", False)])
def test_only_a_selected_draft_asks_for_its_drug(selected: str, unknown: bool) -> None:
    drafts = bundle(ORDER | {"status": "draft"} | UNKNOWN[0], ORDER | {"id": "m2", "status": "draft"} | TOLD)
    assert read(drafts=drafts, selections=[selected]).has_unknown_draft is unknown


@pytest.mark.parametrize(
    ("full_url", "reference"),
    [
        ("urn:uuid:2222-4222", "urn:uuid:2222-4222"),
        ("https://ehr.example.org/Medication/m7", "https://ehr.example.org/Medication/m7"),
        ("https://ehr.example.org/Medication/m7", "Medication/m7"),
    ],
)
def test_a_medication_without_an_id_goes_by_the_address_of_its_entry(full_url: str, reference: str) -> None:
    order = ORDER | {"status": "draft", "medicationReference": {"reference": reference}}
    medication = {"resourceType": "Medication", "code": {"text": "ferrous sulfate 325 mg tablet"}}
    drafts = bundle(order)
    drafts["entry"].append({"fullUrl": full_url, "resource": medication})
    chart = read(drafts=drafts)
    assert not chart.has_unknown_draft and [draft.drug is not None for draft in chart.drafts] == [True]


def test_no_other_resource_gets_an_id_that_it_does_not_have() -> None:
    order = {name: value for name, value in ORDER.items() if name != "id"}
    found = unwrap({"resourceType": "Bundle", "entry": [{"fullUrl": "urn:uuid:9", "resource": order}]})
    assert found.resources == (order,)
    named = unwrap({"resourceType": "Bundle", "entry": [{"fullUrl": "urn:uuid:9", "resource": HERE}]})
    assert named.resources == (HERE,)


@pytest.mark.parametrize("name", ["conditions", "labs", "medications", "allergies", "procedures", "orders"])
def test_a_list_wholly_about_somebody_else_is_not_read_and_counted(name: str) -> None:
    kinds = {"conditions": "Condition", "labs": "Observation", "medications": "MedicationRequest",
             "allergies": "AllergyIntolerance", "procedures": "Procedure", "orders": "ServiceRequest"}  # fmt: skip
    foreign = {"resourceType": kinds[name], "id": "1", "subject": {"reference": "Patient/q"}}
    own = foreign | {"id": "2", "subject": {"reference": "Patient/p"}} | (TOLD if name == "medications" else {})
    only = read_chart({name: unwrap(bundle(foreign, foreign | {"id": "3"}))}, patient_id="p", now=NOW, zone=UTC)
    assert only.listing(name) is Listing.NOT_KNOWN and only.discarded == 2
    mixed = read_chart({name: unwrap(bundle(foreign, own))}, patient_id="p", now=NOW, zone=UTC)
    assert mixed.listing(name) is Listing.COMPLETE and mixed.discarded == 1
