"""Several reads at a time, all inside one deadline; whatever is not done by then is cut off."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from cds_service.deadline import Deadline
from cds_service.fhir.wire import Wire

T = TypeVar("T")

#: Reads at a time for one call (product.md section 3).
MOST_AT_ONCE = 7
#: How long a call waits for a free slot; then the key counts as unreadable. Nothing ever queues.
_PATIENCE = 0.02
#: What is cut off gets so long to hand over the pages it has.
_GRACE = 0.01


class Crew:
    """A bounded set of threads that read. One crew serves the whole process."""

    def __init__(self, size: int) -> None:
        self._slots = threading.BoundedSemaphore(size)
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="fhir")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def read_all(
        self, jobs: Mapping[str, Callable[[Wire], T]], new_wire: Callable[[], Wire], deadline: Deadline
    ) -> dict[str, T]:
        """What each job answered, by name; a job without an answer in time, or without a slot, is left out."""
        waiting, running, done = list(jobs.items()), _Running[T](), dict[str, T]()
        patience = time.monotonic() + _PATIENCE
        try:
            while waiting or running:
                while waiting and len(running) < MOST_AT_ONCE and self._has_slot(patience, deadline):
                    name, job = waiting.pop(0)
                    self._start(name, job, new_wire(), running)
                if not running:
                    break
                finished = running.finished(deadline.left())
                if not finished:
                    break
                done.update(finished)
        finally:
            running.cut()
        return done | running.finished_by_now(_GRACE)

    def _has_slot(self, patience: float, deadline: Deadline) -> bool:
        left = max(0.0, min(patience - time.monotonic(), deadline.left()))
        return self._slots.acquire(timeout=left)

    def _start(self, name: str, job: Callable[[Wire], T], wire: Wire, running: _Running[T]) -> None:
        def work() -> T:
            try:
                return job(wire)
            finally:
                self._slots.release()

        running.add(name, wire, self._threads.submit(work))


class _Running(dict["Future[T]", tuple[str, Wire]]):
    """The reads that are on their way."""

    def add(self, name: str, wire: Wire, future: Future[T]) -> None:
        self[future] = (name, wire)

    def finished(self, timeout: float) -> dict[str, T]:
        done, _ = wait(self, timeout, FIRST_COMPLETED)
        return {self.pop(future)[0]: future.result() for future in done}

    def finished_by_now(self, grace: float) -> dict[str, T]:
        done, _ = wait(self, grace) if self else (set(), None)
        return {self.pop(future)[0]: future.result() for future in done}

    def cut(self) -> None:
        for _, wire in self.values():
            wire.cut()
