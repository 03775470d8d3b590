"""What the log tells of a refusal: who called, which client the token names, why, and which part of the request."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service.auth.authentication import authenticator
from cds_service.auth.fetch_keys import FetchFailed
from cds_service.auth.keys import ClientKeys
from cds_service.calls.report import RequestReport
from cds_service.monitoring.counting import count_answer
from cds_service.monitoring.metrics import Metrics
from cds_service.server.assembly import RequestAuthenticator
from cds_service.store import NullStore, StoreFull, StoreUnavailable
from tests.builders.monitored import log_read_back
from tests.builders.service import ALL_ON, NOW, application, bare, good, is_outcome, settings
from tests.builders.tokens import Guard
from tests.fakes.fault_server import empty, fault_server
from tests.protocol.ehr import CLIENT, PUBLIC, SIGN, VIEW, Ehr, hospital_settings, served

FEEDBACK = {"card": "canary", "outcome": "accepted", "outcomeTimestamp": "2026-06-30T14:00:00Z"}
Line = dict[str, Any]


def lines_of(log: Any, status: int = 0) -> list[Line]:
    found = [json.loads(line) for line in log.getvalue().splitlines()]
    return [line for line in found if line.get("status") == status] if status else found


# ------------------------------------------------------------------ who, and why


REFUSALS: list[tuple[str, int, Callable[[Ehr], object], Line]] = [
    ("no token", 401, lambda ehr: ehr.post(VIEW, good(), token=None), {"reason": "turned away: no-token"}),
    ("another audience", 401, lambda ehr: ehr.post(VIEW, good(), token=ehr.token(SIGN)),
     {"reason": "turned away: aud", "claimed": "hospital"}),
    ("an unknown issuer", 401, lambda ehr: ehr.post(VIEW, good(), token=ehr.token(VIEW, iss="https://canary.example")),
     {"reason": "turned away: unknown-issuer"}),
    ("an unknown key", 401, lambda ehr: ehr.of(CLIENT, "canary", "p384").post(VIEW, good()),
     {"reason": "turned away: unknown-key", "claimed": "hospital"}),
    ("a missing member", 400, lambda ehr: ehr.post(VIEW, without("hookInstance")),
     {"faults": ["hookInstance: required"], "client": "hospital"}),
    ("a wrong id", 400, lambda ehr: ehr.post(VIEW, with_context(patientId="canary/../canary")),
     {"faults": ["context.patientId: pattern"], "client": "hospital"}),
    ("two faults", 400, lambda ehr: ehr.post(VIEW, with_context(patientId=["canary"], userId=7)),
     {"faults": ["context.userId: type", "context.patientId: type"]}),
    ("no JSON", 400, lambda ehr: post_raw(ehr, b'{"canary'),
     {"faults": ["body: no JSON in UTF-8, or nested deeper than 64, or with a number out of range"]}),
    ("drafts that are none", 400, lambda ehr: ehr.post(SIGN, with_context("order-sign", draftOrders={"a": "canary"})),
     {"faults": ["context.draftOrders: a resource that is no order, or an object of 1 members without resourceType"]}),
    ("feedback without a card", 400, lambda ehr: ehr.post(f"{VIEW}/feedback", {"feedback": [FEEDBACK]}),
     {"faults": ["feedback[0].card: must be the uuid of a card",
                 "feedback[0].acceptedSuggestions: must be an array of one or more objects with an id"],
      "event": "feedback"}),
    ("a body that is too large", 413, lambda ehr: post_raw(ehr, b" " * 70_000),
     {"reason": "At most 65536 bytes are read. Send fewer resources under prefetch."}),
    ("another type", 415, lambda ehr: post_raw(ehr, b"canary", "text/canary"),
     {"reason": "Send the header Content-Type: application/json."}),
    ("an unknown service", 404, lambda ehr: ehr.post("/cds-services/canary", good()), {"event": "call"}),
    ("an unknown address", 404, lambda ehr: ehr.call("GET", "/canary"), {"event": "request", "route": "none"}),
]  # fmt: skip


def without(name: str) -> Line:
    return {member: value for member, value in good().items() if member != name}


def with_context(hook: str = "patient-view", **members: object) -> Line:
    body = good(hook)
    return body | {"context": body["context"] | members}


def post_raw(ehr: Ehr, body: bytes, content_type: str = "application/json") -> None:
    headers = {"Authorization": f"Bearer {ehr.token(VIEW)}", "Content-Type": content_type}
    ehr.session.post(ehr.base + VIEW, data=body, headers=headers, timeout=20)


@pytest.mark.control("LOG-8", "V16.3.1", "V16.2.1")
@pytest.mark.parametrize(("status", "call", "told"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS])
def test_the_log_tells_who_is_refused_and_why(
    hospital: Ehr, status: int, call: Callable[[Ehr], object], told: Line
) -> None:
    with log_read_back() as log:
        hospital.session.headers["X-Forwarded-For"] = "203.0.113.7, 198.51.100.9:4711"
        call(hospital)
        [line] = lines_of(log, status)
    assert {name: line.get(name) for name in told} == told
    assert line["caller"] == "198.51.100.9"  # the last before the proxy, as the proxy wrote it
    assert line["event"] == told.get("event", "call")
    assert "canary" not in log.getvalue() and "ey" not in line.get("reason", "").split()


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("hospital")
    with served(hospital_settings(folder, trusted_proxies=("127.0.0.0/8",), max_body=65_536)) as ehr:
        yield ehr


def test_an_answered_call_and_feedback_are_different_events_and_name_the_caller(hospital: Ehr) -> None:
    with log_read_back() as log:
        hospital.session.headers["X-Forwarded-For"] = "2001:db8::1"
        hospital.post(VIEW, good())
        [line] = lines_of(log)
        item = FEEDBACK | {"card": line["card_uuids"][0], "outcome": "overridden"}
        assert hospital.post(f"{VIEW}/feedback", {"feedback": [item, FEEDBACK]}).json()["refused"]
        hospital.call("GET", "/healthz")
    events = [(line["event"], line["route"], line["caller"], line["status"]) for line in lines_of(log)]
    assert events == [
        ("call", "call", "2001:db8::1", 200), ("feedback", "feedback", "2001:db8::1", 200),
        ("request", "healthz", "2001:db8::1", 200),
    ]  # fmt: skip
    assert lines_of(log)[1]["faults"][0] == "feedback[1].card: must be the uuid of a card"


def test_a_header_of_a_stranger_is_not_believed(tmp_path: Path) -> None:
    with log_read_back() as log, served(hospital_settings(tmp_path)) as ehr:
        ehr.post(VIEW, good(), token=None, X_Forwarded_For="203.0.113.7")
    assert [line["caller"] for line in lines_of(log, 401)] == ["127.0.0.1"]


@pytest.mark.control("LOG-8", "DOS-9")
def test_each_limit_has_its_word(tmp_path: Path) -> None:
    few = replace(CLIENT, calls_per_minute=1)
    with log_read_back() as log, served(hospital_settings(tmp_path, clients=(few,), failures_per_minute=1)) as ehr:
        one = replace(ehr, client=few)
        statuses = [one.post(VIEW, good()).status_code for _ in range(2)]
        statuses += [ehr.post(VIEW, good(), token=token).status_code for token in ("canary", None)]
    assert statuses == [200, 429, 401, 429]
    assert [(line["reason"], line.get("claimed")) for line in lines_of(log, 429)] == [
        ("turned away: too-many-calls", "hospital"), ("turned away: too-many-failures, no-token", None),
    ]  # fmt: skip


# ------------------------------------------------------------------ what is no fault of the caller


class NoGuard:
    """A replay guard that cannot keep anything."""

    def __init__(self, fault: Exception) -> None:
        self.fault = fault

    def first_use(self, issuer: str, jti: str, expires: datetime, now: datetime) -> bool:
        raise self.fault


def guarded(guard: Any, keys: Any = None, failures: int = 1) -> tuple[RequestAuthenticator, list[str]]:
    given = settings(clients=(CLIENT,), public_base=PUBLIC, failures_per_minute=failures)
    counted: list[str] = []
    found = authenticator(given, guard, keys or ClientKeys((CLIENT,)), lambda: NOW)
    return RequestAuthenticator(found, given, counted.append), counted


def ask(http: FlaskClient, path: str = VIEW) -> int:
    token = Ehr("").token(path)
    return http.post(path, json=good(), headers={"Authorization": f"Bearer {token}"}).status_code


@pytest.mark.control("JWT-8", "FB-7", "V16.5.3")
@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [(StoreFull("full"), 507, "replay-guard-full"), (StoreUnavailable("away"), 503, "replay-guard-unavailable")],
)
def test_a_token_that_cannot_be_kept_is_refused_for_what_it_is(fault: Exception, status: int, reason: str) -> None:
    door, counted = guarded(NoGuard(fault))
    with log_read_back() as log, application(settings(clients=(CLIENT,)), authenticate=door.authenticate) as app:
        http = app.test_client()
        assert [ask(http) for _ in range(3)] == [status] * 3
        text = http.post(VIEW, json=good(), headers={"Authorization": f"Bearer {Ehr('').token(VIEW)}"}).text
    assert ("no room left" in text) is (status == 507) and ("with a new token" in text) is (status == 503)
    assert counted == [reason] * 4
    assert {line["reason"] for line in lines_of(log, status)} == {f"turned away: {reason}"}


@pytest.mark.control("JWT-9", "LOG-8")
def test_tokens_of_a_client_whose_keys_were_never_fetched_are_no_failures_of_the_caller() -> None:
    client = replace(CLIENT, jwks_inline=None, jwks_url="https://ehr.example.org/keys", deadline_ms=200)

    def fails(url: str) -> Any:
        raise FetchFailed("unreachable")

    keys = ClientKeys((client,), fetch=fails)
    given = settings(clients=(client,), public_base=PUBLIC, failures_per_minute=1)
    counted: list[str] = []
    door = RequestAuthenticator(authenticator(given, Guard(), keys, lambda: NOW), given, counted.append)
    with log_read_back() as log, application(given, authenticate=door.authenticate) as app:
        http = app.test_client()
        assert [ask(http) for _ in range(4)] == [401] * 4  # never 429, and the answer tells nothing
        assert http.post(VIEW, json=good(), headers={"Authorization": "Bearer canary"}).status_code == 401
        assert http.post(VIEW, json=good(), headers={"Authorization": "Bearer canary"}).status_code == 429
    keys.stop()
    assert counted == ["keys-not-fetched"] * 4 + ["malformed", "too-many-failures"]
    first = lines_of(log, 401)[0]
    assert (first["reason"], first["claimed"]) == ("turned away: keys-not-fetched", "hospital")


@pytest.mark.control("LOG-8", "DOS-6")
def test_a_full_limit_and_a_service_that_is_not_ready_say_so() -> None:
    nested: list[Any] = []

    class Slow(NullStore):
        """Sends a second call while the first one holds the only slot."""

        def record_answer(self, answer: object) -> None:
            nested.append(app.test_client().post(VIEW, json=good()))

    given: dict[str, Any] = {"store": Slow(), "checks": {"client keys": lambda: ("no client has keys",)}}
    with log_read_back() as log, application(settings(max_inflight=1), **given) as app:
        app.test_client().post(VIEW, json=good())
        [refused] = nested
        ready = app.test_client().get("/readyz")
    assert is_outcome(refused, 503)[0]["details"]["text"].endswith("with a new token.")
    assert is_outcome(ready, 503)[0] == {
        "severity": "error", "code": "transient", "details": {"text": "The service is not ready."},
        "diagnostics": "client keys: no client has keys",
    }  # fmt: skip
    assert [line["reason"] for line in lines_of(log, 503)] == [
        "all slots for hook calls are taken", "client keys: no client has keys",
    ]  # fmt: skip


# ------------------------------------------------------------------ reads that are not made


TOKENS = [
    ({"expires_in": 0}, "token-expired", "the FHIR token has expired"),
    ({"patient": "canary"}, "token-other-patient", "the FHIR token is for another patient"),
    ({"token_type": "DPoP"}, "token-not-bearer", "the FHIR token is no bearer token"),
    ({"access_token": "canary\u2603"}, "token-malformed", "the FHIR token is not one that can be sent"),
]


def asked(body: Line, **changes: Any) -> tuple[Line, Metrics]:
    """Return the log line and the metrics of a call of a client with a FHIR server."""
    client, metrics = replace(CLIENT, **changes), Metrics()
    found: list[Line] = []

    def observe(report: RequestReport) -> None:
        found.append(dict(report.fields()))
        if report.call and report.answered:
            count_answer(report.call, report.answered, app.extensions["rls_cds"], metrics)

    given = settings(clients=(client,), services=ALL_ON)
    with application(given, authenticate=lambda header, path: client, observers=(observe,)) as app:
        app.test_client().post(VIEW, json=body)
    [line] = found
    assert "canary" not in str(line).lower()
    return line, metrics


def number(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(f"rls_cds_{name}_total", labels) or 0.0


@pytest.mark.control("LOG-9", "TOK-2", "TOK-3")
@pytest.mark.parametrize(("members", "code", "words"), TOKENS, ids=[row[1] for row in TOKENS])
def test_a_token_that_is_not_used_is_named_in_log_and_metrics(members: Line, code: str, words: str) -> None:
    given = {"access_token": "canary", "token_type": "Bearer", "expires_in": 300} | members
    line, metrics = asked(bare(fhirServer=CLIENT.fhir_base, fhirAuthorization=given))
    assert (line["not_read"], line["reason"]) == (code, words)
    assert number(metrics, "fhir_servers_refused", client="hospital", reason=code) == 1


@pytest.mark.control("LOG-9", "SSRF-1")
def test_a_foreign_server_is_named_in_log_and_metrics() -> None:
    line, metrics = asked(bare(fhirServer="https://canary.example.org/fhir"))
    assert (line["not_read"], line["reason"]) == ("foreign-server", "fhirServer is not that of the client")
    assert number(metrics, "fhir_servers_refused", client="hospital", reason="foreign-server") == 1


def test_a_call_without_a_server_names_none() -> None:
    line, metrics = asked(bare())
    assert not line["not_read"] and "fhirServer" not in str(line)
    assert "rls_cds_fhir_servers_refused_total{" not in str(list(metrics.registry.collect()))


@pytest.mark.control("LOG-9", "SSRF-5")
def test_a_forbidden_address_is_named_for_each_list() -> None:
    with fault_server(empty) as server:
        line, metrics = asked(bare(fhirServer=server.base), fhir_base=server.base, allow_http=True)
    assert set(line["reads"].values()) == {"forbidden-address"} and "labs" in line["reads"]
    assert number(metrics, "fhir_reads_failed", key="labs", reason="forbidden-address") == 1


@pytest.mark.control("LOG-9")
def test_scope_breaker_and_deadline_are_named_for_each_list() -> None:
    given = {"access_token": "canary", "token_type": "Bearer", "expires_in": 300, "scope": "patient/Patient.read"}
    with fault_server(empty) as server:
        more = {"fhir_base": server.base, "allow_http": True, "allowed_networks": ("127.0.0.0/8",)}
        line, metrics = asked(bare(fhirServer=server.base, fhirAuthorization=given), **more)
    assert line["reads"]["labs"] == "scope" and "patient" not in line["reads"]
    assert number(metrics, "fhir_reads_failed", key="labs", reason="scope") == 1
