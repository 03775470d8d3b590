"""Calls without prefetch, that read a FHIR server: a slow one, and one that never answers while others call."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from http.client import HTTPConnection
from typing import Any

from fhir_fixtures.clients import hook_request
from fhir_fixtures.loading import PatientFile, load_patient
from tests.benchmarks.bodies import BY_NAME, USUAL, Case
from tests.benchmarks.figures import Figure
from tests.benchmarks.load import Measured
from tests.benchmarks.servers import Server
from tests.fakes.fault_server import Behaviour, Line, answer, fault_server, hang

#: Seconds that the slow server takes for each read.
SLOW = 0.1
#: Milliseconds that a call of a client in open mode may take.
_DEADLINE = 1000
_SIGN = BY_NAME["sign-4"]
#: Drafts that name their drugs themselves: the ten first reads are all.
_DRAFTS = ("ferrous-sulfate-325-once-daily", "metoclopramide-10-before-meals", "gabapentin-300-at-bedtime")
_PATIENT = "ferritin-38-inside-the-lab-range"


def figures(server: Server, today: date, seconds: float) -> Iterator[Figure]:
    """Measure the service, which has been started."""
    yield from _slow(server, today)
    yield from _hanging(server, today, seconds)


def _slow(server: Server, today: date) -> Iterator[Figure]:
    patient = load_patient(_PATIENT, today)
    with fault_server(_after(SLOW, _answers(patient, today))) as slow:
        body = _body(patient, today, slow.base)
        took, wrong = [], 0
        for _ in range(12):
            before = len(slow.asked)
            began = time.perf_counter()
            status, written = _call(server, body)
            took.append(1000 * (time.perf_counter() - began))
            wrong += status != 200 or b'"summary"' not in written
            reads = len(slow.asked) - before
        single = [1000 * _one_read(slow.address) for _ in range(12)]
    against = {"one read of that server": single}
    yield Figure(f"one call, {reads} reads of 100 ms", server.name, "ms", took, "order-sign, no prefetch", against,
                 f"{wrong} of {len(took)} without a card" if wrong else "")  # fmt: skip


def _hanging(server: Server, today: date, seconds: float) -> Iterator[Figure]:
    """Measure calls whose FHIR server never answers, and prefetched calls beside them."""
    patient = load_patient(_PATIENT, today)
    late: list[tuple[int, float]] = []
    bodies = USUAL.bodies(today)
    alone, beside = [], []
    with fault_server(hang) as dead:
        for number in range(3):
            alone.append(server.load(USUAL, bodies, 1, seconds).measured)
            addresses = [f"{dead.address}/fhir-{number}-{each}" for each in range(6)]
            with _under_way([_calling(server, _body(patient, today, each), late) for each in addresses]):
                beside.append(server.load(USUAL, bodies, 1, min(seconds, 0.9)).measured)
    refused = sum(status not in (200, 412) for status, _ in late)
    yield Figure(
        "one call, FHIR server hangs",
        server.name,
        "ms",
        [took for _, took in late],
        "order-sign, no prefetch",
        {"the deadline": [_DEADLINE]},
        f"{refused} of {len(late)} refused" if refused else "",
    )
    yield from _beside(server, USUAL, alone, beside)


def _beside(server: Server, case: Case, alone: list[Measured], beside: list[Measured]) -> Iterator[Figure]:
    percentiles: tuple[tuple[str, Callable[[Measured], float]], ...] = (
        ("p50", lambda each: each.p50),
        ("p99", lambda each: each.p99),
    )
    for name, of in percentiles:
        measure = f"{name}, 1 connection, beside 6 calls that hang"
        yield Figure(measure, server.name, "ms", [of(each) for each in beside], case.says,
                     {"without them": [of(each) for each in alone]})  # fmt: skip


@contextmanager
def _under_way(works: list[Callable[[], None]]) -> Iterator[None]:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    try:
        yield
    finally:
        for thread in threads:
            thread.join(30)


def _calling(server: Server, body: bytes, late: list[tuple[int, float]]) -> Callable[[], None]:
    """Return a call that notes its status and how many milliseconds it took."""

    def call() -> None:
        began = time.perf_counter()
        status, _ = _call(server, body)
        late.append((status, 1000 * (time.perf_counter() - began)))

    return call


def _call(server: Server, body: bytes) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request("POST", _SIGN.path, body, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def _one_read(address: str) -> float:
    began = time.perf_counter()
    connection = HTTPConnection(address.removeprefix("http://"), timeout=20)
    try:
        connection.request("GET", "/fhir/Patient/one")
        connection.getresponse().read()
    finally:
        connection.close()
    return time.perf_counter() - began


def _body(patient: PatientFile, today: date, base: str) -> bytes:
    how: dict[str, Any] = {"drafts": _DRAFTS, "prefetch": "none", "fhir_server": base}
    return json.dumps(hook_request("generic", "order-sign", patient, today=today, **how)).encode()


def _answers(patient: PatientFile, today: date) -> Mapping[str, Behaviour]:
    """Return what the server answers, by the path below its base without the query."""
    found: dict[str, Behaviour] = {f"Patient/{patient.patient_id}": answer(next(patient.resources("Patient")))}
    for kind in ("Condition", "Observation"):
        entries = [{"resource": each} for each in patient.resources(kind)]
        found[kind] = answer({"resourceType": "Bundle", "type": "searchset", "entry": entries})
    return found


def _after(seconds: float, answers: Mapping[str, Behaviour]) -> Behaviour:
    """Answer after so long; an unknown search finds nothing."""
    nothing = answer({"resourceType": "Bundle", "type": "searchset"})

    def slowly(line: Line) -> None:
        path = line.asked.path.removeprefix("/fhir/").partition("?")[0]
        if not line.is_gone(seconds):
            answers.get(path, nothing)(line)

    return slowly
