"""One point in time by which a call is answered; every wait inside the call is bounded by it."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """Seconds of the monotonic clock; made when the request came in."""

    started: float
    ends: float

    @classmethod
    def of(cls, started: float, seconds: float) -> Deadline:
        return cls(started, started + seconds)

    def left(self) -> float:
        """Seconds until the end, never below zero."""
        return max(0.0, self.ends - time.monotonic())

    def share_left(self) -> float:
        """The part of the whole budget that is still there, 0 to 1."""
        return self.left() / (self.ends - self.started) if self.ends > self.started else 0.0

    def before(self, seconds: float) -> Deadline:
        """The same with an earlier end, to leave time for what comes after; at least a tenth of the time stays."""
        latest = self.started + (self.ends - self.started) / 10
        return Deadline(self.started, max(self.ends - seconds, latest))
