"""The servers of a run: the service with each store, the bare views, and services of others."""

from __future__ import annotations

import json
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from gunicorn.config import Config

from cds_service.web.limits import needed_threads
from tests.benchmarks import as_installed
from tests.benchmarks.bodies import USUAL, Case
from tests.benchmarks.load import Measured, Plan, run
from tests.benchmarks.processes import ROOT, Memory, Process, Processors, busy_seconds, free_port, pinned
from tests.builders.store_records import ENCRYPTION_KEY, PSEUDONYM_KEY
from tests.builders.tokens import DROP, by_pyjwt, claims, header, jwk

BARE, GUNICORN = "(a) bare Flask view, our server", "(b) bare Flask view, gunicorn gthread"
SERVICE = "rls-cds, SQLite"
_BASE = "https://cds.example.org"
_ISSUER = "https://ehr.example.org/fhir"
#: The product's server replaces a worker after 20,000 requests; a measurement should not meet that.
_WORN = 15_000
#: The most tokens that are signed for one load, and how many seconds they live.
_MOST_TOKENS, _TOKEN_LIFE = 20_000, 800


@dataclass(frozen=True, slots=True)
class Load:
    """What one load measured.

    processor_seconds   of the server, for each call that was answered, be it refused
    taken               the share of the server's processor that others took meanwhile
    """

    measured: Measured
    processor_seconds: float
    taken: float = 0.0


@dataclass(slots=True)
class Server:
    """One server that may be started and loaded; `command` gets the port.

    tokens   calls bear a fresh token each
    path     where its service lies, if not at the address of ours
    """

    name: str
    command: Callable[[int], Sequence[str]]
    folder: Path
    processors: Processors
    environ: Mapping[str, str] = field(default_factory=dict)
    tokens: bool = False
    path: Callable[[Case], str] = lambda case: case.path
    port: int = 0
    _process: Process | None = None
    _sent: int = 0
    _rate: float = 200.0

    def start(self, today: date) -> float:
        """Start the server and return after how many seconds it gave its first card."""
        self.port, self._sent = free_port(), 0
        body = USUAL.bodies(today)[:1]
        log = self.folder / f"{''.join(filter(str.isalnum, self.name))}.log"
        environ = as_installed.environment(self.environ)
        self._process = Process(self.command(self.port), environ, log, self.processors.serving)
        return self._process.wait_for(lambda: self._answers(body))

    def _answers(self, body: tuple[str, ...]) -> bool:
        try:
            plan = Plan(self.port, self.path(USUAL), body, seconds=0.0, tokens=self._signed(USUAL, 1))
            return run_once(plan)
        except OSError:
            return False

    def restart_if_worn(self, today: date) -> None:
        """Start anew before the worker is replaced in the midst of a load."""
        if self._sent > _WORN:
            self.stop()
            self.start(today)

    def load(self, case: Case, bodies: tuple[str, ...], connections: int, seconds: float) -> Load:
        """Load the server from the other processor."""
        wanted = min(_MOST_TOKENS, int(self._rate * seconds * 1.5) + 100)
        plan = Plan(self.port, self.path(case), bodies, connections, seconds, self._signed(case, wanted))
        began, busy = time.monotonic(), busy_seconds(self.processors.serving)
        before = self.process.processor_seconds()
        measured = loaded(plan, self.processors.loading)
        spent = self.process.processor_seconds() - before
        taken = (busy_seconds(self.processors.serving) - busy - spent) / (time.monotonic() - began)
        self._sent += measured.answered
        self._rate = max(self._rate, measured.per_second)
        return Load(measured, spent / max(1, measured.answered), max(0.0, taken))

    def memory(self) -> Memory:
        """Return the memory of the worker."""
        return self.process.memory_of_worker()

    @property
    def process(self) -> Process:
        """Return the running process."""
        if self._process is None:
            raise ValueError(f"{self.name} has not been started")
        return self._process

    def stop(self) -> None:
        """End the server."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def _signed(self, case: Case, count: int) -> tuple[str, ...]:
        """Sign tokens before they are needed, each with an id of its own."""
        if not self.tokens:
            return ()
        now = int(time.time())
        head = header(kid="bench", jku=DROP)
        about: dict[str, Any] = {"iss": _ISSUER, "aud": f"{_BASE}{case.path}", "iat": now, "exp": now + _TOKEN_LIFE}
        return tuple(by_pyjwt(head, claims(**about)) for _ in range(count))


def run_once(plan: Plan) -> bool:
    """Send one call, and return whether the answer is a card."""
    one = Plan(plan.port, plan.path, plan.bodies, seconds=0.001, tokens=plan.tokens)
    return run(one).calls > 0


def loaded(plan: Plan, processor: int) -> Measured:
    """Run a plan in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.load"]
    generator = Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True, preexec_fn=pinned(processor))
    written, _ = generator.communicate(json.dumps(asdict(plan)))
    return Measured(**json.loads(written))


