"""Audit rows as FHIR AuditEvents (BALP): valid, complete, and without a patient's id."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from cds_service.store import Store
from cds_service.store.audit_events import audit_lines
from tests.store.examples import CLIENT, NOW, SERVICE, a_card, an_answer, overridden

QUERIES = ("Condition?patient={{context.patientId}}", "Procedure?patient={{context.patientId}}")


@pytest.fixture
def events(store: Store) -> list[dict[str, Any]]:
    card = a_card()
    store.record_answer(an_answer(card, user="Practitioner/7", queries=QUERIES))
    store.record_feedback(CLIENT, SERVICE, [overridden(card)], NOW)
    store.record_answer(an_answer(status=412))
    store.export_feedback(None, "officer", NOW)
    return [json.loads(line) for line in audit_lines(store.audit_rows())]


def test_every_line_is_a_valid_audit_event(events: list[dict[str, Any]]) -> None:
    for event in events:
        AuditEvent.model_validate(event)
    assert [event["id"] for event in events] == [f"rls-cds-{n}" for n in ("1", "1-1", "1-2", "2", "3", "4")]


def test_a_decision_says_when_who_what_and_how_it_ended(events: list[dict[str, Any]]) -> None:
    decision, failed = events[0], events[4]
    assert decision["recorded"] == "2026-03-29T00:59:30.250000Z"
    assert decision["subtype"][0]["code"] == "operation"
    assert [agent["requestor"] for agent in decision["agent"]] == [False, False, True]
    assert decision["agent"][2]["who"]["identifier"]["value"] == "Practitioner/7"
    assert (decision["outcome"], failed["outcome"]) == ("0", "4")
    assert any(agent["requestor"] for agent in failed["agent"])


def test_each_search_has_its_query_with_the_placeholder(events: list[dict[str, Any]]) -> None:
    for event, query in zip(events[1:3], QUERIES, strict=True):
        assert event["meta"]["profile"] == [
            "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientQuery"
        ]
        (found,) = [entity["query"] for entity in event["entity"] if "query" in entity]
        assert b64decode(found).decode() == query


def test_the_patient_is_a_keyed_hash(events: list[dict[str, Any]]) -> None:
    assert "pat-1" not in json.dumps(events)
    patients = [
        entity["what"]["identifier"]["value"]
        for event in events
        for entity in event["entity"]
        if entity.get("role", {}).get("code") == "1"
    ]
    assert len(patients) == 4
    assert len(set(patients)) == 1
    assert len(patients[0]) == 64
