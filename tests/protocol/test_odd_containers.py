"""Orders and records in containers that no search answers with are read or said, never passed over in silence.

Contract section 5, items 1 and 4.
"""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.builders.service import SIGN, VIEW, bundle, is_outcome, is_response
from tests.protocol.test_references import (
    FERRITIN,
    IRON,
    MEDICATION,
    OVERLOAD,
    RLS,
    SATURATION,
    call,
    codes,
    removals,
    select,
    sent,
    sign,
    signing,
    view,
    without_concept,
)

Resource = dict[str, Any]
LISINOPRIL = IRON | {"id": "d2", "medicationCodeableConcept": {"text": "lisinopril 10 mg tablet"}}
TEST_ORDER = {"resourceType": "ServiceRequest", "id": "s1", "status": "draft", "code": {"text": "chest radiograph"}}


def group(**members: Any) -> Resource:
    return {"resourceType": "RequestGroup", "id": "g", "status": "draft", "intent": "order", **members}


def refers(order: str) -> Resource:
    return {"reference": order}


#: Ways to hold an order inside another resource, given the order (with the id `d1`).
HOLDERS: dict[str, Any] = {
    "RequestGroup, contained": lambda order: group(contained=[order], action=[{"resource": refers("#d1")}]),
    "RequestGroup, elsewhere": lambda order: group(action=[{"resource": refers("MedicationRequest/z")}]),
    "RequestGroup, urn": lambda order: group(action=[{"action": [{"resource": refers("urn:uuid:6d0f")}]}]),
    "RequestGroup, definition": lambda order: group(action=[{"definitionCanonical": "http://x.example/iron"}]),
    "RequestOrchestration": lambda order: group(resourceType="RequestOrchestration", contained=[order]),
    "CarePlan, contained": lambda order: {"resourceType": "CarePlan", "contained": [order]},
    "CarePlan, group": lambda order: {"resourceType": "CarePlan", "contained": [group(contained=[order])]},
    "CarePlan, activity": lambda order: {
        "resourceType": "CarePlan",
        "activity": [{"reference": refers("MedicationRequest/z")}, {"plannedActivityReference": refers("#a")}],
    },
    "CarePlan, detail": lambda order: {
        "resourceType": "CarePlan",
        "activity": [{"detail": {"productCodeableConcept": order["medicationCodeableConcept"]}}],
    },
    "Task, contained": lambda order: {"resourceType": "Task", "contained": [order], "focus": refers("#d1")},
    "Task, elsewhere": lambda order: {"resourceType": "Task", "focus": refers("http://x.example/MedicationRequest/z")},
    "List, elsewhere": lambda order: {"resourceType": "List", "entry": [{"item": refers("MedicationRequest/z")}]},
    "Order": lambda order: {"resourceType": "Order", "detail": [refers("MedicationOrder/z")]},
    "ServiceRequest, contained": lambda order: TEST_ORDER | {"contained": [order]},
    "order without a drug, contained": lambda order: without_concept(IRON) | {"id": "x", "contained": [order]},
    "MedicationDispense": lambda order: order | {"resourceType": "MedicationDispense", "status": "preparation"},
    "MedicationStatement": lambda order: order | {"resourceType": "MedicationStatement", "status": "active"},
    "SupplyRequest": lambda order: {
        "resourceType": "SupplyRequest",
        "itemCodeableConcept": order["medicationCodeableConcept"],
    },
    "NutritionOrder": lambda order: {
        "resourceType": "NutritionOrder",
        "supplement": [{"type": order["medicationCodeableConcept"]}],
    },
}
#: Those that say nothing of the drug of the order: it stays open, whatever it is.
UNTOLD = {each for each in HOLDERS if any(word in each for word in ("elsewhere", "urn", "definition", "activity"))}
each_holder = pytest.mark.parametrize("holder", list(HOLDERS))
WHY = "an order inside another resource is not read"


