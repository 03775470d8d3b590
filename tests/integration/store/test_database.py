"""Translation of database errors, and threads that wait for each other."""

from __future__ import annotations

import errno
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import exc

from cds_service.store import (
    StoreBusy,
    StoreFull,
    StoreReadOnly,
    StoreSettings,
    StoreSlow,
    StoreUnavailable,
    open_store,
)
from cds_service.store.databases.database import translate_errors
from cds_service.store.sql_store import SqlStore
from tests.builders.store_records import NOW, a_card, an_answer


class _FromServer(Exception):
    """An error like one of the driver, of which only the SQLSTATE is read."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("secret value in the library's words")
        self.sqlstate = sqlstate


def from_server(sqlstate: str | None, kind: type[exc.DBAPIError] = exc.OperationalError) -> exc.DBAPIError:
    return kind("INSERT ...", {"comment": "secret"}, _FromServer(sqlstate))


def from_sqlite(code: int) -> exc.DBAPIError:
    error = sqlite3.OperationalError("secret value in the library's words")
    error.sqlite_errorcode = code
    return exc.OperationalError("INSERT ...", {"comment": "secret"}, error)


FAULTS = [
    (from_server("53100"), StoreFull),
    (from_server("25006"), StoreReadOnly),
    (from_server("42501"), StoreReadOnly),
    (from_server("40P01"), StoreUnavailable),
    (from_server("57P01"), StoreUnavailable),
    (from_server("08006"), StoreUnavailable),
    (from_server("25P03"), StoreSlow),
    (from_server("57014"), StoreSlow),
    (from_server("55P03"), StoreBusy),
    (from_server(None), StoreUnavailable),
    (from_server(None, exc.InterfaceError), StoreUnavailable),
    (from_sqlite(13), StoreFull),
    (from_sqlite(8), StoreReadOnly),
    (from_sqlite(8 | 5 << 8), StoreReadOnly),
    (from_sqlite(5), StoreUnavailable),
    (from_sqlite(10 | 3 << 8), StoreUnavailable),
    (from_sqlite(11), StoreUnavailable),
    (from_sqlite(26), StoreUnavailable),
    (OSError(errno.ENOSPC, "secret"), StoreFull),
    (OSError(errno.EROFS, "secret"), StoreReadOnly),
    (PermissionError(errno.EACCES, "secret"), StoreReadOnly),
    (FileNotFoundError(errno.ENOENT, "secret"), StoreUnavailable),
    (exc.TimeoutError("secret"), StoreUnavailable),
]


@pytest.mark.parametrize(("error", "fault"), FAULTS)
def test_database_errors_are_translated(error: Exception, fault: type[Exception]) -> None:
    with pytest.raises(fault) as raised, translate_errors():
        raise error
    assert type(raised.value) is fault
    assert "secret" not in str(raised.value)
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    "error", [from_server("42P01", exc.ProgrammingError), from_server("23505", exc.IntegrityError), from_sqlite(1)]
)
def test_programming_errors_are_not_translated(error: Exception) -> None:
    with pytest.raises(type(error)), translate_errors():
        raise error


def test_waiting_too_long_for_the_write_lock_raises(tmp_path: Path) -> None:
    store = open_store(StoreSettings(data_folder=tmp_path))
    assert isinstance(store, SqlStore)
    with store._database.writing():
        refused: list[BaseException] = []

        def write() -> None:
            try:
                store.within(time.monotonic() + 0.05).record_answer(an_answer(a_card()))
            except StoreUnavailable as fault:
                refused.append(fault)

        thread = threading.Thread(target=write)
        thread.start()
        thread.join(30)
    assert len(refused) == 1
    store.record_answer(an_answer(a_card()))
    store.close()


def test_readers_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    store = open_store(StoreSettings(data_folder=tmp_path))
    assert isinstance(store, SqlStore)
    store.record_answer(an_answer(a_card()))
    with store._database.writing():
        began = time.monotonic()
        assert store.verify_audit().rows == 1
        assert time.monotonic() - began < 4  # the busy handler would have waited five seconds
    store.close()


def test_a_damaged_file_is_unavailable(tmp_path: Path) -> None:
    open_store(StoreSettings(data_folder=tmp_path)).close()
    (tmp_path / "rls-cds.sqlite").write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreUnavailable):
        open_store(StoreSettings(data_folder=tmp_path))


def test_health_never_raises(tmp_path: Path) -> None:
    store = open_store(StoreSettings(data_folder=tmp_path))
    store.close()
    for path in tmp_path.iterdir():
        path.unlink()
    assert store.health(NOW).faults
    store.close()
