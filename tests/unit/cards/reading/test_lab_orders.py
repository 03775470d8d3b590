"""Laboratory orders of every version, placed and drafted."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from cards.facts.chart import LabOrder
from cards.reading import lab_orders
from tests.unit.cards.fhir.test_shapes import ANY_OBJECT

ZONE = ZoneInfo("America/New_York")
FERRITIN = {"coding": [{"system": "http://loinc.org", "code": "2276-4"}]}
PANEL = {"coding": [{"system": "urn:oid:2.16.840.1.113883.6.1", "code": "50190-8"}]}


def order(**elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "id": "1",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/p"},
        "code": FERRITIN,
        "authoredOn": "2026-06-01",
        **elements,
    }


def read(*resources: Any) -> tuple[LabOrder, ...]:
    return lab_orders.read_lab_orders(resources, patient_id="p", zone=ZONE)


@pytest.mark.parametrize(
    ("elements", "tests"),
    [
        ({}, {"ferritin"}),
        ({"code": {"concept": FERRITIN}}, {"ferritin"}),
        ({"code": [FERRITIN, PANEL]}, {"ferritin", "iron-panel"}),
        ({"code": None, "item": [{"code": FERRITIN}, {"code": PANEL}]}, {"ferritin", "iron-panel"}),
        ({"code": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "82728"}]}}, {"ferritin"}),
        ({"code": {"coding": [{"system": "http://loinc.org", "code": "2498-4"}]}}, {"iron"}),
        ({"code": {"coding": [{"system": "http://loinc.org", "code": "2501-5"}]}}, {"tibc"}),
        ({"code": {"coding": [{"system": "http://loinc.org", "code": "1989-3"}]}}, {"vitd"}),
        ({"code": {"coding": [{"system": "http://loinc.org", "code": "14724-9"}]}}, set()),
        ({"code": {"text": "Ferritin"}}, set()),
    ],
)
def test_the_tests_of_an_order(elements: dict[str, Any], tests: set[str]) -> None:
    assert lab_orders.tests_ordered(order(**elements)) == tests


@pytest.mark.parametrize(
    ("elements", "active"),
    [
        ({}, True),
        ({"intent": None}, True),
        ({"intent": "reflex-order"}, True),
        ({"intent": "proposal"}, False),
        ({"intent": "option"}, False),
        ({"status": "draft"}, False),
        ({"status": "on-hold"}, False),
        ({"status": "revoked"}, False),
        ({"status": "completed"}, False),
        ({"status": "entered-in-error"}, False),
        ({"status": "unknown"}, False),
        ({"status": None}, False),
        ({"doNotPerform": True}, False),
        ({"resourceType": "ProcedureRequest"}, True),
        ({"resourceType": "DiagnosticOrder", "status": "requested", "intent": None}, True),
    ],
)
def test_only_an_order_that_was_placed_and_not_answered_is_active(elements: dict[str, Any], active: bool) -> None:
    (found,) = read(order(**elements))
    assert found.active is active


@pytest.mark.parametrize(
    ("elements", "withdrawn"),
    [
        ({}, False),
        ({"status": "completed"}, False),
        ({"status": "draft"}, False),
        ({"status": "on-hold"}, False),
        ({"status": "unknown"}, False),
        ({"status": None}, False),
        ({"status": "revoked"}, True),
        ({"status": "stopped"}, True),
        ({"status": "entered-in-error"}, True),
        ({"doNotPerform": True}, True),
        ({"status": "revoked", "intent": "proposal"}, False),
        ({"resourceType": "ProcedureRequest", "status": "cancelled"}, True),
        ({"resourceType": "DiagnosticOrder", "status": "rejected", "intent": None}, True),
        ({"resourceType": "DiagnosticOrder", "status": "suspended", "intent": None}, False),
    ],
)
def test_an_order_that_waits_to_be_signed_is_not_withdrawn(elements: dict[str, Any], withdrawn: bool) -> None:
    (found,) = read(order(**elements))
    assert found.withdrawn is withdrawn


@pytest.mark.parametrize(
    ("elements", "when"),
    [
        ({}, "2026-06-01"),
        ({"authoredOn": None, "orderedOn": "2026-05-01"}, "2026-05-01"),
        ({"authoredOn": None, "event": [{"status": "requested", "dateTime": "2026-04-01"}]}, "2026-04-01"),
        ({"authoredOn": None}, None),
    ],
)
def test_when_it_was_ordered(elements: dict[str, Any], when: str | None) -> None:
    (found,) = read(order(**elements))
    assert (found.when.text if found.when else None) == when


def test_other_peoples_orders_and_other_orders_are_passed_over() -> None:
    assert (
        read(order(subject={"reference": "Patient/other"}), order(code={"text": "MRI"}), order(resourceType="Task"))
        == ()
    )


@pytest.mark.slow
@given(ANY_OBJECT)
def test_no_json_makes_the_reader_fail(elements: dict[str, Any]) -> None:
    read(order() | elements, elements, None, order(item=[elements], event=[elements], code=elements))
