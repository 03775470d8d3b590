"""A worker, a replica or the whole database that stands still, and a store that goes away: nobody else waits for it.

Two replicas with two workers each share one PostgreSQL server. The quick form takes each fault once, with a tolerance
of half a second, since a test machine has other work; what it looks for are waits of many seconds. The long form:
pytest -m full -s tests/integration/server/test_freezes.py
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.builders.components import missing
from tests.integration.server.replicas import DEADLINE, Cluster, Load, Noted, cluster, wait_until
from tests.integration.store.postgres import NoPostgres, running_postgres

pytestmark = pytest.mark.postgres


@dataclass(frozen=True, slots=True)
class Form:
    """How long and how strictly the suite runs."""

    rounds: int
    frozen_seconds: float
    per_second: float
    tolerance: float


FORMS = [
    pytest.param(Form(1, 3.0, 12, 0.5), id="quick"),
    pytest.param(Form(8, 20.0, 20, 0.02), id="long", marks=pytest.mark.full),
]
#: How many seconds the living may take to say what they cannot do, and everybody to be of full service after the cure.
_TRUTH, _FULL_SERVICE = 2.0, 5.0


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Cluster]:
    try:
        with running_postgres() as server, cluster(tmp_path, server) as made:
            made.start()
            made.start()
            yield made
    except NoPostgres as reason:
        missing(str(reason))


@contextmanager
def frozen(*pids: int) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def late(notes: list[Noted], form: Form, living: set[int]) -> list[Noted]:
    """Return the calls of living replicas that ended after the promise; feedback may wait two seconds for a slot."""
    longest = {"call": DEADLINE + form.tolerance, "feedback": 2.0 + DEADLINE + form.tolerance}
    return [note for note in notes if note.replica in living and note.seconds > longest[note.kind]]


def told(notes: list[Noted]) -> str:
    counts = Counter((note.replica, note.kind, note.status) for note in notes)
    slowest = max((note.seconds for note in notes), default=0.0)
    return f"{dict(sorted(counts.items()))}, slowest {slowest:.3f} s"


def served_again(made: Cluster, load: Load) -> None:
    """Wait until every replica is ready and answers calls and feedback."""
    began = time.monotonic()

    def all_serve() -> bool:
        fresh = {(note.replica, note.kind) for note in load.notes if note.status == 200 and note.began > began}
        return len(fresh) == 2 * len(made.replicas) and all(replica.is_ready() for replica in made.replicas)

    seconds = wait_until(all_serve, lambda: told(load.notes[-100:]), _FULL_SERVICE * 4)
    assert seconds < _FULL_SERVICE * 2, seconds
    print(f"full service after {seconds:.2f} s")


def kept(made: Cluster, load: Load) -> None:
    assert load.acknowledged
    assert made.lost(load.acknowledged) == set()
    assert made.audit_faults() == ()
    print(f"{len(load.acknowledged)} feedback acknowledged, none lost; {told(load.notes)}")


def _one_worker(made: Cluster) -> tuple[int, ...]:
    return (made.replicas[0].workers()[0],)


def _whole_replica(made: Cluster) -> tuple[int, ...]:
    return (made.replicas[0].process.pid, *made.replicas[0].workers())


def test_a_replica_that_starts_beside_a_slow_database_takes_calls_once_it_can_answer_them(two: Cluster) -> None:
    with two.server.frozen():
        replica = two.start(wait=False)
        # Its workers, too, have waited in vain.
        wait_until(lambda: replica.log.read_text().count("store not opened") >= 2, lambda: replica.log.read_text())
    statuses = set[int]()
    while 200 not in statuses:
        statuses.add(replica.readiness()[0])
    assert 503 not in statuses, replica.log.read_text()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("victims", [_one_worker, _whole_replica])
def test_others_go_on_beside_a_frozen_process(
    two: Cluster, form: Form, victims: Callable[[Cluster], tuple[int, ...]]
) -> None:
    with Load(two.replicas, form.per_second) as load:
        wait_until(lambda: load.served() > 5)
        for _ in range(form.rounds):
            with frozen(*victims(two)):
                began, ended = load.for_seconds(form.frozen_seconds)
                assert two.replicas[1].is_ready()
            served_again(two, load)
            during = [note for note in load.notes if began <= note.began and note.ended <= ended]
            living = [note for note in during if note.replica == 1]
            assert late(load.notes, form, {1}) == []
            # Those that were under way when a lock was held may be refused; the server ends that lock soon after.
            refused = [note for note in living if note.status != 200 and note.began > began + DEADLINE]
            assert living and not refused, told(during)
            print(told(during))
    kept(two, load)


@pytest.mark.parametrize("form", FORMS)
def test_calls_are_refused_in_time_while_the_database_stands_still(two: Cluster, form: Form) -> None:
    with Load(two.replicas, form.per_second) as load:
        wait_until(lambda: load.served() > 5)
        for _ in range(form.rounds):
            with two.server.frozen():
                began, _ = load.for_seconds(0.1)
                took = wait_until(lambda: all(one.readiness()[0] == 503 for one in two.replicas))
                assert took < _TRUTH * 2, took
                _, ended = load.for_seconds(form.frozen_seconds)
                assert all("store" in one.readiness()[1] for one in two.replicas)
            served_again(two, load)
            during = [note for note in load.notes if began <= note.began and note.ended <= ended]
            assert {note.status for note in during} == {503}, told(during)
            assert late(load.notes, form, {0, 1}) == []
            print(told(during))
    kept(two, load)


@pytest.mark.parametrize("form", FORMS)
def test_a_worker_that_dies_without_the_store_is_replaced_and_serves_again(two: Cluster, form: Form) -> None:
    with Load(two.replicas, form.per_second) as load:
        wait_until(lambda: load.served() > 5)
        for _ in range(form.rounds):
            two.server.stop()
            before = two.replicas[0].workers()
            os.kill(before[0], signal.SIGKILL)
            wait_until(lambda old=before: len(set(two.replicas[0].workers()) - set(old)) == 1)
            wait_until(lambda: all(one.readiness()[0] == 503 for one in two.replicas))
            began, ended = load.for_seconds(form.frozen_seconds)
            reasons = {one.readiness()[1] for one in two.replicas}
            assert all("nothing listens at the host and port" in reason for reason in reasons), reasons
            two.server.start()
            served_again(two, load)
            during = [note for note in load.notes if began <= note.began and note.ended <= ended]
            assert {note.status for note in during} == {503}, told(during)
            assert late(load.notes, form, {1}) == []
            print(told(during))
    kept(two, load)


def test_a_replica_starts_without_the_store_and_connects_when_it_is_there(two: Cluster) -> None:
    two.server.stop()
    third = two.start(wait=False)
    wait_until(lambda: third.readiness()[0] == 503)
    assert third.readiness()[1].startswith("store: nothing listens at the host and port in database_url")
    two.server.start()
    wait_until(third.is_ready)
    with Load([third], 10) as load:
        wait_until(lambda: len(load.acknowledged) > 3)
    kept(two, load)
    assert "Calls are answered 503 until it is there." in third.log.read_text()


def test_many_probers_never_meet_an_error(two: Cluster) -> None:
    """Eight probers of two replicas for a while: every answer is that of a replica that is ready."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        found = Counter(pool.map(lambda number: two.replicas[number % 2].readiness(), range(200)))
    assert found == {(200, ""): 200}
