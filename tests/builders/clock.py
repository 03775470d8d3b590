"""A clock for keys and rate limits."""

from __future__ import annotations


class Clock:
    """A clock that the test moves."""

    now = 50_000.0

    def __call__(self) -> float:
        return self.now
