"""How many calls are worked on at a time; one more is turned away at once, so that not all are late (DOS-6)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cds_service.body import MEBIBYTE
from cds_service.errors import Overloaded

#: Bodies above 1 MiB that are parsed and held at a time (DOS-3), and how long a further one waits.
_LARGE_AT_ONCE = 4
_PATIENCE = 0.25


class Lane:
    """A number of places. `patience` seconds is how long a call waits for one before it is `Overloaded`."""

    def __init__(self, places: int, patience: float = 0.0) -> None:
        self._places = threading.BoundedSemaphore(places)
        self._patience = patience

    @contextmanager
    def place(self) -> Iterator[None]:
        if not self._places.acquire(timeout=self._patience):
            raise Overloaded
        try:
            yield
        finally:
            self._places.release()

    def refuse_if_full(self) -> None:
        """Raise `Overloaded` where there is no place just now; take none. Before whatever else a call costs."""
        if not self._places.acquire(blocking=False):
            raise Overloaded
        self._places.release()


class Lanes:
    """Feedback has places of its own: a lost feedback is lost for ever, a card comes again."""

    def __init__(self, max_inflight: int) -> None:
        self.hooks = Lane(max_inflight)
        self.feedback = Lane(max(2, max_inflight // 4))
        self._large = Lane(_LARGE_AT_ONCE, _PATIENCE)

    @contextmanager
    def room_for(self, raw: bytes) -> Iterator[None]:
        """Hold a large body only while there is room for it."""
        if len(raw) <= MEBIBYTE:
            yield
            return
        with self._large.place():
            yield
