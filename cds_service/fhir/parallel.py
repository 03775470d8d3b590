"""Run several reads at once within one deadline, and cancel those that are not done by then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager

from cds_service.fhir.transport import CancellableConnection
from cds_service.web.deadline import Deadline

#: The most reads at once for one call (contract section 3, reliability DOS-7).
MOST_AT_ONCE = 12
#: How many seconds a call waits for free slots; after that a read counts as failed. Nothing ever queues.
_SLOT_TIMEOUT = 0.02
#: How many seconds cancelled reads get to end.
_GRACE = 0.01

Job = Callable[[CancellableConnection], None]


class ReadPool:
    """A bounded pool of threads for reads; one serves the whole process."""

    def __init__(self, size: int) -> None:
        self._slots = threading.BoundedSemaphore(size)
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="fhir")

    def close(self) -> None:
        """Stop the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    @contextmanager
    def batch(self, new_connection: Callable[[], CancellableConnection], deadline: Deadline) -> Iterator[ReadBatch]:
        """Open the batch of reads of one call; reads that still run at its end are cancelled."""
        batch = ReadBatch(self, new_connection, deadline)
        try:
            yield batch
        finally:
            batch.end()

    def acquire_slot(self, seconds: float) -> bool:
        """Take a slot, waiting up to `seconds`, and return whether one was free."""
        return self._slots.acquire(timeout=seconds)

    def submit(self, job: Job, connection: CancellableConnection) -> Future[None]:
        """Run a job on a slot that was acquired; the slot is freed when the job ends."""

        def work() -> None:
            try:
                job(connection)
            finally:
                self._slots.release()

        return self._threads.submit(work)


class ReadBatch:
    """The reads of one call; a completed job may lead to further ones."""

    def __init__(self, pool: ReadPool, new_connection: Callable[[], CancellableConnection], deadline: Deadline) -> None:
        self._pool, self._new_connection, self._deadline = pool, new_connection, deadline
        self._slot_deadline = time.monotonic() + _SLOT_TIMEOUT
        self._waiting: dict[str, Job] = {}
        self._running: dict[Future[None], tuple[str, CancellableConnection]] = {}

    def add(self, name: str, job: Job) -> None:
        """Queue a job under a name."""
        self._waiting[name] = job

    def cancel(self, name: str) -> None:
        """Cancel a job that is no longer needed."""
        self._waiting.pop(name, None)
        for future in [future for future, (each, _) in self._running.items() if each == name]:
            self._running.pop(future)[1].cancel()

    def completed(self) -> Iterator[str]:
        """Yield the name of each job as it ends, until none is left, none can start, or the deadline has passed."""
        while self._waiting or self._running:
            self._start_waiting()
            done, _ = wait(self._running, self._deadline.left(), FIRST_COMPLETED) if self._running else (set(), None)
            if not done:
                return
            for future in done:
                if future in self._running:  # not cancelled meanwhile
                    future.result()
                    yield self._running.pop(future)[0]

    def _start_waiting(self) -> None:
        while self._waiting and len(self._running) < MOST_AT_ONCE and self._acquire_slot():
            name = next(iter(self._waiting))
            connection = self._new_connection()
            self._running[self._pool.submit(self._waiting.pop(name), connection)] = (name, connection)

    def _acquire_slot(self) -> bool:
        return self._pool.acquire_slot(max(0.0, min(self._slot_deadline - time.monotonic(), self._deadline.left())))

    def end(self) -> None:
        """Cancel every job that still runs."""
        for _, connection in self._running.values():
            connection.cancel()
        if self._running:
            wait(self._running, _GRACE)
