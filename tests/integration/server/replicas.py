"""Replicas of the service on one PostgreSQL server, and clients that call them steadily and note every answer."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import sqlalchemy

from cds_service.store import StoreSettings, open_store, upgrade
from cds_service.store.schema import feedback_event
from fhir_fixtures import hook_request, load_patient
from tests.builders.serving import ROOT
from tests.builders.store_records import ENCRYPTION_KEY, PSEUDONYM_KEY
from tests.builders.tokens import BASE, ISSUER, JKU, SERVICE, by_pyjwt, header, jwk
from tests.integration.store.postgres import PostgresServer

DEADLINE = 1.0
#: A proxy's time-out, for calls that a frozen process holds.
PROXY = 4.0
_LONGEST = 60.0
_PATIENT = "ferritin-38-inside-the-lab-range"


@dataclass(frozen=True, slots=True)
class Noted:
    """One call: which replica, when it began and ended (monotonic seconds), and its status; 0 without an answer."""

    replica: int
    kind: str
    began: float
    ended: float
    status: int

    @property
    def seconds(self) -> float:
        return self.ended - self.began


@dataclass(slots=True)
class Replica:
    """A running `rls-cds serve`."""

    number: int
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """Return status and content. Raises `OSError` or `HTTPException` without an answer."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=PROXY)) as connection:
            raw = None if body is None else json.dumps(body)
            connection.request(method, path, raw, {"Content-Type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def readiness(self) -> tuple[int, str]:
        """Return the status of /readyz, 0 without an answer, and its reasons."""
        with suppress(OSError, HTTPException):
            status, content = self.ask("GET", "/readyz")
            return status, "" if status == 200 else content["issue"][0].get("diagnostics", "")
        return 0, ""

    def is_ready(self) -> bool:
        return self.readiness()[0] == 200

    def signal_all(self, number: signal.Signals) -> None:
        """Send a signal to the server process and its workers."""
        for pid in (self.process.pid, *self.workers()):
            os.kill(pid, number)


@dataclass
class Cluster:
    """A database and the replicas on it."""

    folder: Path
    server: PostgresServer
    url: str
    deadline: float
    _stack: ExitStack
    replicas: list[Replica] = field(default_factory=list)

    def start(self, version: str = "", *, wait: bool = True, port: int = 0) -> Replica:
        """Start one more replica of this version, or of the `next`; without `port` on a free one."""
        if not port:
            with closing(socket.create_server(("127.0.0.1", 0))) as taken:
                port = taken.getsockname()[1]
        number = len(self.replicas)
        file, log = self.folder / f"replica-{number}.toml", self.folder / f"replica-{number}.log"
        file.write_text(_settings(port, self.deadline))
        with log.open("ab") as output:
            process = subprocess.Popen(
                self._command("serve", file, version), cwd=ROOT, env=self._environ(), stderr=output, stdout=output
            )
        replica = Replica(number, process, port, log)
        self._stack.callback(_end, replica)
        self.replicas.append(replica)
        if wait:
            wait_until(replica.is_ready, lambda: log.read_text())
        return replica

    def stop(self, replica: Replica) -> None:
        """Stop a replica as an orchestrator does, which sends it no calls any more."""
        replica.process.send_signal(signal.SIGTERM)
        assert replica.process.wait(_LONGEST) == 0, replica.log.read_text()

    def upgrade(self, version: str) -> None:
        """Run `rls-cds db upgrade` of a version."""
        command = self._command("db upgrade", self.folder / "replica-0.toml", version)
        done = subprocess.run(command, cwd=ROOT, env=self._environ(), capture_output=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr.decode()

    def _command(self, command: str, file: Path, version: str) -> list[str]:
        return [sys.executable, "-m", "tests.integration.server.replica", command, str(file), version]

    def _environ(self) -> dict[str, str]:
        keys = {"PSEUDONYM": PSEUDONYM_KEY, "ENCRYPTION": ENCRYPTION_KEY}
        secrets = {f"RLS_CDS_{name}_KEY": b64encode(key).decode() for name, key in keys.items()}
        return {**os.environ, **secrets, "RLS_CDS_DATABASE_URL": self.url, "TMPDIR": str(self.folder)}

    def settings(self) -> StoreSettings:
        return StoreSettings(database_url=self.url, pseudonym_key=PSEUDONYM_KEY, encryption_key=ENCRYPTION_KEY)

    def lost(self, acknowledged: set[str]) -> set[str]:
        """Return the cards whose feedback was acknowledged and is not in the store."""
        engine = sqlalchemy.create_engine(self.url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.connect() as connection:
            kept = set(connection.execute(sqlalchemy.select(feedback_event.c.card_uuid)).scalars())
        engine.dispose()
        return acknowledged - kept

    def audit_faults(self) -> tuple[str, ...]:
        store = open_store(self.settings())
        try:
            return store.verify_audit().faults
        finally:
            store.close()


def _settings(port: int, deadline: float) -> str:
    keys = json.dumps(json.dumps({"keys": [jwk("p384", "ec/+=1")]}))
    return f"""
port = {port}
workers = 2
public_base = "{BASE}"
[clients.general]
issuer = "{ISSUER}"
jku = "{JKU}"
jwks_inline = {keys}
deadline_ms = {int(deadline * 1000)}
calls_per_minute = 60000
"""


def _end(replica: Replica) -> None:
    for pid in (replica.process.pid, *(replica.workers() if replica.process.poll() is None else ())):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    replica.process.wait(10)


@contextmanager
def cluster(folder: Path, server: PostgresServer, deadline: float = DEADLINE) -> Iterator[Cluster]:
    """Yield a cluster without replicas, whose client has this deadline; a log with a traceback or a bug fails it."""
    folder.chmod(0o755)
    with ExitStack() as stack:
        made = Cluster(folder, server, server.address + "postgres", deadline, stack)
        upgrade(made.settings())
        yield made
        for replica in made.replicas:
            log = replica.log.read_text()
            assert "Traceback" not in log and '"event": "bug"' not in log, log[-5000:]


def wait_until(true: Callable[[], bool], explain: Callable[[], str] = str, seconds: float = _LONGEST) -> float:
    """Wait until something is true, and return how many seconds that took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, explain()
        time.sleep(0.02)
    return time.monotonic() - began


class Target(Protocol):
    """What clients call: a replica, or a proxy before several."""

    @property
    def number(self) -> int: ...

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """Return status and content. Raises `OSError` or `HTTPException` without an answer."""


class Load:
    """Clients that call a hook and send feedback on its card, at a steady rate; each calls one of the `targets`."""

    def __init__(self, targets: Sequence[Target], per_second: float, callers: int = 8) -> None:
        self.targets = list(targets)
        self.notes: list[Noted] = []
        self.acknowledged: set[str] = set()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._every = callers / per_second
        today = datetime.now(UTC).date()
        patient = load_patient(_PATIENT, today)
        self._patient_id = patient.patient_id
        self._body = json.dumps(hook_request("generic", "patient-view", patient, today=today))
        self._threads = [
            threading.Thread(target=self._call_on, args=(number, number * self._every / callers))
            for number in range(callers)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(_LONGEST)

    def for_seconds(self, seconds: float) -> tuple[float, float]:
        """Let the clients call for a while, which is what is tested, and return when that began and ended."""
        began = time.monotonic()
        time.sleep(seconds)
        return began, time.monotonic()

    def served(self) -> int:
        return len(self.notes)

    def _call_on(self, number: int, first: float) -> None:
        due = time.monotonic() + first
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            due = max(due + self._every, time.monotonic() - self._every)
            targets = self.targets
            self._call(targets[number % len(targets)])

    def _call(self, replica: Target) -> None:
        one_more_patient = json.loads(self._body.replace(self._patient_id, str(uuid4())))
        status, content = self._noted(replica, "call", SERVICE, one_more_patient)
        cards = content.get("cards") if status == 200 else None
        if cards:
            at = datetime.now(UTC).isoformat()
            item = {"card": cards[0]["uuid"], "outcome": "overridden", "outcomeTimestamp": at}
            status, _ = self._noted(replica, "feedback", f"{SERVICE}/feedback", {"feedback": [item]})
            if status == 200:
                with self._lock:
                    self.acknowledged.add(cards[0]["uuid"])

    def _noted(self, replica: Target, kind: str, path: str, body: Any) -> tuple[int, Any]:
        seconds = int(time.time())
        claims = {"iss": ISSUER, "aud": BASE + path, "iat": seconds, "exp": seconds + 300, "jti": str(uuid4())}
        token = {"Authorization": f"Bearer {by_pyjwt(header(), claims)}"}
        began = time.monotonic()
        status, content = 0, {}
        with suppress(OSError, HTTPException):
            status, content = replica.ask("POST", path, body, token)
        with self._lock:
            self.notes.append(Noted(replica.number, kind, began, time.monotonic(), status))
        return status, content
