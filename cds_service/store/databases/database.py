"""A database of the store: transactions that end in time, and the translation of errors."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, Table, exc

from cds_service.store.databases.faults import (
    StoreBusy,
    StoreError,
    StoreFull,
    StoreReadOnly,
    StoreSlow,
    StoreUnavailable,
)

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

#: How many seconds work may take for which nobody waits: commands, retention, the start.
UNHURRIED = 5.0
NOT_IN_TIME = "the store did not answer in time"
_SQLITE_FULL = 13
_SQLITE_READ_ONLY = 8
#: Busy, locked, input-output error, corrupt, cannot open, lock protocol, not a database.
_SQLITE_FAILING = frozenset({5, 6, 10, 11, 14, 15, 26})
#: Classes of SQLSTATE: connection, rollback, resources, object state, operator intervention, system error.
_POSTGRES_FAILING = frozenset({"08", "40", "53", "55", "57", "58"})
#: The server ended a statement, or a transaction that stood still or went on, for too long.
_POSTGRES_ENDED = frozenset({"57014", "25P03", "25P04"})


class ChainMoved(Exception):
    """Another process appended to the audit chain first; nothing was committed, and the block may be repeated."""


class Database(ABC):
    """One database.

    `writing` and `reading` open a transaction and raise only `StoreError`. Times are seconds of the monotonic clock:
    every wait inside a transaction is over at `ends`.
    """

    def __init__(self, engine: Engine, connections: int) -> None:
        self._engine = engine
        self._slots = threading.BoundedSemaphore(connections)
        self._turn = threading.Lock()
        _forget_connections_after_fork(self)

    @property
    def is_sqlite(self) -> bool:
        """Return whether the database is SQLite."""
        return self._engine.dialect.name == "sqlite"

    @abstractmethod
    def writing(self, ends: float | None = None) -> AbstractContextManager[Connection]:
        """Run the block in a transaction that is committed durably at its end and rolled back if it raises."""

    @abstractmethod
    def reading(self, ends: float | None = None) -> AbstractContextManager[Connection]:
        """Run the block in a transaction that sees one consistent snapshot; without `ends` it may take minutes."""

    @abstractmethod
    def committing(self, connection: Connection) -> AbstractContextManager[None]:
        """Commit at the end of the block, so that no lock that the block takes ever waits for this process.

        Statements of the block return nothing, and none follows the block in its transaction. Where one sets a column
        to NULL that must not be, the block alone is undone, and `ChainMoved` is raised.
        """

    def turn(self, ends: float | None) -> AbstractContextManager[None]:
        """Hold the turn of this process at the end of the audit chain: one thread at a time, the others wait."""
        return held(self._turn, ends, "the store is busy")

    @contextmanager
    def _slot(self, ends: float | None) -> Iterator[None]:
        with held(self._slots, ends, "no connection to the store came free in time"):
            yield

    def forget_connections(self) -> None:
        """Drop inherited connections in a forked child, which must open its own."""
        self._engine.dispose(close=False)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def seconds_left(ends: float | None) -> float:
    """Return the seconds until `ends`, never below zero; `UNHURRIED` without an end."""
    return UNHURRIED if ends is None else max(0.0, ends - time.monotonic())


@contextmanager
def held(lock: threading.Lock | threading.Semaphore, ends: float | None, fault: str) -> Iterator[None]:
    """Hold a lock for the block. Raises `StoreUnavailable` with `fault` if it does not come free in time."""
    if not lock.acquire(timeout=seconds_left(ends)):
        raise StoreUnavailable(fault)
    try:
        yield
    finally:
        lock.release()


def insert_into(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT that can say what becomes of a conflict, as a database has it; the other's is not loaded."""
    if dialect == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)


def _forget_connections_after_fork(database: Database) -> None:
    seen = weakref.ref(database)

    def forget() -> None:
        if (database := seen()) is not None:
            database.forget_connections()

    os.register_at_fork(after_in_child=forget)


@contextmanager
def translate_errors() -> Iterator[None]:
    """Translate database errors into `StoreError`, dropping the library's message, which may hold values."""
    try:
        yield
    except exc.TimeoutError:
        raise StoreUnavailable("no connection to the store came free in time") from None
    except (exc.DBAPIError, sqlite3.Error, OSError) as error:
        translated = _translated(error)
        if translated is None:
            raise
        raise translated from None


def _translated(error: exc.DBAPIError | sqlite3.Error | OSError) -> StoreError | None:
    """Return the matching `StoreError`, or None if the error is a bug of this program."""
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    if isinstance(cause, OSError):
        return _file_fault(cause.errno)
    if isinstance(cause, sqlite3.Error):
        return _sqlite_fault(getattr(cause, "sqlite_errorcode", 0) & 0xFF)
    return _postgres_fault(getattr(cause, "sqlstate", None), error)


def _file_fault(number: int | None) -> StoreError:
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreFull("the disk of the store is full")
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StoreReadOnly("the store may not be written")
    return StoreUnavailable("the file of the store cannot be reached")


def _sqlite_fault(code: int) -> StoreError | None:
    if code == _SQLITE_FULL:
        return StoreFull("the disk of the store is full")
    if code == _SQLITE_READ_ONLY:
        return StoreReadOnly("the store may not be written")
    if code in _SQLITE_FAILING:
        return StoreUnavailable("the store is busy or cannot be read")
    return None


def _postgres_fault(state: str | None, error: Exception) -> StoreError | None:
    if state == "53100":
        return StoreFull("the disk of the store is full")
    if state == "55P03":
        return StoreBusy("the store is busy")
    if state in ("25006", "42501"):
        return StoreReadOnly("the store may not be written")
    if state is None and isinstance(error, exc.OperationalError | exc.InterfaceError):
        return StoreSlow(NOT_IN_TIME) if _is_late(error) else StoreUnavailable("the connection to the store was lost")
    if state in _POSTGRES_ENDED:
        return StoreSlow(NOT_IN_TIME)
    if state and state[:2] in _POSTGRES_FAILING:
        return StoreUnavailable("the store is busy or going down")
    return None


def _is_late(error: exc.DBAPIError) -> bool:
    return bool(getattr(error.orig, "is_late", False))
