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
    "NutritionOrder, type (R5)": lambda order: {
        "resourceType": "NutritionOrder",
        "supplement": [{"type": {"concept": order["medicationCodeableConcept"]}}],
    },
    "NutritionOrder, product": lambda order: {
        "resourceType": "NutritionOrder",
        "supplement": [{"type": {"text": "Adult low energy formula"}, "productName": words(order)}],
    },
    "NutritionOrder, additive": lambda order: {
        "resourceType": "NutritionOrder",
        "enteralFormula": {"additiveProductName": words(order)},
    },
    "NutritionOrder, additive (R5)": lambda order: {
        "resourceType": "NutritionOrder",
        "enteralFormula": {"additive": [{"productName": words(order)}]},
    },
    "ServiceRequest, coded": lambda order: TEST_ORDER | {"code": order["medicationCodeableConcept"]},
    "ServiceRequest, words": lambda order: TEST_ORDER | {"code": {"text": words(order)}},
    "ServiceRequest, detail": lambda order: TEST_ORDER | {"orderDetail": [order["medicationCodeableConcept"]]},
    "ServiceRequest, parameter (R5)": lambda order: (
        TEST_ORDER | {"orderDetail": [{"parameter": [{"valueString": words(order)}]}]}
    ),
    "ServiceRequest in a group": lambda order: group(contained=[TEST_ORDER | {"code": {"text": words(order)}}]),
    "CarePlan, service": lambda order: {
        "resourceType": "CarePlan",
        "activity": [{"detail": {"code": {"text": words(order)}}}],
    },
    "Task, input": lambda order: {"resourceType": "Task", "input": [{"valueString": words(order)}]},
    "Task, input elsewhere": lambda order: {
        "resourceType": "Task",
        "input": [{"valueReference": refers("MedicationRequest/z")}],
    },
}


def words(order: Resource) -> str:
    """What an order names, in words alone."""
    said: str = order["medicationCodeableConcept"].get("text") or "ferrous sulfate 325 mg tablet"
    return said


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


INFUSIONS: list[Resource] = [
    {"code": {"text": "Iron infusion (ferric carboxymaltose 1000 mg)"}},
    {"code": {"text": "Ferinject infusion"}},
    {"code": {"text": "Eiseninfusion"}},
    {"code": {"coding": [{"system": "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "code": "J1439"}]}},
    {"code": {"text": "Infusion therapy"}, "orderDetail": [{"text": "iron sucrose 200 mg IV"}]},
]


@pytest.mark.parametrize("named", INFUSIONS)
@pytest.mark.parametrize("kind", ["ServiceRequest", "ProcedureRequest", "DiagnosticOrder", "ReferralRequest"])
def test_iron_that_is_ordered_as_a_service_is_said_not_to_be_judged(
    http: FlaskClient, named: Resource, kind: str
) -> None:
    issue = is_outcome(http.post(SIGN, json=signing(bundle(TEST_ORDER | named | {"resourceType": kind}))), 412)[0]
    assert issue["diagnostics"] == f"draftOrders: {WHY}"


@pytest.mark.parametrize(
    "named",
    [
        {"code": {"text": "Iron and TIBC"}},
        {"code": {"text": "Iron, serum"}},
        {"code": {"text": "Ferritin 8 weeks after iron infusion"}},
        {"code": {"text": "Magnesium"}},
        {"code": {"coding": [{"system": "http://loinc.org", "code": "2498-4", "display": "Iron"}]}},
    ],
)
def test_a_laboratory_order_that_names_iron_is_no_order_of_iron(http: FlaskClient, named: Resource) -> None:
    assert WHY not in str(sign(http, bundle(IRON, TEST_ORDER | named)))
    answered = http.post(SIGN, json=signing(bundle(TEST_ORDER | named)))
    assert WHY not in answered.get_data(as_text=True)


@pytest.mark.parametrize(
    "said",
    [
        "Patient asks about iron tablets 325 mg",
        "Reschedule iron infusion",
        "Prior authorization Injectafer",
        "Patient takes gabapentin 300 mg at night",
        "Oral iron absorption test",
    ],
)
def test_a_drug_that_a_plan_or_a_task_only_speaks_of_is_no_order(http: FlaskClient, said: str) -> None:
    for held in (
        {"resourceType": "Task", "input": [{"valueString": said}]},
        {"resourceType": "CarePlan", "activity": [{"detail": {"code": {"text": said}}}]},
        TEST_ORDER | {"orderDetail": [{"text": said}]},
    ):
        assert sign(http, bundle(held)) == []


@pytest.mark.parametrize(
    "status", ["completed", "cancelled", "stopped", "entered-in-error", "scheduled", "in-progress"]
)
def test_what_a_plan_describes_as_over_is_no_order(http: FlaskClient, status: str) -> None:
    detail = {"code": {"text": "Iron infusion"}, "status": status}
    drafts = bundle({"resourceType": "CarePlan", "activity": [{"detail": detail}]})
    if status in ("scheduled", "in-progress"):
        is_outcome(http.post(SIGN, json=signing(drafts)), 412)
    else:
        assert sign(http, drafts) == []
