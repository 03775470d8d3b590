"""Leaves a FHIR server alone for a while after it has failed several calls in a row."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Breaker:
    """Opens after `limit` failed calls in a row; `pause` seconds later lets one call try, and closes if it succeeds.

    A call counts once however many reads it made, so that one slow moment of a server is not seven failures.
    """

    def __init__(self, limit: int = 5, pause: float = 10.0, now: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._pause, self._now = limit, pause, now
        self._lock = threading.Lock()
        self._failures = 0
        self._next_trial = 0.0

    def allows(self) -> bool:
        """Whether a call may read now; while it is open, true once per pause (the trial)."""
        with self._lock:
            if self._failures < self._limit:
                return True
            if self._now() < self._next_trial:
                return False
            self._next_trial = self._now() + self._pause
            return True

    @property
    def is_open(self) -> bool:
        """The server is left alone, but for trials."""
        return self._failures >= self._limit

    def succeeded(self) -> None:
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        with self._lock:
            self._failures += 1
            self._next_trial = self._now() + self._pause
