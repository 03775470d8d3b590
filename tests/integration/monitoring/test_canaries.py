"""No patient data and no token leaks into logs, output, metrics, store files or error bodies.

Every string that could leak is a canary that is searched for in all of them (reliability LOG-1 to LOG-7, TOK-1).
"""

from __future__ import annotations

import copy
import gc
import io
import json
import logging
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cds_service.app import create_app
from cds_service.config.client import Client
from cds_service.config.settings import Settings
from cds_service.console import console_app
from cds_service.fhir.access import AccessToken
from cds_service.fhir.reader import Reader
from cds_service.hooks.request import HookRequest
from cds_service.monitoring.workers import render
from cds_service.server.assembly import assemble
from cds_service.store import NullStore
from cds_service.web.log import FIELDS, LOGGER, JsonLines, log
from tests.builders.monitored import KEYS
from tests.builders.service import ALL_ON, bundle, ferritin, rls
from tests.builders.service import settings as open_settings
from tests.builders.tokens import BASE, ISSUER, JKU, by_pyjwt, header, jwk
from tests.fakes.fault_server import (
    FaultServer,
    answer,
    close_midway,
    empty,
    endless_headers,
    endless_paging,
    fault_server,
    gzip_bomb,
    hang,
    page,
    raw_body,
    reset,
    status,
)

VIEW = "/cds-services/rls-patient-view"
PATIENT, ENCOUNTER, USER = "CanaryPatient-4711", "CanaryEncounter-4712", "CanaryUser-4713"
TOKEN, VALUE, BIRTH = "CanaryAccessToken.4714-abc~def", 38.714159, "1961-04-05"
MARK = "anary"
FAULTS = {
    "500": status(500), "401": status(401), "404": status(404), "302": status(302, Location=f"http://127.0.0.1:9/?{TOKEN}"),
    "reset": reset, "half": close_midway, "hang": hang, "headers": endless_headers, "bomb": gzip_bomb,
    "paging": endless_paging, "nothing": empty, "not-json": raw_body(b'{"Canary": CanaryBody}'),
    "stranger": answer(page(None, "CanaryStranger")),
}  # fmt: skip

#: Headers that any caller may send.
HEADERS = {
    "X-Forwarded-For": "CanaryForwarded, 203.0.113.7 CanaryForwarded", "X-Forwarded-Host": "canary.example.org",
    "Forwarded": "for=Canary", "User-Agent": "Canary/1", "Referer": "https://canary.example.org/Canary",
    "Cookie": "Canary=Canary", "X-Request-Id": "CanaryRequestId", "traceparent": "CanaryTrace",
}  # fmt: skip


