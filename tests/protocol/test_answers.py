"""Answers, records and logs: protocol S-xx, B-xx and V-xx, shadow mode, suppression, and the log of a call."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from cards.knowledge.rules import Rules
from cds_service.config.client import Client
from cds_service.knowledge.load import national_rules
from cds_service.store import Answer, Candidate, FeedbackItem, FeedbackResult, NullStore, Silence, StoreUnavailable
from cds_service.web.errors import NotAuthenticated
from cds_service.web.json_schema import load_schema
from cds_service.web.log import FIELDS, LOGGER, JsonLines, log, write_log_to
from fhir_fixtures.clients import CLIENTS, hook_request
from fhir_fixtures.loading import load_patients
from tests.builders.deadlines import unhurried
from tests.builders.service import (
    IRON_LOW,
    NOW,
    OVERLOAD,
    SIGN,
    TODAY,
    VIEW,
    application,
    bare,
    card_codes,
    good,
    is_outcome,
    is_response,
    prefetch,
    reporting,
    settings,
)


@dataclass
class Memory(NullStore):
    """A store that keeps what it is given in memory, and suppresses the cards that a test names."""

    answers: list[Answer] = field(default_factory=list)
    feedback: list[tuple[str, str, FeedbackItem]] = field(default_factory=list)
    silent: frozenset[str] = frozenset()
    asked: list[Candidate] = field(default_factory=list)
    fault: Exception | None = None

    def record_answer(self, answer: Answer) -> None:
        if self.fault:
            raise self.fault
        self.answers.append(answer)

    def record_feedback(self, client: str, service: str, items: Any, now: Any) -> Any:
        if self.fault:
            raise self.fault
        self.feedback += [(client, service, item) for item in items]
        return FeedbackResult(recorded=len(items))

    def suppressed(
        self, client: str, patient_id: str, candidates: Any, now: Any, policy: Any
    ) -> dict[Candidate, Silence]:
        self.asked = list(candidates)
        silence = Silence("overridden", NOW.date(), NOW.date() + timedelta(days=90), True)
        return {each: silence for each in self.asked if each.card in self.silent}


@pytest.mark.slow
@pytest.mark.row("S-01", "S-02", "T-03")
def test_every_answer_matches_the_schema_for_every_patient_and_client(http: FlaskClient) -> None:
    """Every synthetic patient, as every kind of client sends it."""
    for patient in load_patients(TODAY):
        for client in CLIENTS:
            answer = http.post(VIEW, json=hook_request(client, "patient-view", patient, today=TODAY))
            assert answer.status_code in (200, 412), (patient.slug, client, answer.get_data(as_text=True))
            if answer.status_code == 200:
                is_response(answer)


@pytest.mark.row("S-07")
def test_the_same_input_gives_the_same_cards_but_for_uuids() -> None:
    def counted() -> Any:
        numbers = iter(range(1000))
        return lambda: f"00000000-0000-4000-8000-{next(numbers):012d}"

    bodies = []
    for _ in range(2):
        with application(new_uuid=counted()) as app:
            bodies.append(app.test_client().post(VIEW, json=good()).data)
    assert bodies[0] == bodies[1]


@pytest.mark.row("S-08")
def test_the_most_urgent_card_comes_first(http: FlaskClient) -> None:
    found = is_response(http.post(SIGN, json=good("order-sign", OVERLOAD)))
    rank = ["critical", "warning", "info"]
    assert [rank.index(card["indicator"]) for card in found["cards"]] == sorted(
        rank.index(card["indicator"]) for card in found["cards"]
    )
    assert card_codes(found)[0] == "OSIRONOVL"


@pytest.mark.control("V2.3.3")
@pytest.mark.row("V-01")
def test_an_answer_is_recorded_once() -> None:
    memory, body = Memory(), good()
    with application(store=memory) as app:
        found = is_response(app.test_client().post(VIEW, json=body))
    [kept] = memory.answers
    assert (kept.client, kept.service, kept.hook, kept.status, kept.mode) == (
        "open",
        "rls-patient-view",
        "patient-view",
        200,
        "live",
    )
    assert (kept.hook_instance, kept.patient_id, kept.issued_at) == (
        body["hookInstance"],
        body["context"]["patientId"],
        NOW,
    )
    assert (kept.user, kept.location) == (body["context"]["userId"], "Encounter/enc-1")
    assert [card.uuid for card in kept.cards] == [card["uuid"] for card in found["cards"]]
    shown = [suggestion["uuid"] for card in found["cards"] for suggestion in card.get("suggestions", [])]
    assert [uuid for card in kept.cards for uuid in card.suggestions] == shown


def test_a_412_is_recorded_too() -> None:
    memory = Memory()
    with application(store=memory) as app:
        is_outcome(app.test_client().post(VIEW, json=bare()), 412)
    assert [(kept.status, kept.cards) for kept in memory.answers] == [(412, ())]


def test_an_answer_that_cannot_be_recorded_is_not_given() -> None:
    with application(store=Memory(fault=StoreUnavailable("x"))) as app:
        answer = app.test_client().post(VIEW, json=good())
    is_outcome(answer, 503)
    assert answer.headers["Retry-After"] == "1"


def test_an_overridden_card_is_suppressed_and_recorded_as_such() -> None:
    memory = Memory(silent=frozenset({"IRONLOW"}))
    with application(store=memory) as app:
        assert is_response(app.test_client().post(VIEW, json=good())) == {"cards": []}
    assert [(card.card, card.suppressed) for card in memory.answers[0].cards] == [("IRONLOW", True)]
    assert memory.asked[0].inputs, "the facts that the card rests on"


@pytest.mark.parametrize("body", [good(), bare()], ids=["card", "missing data"])
def test_shadow_mode_records_and_shows_nothing(body: dict[str, Any]) -> None:
    memory = Memory()
    with application(settings(services={"rls-patient-view": "shadow"}), store=memory) as app:
        assert is_response(app.test_client().post(VIEW, json=body)) == {"cards": []}
    [kept] = memory.answers
    assert kept.mode == "shadow"
    assert (kept.status, bool(kept.cards)) in ((200, True), (412, False))


@pytest.mark.control("V8.2.1")
def test_a_service_that_is_off_for_one_client_is_404_for_that_client() -> None:
    off = Client("off", issuer="a", modes={"rls-patient-view": "off"})
    on = Client("on", issuer="b")
    who = {"Bearer on": on, "Bearer off": off}
    with application(settings(clients=(on, off)), authenticate=lambda header, path: who[header or ""]) as app:
        http = app.test_client()
        is_outcome(http.post(VIEW, json=good(), headers={"Authorization": "Bearer off"}), 404)
        is_response(http.post(VIEW, json=good(), headers={"Authorization": "Bearer on"}))


@pytest.mark.row("B-12")
def test_authentication_sees_the_path_that_was_called() -> None:
    seen = []

    def authenticate(header: str | None, path: str) -> Client:
        seen.append((header, path))
        raise NotAuthenticated

    with application(authenticate=authenticate) as app:
        for path in (VIEW, f"{VIEW}/", f"{VIEW}/feedback", VIEW.replace("/rls", "//rls")):
            is_outcome(app.test_client().post(path, json=good(), headers={"Authorization": "Bearer x"}), 401)
        assert app.test_client().get("/cds-services").status_code == 200
    assert seen == [
        ("Bearer x", VIEW),
        ("Bearer x", f"{VIEW}/"),
        ("Bearer x", f"{VIEW}/feedback"),
        ("Bearer x", "/cds-services//rls-patient-view"),
    ]


def test_cards_link_to_the_source_attributes_under_the_public_address() -> None:
    with application(settings(public_base="https://cds.example.org/rls/")) as app:
        found = is_response(app.test_client().post(VIEW, json=good()))
    url = "https://cds.example.org/rls/cds-services/rls-patient-view/source-attributes"
    assert {card["source"]["url"] for card in found["cards"]} == {url}


def test_the_settings_limit_the_number_of_cards() -> None:
    with application(settings(max_cards=1)) as app:
        found = is_response(app.test_client().post(VIEW, json=good(slug="heavy-periods-ferritin-12")))
    assert len(found["cards"]) == 1


FEEDBACK = {
    "feedback": [
        {
            "card": "3d1f0a3c-4d5b-4a53-8f0e-8f4b5f0b7a11",
            "outcome": "accepted",
            "acceptedSuggestions": [{"id": "a4b8f6f0-1d8a-4f4e-9b5c-6d7b0f1e2c33"}],
            "outcomeTimestamp": "2026-06-30T09:30:15.250Z",
        }
    ]
}


@pytest.mark.row("B-02", "B-10", "B-11")
def test_feedback_is_stored() -> None:
    memory = Memory()
    with application(store=memory) as app:
        answer = app.test_client().post(f"{VIEW}/feedback", json=FEEDBACK)
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})
    assert [(client, service, item.outcome) for client, service, item in memory.feedback] == [
        ("open", "rls-patient-view", "accepted")
    ]


@pytest.mark.row("B-03", "B-04")
@pytest.mark.parametrize("body", [[], {}, {"feedback": []}, FEEDBACK["feedback"], {"feedback": [{"card": "Jane"}, 5]}])
def test_wrong_feedback_is_400_and_names_all_faults(http: FlaskClient, body: Any) -> None:
    issues = is_outcome(http.post(f"{VIEW}/feedback", json=body), 400)
    assert "Jane" not in json.dumps(issues)
    assert len(issues) == (4 if isinstance(body, dict) and len(body.get("feedback", [])) == 2 else 1)


def test_too_much_feedback_is_413(http: FlaskClient) -> None:
    is_outcome(http.post(f"{VIEW}/feedback", data=b" " * (1024 * 1024 + 1), content_type="application/json"), 413)


def test_feedback_that_cannot_be_stored_is_503() -> None:
    with application(store=Memory(fault=StoreUnavailable("x"))) as app:
        is_outcome(app.test_client().post(f"{VIEW}/feedback", json=FEEDBACK), 503)


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Collect the log at its most verbose level."""
    kept, level, propagate = list(LOGGER.handlers), LOGGER.level, LOGGER.propagate
    stream = io.StringIO()
    write_log_to(stream, logging.DEBUG)
    yield stream
    LOGGER.handlers[:] = kept
    LOGGER.setLevel(level)
    LOGGER.propagate = propagate


