"""Connections: SQLite as it must be set to lose nothing, PostgreSQL, and their faults in our words."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, make_url

from cds_service.store.faults import BadStore, StoreError, StoreFull, StoreReadOnly, StoreUnavailable

_WAIT_SECONDS = 5
_SQLITE_FULL = 13
_SQLITE_READ_ONLY = 8
#: busy, locked, input-output error, corrupt, cannot open, lock protocol, not a database
_SQLITE_FAILING = frozenset({5, 6, 10, 11, 14, 15, 26})
#: classes of SQLSTATE: connection, rollback, resources, object state, operator intervention, system error
_POSTGRES_FAILING = frozenset({"08", "40", "53", "55", "57", "58"})


class Database:
    """One database. `writing` and `reading` give a connection inside a transaction and speak in `StoreError`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._snapshots = engine.execution_options(reads_only=True)
        if not self.is_sqlite:
            self._snapshots = engine.execution_options(isolation_level="REPEATABLE READ")
        self._turn = threading.Lock()
        _forget_connections_after_fork(engine)

    @property
    def is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is durable when the block has ended, and undone when it raises."""
        with our_faults(), self._one_writer(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        """SQLite has one writer at a time. Waiting here is fair; waiting in its busy handler is not."""
        if not self.is_sqlite:
            yield
            return
        if not self._turn.acquire(timeout=_WAIT_SECONDS):
            raise StoreUnavailable("the store is busy")
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One unchanging view of the database."""
        with our_faults(), self._snapshots.begin() as connection:
            yield connection

    def close(self) -> None:
        self._engine.dispose()


def _forget_connections_after_fork(engine: Engine) -> None:
    """A connection must not be shared with a child process; the child opens its own."""
    seen = weakref.ref(engine)

    def forget() -> None:
        if (engine := seen()) is not None:
            engine.dispose(close=False)

    os.register_at_fork(after_in_child=forget)


def sqlite_engine(path: Path, *, synchronous: str) -> Engine:
    """`synchronous`: FULL where nothing acknowledged may be lost, even when the power goes; else NORMAL.

    The file must be there: one that was taken away is a fault, not a reason to begin an empty one.
    """

    def connect() -> sqlite3.Connection:
        address = f"{path.resolve().as_uri()}?mode=rw"
        return sqlite3.connect(address, uri=True, timeout=_WAIT_SECONDS, check_same_thread=False)

    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        creator=connect,
        hide_parameters=True,
        pool_size=8,
        max_overflow=56,
        pool_timeout=_WAIT_SECONDS,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # so that we say ourselves how a transaction begins
        for setting in (f"busy_timeout={_WAIT_SECONDS * 1000}", f"synchronous={synchronous}", "trusted_schema=OFF"):
            connection.execute(f"PRAGMA {setting}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reads_only = connection.get_execution_options().get("reads_only", False)
        connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")

    return engine


def postgres_engine(url: str) -> Engine:
    address = make_url(url).set(drivername="postgresql+psycopg")
    try:
        engine = create_engine(
            address,
            connect_args={"connect_timeout": _WAIT_SECONDS},
            hide_parameters=True,
            pool_size=8,
            max_overflow=8,
            pool_timeout=_WAIT_SECONDS,
            pool_pre_ping=True,
        )
    except ModuleNotFoundError:
        raise BadStore("PostgreSQL needs the driver psycopg: pip install 'rls-cds[postgres]'") from None

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        cursor = connection.cursor()
        # a commit must be on the disk before it is acknowledged, whatever the server's default is
        for setting in ("synchronous_commit = on", f"statement_timeout = {_WAIT_SECONDS * 1000}"):
            cursor.execute(f"SET {setting}")
        connection.commit()
        cursor.close()

    return engine


@contextmanager
def our_faults() -> Iterator[None]:
    """Turn a database library's fault into ours, without its words: they may hold values."""
    try:
        yield
    except exc.TimeoutError:
        raise StoreUnavailable("no connection to the store came free in time") from None
    except (exc.DBAPIError, sqlite3.Error, OSError) as error:
        fault = _fault_of(error)
        if fault is None:
            raise
        raise fault from None


def _fault_of(error: exc.DBAPIError | sqlite3.Error | OSError) -> StoreError | None:
    """Our fault for it, or None where it is an error in our program."""
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
    if state in ("25006", "42501"):
        return StoreReadOnly("the store may not be written")
    if state is None and isinstance(error, exc.OperationalError | exc.InterfaceError):
        return StoreUnavailable("the store cannot be reached")
    if state and state[:2] in _POSTGRES_FAILING:
        return StoreUnavailable("the store is busy or going down")
    return None