@dataclass(slots=True)
class Watched:
    """The service with everything it writes; `errors` holds the bodies of all error responses."""

    app: Flask
    http: FlaskClient
    folder: Path
    log: io.StringIO
    fhir: FaultServer
    errors: list[str] = field(default_factory=list)

    def post(self, path: str, content: Any, authorization: str | None = None, **how: Any) -> TestResponse:
        headers = HEADERS | {"Authorization": authorization or f"Bearer {token_for(path)}"}
        how = how or {"json": content}
        return self.kept(self.http.post(path, headers=headers, **how))

    def kept(self, answered: TestResponse) -> TestResponse:
        if answered.status_code >= 400:
            self.errors.append(answered.get_data(as_text=True) + str(dict(answered.headers)))
        return answered

    def everything(self) -> dict[str, bytes]:
        """Return all output by name."""
        numbers = self.app.extensions["rls_cds_monitor"].metrics.registry
        files = {path.name: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        return files | {
            "log": self.log.getvalue().encode(),
            "metrics": render(numbers),
            "errors": "\n".join(self.errors).encode(),
        }


def token_for(path: str, **changes: object) -> str:
    now = int(datetime.now(UTC).timestamp())
    claims = {"iss": ISSUER, "aud": BASE + path, "exp": now + 300, "iat": now, "jti": f"CanaryJti-{uuid.uuid4()}"}
    return by_pyjwt(header(), claims | {"sub": "CanarySubject"} | changes)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with fault_server(empty) as fhir:
        client = Client(
            "general", issuer=ISSUER, jku=(JKU,), jwks_inline={"keys": [jwk("p384", "ec/+=1")]}, fhir_base=fhir.base,
            allow_http=True, allowed_networks=("127.0.0.0/8",), deadline_ms=300,
        )  # fmt: skip
        settings = Settings(
            clients=(client,), public_base=BASE, services=ALL_ON, database_url=f"sqlite:///{tmp_path}/s.sqlite",
            failures_per_minute=10_000, trusted_proxies=("127.0.0.0/8",), **KEYS,
        )  # fmt: skip
        with every_logger_at_debug() as stream:
            app = assemble(settings)
            yield Watched(app, app.test_client(), tmp_path, stream, fhir)
            app.extensions["rls_cds_scheduler"].stop()
            app.extensions["rls_cds"].fhir.close()
            app.extensions["rls_cds"].store.close()


class every_logger_at_debug:  # noqa: N801 - reads as a sentence
    """Collect all logging of the process, with exceptions and arguments."""

    def __enter__(self) -> io.StringIO:
        self.stream = io.StringIO()
        self.handlers = [logging.StreamHandler(self.stream), logging.StreamHandler(self.stream)]
        self.handlers[0].setFormatter(JsonLines())
        self.root = logging.getLogger()
        self.levels = (self.root.level, LOGGER.level)
        self.root.setLevel(logging.DEBUG)
        LOGGER.setLevel(logging.DEBUG)
        LOGGER.addHandler(self.handlers[0])
        self.root.addHandler(self.handlers[1])
        return self.stream

    def __exit__(self, *_: object) -> None:
        self.root.setLevel(self.levels[0])
        LOGGER.setLevel(self.levels[1])
        LOGGER.removeHandler(self.handlers[0])
        self.root.removeHandler(self.handlers[1])


def request(prefetched: bool = True, **members: Any) -> dict[str, Any]:
    """Return a request in which every free string is a canary."""
    body: dict[str, Any] = {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "fhirServer": "https://canary.example.org/Canary",
        "context": {"userId": f"Practitioner/{USER}", "patientId": PATIENT, "encounterId": ENCOUNTER},
        "fhirAuthorization": {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 300,
                              "scope": "patient/*.read", "subject": "CanaryClientId"},
        "extension": {"com.example.canary": "CanaryExtension"},
    }  # fmt: skip
    return body | ({"prefetch": chart()} if prefetched else {}) | members


def chart() -> dict[str, Any]:
    person = {
        "resourceType": "Patient", "id": PATIENT, "birthDate": BIRTH, "gender": "female",
        "name": [{"family": "Canaryname", "given": ["Canarygiven"]}],
        "identifier": [{"system": "urn:canary", "value": "CanaryMRN-4715"}],
        "telecom": [{"value": "+1-555-CANARY"}], "address": [{"line": ["1 Canary Street"], "city": "Canaryville"}],
        "text": {"status": "generated", "div": "<div>CanaryNarrative</div>"},
    }  # fmt: skip
    lab = ferritin(VALUE, PATIENT) | {"id": "CanaryLab-1", "note": [{"text": "CanaryNote"}]}
    lab["code"] = {"coding": [*lab["code"]["coding"], {"system": "urn:canary", "code": "CANARY1", "display": "Canary"}]}
    local = ferritin(12, PATIENT) | {
        "id": "CanaryLab-2",
        "code": {"coding": [{"system": "urn:canary", "code": "CANARY"}]},
    }
    drug = {
        "resourceType": "MedicationRequest", "id": "CanaryDrug", "status": "active", "intent": "order",
        "subject": {"reference": f"Patient/{PATIENT}", "display": "Canaryname"},
        "medicationReference": {"reference": "Medication/CanaryMedication", "display": "Canarytab 5 mg"},
    }  # fmt: skip
    condition = rls(PATIENT)
    condition["code"]["text"] = "CanaryDiagnosis"
    lists = {"conditions": bundle(condition), "labs": bundle(lab, local), "medications": bundle(drug)}
    return {"patient": person} | lists | dict.fromkeys(("procedures", "orders"))


def use_everything(watched: Watched) -> None:
    shown = watched.post(VIEW, request()).get_json()["cards"]
    assert [card["source"]["topic"]["code"] for card in shown] == ["IRONLOW"]
    give_feedback(watched, shown[0]["uuid"])
    read_from_a_server_that_fails(watched)
    call_wrongly(watched)
    send_wrong_tokens(watched)


def give_feedback(watched: Watched, card: str) -> None:
    reason = {"reason": {"code": "CanaryReason", "system": "urn:canary", "display": "CanaryDisplay"},
              "userComment": "CanaryComment about Canaryname"}  # fmt: skip
    item = {"card": card, "outcome": "overridden", "outcomeTimestamp": "2026-01-01T00:00:00Z", "overrideReason": reason}
    item["outcomeTimestamp"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    path = f"{VIEW}/feedback"
    assert watched.post(path, {"feedback": [item]}).status_code == 200
    assert watched.post(path, {"feedback": [item | {"card": "CanaryCard"}]}).status_code in (200, 400)
    for wrong in ({"outcome": "CanaryOutcome"}, {"outcomeTimestamp": "CanaryTime"}):
        assert watched.post(path, {"feedback": [item | wrong]}).status_code == 400
    assert watched.post(path, {"feedback": [item | {"overrideReason": "CanaryReason"}]}).status_code == 200


def read_from_a_server_that_fails(watched: Watched) -> None:
    whole, half = request(False), request()
    for key in ("conditions", "labs"):
        del half["prefetch"][key]
    for behaviour in FAULTS.values():
        watched.fhir.otherwise = behaviour
        watched.app.extensions["rls_cds"].fhir.close()  # a fresh breaker, or it would soon spare the server
        refresh(watched)
        for body in (whole, half, request()):
            answered = watched.post(VIEW, body | {"fhirServer": watched.fhir.base})
            assert answered.status_code in (200, 412), answered.text


def refresh(watched: Watched) -> None:
    """Replace the closed FHIR access of the application."""
    context = watched.app.extensions["rls_cds"]
    fresh = type(context.fhir)(32)
    object.__setattr__(context, "fhir", fresh)


def call_wrongly(watched: Watched) -> None:
    for changed in damaged(request()):
        watched.post(VIEW, changed)
    for raw in (b'{"Canary', b'["Canary"]', b"\xff\xfeCanary", b'{"hook": NaN, "x": "Canary"}', b"[" * 5000):
        assert watched.post(VIEW, None, data=raw, content_type="application/json").status_code in (400, 413)
    assert watched.post(VIEW, None, data=b"Canary", content_type="text/Canary").status_code == 415
    for path in ("/Canary", f"/fhir/Patient/{PATIENT}", "/cds-services/Canary", f"{VIEW}/Canary?token={TOKEN}"):
        watched.kept(watched.http.get(path))
        assert watched.post(path, request()).status_code == 404
    assert watched.kept(watched.http.delete(f"{VIEW}?patient={PATIENT}")).status_code == 405


def damaged(good: Any) -> Iterator[Any]:
    """Yield the request with each value in turn replaced by a canary of another type."""
    for path in leaves({name: value for name, value in good.items() if name != "prefetch"}):
        for wrong in ("Canary value", 4716.25, ["Canary"], {"Canary": "Canary"}, f"{PATIENT}/../Canary"):
            changed = copy.deepcopy(good)
            parent = changed
            for step in path[:-1]:
                parent = parent[step]
            parent[path[-1]] = wrong
            yield changed


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))


