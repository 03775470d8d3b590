"""Periodic tasks run at the start, at their interval, and again after a failure."""

from __future__ import annotations

import threading

from cds_service.monitoring.scheduler import PeriodicTask, Scheduler
from tests.builders.monitored import log_read_back


def test_each_task_runs_at_the_start_and_at_its_interval() -> None:
    often, seldom, done = [], [], threading.Event()

    def work() -> None:
        often.append(1)
        if len(often) == 5:
            done.set()

    tasks = Scheduler(
        [PeriodicTask("often", 0.001, work), PeriodicTask("seldom", 3600, lambda: seldom.append(1))], lambda name: None
    )
    tasks.start()
    assert done.wait(10)
    tasks.stop()
    assert seldom == [1]


def test_a_task_may_wait_for_the_first_calls() -> None:
    runs, done = [], threading.Event()
    tasks = Scheduler(
        [
            PeriodicTask("settled", 3600, lambda: runs.append("settled"), after=3600),
            PeriodicTask("soon", 3600, lambda: (runs.append("soon"), done.set()), after=0.01),
        ],
        lambda name: None,
    )
    tasks.start()
    assert done.wait(10)
    tasks.stop()
    assert runs == ["soon"]


def test_a_failing_task_is_reported_without_its_message_and_runs_again() -> None:
    tries, failed, done = [], [], threading.Event()

    def work() -> None:
        tries.append(1)
        if len(tries) == 3:
            done.set()
        raise ValueError("CANARY-in-an-exception")

    with log_read_back() as log:
        tasks = Scheduler([PeriodicTask("fragile", 0.001, work)], failed.append)
        tasks.start()
        assert done.wait(10)
        tasks.stop()
    assert failed[:3] == ["fragile"] * 3
    assert "ValueError" in log.getvalue() and "CANARY" not in log.getvalue()


def test_a_task_that_runs_first_is_over_when_start_returns() -> None:
    runs: list[str] = []
    tasks = Scheduler(
        [
            PeriodicTask("waits", 3600, lambda: runs.append(threading.current_thread().name)),
            PeriodicTask("first", 3600, lambda: runs.append("first"), runs_first=True),
        ],
        lambda name: None,
    )
    tasks.start()
    assert runs[0] == "first"
    tasks.stop()
    assert runs.count("first") == 1 and set(runs) <= {"first", "tasks"}


def test_stop_ends_the_thread_and_is_harmless_before_start() -> None:
    tasks = Scheduler([PeriodicTask("idle", 3600, lambda: None)], lambda name: None)
    tasks.stop()
    tasks = Scheduler([PeriodicTask("idle", 3600, lambda: None)], lambda name: None)
    tasks.start()
    tasks.stop()
    assert not tasks._thread.is_alive()