@each_holder
@pytest.mark.row("R-19")
def test_iron_inside_another_resource_is_an_unknown_draft(http: FlaskClient, holder: str) -> None:
    held = HOLDERS[holder](IRON)
    for drafts in (bundle(held), bundle(LISINOPRIL, held), bundle(bundle(held))):
        issue = is_outcome(http.post(SIGN, json=signing(drafts)), 412)[0]
        assert issue["diagnostics"] == f"draftOrders: {WHY}"
    found = sign(http, bundle(IRON, held))
    assert codes(found) == ["OSIRONOVL", "NOTEVALUATED"] and WHY in found[1]["detail"]
    assert removals(found) == ["MedicationRequest/d1"]


@each_holder
def test_an_order_inside_another_resource_is_silent_without_rls(http: FlaskClient, holder: str) -> None:
    assert sign(http, bundle(HOLDERS[holder](IRON)), conditions=bundle()) == []


@pytest.mark.parametrize("holder", [each for each in HOLDERS if each not in UNTOLD and each != "Order"])
def test_another_drug_inside_another_resource_is_no_draft_of_ours(http: FlaskClient, holder: str) -> None:
    assert sign(http, bundle(HOLDERS[holder](LISINOPRIL | {"id": "d1"}))) == []


@each_holder
def test_what_was_ended_holds_no_order(http: FlaskClient, holder: str) -> None:
    assert sign(http, bundle(HOLDERS[holder](IRON) | {"status": "entered-in-error"})) == []


def test_a_reason_inside_another_resource_brings_the_patient_into_scope(http: FlaskClient) -> None:
    reason = {"reasonCode": [{"coding": [{"system": "http://snomed.info/sct", "code": "32914008"}]}]}
    drafts = bundle(group(contained=[IRON | reason]))
    is_outcome(http.post(SIGN, json=signing(drafts, conditions=bundle())), 412)


def test_orders_of_the_call_that_a_group_refers_to_are_read_as_they_are(http: FlaskClient) -> None:
    """A group beside its orders says nothing further, and neither does what an order follows from."""
    whole = group(action=[{"resource": refers("MedicationRequest/d1")}, {"action": [{"title": "x"}]}])
    assert codes(sign(http, bundle(IRON, whole))) == ["OSIRONOVL"]
    earlier = {"basedOn": [refers("#old")], "contained": [IRON | {"id": "old"}]}
    assert sign(http, bundle(TEST_ORDER | earlier)) == []
    assert (
        sign(http, bundle(LISINOPRIL | {"priorPrescription": refers("#old"), "contained": earlier["contained"]})) == []
    )
    appointments = [{"resource": refers("Appointment/1")}, {"resource": {"display": "a visit"}}]
    assert sign(http, bundle(LISINOPRIL, group(action=appointments))) == []
    visit = {"resourceType": "Task", "focus": refers("Appointment/1"), "detail": "words"}
    assert sign(http, bundle(LISINOPRIL, visit, {"resourceType": "CarePlan", "activity": [{"detail": {}}]})) == []


def test_the_medication_of_an_order_inside_is_found_beside_it(http: FlaskClient) -> None:
    inside = without_concept(IRON) | {"medicationReference": refers("#m1")}
    other = MEDICATION | {"code": {"text": "lisinopril 10 mg tablet"}}
    assert sign(http, bundle(group(contained=[inside, other]))) == []
    is_outcome(http.post(SIGN, json=signing(bundle(group(contained=[inside, MEDICATION])))), 412)


def test_a_selection_of_other_drafts_leaves_an_order_inside_unasked(http: FlaskClient) -> None:
    drafts = bundle(LISINOPRIL, group(contained=[IRON]))
    assert select(http, drafts, ["MedicationRequest/d2"]) == []
    for selections in (["RequestGroup/g"], ["MedicationRequest/d2", "MedicationRequest/zzz"]):
        prefetch = sent(conditions=bundle(RLS, OVERLOAD))
        body = call("order-select", prefetch, draftOrders=drafts, selections=selections)
        is_outcome(http.post("/cds-services/rls-order-select", json=body), 412)


