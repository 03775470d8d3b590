"""The time by which a call must be answered, which bounds every wait inside it, and the computing that it may do."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from cds_service.web.errors import TooCostly

#: Tells how many seconds of CPU the current thread has used.
CpuClock = Callable[[], float]
#: Seconds that a call may use whatever its deadline, since the first calls of a process make what all others use.
_LEAST_CPU = 1.0


@dataclass(frozen=True, slots=True)
class Deadline:
    """A time limit in seconds of the monotonic clock, counted from the arrival of the request."""

    started: float
    ends: float

    @classmethod
    def of(cls, started: float, seconds: float) -> Deadline:
        """Return the deadline `seconds` after `started`."""
        return cls(started, started + seconds)

    def left(self) -> float:
        """Return the seconds that are left, never below zero."""
        return max(0.0, self.ends - time.monotonic())

    def fraction_left(self) -> float:
        """Return the fraction of the time that is left, from 0 to 1."""
        return self.left() / (self.ends - self.started) if self.ends > self.started else 0.0

    def before(self, seconds: float) -> Deadline:
        """Return a deadline `seconds` earlier, to leave time for what follows; at least a tenth of the time remains."""
        latest = self.started + (self.ends - self.started) / 10
        return Deadline(self.started, max(self.ends - seconds, latest))


@dataclass(frozen=True, slots=True)
class CpuBudget:
    """The CPU time that a call may use in its thread: as many seconds as its client waits, at least one.

    Waiting uses none, so that a busy machine refuses nobody whose answer is merely late; who has used more has made
    the client wait longer than that in any case. It is checked between the stages of a call, each of which is bounded.
    """

    ends: float
    clock: CpuClock = time.thread_time

    @classmethod
    def of(cls, started: float, seconds: float, clock: CpuClock) -> Self:
        """Return the budget of `seconds` since `started` on the clock, at least one second."""
        return cls(started + max(seconds, _LEAST_CPU), clock)

    def check(self, stage: str) -> None:
        """Raise `TooCostly` if it is used up by the end of a stage, named in the words of the log."""
        if self.clock() > self.ends:
            raise TooCostly(stage)
