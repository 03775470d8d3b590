"""Group commit: records that wait for a commit share it.

A commit waits for the disk, and while it waits more records come. One thread of the process takes all that have come
and writes them in one transaction; each caller waits for its own.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from cds_service.store.databases.database import NOT_IN_TIME, UNHURRIED
from cds_service.store.databases.faults import StoreError, StoreUnavailable

Record = TypeVar("Record")

#: Records of one transaction: one that many wait for must not grow without end.
_MOST = 64


@dataclass(eq=False, slots=True)
class _Waiting(Generic[Record]):
    """A record that a caller waits for until `ends`, in seconds of the monotonic clock."""

    record: Record
    ends: float
    done: threading.Event = field(default_factory=threading.Event)
    fault: Exception | None = None


class GroupCommit(Generic[Record]):
    """Writes records in a thread of its own, which starts with the first one."""

    def __init__(self, write: Callable[[Sequence[Record], float], None]) -> None:
        """`write` writes records in one transaction that is over at a time of the monotonic clock."""
        self._write = write
        self._begin()
        _begin_anew_after_fork(self)

    def _begin(self) -> None:
        self._queue: deque[_Waiting[Record]] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, record: Record, ends: float | None) -> None:
        """Write a record and return once it is durable.

        Raises what `write` raises, and `StoreUnavailable` if it has not returned at `ends`; the record may then have
        been written, which the caller must not acknowledge.
        """
        waiting = _Waiting(record, time.monotonic() + UNHURRIED if ends is None else ends)
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="group commit", daemon=True)
                self._thread.start()
            self._queue.append(waiting)
            self._changed.notify()
        if not waiting.done.wait(max(0.0, waiting.ends - time.monotonic())):
            with self._changed:
                if waiting in self._queue:
                    self._queue.remove(waiting)
            raise StoreUnavailable(NOT_IN_TIME)
        if waiting.fault is not None:
            raise waiting.fault

    def close(self) -> None:
        """Write what waits, and end the thread; another record would start a new one."""
        with self._changed:
            thread, self._thread = self._thread, None
            self._changed.notify()
        if thread is not None:
            thread.join(UNHURRIED)

    def _run(self) -> None:
        while batch := self._next():
            self._write_together(batch)
            for each in batch:
                each.done.set()

    def _next(self) -> list[_Waiting[Record]]:
        """Return the records that wait, as soon as there are any; none at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._thread is not threading.current_thread())
            return [self._queue.popleft() for _ in range(min(len(self._queue), _MOST))]

    def _write_together(self, batch: Sequence[_Waiting[Record]]) -> None:
        try:
            self._write([each.record for each in batch], max(each.ends for each in batch))
        except StoreError as fault:
            for each in batch:
                each.fault = type(fault)(str(fault))
        except Exception as fault:  # noqa: BLE001 - the outermost edge of this thread; the caller raises it again
            if len(batch) == 1:
                batch[0].fault = fault
                return
            for each in batch:  # one that cannot be written must not take the others with it
                self._write_together([each])


def _begin_anew_after_fork(committer: GroupCommit[Record]) -> None:
    """In a forked child there is no thread, and nobody waits."""
    seen = weakref.ref(committer)

    def begin() -> None:
        if (held := seen()) is not None:
            held._begin()

    os.register_at_fork(after_in_child=begin)
