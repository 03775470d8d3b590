"""The production server as a process: numbers of all workers on a port of their own, an orderly stop, no echo."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from cds_service.metrics_workers import WorkerPlaces
from cds_service.serving import DRAIN_SECONDS
from fhir_fixtures import hook_request, load_patient
from tests.http.fault_server import fault_server, hang

_VIEW = "/cds-services/rls-patient-view"
_LONGEST = 30.0


def free_port() -> int:
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@dataclass(slots=True)
class Server:
    """A running `rls-cds serve` with two workers."""

    process: subprocess.Popen[str]
    port: int
    metrics_port: int
    output: list[str] = field(default_factory=list)

    def ask(self, path: str, body: Any = None, port: int = 0) -> tuple[int, str]:
        with closing(HTTPConnection("127.0.0.1", port or self.port, timeout=20)) as connection:
            method = "GET" if body is None else "POST"
            headers = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def number(self, name: str) -> float:
        """The sum of all samples whose name and labels begin so."""
        _, page = self.ask("/metrics", port=self.metrics_port)
        return sum(float(line.rpartition(" ")[2]) for line in page.splitlines() if line.startswith(name))

    def workers(self) -> set[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return {int(pid) for pid in children.read_text().split()}

    def wait_until(self, true: Callable[[], bool]) -> None:
        end = time.monotonic() + _LONGEST
        while not true():
            assert time.monotonic() < end and self.process.poll() is None, "".join(self.output)
            time.sleep(0.05)

    def is_ready(self) -> bool:
        try:
            return self.ask("/readyz")[0] == 200
        except OSError:
            return False


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    port, metrics_port = free_port(), free_port()
    environ = {
        **os.environ,
        "RLS_CDS_DATA_FOLDER": str(folder / "data"),
        "RLS_CDS_METRICS_BIND": f"127.0.0.1:{metrics_port}",
        "TMPDIR": str(folder),
    }
    command = [str(Path(sys.executable).with_name("rls-cds")), "serve", "--port", str(port), "--workers", "2"]
    process = subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    server = Server(process, port, metrics_port)
    reader = threading.Thread(target=lambda: server.output.extend(process.stderr or ()), daemon=True)
    reader.start()
    try:
        server.wait_until(server.is_ready)
        yield server
    finally:
        process.kill()
        process.wait(10)
        reader.join(10)
        if process.stderr:
            process.stderr.close()


def request(**members: Any) -> dict[str, Any]:
    today = datetime.now(UTC).date()
    return hook_request("generic", "patient-view", load_patient("no-iron-studies-yet", today), today=today) | members


def test_all_workers_are_one_set_of_numbers_that_outlives_each_of_them(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        before = server.workers()
        for _ in range(20):
            assert server.ask(_VIEW, request())[0] == 200
        assert server.number('rls_cds_cards_total{card="IRONTEST"') == 20
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        server.wait_until(lambda: len(server.workers() - before) == 2 and server.is_ready())
        for _ in range(5):
            assert server.ask(_VIEW, request())[0] == 200
        assert server.number('rls_cds_cards_total{card="IRONTEST"') == 25
        assert server.number("rls_cds_in_flight") <= 2  # this very request
        (folder,) = tmp_path.glob("rls-cds-metrics-*")
        assert {re.sub(r"\D", "", file.name) for file in folder.glob("*.db")} <= {"0", "1"}


def test_metrics_are_on_their_own_port_only(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert server.ask("/metrics")[0] == 404
        assert server.ask("/metrics", port=server.metrics_port)[0] == 200
        for path in ("/cds-services", "/healthz", "/readyz"):
            assert server.ask(path, port=server.metrics_port)[0] == 404
        assert server.ask("/readyz")[1].count("self-test") == 1
        assert server.number('rls_cds_check_failed{check="self-test"}') == 0


def test_on_sigterm_it_says_so_finishes_what_is_under_way_and_ends_well(tmp_path: Path) -> None:
    """A call that waits for a slow FHIR server when the word comes is answered; /readyz says 503 for the drain."""
    with fault_server(hang) as fhir, serving(tmp_path) as server:
        body = request(fhirServer=fhir.base)
        del body["prefetch"]["labs"]
        answers: list[tuple[int, str]] = []
        callers = [threading.Thread(target=lambda: answers.append(server.ask(_VIEW, body))) for _ in range(8)]
        for caller in callers:
            caller.start()
        server.wait_until(lambda: len(fhir.asked) >= 8)
        server.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        server.wait_until(lambda: server.ask("/readyz")[0] == 503)
        assert server.ask(_VIEW, request())[0] == 200  # still answered: the load balancer has not noticed yet
        for caller in callers:
            caller.join(20)
        assert [status for status, _ in answers] == [412] * 8
        assert server.process.wait(30) == 0
        assert DRAIN_SECONDS <= time.monotonic() - began < DRAIN_SECONDS + 20
    assert not list(tmp_path.glob("rls-cds-metrics-*"))


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"CANARY / HTTP/1.1\r\n\r\n", (400, 404, 405)),
        (b"GET /CANARY HTTP/9.9\r\n\r\n", (400,)),
        (b"CANARY\r\n\r\n", (400,)),
        (b"GET / HTTP/1.1\r\nHost: x\r\nCANARY\x00: x\r\n\r\n", (400,)),
        (b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization : Bearer CANARY\r\n\r\n", (400,)),
        (b"GET /" + b"CANARY" * 500 + b" HTTP/1.1\r\n\r\n", (414,)),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"CANARY" * 4000 + b"\r\n\r\n", (431,)),
        (b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: CANARY\r\n\r\n", (400, 501)),
        (b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: CANARY\r\n\r\n", (400,)),
        (b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nCANARY", (400,)),
    ],
)
def test_what_is_no_http_is_answered_and_logged_without_repeating_it(
    noisy: Server, raw: bytes, status: tuple[int, ...]
) -> None:
    with closing(socket.create_connection(("127.0.0.1", noisy.port), 10)) as sock:
        sock.sendall(raw)
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    assert int(answer.split()[1]) in status, answer
    assert b"CANARY" not in answer
    assert answer.partition(b"\r\n\r\n")[2].startswith(b'{"resourceType":"OperationOutcome"')


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("noisy")) as server:
        yield server
    lines = [line for line in server.output if line.startswith("{")]
    assert lines and not [line for line in server.output if "CANARY" in line]
    assert [json.loads(line)["event"] for line in lines].count("not http") >= 8


def test_a_place_is_taken_again_by_the_next_worker(tmp_path: Path) -> None:
    class Worker:
        def __init__(self, age: int) -> None:
            self.age = age

    (tmp_path / "counter_7.db").write_bytes(b"of an earlier run")
    (tmp_path / "keep.txt").write_text("not ours")
    places = WorkerPlaces(tmp_path)
    places.begin()
    assert [path.name for path in tmp_path.iterdir()] == ["keep.txt"]
    workers = [Worker(age) for age in range(1, 4)]
    for worker in workers:
        places.take(None, worker)
    assert places._taken == {1: 0, 2: 1, 3: 2}
    places.leave(None, workers[1])
    places.take(None, Worker(4))
    assert places._taken == {1: 0, 3: 2, 4: 1}
    places.end()
    assert tmp_path.exists()
    del os.environ["PROMETHEUS_MULTIPROC_DIR"]
