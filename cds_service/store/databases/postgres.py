"""PostgreSQL: connections whose every wait ends in time, and transactions that the server ends by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection, Engine, create_engine, event, exc, text

from cds_service.store.databases.connector import Connector
from cds_service.store.databases.database import ChainMoved, Database, translate_errors
from cds_service.store.databases.faults import BadStore
from cds_service.store.databases.location import CONNECTIONS_OF_A_WORKER, server_address

try:
    import psycopg

    from cds_service.store.databases.bounded_connection import BoundedConnection
except ModuleNotFoundError:
    raise BadStore("PostgreSQL needs the driver psycopg: pip install 'rls-cds[postgres]'") from None

_NOT_NULL_VIOLATION = "23502"
_BEFORE_COMMIT = "before_commit"
#: Seconds that a statement of the server may take in work without an end.
_LONGEST_STATEMENT = 30.0
#: Seconds for a rollback after the end of a call; a connection that needs longer is closed instead.
_ROLLBACK = 0.01
#: A commit must be on disk before it is acknowledged, whatever the server's default. Set for each transaction, so that
#: every limit lies below what is left of the call; as the first statement it also shows a connection that was lost.
_SET_LIMITS = text(
    "SELECT set_config('statement_timeout', :statement, true), set_config('lock_timeout', :lock, true),"
    " set_config('idle_in_transaction_session_timeout', :idle, true), set_config('synchronous_commit', 'on', true)"
)


@dataclass(frozen=True, slots=True)
class _Limits:
    """The limits of one transaction: the end for this process, and milliseconds for the server (0: none)."""

    ends: float | None
    statement: int
    lock: int
    idle: int

    @classmethod
    def until(cls, ends: float) -> _Limits:
        """Return limits a little below the time that is left, so that the server is heard before the end."""
        left = max(1, int(max(0.0, ends - time.monotonic()) * 900))
        return cls(ends, left, left, left)

    def as_text(self) -> dict[str, str]:
        """Return the parameters of `_SET_LIMITS`."""
        return {"statement": str(self.statement), "lock": str(self.lock), "idle": str(self.idle)}


#: An export or a verification may stand still while its reader is slow; it holds no lock of a row.
_READS_LONG = _Limits(None, int(_LONGEST_STATEMENT * 1000), 5000, 0)
_WRITES_LONG = _Limits(None, int(_LONGEST_STATEMENT * 1000), 5000, 5000)


class PostgresDatabase(Database):
    """A PostgreSQL database."""

    def __init__(self, url: str, shortest_call: float) -> None:
        """`shortest_call` is the shortest deadline of a client in seconds. Raises `BadStore` for a malformed `url`."""
        self._connector = Connector()
        super().__init__(_engine(url, shortest_call, self._connector), CONNECTIONS_OF_A_WORKER)
        self._snapshots = self._engine.execution_options(isolation_level="REPEATABLE READ")

    @contextmanager
    def writing(self, ends: float | None = None) -> Iterator[Connection]:
        limits = _WRITES_LONG if ends is None else _Limits.until(ends)
        with _translate_errors(), self._connected(self._engine, limits) as connection:
            yield connection
            connection.commit()

    @contextmanager
    def reading(self, ends: float | None = None) -> Iterator[Connection]:
        limits = _READS_LONG if ends is None else _Limits.until(ends)
        with _translate_errors(), self._connected(self._snapshots, limits) as connection:
            yield connection

    @contextmanager
    def committing(self, connection: Connection) -> Iterator[None]:
        driver = _driver(connection)
        fault: exc.DBAPIError | psycopg.Error | None = None
        try:
            with driver.pipeline():
                try:
                    driver.execute(f"SAVEPOINT {_BEFORE_COMMIT}")
                    yield
                    driver.commit()
                except (exc.DBAPIError, psycopg.Error) as error:
                    fault = error  # kept until the pipeline has ended, which would log it
        except psycopg.Error as error:
            fault = fault or error
        if fault is None:
            return
        if _state(fault) != _NOT_NULL_VIOLATION:
            raise _as_sqlalchemy(fault) from None
        driver.execute(f"ROLLBACK TO SAVEPOINT {_BEFORE_COMMIT}")
        raise ChainMoved from None

    @contextmanager
    def _connected(self, engine: Engine, limits: _Limits) -> Iterator[Connection]:
        with self._slot(limits.ends), self._connector.until(limits.ends):
            connection = _begun(engine, limits)
            try:
                yield connection
            finally:
                _give_back(connection)

    def close(self) -> None:
        super().close()
        self._connector.close()

    def forget_connections(self) -> None:
        super().forget_connections()
        self._connector.forget()


def _begun(engine: Engine, limits: _Limits) -> Connection:
    """Return a connection in a transaction with these limits; connections that were lost meanwhile are replaced."""
    lost = 0
    while True:
        connection = engine.connect()
        try:
            _driver(connection).ends = limits.ends
            connection.execute(_SET_LIMITS, limits.as_text())
        except exc.DBAPIError as error:
            connection.close()
            lost += 1
            is_over = limits.ends is not None and limits.ends <= time.monotonic()
            if not error.connection_invalidated or is_over or lost > CONNECTIONS_OF_A_WORKER:
                raise
        else:
            return connection


def _give_back(connection: Connection) -> None:
    """Return a connection to the pool without a transaction, or close it where that takes too long.

    SQLAlchemy does not roll back after a commit that failed; one that was sent with other statements needs it.
    """
    if not connection.invalidated:
        driver = _driver(connection)
        if driver.ends is not None:
            driver.ends = max(driver.ends, time.monotonic() + _ROLLBACK)
        try:
            driver.rollback()
        except psycopg.Error:
            connection.invalidate()
    connection.close()


def _driver(connection: Connection) -> BoundedConnection:
    return cast(BoundedConnection, connection.connection.driver_connection)


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Translate errors into `StoreError`, also those of the driver where SQLAlchemy was passed over."""
    with translate_errors():
        try:
            yield
        except psycopg.Error as error:
            raise _as_sqlalchemy(error) from None


