"""Every silent fault is told within a week, by its cause and first day, and chance raises few alarms.

Each fault is put between a client and the real application after seven weeks of calls. The long form prints how many
days each took: pytest -m full -s tests/simulation/test_silent_faults.py
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cds_service.config.client import Client
from cds_service.monitoring.sentinel import FALSE_ALARMS, Alarm, changes
from tests.builders.monitored import NORTH, START, Harness, start_harness
from tests.fakes.fault_server import Line, answer, fault_server
from tests.simulation.faults import AUTHORIZATION, FAULTS, HALF, QUICK, Fault
from tests.simulation.flow import Flow, Way

#: Days of calls before a fault, and days within which it is to be told if it touches so many calls a day.
BEFORE, WITHIN, TOUCHED = 49, 7, 20
#: The fault begins on a Wednesday, so that a weekend lies within its week.
_BEGINS = BEFORE + 2
_A_DAY = 70
_CLIENT = NORTH
#: From this day on there are days to judge, and a week to compare them with.
_FIRST_JUDGED = 35
_BEGUN = START.date() + timedelta(days=_BEGINS)


@dataclass
class Told:
    """When and by what a fault was told, and how many calls it touched."""

    fault: Fault
    lived: int = 0
    alarm: Alarm | None = None
    touched: int = 0
    others: list[Alarm] = field(default_factory=list)

    @property
    def a_day(self) -> float:
        """Return how many calls the fault touched on a weekday."""
        weekdays = sum(_BEGUN.weekday() + day in range(5) or _BEGUN.weekday() + day > 6 for day in range(self.lived))
        return self.touched / weekdays

    @property
    def line(self) -> str:
        name, told = f"{self.fault.name:<50}{self.a_day:6.0f} calls a day", self.alarm
        if told is None:
            return f"{name}  not told in {self.lived} days; others: {[f'{e.subject} {e.cause}' for e in self.others]}"
        off = (told.first_bad_day - _BEGUN).days
        return f"{name}  {self.lived} days  {told.subject} {told.cause}, first day {off:+d}, {told.calls} calls touched"

    def fault_of_telling(self) -> str:
        """Return what is wrong with how it was told, or nothing; of few calls nothing is asked."""
        if self.alarm is None:
            return self.line if self.a_day >= TOUCHED else ""
        return "" if abs((self.alarm.first_bad_day - _BEGUN).days) <= 2 else self.line


def midnight(day: int) -> datetime:
    """Return the first minutes after a day of the flow."""
    return datetime.combine(START.date() + timedelta(days=day + 1), datetime.min.time(), UTC) + timedelta(minutes=5)


@dataclass
class Weeks:
    """A client after seven undisturbed weeks: its store, its calls, and how they are sent."""

    folder: Path
    flow: Flow
    way: Way = lambda body: body

    @contextmanager
    def go_on(self, folder: Path, **changes: Any) -> Iterator[Harness]:
        shutil.copytree(self.folder, folder)
        with start_harness(folder, clients=(self.flow.client,), **changes) as harness:
            yield harness


def lived(folder: Path, client: Client, way: Way) -> Weeks:
    weeks = Weeks(folder, Flow(client, seed=19, a_day=_A_DAY, days=_BEGINS + WITHIN), way)
    with start_harness(folder, clients=(client,)) as harness:
        for day in range(_BEGINS):
            weeks.flow.live(harness, day, way)
        assert changes(harness.store, midnight(_BEGINS - 1)) == ()
    return weeks


@pytest.fixture(scope="module")
def weeks(tmp_path_factory: pytest.TempPathFactory) -> Weeks:
    return lived(tmp_path_factory.mktemp("weeks"), _CLIENT, lambda body: body)


@pytest.fixture(scope="module")
def weeks_of_reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weeks]:
    """Yield a client that sends no results: they are read from its server."""
    held: list[Any] = []

    def results(line: Line) -> None:
        answer(held[-1])(line)

    with fault_server(results) as server:

        def way(body: dict[str, Any]) -> dict[str, Any]:
            lists = dict(body["prefetch"])
            labs = lists.pop("labs")
            entries = labs["entry"]
            if body.get(HALF) and len(entries) > 1:
                link = {"relation": "next", "url": f"{server.address}/elsewhere"}
                labs = labs | {"entry": entries[: len(entries) // 2], "link": [link]}
            held[:] = [labs]
            sent = {"fhirServer": server.base, "fhirAuthorization": AUTHORIZATION} | body
            return {key: each for key, each in sent.items() if key != HALF} | {"prefetch": lists}

        client = replace(_CLIENT, fhir_base=server.base, allow_http=True, allowed_networks=("127.0.0.0/8",))
        yield lived(tmp_path_factory.mktemp("reading"), client, way)


def told(fault: Fault, weeks: Weeks, folder: Path) -> Told:
    """Let the calls of a week meet a fault, until it is told."""
    found = Told(fault)

    def way(body: dict[str, Any]) -> dict[str, Any] | None:
        found.touched += fault.is_touched(body)
        changed = fault.way(body)
        return None if changed is None else weeks.way(changed)

    folder.mkdir()
    with weeks.go_on(folder / "store", **fault.settings(folder)) as harness:
        for day in range(WITHIN):
            weeks.flow.live(harness, _BEGINS + day, way, answers=fault.answers)
            found.lived = day + 1
            alarms = changes(harness.store, midnight(_BEGINS + day))
            found.alarm = next((each for each in alarms if each.subject in fault.seen_in), None)
            found.others = [each for each in alarms if each.subject not in fault.seen_in]
            if found.alarm:
                break
    return found


@pytest.mark.parametrize("fault", QUICK, ids=lambda fault: fault.name)
def test_a_silent_fault_is_told_within_a_week(fault: Fault, weeks: Weeks, tmp_path: Path) -> None:
    found = told(fault, weeks, tmp_path / "fault")
    print(found.line)
    assert found.fault_of_telling() == ""


@pytest.mark.full
def test_the_delays_of_all_faults(weeks: Weeks, weeks_of_reading: Weeks, tmp_path: Path) -> None:
    found = []
    for number, fault in enumerate(FAULTS):
        found.append(told(fault, weeks_of_reading if fault.is_read else weeks, tmp_path / str(number)))
        print(found[-1].line, flush=True)
    assert len(found) >= 20
    assert [each.fault_of_telling() for each in found if each.fault_of_telling()] == []


def live_undisturbed(harness: Harness, flows: list[Flow], days: int) -> Counter[tuple[str, str, str]]:
    """Return every alarm that was raised over the calls of several clients; it is looked for twice a week."""
    found: Counter[tuple[str, str, str]] = Counter()
    for day in range(days):
        for flow in flows:
            flow.live(harness, day, lambda body: body)
        if day >= _FIRST_JUDGED and day % 7 in (0, 3):
            found.update((each.client, each.subject, each.cause) for each in changes(harness.store, midnight(day)))
    return found


def days_until_told(harness: Harness, silent: Flow, others: list[Flow], begins: int) -> int | None:
    """Return after how many days it is told that one client calls no more while the others go on."""
    for day in range(begins, begins + WITHIN):
        for flow in others:
            flow.live(harness, day, lambda body: body)
        told = {each.client for each in changes(harness.store, midnight(day)) if each.subject == "calls"}
        if told:
            assert told == {silent.client.name}
            return day - begins + 1
    return None


@pytest.mark.parametrize(
    ("clients", "a_day", "days"),
    [
        pytest.param(1, 20, 63, id="quick"),
        pytest.param(20, 30, 112, id="twenty clients", marks=pytest.mark.full),
    ],
)
def test_chance_raises_few_alarms_and_a_silent_client_is_told(
    tmp_path: Path, clients: int, a_day: int, days: int
) -> None:
    names = [replace(_CLIENT, name=f"client-{n}", issuer=f"https://client-{n}.example.org") for n in range(clients)]
    flows = [Flow(client, seed, a_day, days + WITHIN) for seed, client in enumerate(names)]
    with start_harness(tmp_path, clients=tuple(names)) as harness:
        found = live_undisturbed(harness, flows, days)
        told = days_until_told(harness, flows[0], flows[1:], days)
    months = clients * (days - _FIRST_JUDGED) / 28
    print(f"{len(found)} false alarms in {months:.0f} months of a client: {sorted(found)}")
    print(f"one of {clients} clients silent: told after {told} days")
    assert len(found) <= FALSE_ALARMS * months
    assert told is not None