def send_wrong_tokens(watched: Watched) -> None:
    good = token_for(VIEW)
    wrong = [
        None, "", "Basic Q2FuYXJ5OkNhbmFyeQ==", "Bearer Canary", f"Bearer {good}Canary", f"Bearer {good[:-8]}AAAAAAAA",
        f"Bearer {token_for(VIEW, aud='https://canary.example.org/Canary')}", f"Bearer {token_for(VIEW, iss='Canary')}",
        f"Bearer {token_for(VIEW, exp='Canary')}", f"Bearer {by_pyjwt(header(kid='CanaryKid'), {'iss': ISSUER})}",
    ]  # fmt: skip
    watched.post(VIEW, request(), f"Bearer {good}")
    for authorization in [*wrong, f"Bearer {good}"]:  # the last is a replay
        headers = {} if authorization is None else {"Authorization": authorization}
        answered = watched.kept(watched.http.post(VIEW, json=request(), headers=headers))
        assert answered.status_code == 401


def secrets() -> list[bytes]:
    return [MARK.encode(), MARK.upper().encode(), MARK.encode("utf-16-le"), b"38.714159", BIRTH.encode(), b"4716.25"]


def test_no_output_shows_a_canary(watched: Watched, capfd: pytest.CaptureFixture[str]) -> None:
    use_everything(watched)
    out = capfd.readouterr()
    doors = watched.everything() | {"stdout": out.out.encode(), "stderr": out.err.encode()}
    assert len(watched.errors) > 80
    assert any(name.endswith("-wal") and content for name, content in doors.items())
    assert doors["log"].count(b'"event": "call"') > 100 and b"rls_cds_cards_total" in doors["metrics"]
    found = {(name, secret) for name, content in doors.items() for secret in secrets() if secret in content}
    assert found == set()
    print(f"\n{len(watched.errors)} error bodies, {len(doors)} side doors, {sum(map(len, doors.values()))} bytes")


