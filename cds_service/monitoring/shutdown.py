"""Shutdown flag shared with all worker processes."""

from __future__ import annotations

import mmap


class ShutdownFlag:
    """A flag in memory that is shared across a fork; create it before the workers are forked."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 1)

    def set(self) -> None:
        """Announce that the service is about to stop."""
        self._shared[0] = 1

    def faults(self) -> tuple[str, ...]:
        """Return the fault for /readyz once the flag is set, so that load balancers send no more calls."""
        return ("the service is shutting down",) if self._shared[0] else ()
