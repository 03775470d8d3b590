"""Measure section by section: in process, over sockets, cold start, reads of a FHIR server, parts of a call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from cds_service.store import upgrade
from tests.benchmarks import fallback
from tests.benchmarks.bodies import USUAL, Case
from tests.benchmarks.figures import Figure
from tests.benchmarks.load import Measured
from tests.benchmarks.others import NotHere, express, granian, healthchain
from tests.benchmarks.parts import Part, table
from tests.benchmarks.processes import ROOT, Memory, NotStarted, Processors, pinned
from tests.benchmarks.servers import (
    BARE,
    GUNICORN,
    SERVICE,
    Load,
    Server,
    bare_on_gunicorn,
    bare_on_our_server,
    service,
    settings_file,
)
from tests.integration.store.conftest import postgres_settings
from tests.integration.store.postgres import NoPostgres, postgres_server

NO_STORE, POSTGRES, TOKENS = "rls-cds, no store", "rls-cds, PostgreSQL", "rls-cds, SQLite, ES384 tokens"
#: The short names of the baselines, as the columns of the table have them.
_SHORT = {BARE: "(a)", GUNICORN: "(b)"}
#: A load generator that is busier than this may be what limits the throughput.
_BUSY = 0.8
#: Others that take more of the server's processor than this make throughput and times worse than they are.
_TAKEN = 0.05


@dataclass(frozen=True, slots=True)
class Effort:
    """How long is measured: rounds, seconds of a load, seconds of a batch in process, and starts."""

    rounds: int = 5
    load: float = 2.0
    batch: float = 0.5
    starts: int = 5


THOROUGH, QUICK = Effort(), Effort(rounds=2, load=0.7, batch=0.2, starts=2)


@dataclass(slots=True)
class Run:
    """One run of the benchmarks."""

    folder: Path
    effort: Effort
    cases: tuple[Case, ...]
    has_others: bool
    processors: Processors = field(default_factory=Processors.of_this_machine)
    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    figures: list[Figure] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def say(self, what: str) -> None:
        """Show what is being done, and for how long this has been going on."""
        seconds = int(time.monotonic() - self.began)
        print(f"{seconds // 60:>3}:{seconds % 60:02}  {what}", file=sys.stderr, flush=True)

    def skip(self, what: str, why: object) -> None:
        """Note what is left out, and why."""
        self.skipped.append(f"{what}: {why}")
        self.say(f"skipped {self.skipped[-1]}")

    def in_process(self) -> None:
        """Measure the processor time of calls without a socket."""
        with self._postgres() as address:
            stores = {NO_STORE: "", SERVICE: None} | ({POSTGRES: address} if address else {})
            for name, store in stores.items():
                self.say(f"in process: {name}")
                cases = self.cases if name in (NO_STORE, SERVICE) else (USUAL,)
                found = self._measured_in_process(name, store, cases)
                for case in cases:
                    self._add_in_process(name, case, found[case.name])

    def _measured_in_process(self, name: str, store: str | None, cases: Sequence[Case]) -> dict[str, Any]:
        place = self._place(f"in process {name}")
        named = [part for case in cases for part in ("--case", case.name)]
        how = ["--rounds", str(self.effort.rounds), "--seconds", str(self.effort.batch)]
        found: dict[str, Any] = self._child("in_process", settings_file(place, 8080, store=store), *named, *how)
        return found

    def _add_in_process(self, name: str, case: Case, found: dict[str, list[float]]) -> None:
        against = {"the bare view in that process": found["bare"]}
        if name == NO_STORE:
            self.figures.append(Figure("CPU per call, in process", "bare Flask view", "ms", found["bare"], case.says))
        self.figures.append(Figure("CPU per call, in process", name, "ms", found["service"], case.says, against))

    def server(self) -> None:
        """Measure throughput, times, processor time and memory over sockets."""
        with ExitStack() as stack:
            address = stack.enter_context(self._postgres())
            plain = [bare_on_our_server(self.folder, self.processors), bare_on_gunicorn(self.folder, self.processors)]
            plain.append(service(SERVICE, self.folder, self.processors))
            special = [*self._stores_and_tokens(address), *self._others()] if USUAL in self.cases else []
            started = [each for each in (*plain, *special) if self._start(stack, each)]
            for case in self.cases:
                taking = started if case == USUAL else [each for each in started if each in plain]
                self._load(case, taking)
                if case == USUAL:
                    self._add_memory(started, case.says)
            if self.cases != (USUAL,):
                self._add_memory(started[: len(plain)], "after all bodies")

    def _stores_and_tokens(self, address: str | None) -> Iterator[Server]:
        """Give the service with other stores than the usual one, and with tokens."""
        yield service(NO_STORE, self.folder, self.processors, store="")
        yield service(TOKENS, self.folder, self.processors, tokens=True)
        if address:
            yield service(POSTGRES, self.folder, self.processors, store=address)

    def _others(self) -> Iterator[Server]:
        """Install the services and the server of others."""
        installers: tuple[tuple[str, Callable[[Path, Processors], Server | tuple[Server, ...]]], ...] = (
            ("HealthChain", healthchain),
            ("Express", express),
            ("granian", granian),
        )
        for name, install in installers if self.has_others else ():
            self.say(f"installing {name}")
            try:
                found = install(self.folder, self.processors)
            except NotHere as why:
                self.skip(name, why)
            else:
                yield from (found,) if isinstance(found, Server) else found

    def _start(self, stack: ExitStack, server: Server) -> bool:
        try:
            server.start(self.today)
        except NotStarted as why:
            if server.name in (*_SHORT, SERVICE):
                raise
            self.skip(server.name, why)
            return False
        stack.callback(server.stop)
        return True

    def _load(self, case: Case, servers: list[Server]) -> None:
        bodies = case.bodies(self.today)
        for connections in (1, 16) if case.most > 1 else (1,):
            loads: dict[str, list[Load]] = {each.name: [] for each in servers}
            for number in range(self.effort.rounds):
                self.say(f"{case.says}, {_many(connections)}, round {number + 1} of {self.effort.rounds}")
                for each in servers[:: -1 if number % 2 else 1]:
                    each.restart_if_worn(self.today)
                    loads[each.name].append(each.load(case, bodies, connections, self.effort.load))
            self._add_loads(case, connections, loads)

    def _add_loads(self, case: Case, connections: int, loads: dict[str, list[Load]]) -> None:
        many = _many(connections)
        measures: tuple[tuple[str, str, Callable[[Load], float]], ...] = (
            (f"throughput, {many}", "/s", lambda each: each.measured.per_second),
            (f"p50, {many}", "ms", lambda each: each.measured.p50),
            (f"p99, {many}", "ms", lambda each: each.measured.p99),
            (f"CPU per call, {many}", "ms", lambda each: 1000 * each.processor_seconds),
        )
        for measure, unit, of in measures:
            against = {short: [of(each) for each in loads[bare]] for bare, short in _SHORT.items()}
            for name, found in loads.items():
                values = [of(each) for each in found]
                self.figures.append(Figure(measure, name, unit, values, case.says, against, _doubts(found)))

    def _add_memory(self, servers: list[Server], after: str) -> None:
        found = {each.name: each.memory() for each in servers}
        measures: tuple[tuple[str, Callable[[Memory], int]], ...] = (
            ("memory of the worker, RSS", lambda each: each.resident),
            ("memory of the worker, PSS", lambda each: each.proportional),
        )
        for measure, of in measures:
            against = {short: [of(found[bare]) / 1e6] for bare, short in _SHORT.items()}
            for name, memory in found.items():
                self.figures.append(Figure(measure, name, "MB", [of(memory) / 1e6], after, against))

    def cold_start(self) -> None:
        """Measure the time from the command to the first card, with the store as it was left."""
        place = self._place("cold start")
        servers = [bare_on_our_server(place, self.processors), bare_on_gunicorn(place, self.processors)]
        servers += [service(SERVICE, place, self.processors), service(NO_STORE, place, self.processors, store="")]
        took: dict[str, list[tuple[float, float]]] = {each.name: [] for each in servers}
        for number in range(self.effort.starts + 1):
            self.say(f"cold start, {number} of {self.effort.starts}")
            for each in servers:
                seconds, processor_seconds = each.start(self.today), each.process.processor_seconds()
                each.stop()
                if number:  # the first one creates the store
                    took[each.name].append((seconds, processor_seconds))
        for index, measure in enumerate(("cold start to the first card", "cold start to the first card, CPU")):
            found = {name: [each[index] for each in starts] for name, starts in took.items()}
            against = {short: found[bare] for bare, short in _SHORT.items()}
            for name, values in found.items():
                self.figures.append(Figure(measure, name, "s", values, USUAL.says, against))

    def fallback(self) -> None:
        """Measure calls that read a FHIR server."""
        self.say("fallback: a slow FHIR server, and one that hangs")
        server = service(SERVICE, self._place("fallback"), self.processors)
        server.start(self.today)
        try:
            self.figures += fallback.figures(server, self.today, self.effort.load)
        finally:
            server.stop()

    def profile(self) -> None:
        """Print where the time of each call goes."""
        for case in self.cases:
            self.say(f"profile: {case.says}")
            file = settings_file(self._place(f"profile {case.name}"), 8080)
            parts = self._child("parts", file, "--case", case.name, "--seconds", str(4 * self.effort.batch))
            print(table(case.name, [Part(**each) for each in parts]), end="\n\n", flush=True)

    def _child(self, module: str, settings: Path, *arguments: str) -> Any:
        """Run a module of this folder on the processor of the servers, and return what it found."""
        done = subprocess.run(
            [sys.executable, "-m", f"tests.benchmarks.{module}", str(settings), *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            preexec_fn=pinned(self.processors.serving),
        )
        return json.loads(done.stdout)

    def _place(self, name: str) -> Path:
        place = self.folder / name.replace(" ", "-").replace(",", "")
        place.mkdir()
        return place

    @contextmanager
    def _postgres(self) -> Iterator[str | None]:
        """Start a private PostgreSQL, on the processor of the load, and give its address, or None without one."""
        with ExitStack() as stack:
            try:
                base = stack.enter_context(postgres_server())
            except NoPostgres as why:
                self.skip("PostgreSQL", why)
                yield None
                return
            address = f"{base}postgres"
            upgrade(postgres_settings(address))
            yield address


def _many(connections: int) -> str:
    return f"{connections} connections" if connections > 1 else "1 connection"


def _doubts(loads: Sequence[Load]) -> str:
    """Return what makes the figures of these loads doubtful."""
    measured: list[Measured] = [each.measured for each in loads]
    faults: dict[str, int] = {}
    for each in measured:
        for fault, number in each.faults.items():
            faults[fault] = faults.get(fault, 0) + number
    notes = [f"{number} x {fault}" for fault, number in sorted(faults.items())]
    if max(each.load_share for each in measured) > _BUSY:
        notes.append("the load generator is at its limit")
    taken = sum(each.taken for each in loads) / len(loads)
    if taken > _TAKEN:
        notes.append(f"others took {taken:.0%} of the processor")
    return ", ".join(notes)
