"""Each fault with its status, as an OperationOutcome with every header: rows E-xx, K-03, K-05, T-02, OUT-8."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from cds_service.clients.client import Client
from cds_service.errors import NotAllowed, Overloaded
from cds_service.store import StoreUnavailable
from tests.http.build import application, bare, good, settings
from tests.http.serving import in_threads
from tests.protocol.ehr import CLIENT, TIMEOUT, VIEW, Ehr, hospital_settings, served

ORIGIN = {"Origin": "https://ehr.example.org"}
#: What every answer carries (OUT-8), but for its length, its date and its request id.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Content-Type": "application/json; charset=utf-8",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def assert_told_safely(answer: requests.Response, status: int) -> None:
    """Status, headers, request id, and for a fault an OperationOutcome of ours."""
    assert answer.status_code == status, answer.text
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert len(answer.headers["X-Request-Id"]) == 36
    assert "Access-Control-Allow-Private-Network" not in answer.headers
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "X-Powered-By" not in answer.headers
    if status >= 400:
        body = answer.json()
        assert body["resourceType"] == "OperationOutcome"
        assert all(set(issue) >= {"severity", "code", "details"} for issue in body["issue"])
        assert "Traceback" not in answer.text and "<html" not in answer.text.lower()


CALLS: dict[int, Callable[[Ehr], requests.Response]] = {
    200: lambda ehr: ehr.post(VIEW, good(), **ORIGIN),
    400: lambda ehr: ehr.post(VIEW, {}, **ORIGIN),
    401: lambda ehr: ehr.post(VIEW, good(), token=None, **ORIGIN),
    404: lambda ehr: ehr.post("/cds-services/nope", good(), **ORIGIN),
    405: lambda ehr: ehr.call("PUT", VIEW, **ORIGIN),
    412: lambda ehr: ehr.post(VIEW, bare(), **ORIGIN),
    413: lambda ehr: ehr.post(f"{VIEW}/feedback", {"feedback": ["x" * 70_000]}, **ORIGIN),
    415: lambda ehr: ehr.post(VIEW, good(), Content_Type="text/plain", **ORIGIN),
}


@pytest.mark.parametrize("status", CALLS)
def test_each_fault_has_its_status_and_every_header_e03_e07_e08_e09_k03_k05_t02(ehr: Ehr, status: int) -> None:
    answer = CALLS[status](ehr)
    assert_told_safely(answer, status)
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN["Origin"]
    assert answer.headers["Vary"] == "Origin"


def test_too_many_calls_are_429_and_say_when_to_come_again_e07(tmp_path: Path) -> None:
    client = Client(**{name: getattr(CLIENT, name) for name in Client.__slots__} | {"calls_per_minute": 3})
    with served(hospital_settings(tmp_path, clients=(client,))) as ehr:
        answers = [ehr.post(VIEW, good(), **ORIGIN) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert_told_safely(answers[-1], 429)
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60


def test_too_many_failures_from_one_address_are_429_e07(tmp_path: Path) -> None:
    with served(hospital_settings(tmp_path, failures_per_minute=3)) as ehr:
        answers = [ehr.post(VIEW, good(), token="x") for _ in range(5)]
        assert ehr.call("GET", "/healthz", token=None).status_code == 200
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]


def test_failures_of_others_at_one_address_do_not_turn_a_client_away_dos9(tmp_path: Path) -> None:
    """Behind a proxy that is not named as trusted, everybody has the same address."""
    with served(hospital_settings(tmp_path, failures_per_minute=3)) as ehr, ThreadPoolExecutor(8) as threads:
        forged = ehr.of(CLIENT, ehr.kid, "other-p384")
        for token in (None, "x", forged.token(VIEW)):
            failed = [ehr.post(VIEW, good(), token=token).status_code for _ in range(4)]
            assert failed[-1] == 429 and set(failed) <= {401, 429}
        strangers = [threads.submit(ehr.post, VIEW, good(), token=forged.token(VIEW)) for _ in range(60)]
        assert [ehr.post(VIEW, good()).status_code for _ in range(10)] == [200] * 10
        assert {each.result().status_code for each in strangers} == {429}
        replayed = ehr.token(VIEW)
        assert [ehr.post(VIEW, good(), token=replayed).status_code for _ in range(2)] == [200, 429]


RAISED = {403: NotAllowed(), 500: KeyError("secret"), 503: Overloaded()}


@pytest.mark.parametrize("status", RAISED)
def test_faults_that_no_caller_can_bring_about_e04_e07_e09(status: int) -> None:
    def authenticate(header: str | None, path: str) -> Client:
        raise RAISED[status]

    with application(authenticate=authenticate) as app, in_threads(app) as base:
        answer = requests.post(base + VIEW, json=good(), timeout=TIMEOUT)
    assert_told_safely(answer, status)
    assert "secret" not in answer.text


def test_a_store_that_fails_is_503_s06_e07() -> None:
    def authenticate(header: str | None, path: str) -> Client:
        raise StoreUnavailable("secret")

    with application(authenticate=authenticate) as app, in_threads(app) as base:
        answer = requests.post(base + VIEW, json=good(), timeout=TIMEOUT)
    assert_told_safely(answer, 503)
    assert answer.headers["Retry-After"] == "1"


def test_request_ids_differ_and_are_the_services_own(ehr: Ehr) -> None:
    answers = [ehr.post(VIEW, good(), X_Request_Id="a client's own") for _ in range(5)]
    ids = {answer.headers["X-Request-Id"] for answer in answers}
    assert len(ids) == 5 and "a client's own" not in ids


def test_settings_of_the_tests_are_those_of_a_hospital(tmp_path: Path) -> None:
    assert not hospital_settings(tmp_path).is_open and settings().is_open
