"""A FHIR server that hangs, drips, lies or explodes: every call is answered by its deadline; no thread is left.

The deadline here is 400 ms. An answer comes by 20 ms after it; a busy machine gets ten times that slack.
"""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cds_service.clients.profiles import open_client
from tests.http.build import (
    VIEW,
    application,
    bare,
    bundle,
    card_codes,
    ferritin,
    is_outcome,
    is_response,
    prefetch,
    rls,
    settings,
)
from tests.http.fault_server import (
    Behaviour,
    FaultServer,
    Line,
    answer,
    close_midway,
    drip,
    empty,
    endless_headers,
    endless_paging,
    fault_server,
    gzip_bomb,
    gzip_bombs,
    hang,
    header_drip,
    page,
    raw_body,
    reset,
    status,
)

DEADLINE = 0.4
SLACK = 0.2
HURRIED = settings(profile=replace(open_client("generic"), deadline_ms=int(DEADLINE * 1000)))


@pytest.fixture
def app() -> Iterator[Flask]:
    with application(HURRIED) as made:
        yield made


def redirect_to(line: Line) -> None:
    line.send(
        b"HTTP/1.1 302 X\r\nLocation: " + f"{line.server.base}/elsewhere".encode() + b"\r\nContent-Length: 0\r\n\r\n"
    )


FAULTS: dict[str, Behaviour] = {
    "hang": hang,
    "drip": drip,
    "header drip": header_drip,
    "reset": reset,
    "closes midway": close_midway,
    "endless headers": endless_headers,
    "redirect": redirect_to,
    "gzip bomb": gzip_bomb,
    "gzip bombs": gzip_bombs,
    "bad gzip": raw_body(b"no gzip", Content_Encoding="gzip"),
    "bad json": raw_body(b'{"resourceType": "Bundle"'),
    "nan": raw_body(b'{"resourceType": "Bundle", "total": NaN}'),
    "deep json": raw_body(b"[" * 100_000 + b"]" * 100_000),
    "html": raw_body(b"<html>an error</html>"),
    "xml": raw_body(b"<Bundle xmlns='http://hl7.org/fhir'/>"),
    "empty": raw_body(b""),
    "no bundle": raw_body(b"17"),
    "too large": raw_body(b'"' + b"a" * 2 * 1024 * 1024 + b'"'),
    "not http": lambda line: line.send(b"SSH-2.0-x\r\n\r\n"),
    "bad length": lambda line: line.send(b"HTTP/1.1 200 X\r\nContent-Length: -7\r\n\r\n{}"),
    "bad chunks": lambda line: line.send(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    **{str(code): status(code) for code in (204, 304, 400, 401, 403, 404, 410, 429, 500, 502, 503, 504)},
}


def timed(http: FlaskClient, body: dict[str, Any]) -> TestResponse:
    started = time.monotonic()
    found = http.post(VIEW, json=body)
    assert time.monotonic() - started < DEADLINE + SLACK
    return found


def known(**changes: Any) -> dict[str, Any]:
    sent = prefetch() | {"conditions": bundle(rls()), "labs": bundle(ferritin(20))} | changes
    return {key: value for key, value in sent.items() if value is not ...}


@pytest.mark.parametrize("name", FAULTS)
def test_nothing_that_can_be_read_is_412_in_time_e01_t13(app: Flask, name: str) -> None:
    with fault_server(FAULTS[name]) as server:
        [issue] = is_outcome(timed(app.test_client(), bare(fhirServer=server.base)), 412)
        assert "elsewhere" not in server.paths()
        assert_no_read_is_stuck(app)
    assert issue["diagnostics"] == "Missing prefetch keys: patient, conditions"


@pytest.mark.parametrize("name", FAULTS)
def test_a_secondary_list_that_fails_costs_only_the_suggestions_a05(app: Flask, name: str) -> None:
    with fault_server(FAULTS[name]) as server:
        found = is_response(
            timed(app.test_client(), bare(fhirServer=server.base, prefetch=known(labs=None, orders=...)))
        )
        assert_no_read_is_stuck(app)
    assert card_codes(found) == ["IRONTEST"]
    assert "suggestions" not in found["cards"][0]


@pytest.mark.parametrize("name", FAULTS)
def test_one_key_that_fails_leaves_the_others_alone(app: Flask, name: str) -> None:
    with fault_server(empty, {"Observation": FAULTS[name], "Condition": answer(bundle(rls()))}) as server:
        [issue] = is_outcome(timed(app.test_client(), bare(fhirServer=server.base)), 412)
    assert issue["diagnostics"] == "Missing prefetch keys: labs"


def assert_no_read_is_stuck(app: Flask) -> None:
    """Every place of the crew can be had again, within a bounded wait."""
    slots = app.extensions["rls_cds"].fhir._crew._slots
    places = 7 * HURRIED.max_inflight
    got = [slots.acquire(timeout=2) for _ in range(places)]
    for _ in range(sum(got)):
        slots.release()
    assert all(got)


def test_a_bomb_costs_little_memory_dos7(app: Flask) -> None:
    with fault_server(gzip_bombs) as server:
        http = app.test_client()
        timed(http, bare(fhirServer=server.base))  # makes the threads
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        timed(http, bare(fhirServer=server.base))
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


def test_pages_end_after_three_ssrf6(app: Flask) -> None:
    with fault_server(endless_paging) as server:
        timed(app.test_client(), bare(fhirServer=server.base, prefetch=known(labs=...)))
        assert len(server.asked) == 3


def test_a_page_that_leads_to_itself_ends(app: Flask) -> None:
    def loop(line: Line) -> None:
        answer(page(f"{line.server.base}/Observation?again=1", "o1"))(line)

    with fault_server(loop) as server:
        timed(app.test_client(), bare(fhirServer=server.base, prefetch=known(labs=...)))
        assert len(server.asked) == 3


def test_many_resources_are_enough_before_three_pages(app: Flask) -> None:
    def long_pages(line: Line) -> None:
        answer(page(f"{line.server.base}/Observation?p=2", *(f"o{n}" for n in range(500))))(line)

    with fault_server(long_pages) as server:
        timed(app.test_client(), bare(fhirServer=server.base, prefetch=known(labs=...)))
        assert len(server.asked) == 1


@pytest.mark.parametrize("name", ["hang", "drip", "reset", "403", "bad json", "html"])
def test_what_came_before_the_broken_page_is_used_and_said_to_be_cut(app: Flask, name: str) -> None:
    def first(line: Line) -> None:
        answer(page(f"{line.server.base}/next?p=2") | {"entry": [{"resource": ferritin(20)}]})(line)

    with fault_server(first, {"next": FAULTS[name]}) as server:
        found = is_response(timed(app.test_client(), bare(fhirServer=server.base, prefetch=known(labs=...))))
        assert "next" in server.paths()
    assert "IRONLOW" in card_codes(found)
    assert not any("suggestions" in card for card in found["cards"])


def in_turn(*ways: Behaviour) -> Behaviour:
    """One behaviour per request, the last one for ever."""
    left = list(ways)
    return lambda line: (left.pop(0) if len(left) > 1 else left[0])(line)


@pytest.mark.parametrize("code", [429, 502, 503, 504])
def test_one_more_try_after_a_passing_fault(app: Flask, code: int) -> None:
    with fault_server(in_turn(status(code, Retry_After="60"), answer(bundle(ferritin(20))))) as server:
        found = is_response(timed(app.test_client(), bare(fhirServer=server.base, prefetch=known(labs=...))))
        assert len(server.asked) == 2
    assert "IRONLOW" in card_codes(found)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 500])
