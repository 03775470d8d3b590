"""What is answered, recorded and logged: rows S-xx, B-xx and V-xx, shadow mode, suppression, and the log of a call."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from cards.rules import Rules, load_rules
from cds_service.clients.client import Client
from cds_service.clients.profiles import open_client
from cds_service.errors import NotAuthenticated
from cds_service.log import FIELDS, LOGGER, JsonLines, log, write_log_to
from cds_service.schema import load_schema
from cds_service.store import Answer, Candidate, FeedbackItem, FeedbackResult, NoStore, StoreUnavailable
from fhir_fixtures.clients import CLIENTS, hook_request
from fhir_fixtures.loading import load_patients
from tests.http.build import (
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
    settings,
)


@dataclass
class Memory(NoStore):
    """A store that remembers what it was told, and silences what a test names."""

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

    def suppressed(self, client: str, patient_id: str, candidates: Any, now: Any, policy: Any) -> frozenset[Candidate]:
        self.asked = list(candidates)
        return frozenset(each for each in self.asked if each.card in self.silent)


def test_the_answer_is_the_schema_for_every_patient_and_client_s01_s02_t03(http: FlaskClient) -> None:
    """Every synthetic patient as every kind of client sends it."""
    for patient in load_patients(TODAY):
        for client in CLIENTS:
            answer = http.post(VIEW, json=hook_request(client, "patient-view", patient, today=TODAY))
            assert answer.status_code in (200, 412), (patient.slug, client, answer.get_data(as_text=True))
            if answer.status_code == 200:
                is_response(answer)


def test_the_same_input_gives_the_same_cards_but_for_uuids_s07() -> None:
    def counted() -> Any:
        numbers = iter(range(1000))
        return lambda: f"00000000-0000-4000-8000-{next(numbers):012d}"

    bodies = []
    for _ in range(2):
        with application(new_uuid=counted()) as app:
            bodies.append(app.test_client().post(VIEW, json=good()).data)
    assert bodies[0] == bodies[1]


def test_most_urgent_first_s08(http: FlaskClient) -> None:
    found = is_response(http.post(SIGN, json=good("order-sign", OVERLOAD)))
    rank = ["critical", "warning", "info"]
    assert [rank.index(card["indicator"]) for card in found["cards"]] == sorted(
        rank.index(card["indicator"]) for card in found["cards"]
    )
    assert card_codes(found)[0] == "OSIRONOVL"


def test_what_was_answered_is_recorded_once_v01() -> None:
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


def test_what_cannot_be_recorded_is_not_answered() -> None:
    with application(store=Memory(fault=StoreUnavailable("x"))) as app:
        answer = app.test_client().post(VIEW, json=good())
    is_outcome(answer, 503)
    assert answer.headers["Retry-After"] == "1"


def test_an_overridden_card_stays_silent_and_is_recorded_so() -> None:
    memory = Memory(silent=frozenset({"IRONLOW"}))
    with application(store=memory) as app:
        assert is_response(app.test_client().post(VIEW, json=good())) == {"cards": []}
    assert [(card.card, card.suppressed) for card in memory.answers[0].cards] == [("IRONLOW", True)]
    assert memory.asked[0].inputs, "the facts of the card's why"


@pytest.mark.parametrize("body", [good(), bare()], ids=["card", "missing data"])
def test_shadow_mode_records_and_shows_nothing(body: dict[str, Any]) -> None:
    memory = Memory()
    with application(settings(services={"rls-patient-view": "shadow"}), store=memory) as app:
        assert is_response(app.test_client().post(VIEW, json=body)) == {"cards": []}
    [kept] = memory.answers
    assert kept.mode == "shadow"
    assert (kept.status, bool(kept.cards)) in ((200, True), (412, False))


def test_a_service_that_is_off_for_one_client_is_404_for_that_client() -> None:
    off = Client("off", issuer="a", modes={"rls-patient-view": "off"})
    on = Client("on", issuer="b")
    who = {"Bearer on": on, "Bearer off": off}
    with application(settings(clients=(on, off)), authenticate=lambda header, path: who[header or ""]) as app:
        http = app.test_client()
        is_outcome(http.post(VIEW, json=good(), headers={"Authorization": "Bearer off"}), 404)
        is_response(http.post(VIEW, json=good(), headers={"Authorization": "Bearer on"}))


def test_authentication_sees_the_path_that_was_called_b12() -> None:
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


def test_at_most_so_many_cards_as_the_settings_say() -> None:
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


def test_feedback_is_kept_b02_b10_b11() -> None:
    memory = Memory()
    with application(store=memory) as app:
        answer = app.test_client().post(f"{VIEW}/feedback", json=FEEDBACK)
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})
    assert [(client, service, item.outcome) for client, service, item in memory.feedback] == [
        ("open", "rls-patient-view", "accepted")
    ]


@pytest.mark.parametrize("body", [[], {}, {"feedback": []}, FEEDBACK["feedback"], {"feedback": [{"card": "Jane"}, 5]}])
def test_wrong_feedback_is_400_and_names_all_faults_b03_b04(http: FlaskClient, body: Any) -> None:
    issues = is_outcome(http.post(f"{VIEW}/feedback", json=body), 400)
    assert "Jane" not in json.dumps(issues)
    assert len(issues) == (4 if isinstance(body, dict) and len(body.get("feedback", [])) == 2 else 1)


def test_too_much_feedback_is_413(http: FlaskClient) -> None:
    is_outcome(http.post(f"{VIEW}/feedback", data=b" " * 65_537, content_type="application/json"), 413)


def test_feedback_that_cannot_be_kept_is_503() -> None:
    with application(store=Memory(fault=StoreUnavailable("x"))) as app:
        is_outcome(app.test_client().post(f"{VIEW}/feedback", json=FEEDBACK), 503)


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the log says meanwhile, at the most talkative level."""
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


