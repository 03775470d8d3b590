"""Location of an SQLite store: its file, and whether the file system is suitable."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from cds_service.store.databases.faults import BadStore, NetworkFileSystem

if TYPE_CHECKING:
    from sqlalchemy import URL

_NETWORK = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "coda", "fuse.ceph", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs"}
    | {"glusterfs", "gfs2", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "smb3", "smbfs", "vboxsf"}
)
#: Connections that each worker opens to PostgreSQL at most; it keeps half of them.
CONNECTIONS_OF_A_WORKER = 16
_PORTS = range(1, 65536)
_BAD_PORT = "write the port in the address of the store as a number from 1 to 65535"


def sqlite_path(url: str | None, data_folder: Path | None) -> Path:
    """Return the file that `url` names, or `rls-cds.sqlite` in `data_folder` or the platform's data folder.

    Raises `BadStore` for a store in memory or a malformed address.
    """
    if url is None:
        return (data_folder or _platform_folder()) / "rls-cds.sqlite"
    name = url.removeprefix("sqlite://").partition("?")[0]
    if name in ("", "/", "/:memory:"):
        raise BadStore("the store cannot be kept in memory; write sqlite:///path/to/file, or leave it empty for none")
    if not name.startswith("/"):
        raise BadStore("write the address of the store as sqlite:///relative/path or sqlite:////absolute/path")
    path = Path(name.removeprefix("/"))
    if not path.name:
        raise BadStore("the address of the store names a folder; write sqlite:///path/to/file")
    return path


def server_address(url: str) -> URL:
    """Parse a PostgreSQL address. Raises `BadStore`, without repeating the address, if it is malformed."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        address = make_url(url)
    except ArgumentError:
        raise BadStore("write the address of the store as postgresql://user:password@host:5432/name") from None
    except ValueError:  # a port that is no number
        raise BadStore(_BAD_PORT) from None
    if address.port is not None and address.port not in _PORTS:
        raise BadStore(_BAD_PORT)
    return address


def _platform_folder() -> Path:
    from platformdirs import user_data_path

    return user_data_path("rls-cds", appauthor=False)


def prepare_folder(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> None:
    """Create the folder of `path`, private to the user. Raises `NetworkFileSystem` if it is on another machine."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    kind = _file_system(path.parent.resolve(), mounts)
    if kind in _NETWORK:
        raise NetworkFileSystem(
            f"{path} lies on a network file system ({kind}), where SQLite may lose data: "
            "use a local disk, or PostgreSQL for several machines"
        )


def _file_system(folder: Path, mounts: Path) -> str:
    """Return the type of the file system that holds `folder`, or "" if the system does not say."""
    if not mounts.exists():
        return ""
    longest, kind = -1, ""
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:
            continue
        mount_point = Path(fields[4].replace("\\040", " "))
        if folder.is_relative_to(mount_point) and len(mount_point.parts) >= longest:
            longest, kind = len(mount_point.parts), after.split()[0]
    return kind


def create_file(path: Path) -> None:
    """Create an SQLite file that only this user can read, in write-ahead log mode (which the file keeps)."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    with closing(sqlite3.connect(path, timeout=5)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
