"""Audit rows as FHIR AuditEvents (BALP): valid, complete, and without a patient's id."""

from __future__ import annotations

import copy
import json
import platform
from base64 import b64decode
from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from cds_service.offline.audit_events import audit_lines
from cds_service.store import Store
from tests.builders.service import VIEW, application, bare
from tests.builders.store_records import CLIENT, NOW, SERVICE, a_card, an_answer, overridden
from tests.fakes.fault_server import Line, empty, fault_server, status
from tests.integration.store.balp import QUERY, READ, broken, client, rows_of, server

READING = "Patient/{{context.patientId}}"
QUERIES = (READING, "Condition?patient={{context.patientId}}", "Procedure?patient={{context.patientId}}")
SERVER, HOST = "https://ehr.example.org/r4", "rls-cds-7f"


@pytest.fixture
def events(store: Store) -> list[dict[str, Any]]:
    card = a_card()
    store.record_answer(an_answer(card, user="Practitioner/7", queries=QUERIES, server=SERVER, host=HOST))
    store.record_feedback(CLIENT, SERVICE, [overridden(card)], NOW)
    store.record_answer(an_answer(status=412))
    store.export_feedback(None, "officer", NOW)
    return [json.loads(line) for line in audit_lines(store.audit_rows())]


def test_every_line_is_a_valid_audit_event(events: list[dict[str, Any]]) -> None:
    for event in events:
        AuditEvent.model_validate(event)
    assert [event["id"] for event in events] == [f"rls-cds-{n}" for n in ("1", "1-1", "1-2", "1-3", "2", "3", "4")]


def test_a_decision_has_time_client_action_and_outcome(events: list[dict[str, Any]]) -> None:
    decision, failed = events[0], events[5]
    assert decision["recorded"] == "2026-03-29T00:59:30.250000Z"
    assert decision["subtype"][0]["code"] == "operation"
    assert [agent["requestor"] for agent in decision["agent"]] == [False, False, True]
    assert decision["agent"][2]["who"]["identifier"]["value"] == "Practitioner/7"
    assert (decision["outcome"], failed["outcome"]) == ("0", "4")
    assert any(agent["requestor"] for agent in failed["agent"])


@pytest.mark.parametrize("user", ["\u2028", "Practitioner/\x0b7", "\x1f", " ", "\x00", "é\t", "x" * 512, "\U0010ffff"])
def test_no_name_of_a_user_keeps_the_trail_from_being_exported(store: Store, user: str) -> None:
    store.record_answer(an_answer(a_card(), user=user))
    (line,) = audit_lines(store.audit_rows())
    shown = AuditEvent.model_validate_json(line).agent[2].who.identifier.value
    assert shown == user.translate({ord(sign): "\ufffd" for sign in "\u2028\x0b\x1f"})


def test_each_read_and_search_has_an_event_of_its_profile(events: list[dict[str, Any]]) -> None:
    assert [event.get("meta", {}).get("profile") for event in events[:4]] == [None, [READ], [QUERY], [QUERY]]
    for event, query in zip(events[2:4], QUERIES[1:], strict=True):
        (found,) = [entity["query"] for entity in event["entity"] if "query" in entity]
        assert b64decode(found).decode() == query


@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_event_meets_the_profile_that_it_names(events: list[dict[str, Any]], number: int) -> None:
    assert broken(events[number]) == []
    assert client(events[number])[0]["network"] == {"address": HOST, "type": "1"}
    assert server(events[number])[0]["network"] == {"address": SERVER, "type": "5"}


def test_the_table_of_the_profiles_finds_what_is_broken(events: list[dict[str, Any]]) -> None:
    for profile, event in ((READ, events[1]), (QUERY, events[2])):
        for row in rows_of(profile):
            spoilt = copy.deepcopy(event)
            row.spoil(spoilt)
            assert not row.holds(spoilt), row.says


def test_without_a_user_this_service_is_who_asked(store: Store) -> None:
    store.record_answer(an_answer(queries=QUERIES, server=SERVER, host=HOST))
    _, *access = map(json.loads, audit_lines(store.audit_rows()))
    for event in access:
        assert broken(event) == []
        assert [agent["requestor"] for agent in event["agent"]] == [True, False]


@pytest.mark.parametrize("lacking", ["server", "host"])
def test_a_row_that_lacks_what_a_profile_demands_names_none(store: Store, lacking: str) -> None:
    store.record_answer(an_answer(queries=QUERIES, **{"server": SERVER, "host": HOST, lacking: ""}))
    _, *access = map(json.loads, audit_lines(store.audit_rows()))
    assert len(access) == 3
    for event in access:
        AuditEvent.model_validate(event)
        assert "meta" not in event
        assert len([agent for agent in event["agent"] if "network" in agent]) == 1


def test_a_call_that_was_refused_keeps_the_outcome_of_its_reads(store: Store) -> None:
    store.record_answer(an_answer(queries=QUERIES, server=SERVER, host=HOST, status=412))
    call, *access = map(json.loads, audit_lines(store.audit_rows()))
    assert call["outcome"] == "4"
    assert {event["outcome"] for event in access} == {"0"}


def test_a_call_that_reads_leaves_an_event_for_everything_that_was_answered(store: Store) -> None:
    def behave(line: Line) -> None:
        (status(500) if "/Procedure?" in line.asked.path else empty)(line)

    with fault_server(behave) as fhir, application(store=store) as app:
        app.test_client().post(VIEW, json=bare(fhirServer=fhir.base))
        base, answered = fhir.base, len(fhir.asked) - 1
    _, *access = map(json.loads, audit_lines(store.audit_rows()))
    assert [event["meta"]["profile"] for event in access] == [[READ], *[[QUERY]] * (answered - 1)]
    for event in access:
        assert broken(event) == []
        assert client(event)[0]["network"]["address"] == platform.node()
        assert server(event)[0]["network"]["address"] == base
    asked = [b64decode(entity["query"]).decode() for event in access for entity in event["entity"] if "query" in entity]
    assert not any(query.startswith("Procedure") for query in asked)


def test_the_patient_is_a_keyed_hash(events: list[dict[str, Any]]) -> None:
    assert "pat-1" not in json.dumps(events)
    patients = [
        entity["what"]["identifier"]["value"]
        for event in events
        for entity in event["entity"]
        if entity.get("role", {}).get("code") == "1"
    ]
    assert len(patients) == 5
    assert len(set(patients)) == 1
    assert len(patients[0]) == 64