def test_no_second_try_after_an_answer(app: Flask, code: int) -> None:
    with fault_server(in_turn(status(code), answer(bundle(ferritin(20))))) as server:
        is_outcome(timed(app.test_client(), bare(fhirServer=server.base, prefetch=known(labs=...))), 412)
        assert len(server.asked) == 1


def test_never_more_than_two_tries(app: Flask) -> None:
    with fault_server(status(503)) as server:
        timed(app.test_client(), bare(fhirServer=server.base, prefetch=known(labs=...)))
        assert len(server.asked) == 2


def test_a_connection_that_the_server_closed_meanwhile_is_opened_anew(app: Flask) -> None:
    """The second read of a kept connection meets a reset; one more try over a new one succeeds."""
    with fault_server(in_turn(answer(bundle(ferritin(20))), reset, answer(bundle(ferritin(20))))) as server:
        for _ in range(2):
            body = bare(fhirServer=server.base, prefetch=known(labs=...))
            assert "IRONLOW" in card_codes(is_response(timed(app.test_client(), body)))
        assert len(server.asked) == 3


def test_a_server_that_is_not_there(app: Flask) -> None:
    is_outcome(timed(app.test_client(), bare(fhirServer="http://127.0.0.1:1/fhir")), 412)


def test_after_five_failed_calls_the_server_is_left_alone(app: Flask) -> None:
    http = app.test_client()
    with fault_server(reset) as server:
        for _ in range(5):
            timed(http, bare(fhirServer=server.base))
        before = server.connections
        started = time.monotonic()
        for _ in range(5):
            is_outcome(http.post(VIEW, json=bare(fhirServer=server.base)), 412)
        assert (server.connections, time.monotonic() - started < 0.5) == (before, True)
        complete = http.post(VIEW, json=bare(fhirServer=server.base, prefetch=known()))
        assert "IRONLOW" in card_codes(is_response(complete)), "prefetch-only calls go on"


def test_a_server_that_answers_no_is_not_out_of_order(app: Flask) -> None:
    with fault_server(status(403)) as server:
        for _ in range(7):
            is_outcome(timed(app.test_client(), bare(fhirServer=server.base)), 412)
        assert len(server.asked) == 42


def test_many_calls_on_a_hanging_server_end_in_time_and_leave_no_thread(app: Flask) -> None:
    with fault_server(hang) as server, ThreadPoolExecutor(16) as callers:
        threads = {thread.ident for thread in threading.enumerate()}
        answers = list(callers.map(lambda _: timed_busy(app, server), range(32)))
        assert {each.status_code for each in answers} <= {412, 503}
        assert_no_read_is_stuck(app)
    crew = [
        thread for thread in threading.enumerate() if thread.ident not in threads and thread.name.startswith("fhir")
    ]
    assert len(crew) <= 7 * HURRIED.max_inflight


def timed_busy(app: Flask, server: FaultServer) -> TestResponse:
    started = time.monotonic()
    found = app.test_client().post(VIEW, json=bare(fhirServer=server.base))
    assert time.monotonic() - started < DEADLINE + 1.0
    return found
