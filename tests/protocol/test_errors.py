"""Each fault with its status, as an OperationOutcome with every header: protocol E-xx, K-03, K-05, T-02."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from cds_service.config.client import Client
from cds_service.store import StoreUnavailable
from cds_service.web.errors import Overloaded
from tests.builders.service import application, bare, good, settings
from tests.builders.serving import in_threads
from tests.protocol.ehr import CLIENT, TIMEOUT, VIEW, Ehr, hospital_settings, served

ORIGIN = {"Origin": "https://ehr.example.org"}
#: The headers of every response (reliability OUT-8), except length, date and request id.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Content-Type": "application/json; charset=utf-8",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def assert_safe_answer(answer: requests.Response, status: int) -> None:
    """Check status, headers and request id, and for an error the OperationOutcome."""
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
    413: lambda ehr: ehr.post(f"{VIEW}/feedback", {"feedback": ["x" * 1_100_000]}, **ORIGIN),
    415: lambda ehr: ehr.post(VIEW, good(), Content_Type="text/html", **ORIGIN),
}


@pytest.mark.row("E-03", "E-07", "E-08", "E-09", "K-03", "K-05", "T-02")
@pytest.mark.parametrize("status", CALLS)
def test_each_fault_has_its_status_and_every_header(ehr: Ehr, status: int) -> None:
    answer = CALLS[status](ehr)
    assert_safe_answer(answer, status)
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN["Origin"]
    assert answer.headers["Vary"] == "Origin"


@pytest.mark.row("E-07")
def test_too_many_calls_are_429_with_retry_after(tmp_path: Path) -> None:
    client = Client(**{name: getattr(CLIENT, name) for name in Client.__slots__} | {"calls_per_minute": 3})
    with served(hospital_settings(tmp_path, clients=(client,))) as ehr:
        answers = [ehr.post(VIEW, good(), **ORIGIN) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert_safe_answer(answers[-1], 429)
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60


@pytest.mark.row("E-07")
def test_too_many_failures_from_one_address_are_429(tmp_path: Path) -> None:
    with served(hospital_settings(tmp_path, failures_per_minute=3)) as ehr:
        answers = [ehr.post(VIEW, good(), token="x") for _ in range(5)]
        assert ehr.call("GET", "/healthz", token=None).status_code == 200
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]


@pytest.mark.control("DOS-9")
def test_failures_of_others_at_its_address_do_not_refuse_a_client(tmp_path: Path) -> None:
    """Behind an untrusted proxy every caller has the same address."""
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


RAISED = {500: KeyError("secret"), 503: Overloaded()}


@pytest.mark.row("E-04", "E-07", "E-09")
@pytest.mark.parametrize("status", RAISED)
def test_faults_that_no_caller_can_cause(status: int) -> None:
    def authenticate(header: str | None, path: str) -> Client:
        raise RAISED[status]

    with application(authenticate=authenticate) as app, in_threads(app) as base:
        answer = requests.post(base + VIEW, json=good(), timeout=TIMEOUT)
    assert_safe_answer(answer, status)
    assert "secret" not in answer.text


@pytest.mark.row("S-06", "E-07")
def test_a_store_that_fails_is_503() -> None:
    def authenticate(header: str | None, path: str) -> Client:
        raise StoreUnavailable("secret")

    with application(authenticate=authenticate) as app, in_threads(app) as base:
        answer = requests.post(base + VIEW, json=good(), timeout=TIMEOUT)
    assert_safe_answer(answer, 503)
    assert answer.headers["Retry-After"] == "1"


def test_request_ids_differ_and_are_the_services_own(ehr: Ehr) -> None:
    answers = [ehr.post(VIEW, good(), X_Request_Id="a client's own") for _ in range(5)]
    ids = {answer.headers["X-Request-Id"] for answer in answers}
    assert len(ids) == 5 and "a client's own" not in ids


def test_settings_of_the_tests_are_those_of_a_hospital(tmp_path: Path) -> None:
    assert not hospital_settings(tmp_path).is_open and settings().is_open
