"""Every read of a call fails in every way: in time, without an unsafe suggestion or a leak.

The long form takes each kind of fault on each read (`pytest -m full -s` prints the figures); the short one each kind
once, the reads in turn.
"""

from __future__ import annotations

import gc
import io
import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from cds_service.fhir.parallel import MOST_AT_ONCE
from cds_service.web.log import LOGGER, write_log_to
from fhir_fixtures.loading import load_patients
from fhir_fixtures.server import create_fhir_app
from tests.builders.service import SIGN, TODAY, application, good, is_response, missing_keys, settings
from tests.fakes.fault_server import Behaviour, Line, fault_server, raw_body
from tests.integration.fhir.test_fhir_faults import DEADLINE, FAULTS, application_for, longest

READS = {
    "patient": "Patient/",
    "conditions": "Condition",
    "labs": "Observation",
    "medications": "MedicationRequest",
    "allergies": "AllergyIntolerance",
    "procedures": "Procedure",
    "orders": "ServiceRequest",
}
NEEDED = ("patient", "conditions", "labs")
SLUG = "haemochromatosis-after-phlebotomy"
REMOVE = "Remove the order: ferrous sulfate 325 mg oral tablet"
TOKEN = "canary-token-0123456789"
EVERY = [(key, fault) for key in READS for fault in FAULTS]
ONCE = [(list(READS)[number % len(READS)], fault) for number, fault in enumerate(FAULTS)]


@pytest.fixture(scope="module")
def records() -> Behaviour:
    """Answer like the FHIR server of the fixtures, from behind the sockets of the fault server."""
    http = create_fhir_app(load_patients(TODAY)).test_client()
    held: dict[str, bytes] = {}

    def answer(line: Line) -> None:
        path = line.asked.path
        if path not in held:
            held[path] = http.get(path).data
        raw_body(held[path])(line)

    _ask_once(answer)
    return answer


def _ask_once(records: Behaviour) -> None:
    """Send one call with enough time, so that no measured call is the first of the process."""
    with application(settings()) as made, fault_server(records) as server:
        found = is_response(made.test_client().post(SIGN, json=call() | {"fhirServer": server.base}))
        assert suggestions(found) == {REMOVE}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    kept, level, propagate = list(LOGGER.handlers), LOGGER.level, LOGGER.propagate
    stream = io.StringIO()
    write_log_to(stream, logging.DEBUG)
    yield stream
    LOGGER.handlers[:] = kept
    LOGGER.setLevel(level)
    LOGGER.propagate = propagate


def call() -> dict[str, Any]:
    """Return a call with a harmful draft, for which everything must be read."""
    body = good("order-sign", SLUG, prefetch="none")
    return body | {"fhirAuthorization": {"access_token": TOKEN, "expires_in": 300}}


def suggestions(answer: dict[str, Any]) -> set[str]:
    return {one["label"] for card in answer["cards"] for one in card.get("suggestions", [])}


def fail(app: Flask, records: Behaviour, key: str, fault: str) -> tuple[int, float]:
    """Send a call in which this read fails in this way; return status and seconds."""
    body = call()
    with fault_server(records, {READS[key]: FAULTS[fault]}) as server:
        started = time.monotonic()
        answer = app.test_client().post(SIGN, json=body | {"fhirServer": server.base})
        took = time.monotonic() - started
    text = answer.get_data(as_text=True)
    assert TOKEN not in text and "127.0.0.1" not in text
    if answer.status_code == 200:
        assert "OSIRONOVL" in text
        assert suggestions(is_response(answer)) <= {REMOVE}
    else:
        assert answer.status_code == 412 and key in NEEDED
        named = missing_keys(answer.get_json()["issue"][0]).split(", ")
        assert key in named and set(named) <= set(NEEDED)
    return answer.status_code, took


def assert_nothing_stays(app: Flask) -> None:
    """Check that the pool is idle, and that none of its threads waits for a socket."""
    pool = app.extensions["rls_cds"].fhir._pool
    slots = MOST_AT_ONCE * settings().max_inflight
    got = sum(pool._slots.acquire(timeout=2) for _ in range(slots))
    for _ in range(got):
        pool._slots.release()
    assert got == slots


@pytest.mark.parametrize(("key", "fault"), ONCE, ids=lambda value: value)
def test_a_failed_read_costs_no_more_than_necessary(records: Behaviour, log: io.StringIO, key: str, fault: str) -> None:
    with application_for(fault) as app:
        status, took = fail(app, records, key, fault)
        assert took < longest(fault)
        assert_nothing_stays(app)
    assert TOKEN not in log.getvalue() and "demo-" not in log.getvalue()
    assert json.loads(log.getvalue().splitlines()[-1])["status"] == status


def in_use() -> tuple[int, int]:
    """Return the number of threads, and of open files and sockets, of this process."""
    gc.collect()
    return threading.active_count(), sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.full
def test_every_fault_on_every_read(records: Behaviour, log: io.StringIO) -> None:
    statuses: Counter[str] = Counter()
    times: list[float] = []
    with application_for("hang") as app:
        fail(app, records, "labs", "403")
        before = in_use()
        for key, fault in EVERY:
            status, took = fail(app, records, key, fault)
            statuses[f"{key} {status}"] += 1
            times.append(took)
        assert_nothing_stays(app)
    after = in_use()
    assert TOKEN not in log.getvalue() and "demo-" not in log.getvalue()
    worst = (max(times) - DEADLINE) * 1000
    late = sum(took > DEADLINE + 0.02 for took in times)
    print(f"\n{len(times)} faults: worst {worst:+.0f} ms from the deadline, {late} later than +20 ms; {dict(statuses)}")
    print(f"threads and descriptors before {before}, after {after}")
    assert max(times) < longest("hang")
    assert after[0] <= before[0] and after[1] <= before[1]