@pytest.mark.control("LOG-2", "CON-2", "V16.2.5")
def test_the_console_logs_neither_charts_nor_tokens() -> None:
    settings = Settings(database_url="", console_bind="127.0.0.1:8081", console_token="Canary-token-4717-abcdef")
    with every_logger_at_debug() as stream:
        http = console_app(settings, NullStore()).test_client()
        statuses = []
        for password in (str(settings.console_token), "Canary-wrong"):
            for origin in ("http://localhost", "https://canary.example.org"):
                file = {"upload": (io.BytesIO(json.dumps(bundle_of(chart())).encode()), "Canary.json")}
                given = {"patient": "file", "as_of": "Canary", "service": "Canary", **file}
                headers = HEADERS | {"Origin": origin}
                answered = http.post("/console?q=Canary", data=given, headers=headers, auth=("Canary", password))
                statuses.append(answered.status_code)
        for path in ("/console/Canary", "/Canary", "/console/rules/Canary"):
            statuses.append(http.get(path, headers=HEADERS, auth=("Canary", str(settings.console_token))).status_code)
            statuses.append(http.get(path, headers={"Host": "canary.example.org"}).status_code)
    assert statuses == [200, 403, 401, 403, *[404, 403] * 3]
    assert stream.getvalue().count('"event": "request"') == len(statuses)
    assert MARK not in stream.getvalue().lower()


def bundle_of(lists: dict[str, Any]) -> dict[str, Any]:
    """Return all resources of a prefetch as one Bundle."""
    held = [entry["resource"] for each in lists.values() if each for entry in each.get("entry", ())]
    return bundle(lists["patient"], *held)


def test_the_search_would_find_a_canary(watched: Watched) -> None:
    logging.getLogger("somebody").debug("GET /Patient/%s", PATIENT)
    assert MARK.encode() in watched.everything()["log"]


@pytest.mark.control("TOK-1")
def test_no_token_stays_in_memory_after_the_answer(watched: Watched) -> None:
    """No request or reader survives the call, and no dictionary or list of the process holds the token."""
    secret = f"CanaryShortLived-{uuid.uuid4()}"
    body = json.dumps(request(False) | {"fhirServer": watched.fhir.base}).replace(TOKEN, secret)
    watched.fhir.otherwise = status(500)
    gc.collect()
    of_other_tests = [each for each in gc.get_objects() if isinstance(each, HookRequest | Reader | AccessToken)]
    for _ in range(3):
        assert watched.post(VIEW, None, data=body.encode(), content_type="application/json").status_code == 412
    assert any(secret in asked.headers["authorization"] for asked in watched.fhir.asked)
    watched.fhir.asked.clear()
    del body
    gc.collect()
    living = [each for each in gc.get_objects() if isinstance(each, HookRequest | Reader | AccessToken | dict | list)]
    known = {id(each) for each in of_other_tests}
    kept = [each for each in living if isinstance(each, HookRequest | Reader | AccessToken) and id(each) not in known]
    assert kept == []
    assert [each for each in living if isinstance(each, dict | list) and has(each, secret)] == []