def test_an_order_inside_a_resource_of_somebody_unknown_is_open_and_of_somebody_else_is_not(http: FlaskClient) -> None:
    unknown = group(contained=[IRON], subject=refers("urn:uuid:6d0f"))
    is_outcome(http.post(SIGN, json=signing(bundle(unknown))), 412)
    assert sign(http, bundle(LISINOPRIL, group(contained=[IRON], subject=refers("Patient/p2")))) == []


# ------------------------------------------------------------------ Parameters and List


def parameters(*resources: Resource) -> Resource:
    return {"resourceType": "Parameters", "parameter": [{"name": "r", "resource": each} for each in resources]}


def a_list(*resources: Resource) -> Resource:
    return {"resourceType": "List", "status": "current", "contained": list(resources)}


each_carrier = pytest.mark.parametrize("carrier", [parameters, a_list])


@each_carrier
def test_orders_that_a_carrier_holds_are_judged_and_nothing_says_that_they_are_all(
    http: FlaskClient, carrier: Any
) -> None:
    found = sign(http, bundle(carrier(IRON)))
    assert codes(found) == ["OSIRONOVL", "NOTEVALUATED"]
    assert removals(found) == (["MedicationRequest/d1"] if carrier is parameters else [])


@each_carrier
@pytest.mark.row("F-09")
def test_records_that_a_carrier_holds_are_read(http: FlaskClient, carrier: Any) -> None:
    for diagnoses in (carrier(RLS, OVERLOAD), bundle(carrier(RLS, OVERLOAD)), bundle(RLS, carrier(OVERLOAD))):
        assert codes(sign(http, bundle(IRON), conditions=diagnoses)) == ["OSIRONOVL"]
    assert view(http, labs=carrier(FERRITIN, SATURATION)) == ["IRONLOW"]
    assert codes(sign(http, bundle(IRON), conditions=bundle(RLS, carrier(RLS)))) == ["NOTEVALUATED"]
    for key in ("conditions", "labs", "patient"):
        is_outcome(http.post(VIEW, json=call("patient-view", sent(**{key: carrier()}))), 412)


def test_a_bundle_that_a_parameters_carries_is_as_whole_as_it_says(http: FlaskClient) -> None:
    diagnoses, labs = parameters(bundle(RLS)), parameters(bundle(FERRITIN, SATURATION))
    [card] = is_response(http.post(VIEW, json=call("patient-view", sent(conditions=diagnoses, labs=labs))))["cards"]
    assert card["source"]["topic"]["code"] == "IRONLOW" and card["suggestions"]
    assert codes(sign(http, bundle(parameters(bundle(IRON))))) == ["OSIRONOVL"]


# ------------------------------------------------------------------ entries under another name


@pytest.mark.parametrize("name", ["entries", "Entry", "items", "resources"])
@pytest.mark.parametrize("written", [lambda each: [{"resource": each}], lambda each: [each]])
def test_a_second_list_of_entries_is_a_hole(http: FlaskClient, name: str, written: Any) -> None:
    diagnoses = bundle(RLS) | {name: written(OVERLOAD)}
    assert codes(sign(http, bundle(IRON), conditions=diagnoses)) == ["NOTEVALUATED"]
    for key in ("conditions", "labs"):
        alone = {"resourceType": "Bundle", name: written({"conditions": RLS, "labs": FERRITIN}[key])}
        is_outcome(http.post(VIEW, json=call("patient-view", sent(**{key: alone}))), 412)
        is_outcome(http.post(VIEW, json=call("patient-view", sent(**{key: alone | {"entry": []}}))), 412)
    is_outcome(http.post(SIGN, json=signing(bundle(LISINOPRIL) | {name: written(IRON)})), 412)
    assert sign(http, bundle(LISINOPRIL) | {name: []}) == []
