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
UNKNOWN = (
    {"medicationReference": NOWHERE},
    {"medicationReference": {"identifier": {"value": "4711"}}},
    {"medication": {"reference": NOWHERE}},
    {"medication": {"reference": {"identifier": {"value": "4711"}}}},
    {"medicationReference": {"reference": "#x"}},
    {"medicationReference": {"reference": "#x"}, "contained": [{"resourceType": "Medication", "id": "y"}]},
    {"medicationReference": {"reference": "#x"}, "contained": [{"resourceType": "Medication", "id": "x"}]},
    {"medicationCodeableConcept": {"coding": [{"system": "urn:x", "code": "1"}]}, "medicationReference": NOWHERE},
)
KNOWN = (
    {},
    {"medicationReference": {}},
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


@pytest.mark.parametrize("order", NEVER_TAKEN)
def test_an_order_that_was_never_taken_or_is_somebody_elses_cuts_nothing(order: dict[str, Any]) -> None:
    taken = ORDER | KNOWN[2] | {"id": "m2"}
    assert read(bundle(ORDER | UNKNOWN[0] | order, taken)).listing("medications") is Listing.COMPLETE


def test_another_kind_of_resource_names_no_drug() -> None:
    vaccine = ORDER | UNKNOWN[0] | {"resourceType": "Immunization"}
    assert read(bundle(vaccine, ORDER | KNOWN[2])).listing("medications") is Listing.COMPLETE


def test_a_list_that_was_not_read_stays_not_read() -> None:
    failed = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
    assert read(failed).listing("medications") is Listing.NOT_KNOWN


@pytest.mark.parametrize("drug", UNKNOWN)
def test_a_draft_that_cannot_be_told(drug: dict[str, Any]) -> None:
    assert read(drafts=bundle(ORDER | {"status": "draft"} | drug)).has_unknown_draft


@pytest.mark.parametrize("drug", KNOWN)
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
    drafts = bundle(ORDER | {"status": "draft"} | UNKNOWN[0], ORDER | {"id": "m2", "status": "draft"} | KNOWN[2])
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
    own = foreign | {"id": "2", "subject": {"reference": "Patient/p"}}
    only = read_chart({name: unwrap(bundle(foreign, foreign | {"id": "3"}))}, patient_id="p", now=NOW, zone=UTC)
    assert only.listing(name) is Listing.NOT_KNOWN and only.discarded == 2
    mixed = read_chart({name: unwrap(bundle(foreign, own))}, patient_id="p", now=NOW, zone=UTC)
    assert mixed.listing(name) is Listing.COMPLETE and mixed.discarded == 1
