"""The limits of a running service: calls in flight and calls per client (reliability DOS-6, DOS-9, OUT-8).

The slots are filled by calls that wait for a silent FHIR server. The long form runs `rls-cds serve` itself with a limit
of 50 ms; the short one allows a busy machine ten times as much.
"""

from __future__ import annotations

import itertools
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
import requests

from cds_service.config.client import Client
from cds_service.store import FeedbackItem, FeedbackResult, NullStore
from tests.builders.deadlines import unhurried
from tests.builders.service import VIEW, application, bare, good, settings
from tests.builders.serving import in_threads
from tests.fakes.fault_server import FaultServer, fault_server, hang
from tests.protocol.test_errors import assert_safe_answer

PROMISED = 0.05
ALLOWED_HERE = PROMISED * 10
SLOTS = 2
FEEDBACK = {
    "feedback": [
        {
            "card": "3d1f0a3c-4d5b-4a53-8f0e-8f4b5f0b7a11",
            "outcome": "overridden",
            "outcomeTimestamp": "2026-06-30T09:30:15Z",
        }
    ]
}


@contextmanager
def filled(base: str, server: FaultServer, slots: int = SLOTS) -> Iterator[None]:
    """Fill every slot with a call that waits for `server`, until its deadline of five seconds."""
    with ThreadPoolExecutor(slots) as waiting:
        for _ in range(slots):
            waiting.submit(requests.post, base + VIEW, json=bare(fhirServer=server.base), timeout=30)
        until(lambda: len(server.asked) >= slots * 2)
        yield
        server.stop()


def until(is_so: Callable[[], bool], seconds: float = 20) -> None:
    ends = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends, "the slots were never filled"
        time.sleep(0.01)


def timed(base: str) -> tuple[float, requests.Response]:
    with requests.Session() as session:
        session.get(f"{base}/healthz", timeout=30)
        started = time.monotonic()
        answer = session.post(base + VIEW, json=good(), timeout=30)
        return time.monotonic() - started, answer


@pytest.fixture
def hanging() -> Iterator[FaultServer]:
    with fault_server(hang) as server:
        yield server


@pytest.mark.control("DOS-6")
def test_a_call_beyond_the_limit_is_refused_at_once_and_others_continue(hanging: FaultServer) -> None:
    with application(settings(max_inflight=SLOTS)) as app, in_threads(app) as base:
        with filled(base, hanging):
            waits, answers = zip(*(timed(base) for _ in range(20)), strict=True)
            feedback = requests.post(f"{base}{VIEW}/feedback", json=FEEDBACK, timeout=30)
            health = requests.get(f"{base}/healthz", timeout=30)
            listed = requests.get(f"{base}/cds-services", timeout=30)
        assert timed(base)[1].status_code == 200, "the slots are free again"
    for answer in answers:
        assert_safe_answer(answer, 503)
        assert answer.headers["Retry-After"] == "1"
    assert max(waits) < ALLOWED_HERE
    assert (feedback.status_code, health.status_code, listed.status_code) == (200, 200, 200)


def test_a_refused_call_uses_up_no_token(hanging: FaultServer) -> None:
    """The same call may be sent again with its token."""
    patient = unhurried()
    asked: list[str] = []

    def authenticate(header: str | None, path: str) -> Client:
        asked.append(path)
        return patient

    changed = settings(max_inflight=SLOTS, profile=patient)
    with application(changed, authenticate=authenticate) as app, in_threads(app) as base:
        with filled(base, hanging):
            assert len(asked) == SLOTS
            assert timed(base)[1].status_code == 503
            assert len(asked) == SLOTS
        assert timed(base)[1].status_code == 200


class HeldStore(NullStore):
    """A store that keeps feedback waiting until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.released = threading.Semaphore(0), threading.Event()

    def record_feedback(
        self, client: str, service: str, items: Iterable[FeedbackItem], now: datetime
    ) -> FeedbackResult:
        self.entered.release()
        assert self.released.wait(60)
        return FeedbackResult()


def test_feedback_waits_for_a_slot_and_is_refused_before_its_token_is_used_up() -> None:
    """Two are under way and two wait; a fifth is refused, and may come again with its token."""
    asked: list[str] = []
    patient = unhurried()

    def authenticate(header: str | None, path: str) -> Client:
        asked.append(path)
        return patient

    def send(base: str) -> int:
        return requests.post(f"{base}{VIEW}/feedback", json=FEEDBACK, timeout=60).status_code

    store = HeldStore()
    changed = settings(max_inflight=SLOTS, profile=patient)
    with application(changed, authenticate=authenticate, store=store) as app, in_threads(app) as base:
        with ThreadPoolExecutor(SLOTS * 2 + 1) as callers:
            running = [callers.submit(send, base) for _ in range(SLOTS)]
            for _ in running:
                assert store.entered.acquire(timeout=30)
            more = [callers.submit(send, base) for _ in range(SLOTS + 1)]
            refused = next(as_completed(more, timeout=60))
            assert refused.result() == 503
            assert len(asked) == SLOTS
            store.released.set()
            answers = [each.result(60) for each in (*running, *more) if each is not refused]
        assert answers == [200] * SLOTS * 2
        assert len(asked) == SLOTS * 2
        assert send(base) == 200


@contextmanager
def rls_cds_serve(folder: Path, **environ: str) -> Iterator[str]:
    """Run `rls-cds serve` in open mode as a process."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    given = {"RLS_CDS_DATA_FOLDER": str(folder), "RLS_CDS_WORKERS": "1", **environ}
    command = [sys.executable, "-c", "from cds_service.cli import main; main()", "serve", "--port", str(port)]
    server = subprocess.Popen(command, env=os.environ | given | {"PYTHONWARNINGS": "ignore"})
    base = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _answers(base) or server.poll() is not None, 60)
        yield base
    finally:
        server.terminate()
        server.wait(30)


def _answers(base: str) -> bool:
    try:
        return requests.get(f"{base}/healthz", timeout=5).ok
    except requests.ConnectionError:
        return False


@pytest.mark.control("DOS-6")
@pytest.mark.full
def test_the_server_refuses_within_50_ms(tmp_path: Path, hanging: FaultServer) -> None:
    """The default deadline of a second ends the waiting calls, so they are sent again and again meanwhile."""
    waits: list[float] = []
    with rls_cds_serve(tmp_path, RLS_CDS_MAX_INFLIGHT=str(SLOTS)) as base, ThreadPoolExecutor(SLOTS * 8) as callers:
        over, numbers = time.monotonic() + 20, itertools.count()

        def keep_busy() -> None:
            while time.monotonic() < over:
                body = bare(fhirServer=f"{hanging.base}/{next(numbers)}")  # a new address, or the breaker would open
                requests.post(base + VIEW, json=body, timeout=30)
                time.sleep(0.1)

        for _ in range(SLOTS * 2):
            callers.submit(keep_busy)
        while time.monotonic() < over - 2:
            took, answer = timed(base)
            if answer.status_code == 503:
                assert answer.headers["Retry-After"] == "1"
                waits.append(took * 1000)
            time.sleep(0.02)
    cuts = statistics.quantiles(waits, n=100)
    print(f"\n{len(waits)} calls turned away: p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms, worst {max(waits):.1f} ms")
    assert len(waits) > 50 and cuts[98] < PROMISED * 1000
