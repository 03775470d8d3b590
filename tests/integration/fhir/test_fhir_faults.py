"""A FHIR server that hangs, drips, lies or explodes: every call is answered by its deadline; no thread is left.

A fault that never ends meets a deadline of two seconds, in which every other read is answered on a busy machine too.
All other faults meet a deadline of half a minute, long before which the call must be over.
"""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cards.reading.resource_types import MORE_DRUGS
from cds_service.fhir.paging import MOST_PAGES, MOST_RESOURCES
from cds_service.fhir.parallel import MOST_AT_ONCE
from cds_service.hooks.services import BY_ID
from tests.builders.deadlines import unhurried
from tests.builders.service import (
    VIEW,
    application,
    bare,
    bundle,
    card_codes,
    ferritin,
    is_outcome,
    is_response,
    missing_keys,
    prefetch,
    rls,
    settings,
)
from tests.fakes.fault_server import (
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

DEADLINE = 2.0
#: An answer comes by 20 ms after its deadline; a busy machine gets much more, but less than a second deadline.
SLACK = 1.5
#: Seconds until the answer where every read ends by itself.
SOON = 15.0
NEVER_ENDING = ("hang", "drip", "header drip", "bad length")
HURRIED = settings(profile=unhurried(deadline_ms=int(DEADLINE * 1000)))


@pytest.fixture
def app() -> Iterator[Flask]:
    with application() as made:
        yield made


@contextmanager
def application_for(fault: str) -> Iterator[Flask]:
    """Serve with a deadline that this fault reaches if it never ends, and that nothing else reaches."""
    with application(HURRIED if fault in NEVER_ENDING else None) as made:
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
    "1e400": raw_body(b'{"resourceType": "Bundle", "total": 1e400}'),
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


#: The cause that a 412 names for each fault.
CAUSES = {
    **dict.fromkeys(NEVER_ENDING, "not read in time"),
    **dict.fromkeys(
        ("reset", "closes midway", "endless headers", "bad gzip"), "the record server could not be reached"
    ),
    **dict.fromkeys(("not http", "bad chunks"), "the record server could not be reached"),
    **dict.fromkeys(
        ("bad json", "nan", "1e400", "deep json", "html", "xml", "empty", "no bundle"),
        "in a shape that is not FHIR",
    ),
    **dict.fromkeys(("gzip bomb", "gzip bombs", "too large"), "an answer too large to read"),
    "redirect": "the read failed with status 302",
    **{name: f"the read failed with status {name}" for name in FAULTS if name.isdigit()},
}


def timed(http: FlaskClient, body: dict[str, Any], fault: str = "") -> TestResponse:
    started = time.monotonic()
    found = http.post(VIEW, json=body)
    assert time.monotonic() - started < longest(fault)
    return found


def longest(fault: str) -> float:
    """Return the seconds by which a call that meets this fault must be answered."""
    return DEADLINE + SLACK if fault in NEVER_ENDING else SOON


def known(**changes: Any) -> dict[str, Any]:
    sent = prefetch() | {"conditions": bundle(rls()), "labs": bundle(ferritin(20))} | changes
    return {key: value for key, value in sent.items() if value is not ...}


@pytest.mark.control("DOS-7", "V16.5.2")
@pytest.mark.row("E-01", "T-13")
@pytest.mark.parametrize("name", FAULTS)
def test_a_failing_server_means_412_in_time(name: str) -> None:
    with application_for(name) as app, fault_server(FAULTS[name]) as server:
        [issue] = is_outcome(timed(app.test_client(), bare(fhirServer=server.base), name), 412)
        assert "elsewhere" not in server.paths()
        assert_no_read_is_stuck(app)
    assert missing_keys(issue) == "patient, conditions"


@pytest.mark.row("A-05")
@pytest.mark.parametrize("name", FAULTS)
def test_a_secondary_list_that_fails_costs_only_the_suggestions(name: str) -> None:
    with application_for(name) as app, fault_server(FAULTS[name]) as server:
        body = bare(fhirServer=server.base, prefetch=known(labs=None, orders=...))
        found = is_response(timed(app.test_client(), body, name))
        assert_no_read_is_stuck(app)
    assert card_codes(found) == ["IRONTEST"]
    assert "suggestions" not in found["cards"][0]


@pytest.mark.parametrize("name", FAULTS)
def test_one_key_that_fails_leaves_the_others_alone(name: str) -> None:
    others = {"Observation": FAULTS[name], "Condition": answer(bundle(rls()))}
    with application_for(name) as app, fault_server(empty, others) as server:
        [issue] = is_outcome(timed(app.test_client(), bare(fhirServer=server.base), name), 412)
    assert missing_keys(issue) == "labs"
    assert issue["diagnostics"].partition("; ")[2].removeprefix("labs: ").endswith(CAUSES[name])


def assert_no_read_is_stuck(app: Flask) -> None:
    """Check that every slot of the pool becomes free within a bounded time."""
    slots = app.extensions["rls_cds"].fhir._pool._slots
    count = MOST_AT_ONCE * HURRIED.max_inflight
    got = [slots.acquire(timeout=2) for _ in range(count)]
    for _ in range(sum(got)):
        slots.release()
    assert all(got)


@pytest.mark.control("DOS-7")
def test_a_decompression_bomb_costs_little_memory(app: Flask) -> None:
    with fault_server(gzip_bombs) as server:
        http = app.test_client()
        timed(http, bare(fhirServer=server.base))  # makes the threads
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        timed(http, bare(fhirServer=server.base))
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


#: The start of the narrow question that is sent beside the pages of a cut list of results.
ALONE = "Observation?patient=p1&code=2276-4"


@pytest.mark.control("SSRF-6")
def test_at_most_fifty_pages_are_read() -> None:
    with fault_server(endless_paging, {ALONE: status(400)}) as server, application(settings()) as app:
        body = bare(fhirServer=server.base, prefetch=known(labs=...))
        [issue] = is_outcome(app.test_client().post(VIEW, json=body), 412)
        assert sum("code=2276-4" not in asked.path for asked in server.asked) == MOST_PAGES
    assert issue["diagnostics"].endswith(f"labs: {MOST_PAGES} read, there are more")


def test_a_loop_of_pages_ends(app: Flask) -> None:
    def loop(line: Line) -> None:
        answer(page(f"{line.server.base}/Observation?again=1", "o1"))(line)

    with fault_server(loop, {ALONE: status(400)}) as server:
        timed(app.test_client(), bare(fhirServer=server.base, prefetch=known(labs=...)))
        assert sum("code=2276-4" not in asked.path for asked in server.asked) == 2


def test_the_number_of_resources_is_limited_too(app: Flask) -> None:
    def long_pages(line: Line) -> None:
        answer(page(f"{line.server.base}/Observation?p=2", *(f"o{n}" for n in range(MOST_RESOURCES))))(line)

    with fault_server(long_pages) as server:
        timed(app.test_client(), bare(fhirServer=server.base, prefetch=known(labs=...)))
        assert not any("p=2" in asked.path for asked in server.asked)


@pytest.mark.parametrize("name", ["hang", "drip", "reset", "403", "bad json", "html"])
def test_pages_before_a_broken_one_are_used_and_the_list_is_cut(name: str) -> None:
    def first(line: Line) -> None:
        answer(page(f"{line.server.base}/next?p=2") | {"entry": [{"resource": ferritin(20)}]})(line)

    with application_for(name) as app, fault_server(first, {"next": FAULTS[name]}) as server:
        found = is_response(timed(app.test_client(), bare(fhirServer=server.base, prefetch=known(labs=...)), name))
        assert "next" in server.paths()
    assert "IRONLOW" in card_codes(found)
    assert not any("suggestions" in card for card in found["cards"])


def in_turn(*ways: Behaviour) -> Behaviour:
    """Return a behaviour that goes through `ways` by request, and repeats the last one."""
    left = list(ways)
    return lambda line: (left.pop(0) if len(left) > 1 else left[0])(line)


@pytest.mark.parametrize("code", [429, 502, 503, 504])
def test_a_transient_fault_is_retried_once(app: Flask, code: int) -> None:
    with fault_server(in_turn(status(code, Retry_After="60"), answer(bundle(ferritin(20))))) as server:
        found = is_response(timed(app.test_client(), bare(fhirServer=server.base, prefetch=known(labs=...))))
        assert len(server.asked) == 2
    assert "IRONLOW" in card_codes(found)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 500])
