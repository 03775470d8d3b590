"""One set of numbers for several worker processes: each writes files of its own, whoever is asked adds them up.

A worker has a place, 0 and up, and its files are named by the place. A new worker that takes the place of an old one
goes on counting where that one stopped, so that counters never fall and files never pile up.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

#: Where prometheus-client looks for the folder.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"


class WorkerPlaces:
    """Lives in the process that starts the workers. `begin`, `take`, `settle` and `leave` are gunicorn's hooks."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder` None makes a private one; a folder given is emptied of numbers at the start."""
        self.folder = folder or Path(tempfile.mkdtemp(prefix="rls-cds-metrics-"))
        self._is_ours = folder is None
        self._taken: dict[int, int] = {}
        #: in a worker, its place
        self.own = 0

    def begin(self, _arbiter: object = None) -> None:
        """Before any worker: forget the numbers of an earlier run."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._wipe()
        os.environ[FOLDER] = str(self.folder)

    def take(self, _arbiter: object, worker: Any) -> None:
        """Before a fork: the lowest free place is the worker's."""
        place = next(number for number in range(len(self._taken) + 1) if number not in self._taken.values())
        self._taken[worker.age] = place

    def settle(self, _arbiter: object, worker: Any) -> None:
        """In the new worker, before it makes any metric."""
        from prometheus_client import values

        self.own = place = self._taken[worker.age]
        values.ValueClass = values.MultiProcessValue(lambda: place)  # type: ignore[no-untyped-call]

    def leave(self, _arbiter: object, worker: Any) -> None:
        """A worker has ended, however: its place is free, and what was true only while it lived is gone."""
        from prometheus_client.multiprocess import mark_process_dead

        place = self._taken.pop(worker.age, None)
        if place is not None:
            mark_process_dead(place, str(self.folder))  # type: ignore[no-untyped-call]

    def end(self, _arbiter: object = None) -> None:
        self._wipe()
        if self._is_ours:
            self.folder.rmdir()

    def _wipe(self) -> None:
        for file in self.folder.glob("*.db"):
            file.unlink()


def registry_of_all() -> CollectorRegistry:
    """The numbers of all workers together; to be called in any of them."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def render_all() -> bytes:
    """The same as text."""
    return render(registry_of_all())


def render(registry: CollectorRegistry) -> bytes:
    """The numbers of one registry as text."""
    from prometheus_client import generate_latest

    return generate_latest(registry)