def test_nothing_of_the_patient_or_the_request_is_logged_log2(http: FlaskClient, lines: io.StringIO) -> None:
    """Every text of the request becomes a word of its own; none of them may be in the log or in an error."""
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


def test_a_bug_is_logged_by_kind_and_place_only_log3_log7(lines: io.StringIO) -> None:
    def authenticate(header: str | None, path: str) -> Client:
        raise KeyError("canary")

    with application(authenticate=authenticate) as app:
        answer = app.test_client().post(VIEW, json=good())
    bug = json.loads(lines.getvalue().splitlines()[0])
    assert (bug["event"], bug["fault"], bug["request_id"]) == ("bug", "KeyError", answer.headers["X-Request-Id"])
    assert any("test_answers.py:" in place for place in bug["at"])
    assert "canary" not in lines.getvalue()


def test_only_named_fields_are_written_and_no_line_can_be_forged_log4_log5() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "call", None, None)
    record.fields = {"service": 'a\n{"event": "forged"}\u2028', "patient": "canary", "cards": (), "client": None}
    text = JsonLines().format(record)
    assert "\n" not in text and "canary" not in text and "client" not in json.loads(text)


def test_libraries_that_log_addresses_are_silent(http: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        http.post(VIEW, json=bare(fhirServer="http://127.0.0.1:1/fhir"))
        log("request")
    assert {record.name for record in caplog.records} <= {"rls_cds"}


def test_observers_see_the_report(caplog: pytest.LogCaptureFixture) -> None:
    reports: list[Any] = []
    with application(observers=[reports.append]) as app:
        app.test_client().post(VIEW, json=bare(prefetch={"patient": prefetch()["patient"]}))
        app.test_client().get("/healthz")
    assert [report["status"] for report in reports] == [412, 200]
    assert reports[0]["missing"] == ["conditions"]
    assert reports[0]["prefetch"]["patient"] == "prefetch" and reports[0]["prefetch"]["labs"] == "missing"


def test_the_description_is_made_of_the_schemas(http: FlaskClient) -> None:
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
    rules = load_rules()
    switch = replace(rules.switches["suggestions.medications"], value="true")
    return replace(rules, switches={**rules.switches, switch.name: switch})


@pytest.mark.parametrize("drug_orders", [True, False])
def test_an_update_is_the_clients_own_draft_digit_by_digit_t06_x04(drug_orders: bool) -> None:
    body = good("order-sign", drafts=["ferrous-sulfate-325-three-times-daily"])
    order = body["context"]["draftOrders"]["entry"][0]["resource"]
    order["extension"] = [{"url": "https://ehr.example.org/x", "valueDecimal": "DIGITS"}]
    raw = json.dumps(body).replace('"DIGITS"', "0.010")
    profile = replace(open_client("generic"), drug_orders=drug_orders)
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
