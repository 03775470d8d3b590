"""The state folder of a run: what is finished stays finished, and nothing is written twice.

Every step writes its file under another name and puts it in place when it is whole. A run that is started again with
the same question over the same files goes on with the steps that are missing; with another one it begins anew. The
folder holds patient data: it is readable by its owner alone, and goes when the run is over.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cds_service.offline.screening.export import BadExport

_FILE, _FOLDER = 0o600, 0o700


class State:
    """A state folder in use by this process."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
        self.folder = folder
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, _FILE)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise BadExport(
                f"{folder}: another run works with this folder; wait for it, or name another --out"
            ) from None
        _let_go_after_fork(self)

    def begin(self, run: dict[str, Any]) -> bool:
        """Begin or resume the run that this describes; return whether an earlier one is resumed."""
        if self.recorded() == run:
            return True
        for each in self.folder.iterdir():
            if each.is_dir():
                shutil.rmtree(each)
            elif each.name != "lock":
                each.unlink()
        write_private(self.folder / "run.json", json.dumps(run, sort_keys=True).encode())
        return False

    def recorded(self) -> dict[str, Any] | None:
        """Return the run that an earlier process began here, or None."""
        try:
            found = json.loads((self.folder / "run.json").read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def step(self, name: str) -> Path:
        """Return the folder of a step, without what an interrupted process left half written."""
        folder = self.folder / name
        folder.mkdir(mode=_FOLDER, exist_ok=True)
        for each in folder.glob("*.part"):
            each.unlink(missing_ok=True)
        return folder

    def keep(self, name: str, make: Callable[[], Iterable[str]]) -> Path:
        """Return a file of lines, made if it is not there yet."""
        path = self.folder / name
        if not path.exists():
            write_private(path, "".join(f"{line}\n" for line in make()).encode())
        return path

    def close(self, *, done: bool) -> None:
        """Give the folder back; when the run is done, remove it."""
        if done:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.let_go()

    def let_go(self) -> None:
        """Give up the lock, as far as this process holds it."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _let_go_after_fork(state: State) -> None:
    """A forked child must not hold the lock when its parent was killed: the run is to be resumed at once."""
    held = weakref.ref(state)

    def let_go() -> None:
        if (inherited := held()) is not None:
            inherited.let_go()

    os.register_at_fork(after_in_child=let_go)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # the name must not outlive a loss of power that the bytes do not
    part.replace(path)
