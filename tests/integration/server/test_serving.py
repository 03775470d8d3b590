"""The production server as a process: metrics of all workers on their own port, a clean stop, no quoted requests."""

from __future__ import annotations

import json
import os
import platform
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
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from cds_service.monitoring.workers import WorkerIndexes, remove_abandoned_folders
from cds_service.server.gunicorn import DRAIN_SECONDS
from fhir_fixtures import hook_request, load_patient
from tests.fakes.fault_server import fault_server, hang

_VIEW = "/cds-services/rls-patient-view"
_LONGEST = 30.0


def free_port() -> int:
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@dataclass(slots=True)
class ServerOfTwo:
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
        """Return the sum of all samples whose name and labels start with `name`."""
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
def serving(folder: Path) -> Iterator[ServerOfTwo]:
    port, metrics_port = free_port(), free_port()
    environ = {
        **os.environ,
        "RLS_CDS_DATA_FOLDER": str(folder / "data"),
        "RLS_CDS_METRICS_BIND": f"127.0.0.1:{metrics_port}",
        "TMPDIR": str(folder),
    }
    command = [str(Path(sys.executable).with_name("rls-cds")), "serve", "--port", str(port), "--workers", "2"]
    process = subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    server = ServerOfTwo(process, port, metrics_port)
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


def test_metrics_add_up_all_workers_and_survive_each(tmp_path: Path) -> None:
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


@pytest.mark.control("V13.4.5")
def test_metrics_are_on_their_own_port_only(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert server.ask("/metrics")[0] == 404
        assert server.ask("/metrics", port=server.metrics_port)[0] == 200
        for path in ("/cds-services", "/healthz", "/readyz"):
            assert server.ask(path, port=server.metrics_port)[0] == 404
        assert server.ask("/readyz")[1].count("self-test") == 1
        assert server.number('rls_cds_check_failed{check="self-test"}') == 0


def test_sigterm_drains_finishes_running_calls_and_exits_cleanly(tmp_path: Path) -> None:
    """A call that waits for a slow FHIR server at SIGTERM is answered; /readyz says 503 during the drain."""
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


@pytest.mark.control("V4.2.1")
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
def test_malformed_http_is_answered_and_logged_without_quoting_it(
    noisy: ServerOfTwo, raw: bytes, status: tuple[int, ...]
) -> None:
    with closing(socket.create_connection(("127.0.0.1", noisy.port), 10)) as sock:
        sock.sendall(raw)
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    assert int(answer.split()[1]) in status, answer
    assert b"CANARY" not in answer
    assert answer.partition(b"\r\n\r\n")[2].startswith(b'{"resourceType":"OperationOutcome"')


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerOfTwo]:
    with serving(tmp_path_factory.mktemp("noisy")) as server:
        yield server
    lines = [line for line in server.output if line.startswith("{")]
    assert lines and not [line for line in server.output if "CANARY" in line]
    assert [json.loads(line)["event"] for line in lines].count("not http") >= 8


def test_folders_of_services_that_were_killed_are_removed_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A running service keeps its folder, however many start beside it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "lock").write_text("")
    (tmp_path / "rls-cds-metrics-link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "rls-cds-metrics-file").write_text("no folder")
    (tmp_path / "rls-cds-metrics-being-made").mkdir()
    code = (
        "import os, tempfile; from cds_service.monitoring.workers import WorkerIndexes; "
        f"tempfile.tempdir = {str(tmp_path)!r}; "
        "made = WorkerIndexes(); (made.folder / 'counter_0.db').write_bytes(b'x'); "
        "child = os.fork(); child and print(made.folder.name, flush=True); os.read(0, 1)"
    )
    killed = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert killed.stdin and killed.stdout
    with killed, killed.stdin, killed.stdout:
        name = killed.stdout.readline().strip()
        killed.kill()
        killed.wait(10)
        mine = WorkerIndexes()
        assert (tmp_path / name / "counter_0.db").exists(), "a worker of the killed service still lives"
    end = time.monotonic() + _LONGEST
    while (tmp_path / name).exists():
        assert time.monotonic() < end
        remove_abandoned_folders(tmp_path)
        time.sleep(0.05)
    kept = {"elsewhere", "rls-cds-metrics-link", "rls-cds-metrics-file", "rls-cds-metrics-being-made", mine.folder.name}
    assert {each.name for each in tmp_path.iterdir()} == kept
    assert (tmp_path / "elsewhere" / "lock").exists()
    mine.on_exit()
    assert not mine.folder.exists()


@pytest.mark.control("LOG-8", "V16.2.1")
def test_start_and_stop_are_one_line_each_with_version_and_settings(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(40) == 0
    lines = [json.loads(line) for line in server.output if line.startswith("{")]
    told = [line for line in lines if line["event"] in ("start", "stop")]
    assert [line.pop("event") for line in told] == ["start", "stop"]
    one, other = ({name: value for name, value in line.items() if name not in ("time", "level")} for line in told)
    assert one == other
    assert re.fullmatch(r"[0-9a-f]{16}", one.pop("settings"))
    assert one == {
        "version": version("rls-cds"), "python": platform.python_version(), "workers": 2, "store": "sqlite",
        "mode": "open",
    }  # fmt: skip


@pytest.mark.control("LOG-8")
def test_a_port_in_use_is_named_in_the_log(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        environ = {**os.environ, "RLS_CDS_DATABASE_URL": "", "TMPDIR": str(tmp_path)}
        command = [str(Path(sys.executable).with_name("rls-cds")), "serve", "--port", str(port)]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    events = [json.loads(line)["event"] for line in done.stderr.splitlines() if line.startswith("{")]
    assert done.returncode != 0
    assert f"server: Can't connect to ('127.0.0.1', {port})" in events
    remove_abandoned_folders(tmp_path)
    assert not list(tmp_path.glob("rls-cds-metrics-*"))


def test_a_free_index_goes_to_the_next_worker(tmp_path: Path) -> None:
    class FakeWorker:
        def __init__(self, age: int) -> None:
            self.age = age

    (tmp_path / "counter_7.db").write_bytes(b"of an earlier run")
    (tmp_path / "keep.txt").write_text("not ours")
    indexes = WorkerIndexes(tmp_path)
    indexes.on_starting()
    assert [path.name for path in tmp_path.iterdir()] == ["keep.txt"]
    workers = [FakeWorker(age) for age in range(1, 4)]
    for worker in workers:
        indexes.pre_fork(None, worker)
    assert indexes._taken == {1: 0, 2: 1, 3: 2}
    indexes.child_exit(None, workers[1])
    indexes.pre_fork(None, FakeWorker(4))
    assert indexes._taken == {1: 0, 3: 2, 4: 1}
    indexes.on_exit()
    assert tmp_path.exists()
    del os.environ["PROMETHEUS_MULTIPROC_DIR"]
