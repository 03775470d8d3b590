"""Run periodic tasks in one background thread of a worker, one at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cds_service.store.databases.faults import StoreError
from cds_service.web.log import log, log_bug

_AFTER_FAILURE = 60.0


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """A task that first runs `after` seconds after the start, and then every `seconds`.

    With `runs_first` its first run is over before `Scheduler.start` returns.
    """

    name: str
    seconds: float
    work: Callable[[], object]
    runs_first: bool = False
    after: float = 0.0


class Scheduler:
    """Runs periodic tasks in a thread; a task that fails is reported and runs again a minute later at the latest."""

    def __init__(self, tasks: Iterable[PeriodicTask], on_failure: Callable[[str], None]) -> None:
        """`on_failure` is called with the name of a task that raised."""
        self._tasks, self._on_failure = tuple(tasks), on_failure
        self._due: dict[str, float] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tasks", daemon=True)

    def start(self) -> None:
        """Run the tasks that run first, then start the thread."""
        now = time.monotonic()
        self._due = {each.name: now + (self._run_task(each) if each.runs_first else each.after) for each in self._tasks}
        self._thread.start()

    def stop(self) -> None:
        """Stop after the running task, waiting up to 10 seconds for it."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def _run(self) -> None:
        while not self._stopped.is_set():
            for each in self._tasks:
                if self._due[each.name] <= time.monotonic() and not self._stopped.is_set():
                    self._due[each.name] = time.monotonic() + self._run_task(each)
            self._stopped.wait(max(0.0, min(self._due.values()) - time.monotonic()))

    def _run_task(self, each: PeriodicTask) -> float:
        """Run a task and return in how many seconds it is due again."""
        try:
            each.work()
        except StoreError as fault:
            log("task failed", logging.WARNING, reason=str(fault))
            self._on_failure(each.name)
            return min(each.seconds, _AFTER_FAILURE)
        except Exception as fault:  # noqa: BLE001 - the outermost edge of this thread; the next round must come
            log_bug(fault, "")
            self._on_failure(each.name)
            return min(each.seconds, _AFTER_FAILURE)
        return each.seconds
