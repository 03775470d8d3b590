"""Limit how many calls run at once; further calls are refused, so that not all become late (reliability DOS-6)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cds_service.web.errors import Overloaded
from cds_service.web.json_reader import MEBIBYTE

#: Bodies above 1 MiB that are held at once (reliability DOS-3), and how many seconds the next one waits.
_LARGE_AT_ONCE = 4
_LARGE_TIMEOUT = 0.25


#: How long feedback waits for a slot, in seconds: EHRs do not send it again.
_FEEDBACK_TIMEOUT = 2.0


class ConcurrencyLimit:
    """A number of slots; a call that gets none within `timeout` seconds is refused with `Overloaded`.

    At most `waiting` calls wait at once, since each holds a thread; None: any number. `name` says in the log what the
    slots are for.
    """

    def __init__(self, name: str, slots: int, timeout: float = 0.0, waiting: int | None = None) -> None:
        self._name = name
        self._slots = threading.BoundedSemaphore(slots)
        self._timeout = timeout
        self._places = None if waiting is None else threading.BoundedSemaphore(slots + waiting)

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold a slot, or raise `Overloaded`."""
        with self._place():
            if not self._slots.acquire(timeout=self._timeout):
                raise self._full()
            try:
                yield
            finally:
                self._slots.release()

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._places is None:
            yield
            return
        if not self._places.acquire(blocking=False):
            raise self._full()
        try:
            yield
        finally:
            self._places.release()

    def refuse_if_full(self) -> None:
        """Raise `Overloaded` if no slot is free, without taking one; for use before costly checks."""
        if not self._slots.acquire(blocking=False):
            raise self._full()
        self._slots.release()

    def _full(self) -> Overloaded:
        refusal = Overloaded()
        refusal.reason = f"all slots for {self._name} are taken"
        return refusal


def feedback_slots(max_inflight: int) -> int:
    """Return how many feedback calls are handled at once in a worker that answers `max_inflight` hook calls."""
    return max(2, max_inflight // 4)


def needed_threads(max_inflight: int) -> int:
    """Return the threads of a worker: for calls, for feedback that waits, and for those that are refused or probe."""
    return max_inflight + feedback_slots(max_inflight) + max_inflight + 8


class ConcurrencyLimits:
    """The limits of one worker.

    Feedback has its own slots and waits for one: feedback that is refused is lost, while a card is asked for again.
    """

    def __init__(self, max_inflight: int) -> None:
        self.hooks = ConcurrencyLimit("hook calls", max_inflight)
        self.feedback = ConcurrencyLimit("feedback", feedback_slots(max_inflight), _FEEDBACK_TIMEOUT, max_inflight)
        self._large = ConcurrencyLimit("bodies above 1 MiB", _LARGE_AT_ONCE, _LARGE_TIMEOUT)

    @contextmanager
    def large_body_slot(self, raw: bytes) -> Iterator[None]:
        """Hold a slot for a body above 1 MiB; smaller bodies need none."""
        if len(raw) <= MEBIBYTE:
            yield
            return
        with self._large.slot():
            yield
