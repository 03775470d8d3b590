"""A circuit breaker: stop reading a FHIR server for a while after several failed calls in a row."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class CircuitBreaker:
    """Opens after `limit` failed calls in a row; after `pause` seconds one call may try, and closes it on success.

    A call counts once however many reads it makes, so that one slow moment of a server is not seven failures.
    """

    def __init__(self, limit: int = 5, pause: float = 10.0, now: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._pause, self._now = limit, pause, now
        self._lock = threading.Lock()
        self._failures = 0
        self._next_trial = 0.0

    def allows(self) -> bool:
        """Return whether a call may read now; while the breaker is open, True once per pause."""
        with self._lock:
            if self._failures < self._limit:
                return True
            if self._now() < self._next_trial:
                return False
            self._next_trial = self._now() + self._pause
            return True

    @property
    def is_open(self) -> bool:
        """Return whether the breaker is open."""
        return self._failures >= self._limit

    def succeeded(self) -> None:
        """Record a call that got an answer."""
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        """Record a call that got none."""
        with self._lock:
            self._failures += 1
            self._next_trial = self._now() + self._pause