def test_other_statuses_are_not_retried(app: Flask, code: int) -> None:
    with fault_server(in_turn(status(code), answer(bundle(ferritin(20))))) as server:
        is_outcome(timed(app.test_client(), bare(fhirServer=server.base, prefetch=known(labs=...))), 412)
        assert len(server.asked) == 1


@pytest.mark.control("V13.2.6")
def test_there_is_at_most_one_retry(app: Flask) -> None:
    with fault_server(status(503)) as server:
        timed(app.test_client(), bare(fhirServer=server.base, prefetch=known(labs=...)))
        assert len(server.asked) == 2


def test_a_connection_closed_by_the_server_is_reopened(app: Flask) -> None:
    """The second read on a kept connection is reset; a retry on a new one succeeds."""
    with fault_server(in_turn(answer(bundle(ferritin(20))), reset, answer(bundle(ferritin(20))))) as server:
        for _ in range(2):
            body = bare(fhirServer=server.base, prefetch=known(labs=...))
            assert "IRONLOW" in card_codes(is_response(timed(app.test_client(), body)))
        assert len(server.asked) == 3


def test_an_unreachable_server_means_412(app: Flask) -> None:
    is_outcome(timed(app.test_client(), bare(fhirServer="http://127.0.0.1:1/fhir")), 412)