def _state(error: exc.DBAPIError | psycopg.Error) -> str | None:
    """Return the SQLSTATE of an error, None if the server did not report it."""
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    return getattr(cause, "sqlstate", None)


def _as_sqlalchemy(error: exc.DBAPIError | psycopg.Error) -> exc.DBAPIError:
    """Return the error as SQLAlchemy raises it."""
    if isinstance(error, exc.DBAPIError):
        return error
    for base in type(error).__mro__:  # both name the classes of PEP 249 alike
        kind = getattr(exc, base.__name__, None)
        if isinstance(kind, type) and issubclass(kind, exc.DBAPIError):
            return kind(None, None, error)
    return exc.DBAPIError(None, None, error)


def _engine(url: str, shortest_call: float, connector: Connector) -> Engine:
    address = server_address(url).set(drivername="postgresql+psycopg")
    engine = create_engine(
        address,
        connect_args={name: value for name, value in _tcp(shortest_call).items() if name not in address.query},
        hide_parameters=True,
        pool_size=CONNECTIONS_OF_A_WORKER // 2,
        max_overflow=CONNECTIONS_OF_A_WORKER // 2,
        use_native_hstore=False,  # which would ask the server at each connection
    )

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: object, _record: object, args: Any, parameters: Any) -> BoundedConnection:
        # Nothing is prepared: psycopg takes a statement for prepared that the server passed over in a failed pipeline.
        return connector.take(lambda: BoundedConnection.connect(*args, **parameters, prepare_threshold=None))

    return engine


def _tcp(shortest_call: float) -> dict[str, int]:
    """Return libpq's settings that let a dead peer be noticed; an address may set others."""
    return {
        "connect_timeout": 2,  # the least that psycopg accepts
        "keepalives_idle": 1,
        "keepalives_interval": 1,
        "keepalives_count": 2,
        "tcp_user_timeout": int(shortest_call * 1000),
    }