def has(container: dict[Any, Any] | list[Any], secret: str) -> bool:
    """Return whether a value contains the secret and more; the test's own variable is the bare secret."""
    values = list(container.values()) if isinstance(container, dict) else list(container)
    return any(isinstance(value, str) and secret in value and value != secret for value in values)


class Breaks:
    """A dependency that fails with the message of a library."""

    records = True

    def __init__(self, at: str) -> None:
        self._at = at

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def called(*_: Any, **__: Any) -> Any:
            if name == self._at:
                raise ValueError(f"{PATIENT} {TOKEN} could not be kept in CanaryTable")
            return frozenset()

        return called


@pytest.mark.control("LOG-7")
@pytest.mark.parametrize("at", ["record_answer", "suppressed", "clock", "new_uuid", "authenticate", "record_feedback"])
def test_a_bug_anywhere_is_a_500_with_only_a_correlation_id(at: str) -> None:
    started: list[Any] = []

    def fails(*_: object) -> Any:
        if at == "clock" and not started:  # the day of the start is asked for too
            return datetime(2026, 6, 30, 15, tzinfo=UTC)
        raise ValueError(f"{PATIENT} {TOKEN}")

    ports: dict[str, Any] = {"clock": lambda: datetime(2026, 6, 30, 15, tzinfo=UTC), "store": Breaks(at)}
    if at in ("clock", "new_uuid", "authenticate"):
        ports[at] = fails
    with every_logger_at_debug() as stream:
        app = create_app(open_settings(), **ports)
        started.append(app)
        http = app.test_client()
        item = {"card": str(uuid.uuid4()), "outcome": "overridden", "outcomeTimestamp": "2026-06-30T14:00:00Z"}
        path, body = (f"{VIEW}/feedback", {"feedback": [item]}) if at == "record_feedback" else (VIEW, request())
        answered = http.post(path, json=body)
        app.extensions["rls_cds"].fhir.close()
    assert answered.status_code == 500
    (issue,) = answered.get_json()["issue"]
    assert issue["diagnostics"] == f"Correlation id: {answered.headers['X-Request-Id']}"
    assert MARK not in answered.text and MARK not in stream.getvalue()
    assert answered.headers["X-Request-Id"] in stream.getvalue()


@pytest.mark.control("LOG-4")
def test_a_field_that_is_not_declared_cannot_be_logged() -> None:
    with every_logger_at_debug() as stream:
        log("call", patient=PATIENT, user=USER, status=200)
    assert MARK not in stream.getvalue()
    assert "patient" not in FIELDS and "user" not in FIELDS


@pytest.mark.control("LOG-5")
@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\x1b[31mb", "a\u2028b", "a\x00b", "a\u202eb"])
def test_no_log_line_can_be_forged(text: str) -> None:
    with every_logger_at_debug() as stream:
        log("call", reason=text)
    written = stream.getvalue().splitlines()[0]
    assert json.loads(written)["reason"] == text
    assert all(" " <= sign <= "~" for sign in written)


@pytest.mark.control("LOG-1")
@pytest.mark.parametrize("token", ["Canary\r\nX-Evil: 1", "Canary\x00", "Canary☃", "Canary\ttoken", "", "x" * 16_385])
def test_text_that_is_no_token_counts_as_absent(watched: Watched, token: str) -> None:
    body = request(False) | {"fhirServer": watched.fhir.base}
    body["fhirAuthorization"]["access_token"] = token
    watched.fhir.otherwise = answer(page(None))
    answered = watched.post(VIEW, body)
    assert answered.status_code in (200, 400, 412)
    assert not any("authorization" in asked.headers for asked in watched.fhir.asked)
    assert MARK not in watched.log.getvalue() and MARK not in answered.text