def test_a_call_is_one_line_of_allowed_fields(http: FlaskClient, lines: io.StringIO) -> None:
    body = good()
    http.post(VIEW, json=body)
    [line] = [json.loads(each) for each in lines.getvalue().splitlines()]
    assert set(line) <= FIELDS | {"time", "level", "event"}
    assert line["event"] == "call"
    assert (line["service"], line["client"], line["status"], line["mode"]) == ("rls-patient-view", "open", 200, "live")
    assert line["hook_instance"] == body["hookInstance"]
    assert line["cards"] == ["IRONLOW"] and line["outcomes"]["fires"] == 1
    assert line["prefetch"]["labs"] == "prefetch"
    assert line["ms"] >= 0


@pytest.mark.control("LOG-2")
def test_nothing_of_the_patient_or_the_request_is_logged(http: FlaskClient, lines: io.StringIO) -> None:
    """Every string of the request becomes unique; none of them may appear in the log or in an error."""
    body = good(slug=IRON_LOW) | {
        "fhirAuthorization": {"access_token": "canary.token"},
        "fhirServer": "http://canary.example",
    }
    body["context"]["patientId"] = "canary-patient"
    body["context"]["userId"] = "Practitioner/canary-user"
    broken = json.loads(json.dumps(body)) | {"hook": "canary-hook"}
    answers = [
        http.post(VIEW, json=each, headers={"Authorization": "Bearer canary"}) for each in (body, broken, [body])
    ]
    answers.append(http.get("/canary?canary=canary"))
    assert "canary" not in lines.getvalue()
    assert not any("canary" in answer.get_data(as_text=True) for answer in answers)


