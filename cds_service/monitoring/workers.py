"""Metrics shared by several worker processes: each writes its own files, and any of them can add up all.

The files of a worker are named by its index, which counts from 0. A new worker that takes over the index of an old
one continues its counts, so that counters never fall and files never pile up.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

#: The environment variable in which prometheus-client looks for the folder.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_PREFIX = "rls-cds-metrics-"
_LOCK = "lock"


class WorkerIndexes:
    """Assigns an index to every worker process; its methods are gunicorn's server hooks of the same names."""

    def __init__(self, folder: Path | None = None) -> None:
        """Without a `folder` a private one is made; files of an earlier run are removed from it.

        Private folders of services that were killed are removed.
        """
        if folder is None:
            remove_abandoned_folders(Path(tempfile.gettempdir()))
        self.folder = folder or Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._is_ours = folder is None
        self._lock = _held_lock(self.folder) if self._is_ours else None
        self._taken: dict[int, int] = {}
        #: The index of the current worker.
        self.current = 0

    def on_starting(self, _arbiter: object = None) -> None:
        """Create the folder and remove the files of an earlier run, before any worker starts."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._wipe()
        os.environ[FOLDER] = str(self.folder)
        # Imported here because gunicorn before 24 calls `child_exit` in a signal handler, where the end of another
        # worker may interrupt it, and a half-done import cannot be started again.
        import prometheus_client.multiprocess  # noqa: F401

    def pre_fork(self, _arbiter: object, worker: Any) -> None:
        """Assign the lowest free index to a worker that is about to be forked."""
        taken = set(self._taken.values())
        self._taken[worker.age] = next(number for number in range(len(taken) + 1) if number not in taken)

    def post_fork(self, _arbiter: object, worker: Any) -> None:
        """Set up the files of this worker; gunicorn calls it before any metric exists."""
        from prometheus_client import values

        self.current = index = self._taken[worker.age]
        values.ValueClass = values.MultiProcessValue(lambda: index)  # type: ignore[no-untyped-call]

    def child_exit(self, _arbiter: object, worker: Any) -> None:
        """Free the index of a worker that ended, and drop its gauges."""
        from prometheus_client.multiprocess import mark_process_dead

        index = self._taken.pop(worker.age, None)
        if index is not None:
            mark_process_dead(index, str(self.folder))  # type: ignore[no-untyped-call]

    def on_exit(self, _arbiter: object = None) -> None:
        """Remove the files, and the folder if it is private."""
        self._wipe()
        if self._lock is not None:
            (self.folder / _LOCK).unlink(missing_ok=True)
            os.close(self._lock)
            self.folder.rmdir()

    def _wipe(self) -> None:
        for file in self.folder.glob("*.db"):
            file.unlink()


def _held_lock(folder: Path) -> int:
    """Lock a file in the folder for as long as this process or one of its workers lives, and return its descriptor."""
    draft = folder / f"{_LOCK}.new"
    handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    draft.rename(folder / _LOCK)  # it is never seen before it is locked
    return handle


def remove_abandoned_folders(parent: Path) -> None:
    """Remove the private folders of services that ended without doing so; those of running ones are locked."""
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                continue
            handle = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
        except OSError:  # gone meanwhile, or still being made
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # in use
            continue
        else:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(handle)


def registry_of_all() -> CollectorRegistry:
    """Return a registry with the metrics of all workers; any worker may call it."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def render_all() -> bytes:
    """Render the metrics of all workers in the text format of Prometheus."""
    return render(registry_of_all())


def render(registry: CollectorRegistry) -> bytes:
    """Render one registry in the text format of Prometheus."""
    from prometheus_client import generate_latest

    return generate_latest(registry)
