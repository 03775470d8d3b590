"""Where the store lies: from the address to a file, and whether that file may hold it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from cds_service.store.faults import BadStore, NetworkFileSystem

_NETWORK = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "coda", "fuse.ceph", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs"}
    | {"glusterfs", "gfs2", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "smb3", "smbfs", "vboxsf"}
)


def sqlite_path(url: str | None, data_folder: Path | None) -> Path:
    """The file that `url` names; without one, `rls-cds.sqlite` in `data_folder` or the platform's data folder."""
    if url is None:
        return (data_folder or _platform_folder()) / "rls-cds.sqlite"
    name = url.removeprefix("sqlite://").partition("?")[0]
    if name in ("", "/", "/:memory:"):
        raise BadStore("the store cannot be kept in memory; write sqlite:///path/to/file, or leave it empty for none")
    if not name.startswith("/"):
        raise BadStore("write the address of the store as sqlite:///relative/path or sqlite:////absolute/path")
    return Path(name.removeprefix("/"))


def _platform_folder() -> Path:
    from platformdirs import user_data_path

    return user_data_path("rls-cds", appauthor=False)


def prepare_folder(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> None:
    """Make the folder of `path` (private to the user) and refuse one that lies on another machine."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    kind = _file_system(path.parent.resolve(), mounts)
    if kind in _NETWORK:
        raise NetworkFileSystem(
            f"{path} lies on a network file system ({kind}), where SQLite may lose data: "
            "use a local disk, or PostgreSQL for several machines"
        )


def _file_system(folder: Path, mounts: Path) -> str:
    """The kind of file system that holds `folder`, or "" where the system does not tell."""
    if not mounts.exists():
        return ""
    best, kind = -1, ""
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:
            continue
        place = Path(fields[4].replace("\\040", " "))
        if folder.is_relative_to(place) and len(place.parts) >= best:
            best, kind = len(place.parts), after.split()[0]
    return kind


def make_file(path: Path) -> None:
    """An SQLite file that only this user can read, with a write-ahead log (a lasting property of the file)."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    with closing(sqlite3.connect(path, timeout=5)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
