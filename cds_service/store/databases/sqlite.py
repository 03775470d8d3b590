"""SQLite: one writer at a time, a busy handler that ends with the call, and a watch on the identity of the file."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event

from cds_service.store.databases.database import UNHURRIED, Database, held, seconds_left, translate_errors
from cds_service.store.databases.faults import StoreUnavailable

#: More than the threads of a worker, so that nobody waits for a connection.
_CONNECTIONS = 64


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """The file that a path named when the store was opened."""

    path: Path
    device: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> FileIdentity:
        """Return the identity of an existing file."""
        found = path.stat()
        return cls(path, found.st_dev, found.st_ino)

    def check(self) -> None:
        """Raise `StoreUnavailable` if the path names no file or another one: what is written now would be lost."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            raise StoreUnavailable(
                "the file of the store was removed while in use: put it back and restart the service"
            ) from None
        if (found.st_dev, found.st_ino) != (self.device, self.inode):
            raise StoreUnavailable("the file of the store was replaced while in use: restart the service")


class SqliteDatabase(Database):
    """An SQLite file."""

    def __init__(self, path: Path, *, synchronous: str) -> None:
        """`synchronous` is FULL where nothing acknowledged may be lost even in a power failure, else NORMAL."""
        super().__init__(_engine(path, synchronous), _CONNECTIONS)
        self._file = FileIdentity.of(path)
        self._write_lock = threading.Lock()

    @contextmanager
    def writing(self, ends: float | None = None) -> Iterator[Connection]:
        # One lock of this process beside that of the file: a lock is fairer than SQLite's busy handler.
        one_writer = held(self._write_lock, ends, "the store is busy")
        with translate_errors(), one_writer, self._connected("BEGIN IMMEDIATE", ends) as connection:
            yield connection
            self._commit(connection)

    @contextmanager
    def reading(self, ends: float | None = None) -> Iterator[Connection]:
        with translate_errors(), self._connected("BEGIN", ends) as connection:
            yield connection

    @contextmanager
    def _connected(self, begin: str, ends: float | None) -> Iterator[Connection]:
        self._file.check()
        slot = held(self._slots, ends, "no connection to the store came free in time")
        with slot, self._engine.connect() as connection:
            connection.begin()
            driver = connection.connection.driver_connection
            if not isinstance(driver, sqlite3.Connection):
                raise TypeError("the connection is not one of SQLite")
            driver.execute(f"PRAGMA busy_timeout={max(1, int(seconds_left(ends) * 1000))}")
            driver.execute(begin)
            yield connection

    @contextmanager
    def committing(self, connection: Connection) -> Iterator[None]:
        yield
        self._commit(connection)

    def _commit(self, connection: Connection) -> None:
        if connection.in_transaction():
            self._file.check()
            connection.commit()


def _engine(path: Path, synchronous: str) -> Engine:
    """Create an engine for an existing SQLite file; a missing file is an error and is not replaced by an empty one."""

    def connect() -> sqlite3.Connection:
        address = f"{path.resolve().as_uri()}?mode=rw"
        return sqlite3.connect(address, uri=True, timeout=UNHURRIED, check_same_thread=False)

    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        creator=connect,
        hide_parameters=True,
        pool_size=8,
        max_overflow=_CONNECTIONS - 8,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun explicitly, in `_connected`
        for setting in (f"synchronous={synchronous}", "trusted_schema=OFF"):
            connection.execute(f"PRAGMA {setting}")

    return engine
