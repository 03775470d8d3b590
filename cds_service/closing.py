"""The word that the service is about to stop, spoken in one process and heard in all its children."""

from __future__ import annotations

import mmap


class Closing:
    """A flag in memory that is shared over a fork. To be made before the workers are."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 1)

    def announce(self) -> None:
        self._shared[0] = 1

    def faults(self) -> tuple[str, ...]:
        """For /readyz: load balancers are to send nothing more."""
        return ("the service is shutting down",) if self._shared[0] else ()
