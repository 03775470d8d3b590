"""SIGTERM while calls are in flight: every one is answered and recorded (reliability 2.5, figure 13)."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from fhir_fixtures import hook_request, load_patient
from tests.builders.service import VIEW, card_codes
from tests.builders.serving import ROOT
from tests.fakes.fault_server import Line, empty, fault_server

STOPS = [pytest.param(1, id="1 stop"), pytest.param(20, id="20 stops", marks=pytest.mark.full)]
CALLS = 50
LONGEST = 30.0


@dataclass
class StoppingServer:
    """A running server with its clients."""

    process: subprocess.Popen[bytes]
    port: int

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=LONGEST)) as connection:
            raw = None if body is None else json.dumps(body)
            connection.request(method, path, raw, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def is_ready(self) -> bool:
        with suppress(OSError):
            return self.ask("GET", "/readyz")[0] == 200
        return False

    def refuses(self) -> bool:
        """Return whether new connections are refused, so that the caller can try another replica."""
        try:
            socket.create_connection(("127.0.0.1", self.port), 5).close()
        except ConnectionRefusedError:
            return True
        return False


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + LONGEST
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


@contextmanager
def server(folder: Path) -> Iterator[StoppingServer]:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    environ = dict(os.environ, TMPDIR=str(folder))
    command = [sys.executable, "-m", "tests.integration.server.stopping", str(port), str(folder / "data")]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stderr=log)
    try:
        made = StoppingServer(process, port)
        wait_until(made.is_ready)
        yield made
    finally:
        process.kill()
        process.wait(10)


@pytest.mark.parametrize("stops", STOPS)
def test_calls_in_flight_at_a_stop_are_answered_and_recorded(stops: int, tmp_path: Path) -> None:
    """The calls wait for a slow server from before SIGTERM until after new connections are refused."""
    answered = [answer for _ in range(stops) for answer in _stop_with_calls_in_flight(tmp_path)]
    assert [status for status, _ in answered] == [200] * CALLS * stops
    assert all(card_codes(body) == ["IRONTEST"] for _, body in answered)
    assert _recorded(tmp_path) == (len(answered), len(answered))
    print(f"{len(answered)} calls under way at {stops} stops, all answered and recorded")


def _stop_with_calls_in_flight(folder: Path) -> list[tuple[int, Any]]:
    released = threading.Event()

    def held(line: Line) -> None:
        while not released.is_set() and not line.is_gone(0):
            released.wait(0.05)
        empty(line)

    answers: list[tuple[int, Any]] = []
    today = datetime.now(UTC).date()
    with fault_server(held) as fhir, server(folder) as service:
        body = hook_request("generic", "patient-view", load_patient("no-iron-studies-yet", today), today=today)
        body = body | {"fhirServer": fhir.base, "prefetch": {**body["prefetch"]}}
        del body["prefetch"]["labs"]
        callers = [
            threading.Thread(target=lambda: answers.append(service.ask("POST", VIEW, body))) for _ in range(CALLS)
        ]
        try:
            for caller in callers:
                caller.start()
            wait_until(lambda: len(fhir.asked) >= CALLS)
            service.process.send_signal(signal.SIGTERM)
            wait_until(service.refuses)
            assert not answers
        finally:
            released.set()
            for caller in callers:
                caller.join(LONGEST)
        assert service.process.wait(LONGEST) == 0
    return answers


def _recorded(folder: Path) -> tuple[int, int]:
    """Return the number of cards and of audit events in the store."""
    with closing(sqlite3.connect(folder / "data" / "rls-cds.sqlite")) as store:
        rows = "SELECT (SELECT count(*) FROM card_issued), (SELECT count(*) FROM audit_event)"
        cards, events = store.execute(rows).fetchone()
        return cards, events
