"""Orders inside other resources are found however deep they lie."""

from __future__ import annotations

from typing import Any

from cards.fhir.wrapped_orders import wrapped_orders

KINDS = frozenset({"MedicationRequest"})
ORDER = {"resourceType": "MedicationRequest", "medicationCodeableConcept": {"text": "x"}}
AT_HAND = {"MedicationRequest/1": ORDER}


def found(resource: dict[str, Any]) -> list[Any]:
    return list(wrapped_orders(resource, KINDS, AT_HAND.get))


def test_a_resource_without_orders_holds_none() -> None:
    for nothing in ({}, {"resourceType": "Patient"}, {"resourceType": "RequestGroup", "action": [{}, 5]}):
        assert found(nothing) == []


def test_what_is_contained_deeper_than_is_looked_at_is_not_known() -> None:
    inner: dict[str, Any] = {"resourceType": "RequestGroup", "contained": [ORDER]}
    for _ in range(2):
        inner = {"resourceType": "CarePlan", "contained": [inner]}
    assert found(inner) == [ORDER]
    for _ in range(5000):
        inner = {"resourceType": "CarePlan", "contained": [inner]}
    [unknown] = found(inner)
    assert unknown["resourceType"] == "MedicationRequest" and "medicationCodeableConcept" not in unknown


def test_actions_in_actions_are_followed_to_their_end() -> None:
    for reference, count in (("MedicationRequest/1", 0), ("MedicationRequest/2", 1), ("Appointment/2", 0)):
        action: dict[str, Any] = {"resource": {"reference": reference}}
        for _ in range(5000):
            action = {"action": [action]}
        assert len(found({"resourceType": "RequestGroup", "action": [action]})) == count


def test_what_a_planned_activity_names_is_yielded_as_an_order_and_what_a_supply_names_is_not() -> None:
    named = {"productCodeableConcept": {"text": "x"}}
    [planned] = found({"resourceType": "CarePlan", "activity": [{"detail": named}]})
    [supplied] = found({"resourceType": "SupplyRequest", "itemReference": {"reference": "Medication/1"}})
    assert (planned["resourceType"], supplied["resourceType"]) == ("MedicationRequest", "SupplyRequest")
    assert supplied["medicationReference"] == {"reference": "Medication/1"}