@pytest.mark.control("LOG-3", "LOG-7")
def test_a_bug_is_logged_by_type_and_location_only(lines: io.StringIO) -> None:
    def authenticate(header: str | None, path: str) -> Client:
        raise KeyError("canary")

    with application(authenticate=authenticate) as app:
        answer = app.test_client().post(VIEW, json=good())
    bug = json.loads(lines.getvalue().splitlines()[0])
    assert (bug["event"], bug["fault"], bug["request_id"]) == ("bug", "KeyError", answer.headers["X-Request-Id"])
    assert any("test_answers.py:" in line for line in bug["at"])
    assert "canary" not in lines.getvalue()


@pytest.mark.control("LOG-4", "LOG-5")
def test_only_named_fields_are_written_and_no_line_can_be_forged() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "call", None, None)
    record.fields = {"service": 'a\n{"event": "forged"}\u2028', "patient": "canary", "cards": (), "client": None}
    text = JsonLines().format(record)
    assert "\n" not in text and "canary" not in text and "client" not in json.loads(text)


def test_libraries_that_log_urls_are_silenced(http: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        http.post(VIEW, json=bare(fhirServer="http://127.0.0.1:1/fhir"))
        log("request")
    assert {record.name for record in caplog.records} <= {"rls_cds"}


def test_observers_get_the_report(caplog: pytest.LogCaptureFixture) -> None:
    reports: list[Any] = []
    with application(**reporting(reports)) as app:
        app.test_client().post(VIEW, json=bare(prefetch={"patient": prefetch()["patient"]}))
        app.test_client().get("/healthz")
    assert [report["status"] for report in reports] == [412, 200]
    assert reports[0]["missing"] == ["conditions"]
    assert reports[0]["prefetch"]["patient"] == "prefetch" and reports[0]["prefetch"]["labs"] == "missing"


def test_the_openapi_document_uses_the_schemas(http: FlaskClient) -> None:
    described = http.get("/openapi.json").get_json()
    assert described["openapi"] == "3.1.0"
    assert set(described["paths"]) >= {"/cds-services", VIEW, f"{VIEW}/feedback", SIGN, "/healthz", "/readyz"}
    for name, schema in described["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert name == "status" or schema["title"] == load_schema(name)["title"]
    for reference in references(described):
        target: Any = described
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (inner for key, inner in value.items() if key == "$ref")
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from references(inner)


def with_drug_suggestions() -> Rules:
    rules = national_rules()
    switch = replace(rules.switches["suggestions.medications"], value="true")
    return replace(rules, switches={**rules.switches, switch.name: switch})


@pytest.mark.row("T-06", "X-04")
@pytest.mark.parametrize("drug_orders", [True, False])
def test_an_update_is_the_clients_own_draft_digit_by_digit(drug_orders: bool) -> None:
    body = good("order-sign", drafts=["ferrous-sulfate-325-three-times-daily"])
    order = body["context"]["draftOrders"]["entry"][0]["resource"]
    order["extension"] = [{"url": "https://ehr.example.org/x", "valueDecimal": "DIGITS"}]
    raw = json.dumps(body).replace('"DIGITS"', "0.010")
    profile = unhurried(drug_orders=drug_orders)
    with application(settings(profile=profile), rules=with_drug_suggestions()) as app:
        answer = app.test_client().post(SIGN, data=raw, content_type="application/json")
    updates = [
        action
        for card in is_response(answer)["cards"]
        for suggestion in card.get("suggestions", [])
        for action in suggestion["actions"]
        if action["type"] == "update"
    ]
    assert len(updates) == drug_orders
    assert ('"valueDecimal":0.010' in answer.get_data(as_text=True)) == drug_orders


@pytest.mark.parametrize("unable", [frozenset(), frozenset({"medications"})])
def test_a_list_that_a_client_can_never_send_is_not_named_on_its_cards(unable: frozenset[str]) -> None:
    body = good()
    del body["prefetch"]["medications"], body["fhirServer"]
    with application(settings(profile=unhurried(cannot_send=unable))) as app:
        [card] = is_response(app.test_client().post(VIEW, json=body))["cards"]
    assert ("drugs (not sent)" in card["detail"]) is (not unable)
    assert "Not excluded: an iron chelator, iron already taken." in card["detail"]
    assert "suggestions" not in card