def service(
    name: str, folder: Path, processors: Processors, *, store: str | None = None, tokens: bool = False
) -> Server:
    """Return the service as it runs in production: one worker, metrics on, each answer recorded and logged.

    `store` is the address of its database; None: SQLite in a file of its own.
    """
    place = folder / "".join(filter(str.isalnum, name))
    place.mkdir()
    return Server(
        name,
        lambda port: [
            *as_installed.python("from cds_service.cli import main; main()"),
            *("serve", "--config", str(settings_file(place, port, store=store, tokens=tokens))),
        ],
        folder,
        processors,
        {"MALLOC_ARENA_MAX": "1"},  # as Dockerfile and deploy/rls-cds.service have it
        tokens=tokens,
    )


def bare_on_our_server(folder: Path, processors: Processors) -> Server:
    """Return the bare view on the server of the product."""
    place = folder / "bare"
    place.mkdir()
    return Server(
        BARE,
        lambda port: [
            *as_installed.python("from tests.benchmarks.bare import main; main()"),
            str(settings_file(place, port, store="")),
        ],
        folder,
        processors,
    )


def bare_on_gunicorn(folder: Path, processors: Processors) -> Server:
    """Return the bare view on gunicorn with as many threads as the product has."""

    def command(port: int) -> list[str]:
        found = [sys.executable, "-m", "gunicorn", "-k", "gthread", "-w", "1", "-b", f"127.0.0.1:{port}"]
        found += ["--threads", str(needed_threads(16)), "--keep-alive", "5", "--log-level", "error"]
        if "control_socket_disable" in Config().settings:  # gunicorn 25.1 and later
            found.append("--no-control-socket")
        return [*found, "tests.benchmarks.bare:app"]

    return Server(GUNICORN, command, folder, processors)


def settings_file(place: Path, port: int, *, store: str | None = None, tokens: bool = False) -> Path:
    """Write the settings of one service and return the file."""
    lines = [f"port = {port}", "workers = 1", f'metrics_bind = "127.0.0.1:{free_port()}"']
    lines.append(f"data_folder = {json.dumps(str(place))}" if store is None else f"database_url = {json.dumps(store)}")
    if store or tokens:
        keys = {"pseudonym_key": PSEUDONYM_KEY, "encryption_key": ENCRYPTION_KEY}
        lines += [f'{name} = "{b64encode(key).decode()}"' for name, key in keys.items()]
    if tokens:
        members = ", ".join(f"{name} = {json.dumps(value)}" for name, value in jwk("p384", "bench").items())
        lines += [f'public_base = "{_BASE}"', "[clients.bench]", f'issuer = "{_ISSUER}"', f'fhir_base = "{_ISSUER}"']
        lines += [f"jwks_inline = {{ keys = [{{ {members} }}] }}", "calls_per_minute = 1000000"]
    file = place / "rls-cds.toml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file