@pytest.mark.control("V13.2.6", "V16.5.2")
def test_the_circuit_breaker_opens_after_five_failed_calls(app: Flask) -> None:
    http = app.test_client()
    with fault_server(reset) as server:
        for _ in range(5):
            timed(http, bare(fhirServer=server.base))
        before = server.connections
        for _ in range(5):
            is_outcome(timed(http, bare(fhirServer=server.base)), 412)
        assert server.connections == before
        complete = http.post(VIEW, json=bare(fhirServer=server.base, prefetch=known()))
        assert "IRONLOW" in card_codes(is_response(complete)), "prefetch-only calls go on"


def test_client_errors_do_not_open_the_circuit_breaker(app: Flask) -> None:
    with fault_server(status(403)) as server:
        for _ in range(7):
            is_outcome(timed(app.test_client(), bare(fhirServer=server.base)), 412)
        assert len(server.asked) == 7 * (len(BY_ID["rls-patient-view"].keys) + len(MORE_DRUGS))


def test_many_calls_on_a_hanging_server_end_in_time_and_leave_no_thread() -> None:
    with application_for("hang") as app, fault_server(hang) as server, ThreadPoolExecutor(16) as callers:
        threads = {thread.ident for thread in threading.enumerate()}
        answers = list(callers.map(lambda _: timed_busy(app, server), range(32)))
        assert {each.status_code for each in answers} <= {412, 503}
        assert_no_read_is_stuck(app)
    pool = [
        thread for thread in threading.enumerate() if thread.ident not in threads and thread.name.startswith("fhir")
    ]
    assert len(pool) <= MOST_AT_ONCE * HURRIED.max_inflight


def timed_busy(app: Flask, server: FaultServer) -> TestResponse:
    started = time.monotonic()
    found = app.test_client().post(VIEW, json=bare(fhirServer=server.base))
    assert time.monotonic() - started < DEADLINE + SLACK
    return found
