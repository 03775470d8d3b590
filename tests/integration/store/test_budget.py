"""Work of the store ends with its call, whoever holds a lock or stands still, and locks nobody else out meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import Connection, select, update

from cds_service.store import (
    Candidate,
    Health,
    Store,
    StoreSettings,
    StoreUnavailable,
    audit,
    open_store,
)
from cds_service.store.databases.database import ChainMoved
from cds_service.store.feedback import _count_towards_quota
from cds_service.store.keys.encryption import FieldCipher, Keys
from cds_service.store.schema import audit_anchor, probe
from cds_service.store.sql_store import SqlStore
from tests.builders.components import missing
from tests.builders.store_records import (
    CLIENT,
    ENCRYPTION_KEY,
    NOW,
    PSEUDONYM_KEY,
    SERVICE,
    a_card,
    a_policy,
    accepted,
    an_answer,
    overridden,
)
from tests.integration.store.conftest import postgres_settings
from tests.integration.store.postgres import NoPostgres, PostgresServer, running_postgres

#: Every kind of work that a call waits for.
WORK: dict[str, Callable[[Store], object]] = {
    "answer": lambda store: store.record_answer(an_answer(a_card())),
    "feedback": lambda store: store.record_feedback(CLIENT, SERVICE, [overridden(a_card())], NOW),
    "token": lambda store: store.first_use("issuer", a_card().uuid, NOW, NOW),
    "suppression": lambda store: store.suppressed(
        CLIENT, "pat-1", [Candidate("IRONLOW", a_card().indicator, ())], NOW, a_policy()
    ),
}


def soon(seconds: float = 0.3) -> float:
    return time.monotonic() + seconds


@pytest.fixture
def other(settings: StoreSettings, store: Store) -> Iterator[Store]:
    """Return a second store on the same database, as another process has it."""
    opened = open_store(settings)
    yield opened
    opened.close()


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """Return a server of its own, which a test may freeze."""
    try:
        with running_postgres() as running:
            yield running
    except NoPostgres as reason:
        missing(str(reason))


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_work_without_time_left_is_refused(store: Store, work: Callable[[Store], object]) -> None:
    assert isinstance(store, SqlStore)
    in_time = store.within(time.monotonic() - 1)
    if store._database.is_sqlite and work is WORK["suppression"]:
        work(in_time)  # reads a file without waiting for anybody
        return
    with store._database.writing(), store._tokens.writing(), pytest.raises(StoreUnavailable):
        work(in_time)


@pytest.mark.control("V13.2.6", "V15.4.3")
@pytest.mark.postgres
@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_a_server_that_stands_still_ends_no_later_than_the_call(
    server: PostgresServer, work: Callable[[Store], object]
) -> None:
    from cds_service.store import upgrade

    settings = postgres_settings(server.address + "postgres")
    upgrade(settings)
    fresh, used = open_store(settings), open_store(settings)
    work(used)
    with server.frozen():
        for store in (fresh, used):
            with pytest.raises(StoreUnavailable):
                work(store.within(soon()))
            assert store.health(NOW).faults
    for store in (fresh, used):
        work(store)
        assert store.health(NOW) == Health()
        store.close()


@pytest.mark.postgres
def test_a_server_that_was_restarted_is_used_again_without_an_error(server: PostgresServer) -> None:
    from cds_service.store import upgrade

    settings = postgres_settings(server.address + "postgres")
    upgrade(settings)
    store = open_store(settings)
    for work in WORK.values():
        work(store)
    server.stop()
    with pytest.raises(StoreUnavailable, match="nothing listens"):
        store.within(soon(2)).record_answer(an_answer(a_card()))
    server.start()
    for work in WORK.values():
        work(store.within(soon(10)))
    store.close()


@pytest.mark.postgres
def test_a_transaction_that_stands_still_is_ended_while_others_have_time_left(postgres: object) -> None:
    """A process that is stopped while it holds a lock holds up another one until the end of its own call at most."""
    settings = postgres_settings(postgres())  # type: ignore[operator]
    frozen, living = open_store(settings), open_store(settings)
    assert isinstance(frozen, SqlStore)
    card = a_card()
    living.record_answer(an_answer(card))
    with pytest.raises(StoreUnavailable), frozen._database.writing(soon(1)) as connection:
        _count_towards_quota(connection, CLIENT, 1, NOW)
        assert living.within(soon(5)).record_feedback(CLIENT, SERVICE, [accepted(card)], NOW).recorded == 1
    assert frozen.health(NOW) == Health()
    for store in (frozen, living):
        store.close()


def test_a_lock_on_the_anchor_ends_no_call_late_and_is_seen_by_the_health_check(
    settings: StoreSettings, store: Store, other: Store
) -> None:
    """Of SQLite the whole file is locked."""
    assert isinstance(other, SqlStore)
    with other._database.writing() as connection:
        connection.execute(select(audit_anchor).with_for_update()).all()
        with pytest.raises(StoreUnavailable):
            store.within(soon()).record_answer(an_answer(a_card()))
        assert store.health(NOW).faults
    store.within(soon(10)).record_answer(an_answer(a_card()))
    assert store.health(NOW) == Health()


class _OthersFirst:
    """Commits as the database does, after another store has appended `times` times at the worst moment."""

    def __init__(self, store: SqlStore, other: Store, times: int) -> None:
        self._committing, self._other, self._left = store._database.committing, other, times

    @contextmanager
    def __call__(self, connection: Connection) -> Iterator[None]:
        if self._left:
            self._left -= 1
            self._other.record_answer(an_answer(a_card()))
        with self._committing(connection):
            yield


@pytest.mark.postgres
def test_who_loses_the_race_for_the_end_of_the_chain_appends_after_the_winner(postgres: object) -> None:
    settings = postgres_settings(postgres())  # type: ignore[operator]
    store, other = open_store(settings), open_store(settings)
    assert isinstance(store, SqlStore)
    cipher = FieldCipher(Keys(PSEUDONYM_KEY, ENCRYPTION_KEY))
    first = _OthersFirst(store, other, times=2)
    lost = 0
    with store._database.writing(soon(30)) as connection:
        while True:
            try:
                audit.append(connection, cipher, [audit.AuditEntry(NOW, "export", CLIENT)], first)
            except ChainMoved:
                lost += 1
            else:
                break
    report = store.verify_audit()
    assert (lost, report.rows, report.faults) == (2, 3, ())
    assert [row.kind for row in store.audit_rows()] == ["decision", "decision", "export"]
    for each in (store, other):
        each.close()


@pytest.mark.parametrize("column", ["first_seq", "before_first", "last_hash", "signature"])
def test_rows_appended_after_a_change_of_the_anchor_do_not_hide_it(
    store: Store, engine: sqlalchemy.Engine, column: str
) -> None:
    store.record_answer(an_answer(a_card()))
    with engine.begin() as connection:
        value = connection.execute(select(audit_anchor.c[column])).scalar_one()
        changed = value + 1 if isinstance(value, int) else "f" * 64
        connection.execute(update(audit_anchor).values({column: changed}))
    for _ in range(3):
        store.record_answer(an_answer(a_card()))
    assert "the anchor of the chain was changed" in store.verify_audit().faults


def test_an_export_holds_up_no_call(settings: StoreSettings, store: Store, other: Store) -> None:
    """While rows are decrypted, another process answers, keeps feedback and accepts tokens."""
    cards = [a_card() for _ in range(3)]
    store.record_answer(an_answer(*cards))
    store.record_feedback(CLIENT, SERVICE, [overridden(card) for card in cards], NOW)
    done: list[int] = []

    def work_of_others(number: int, _of: int) -> None:
        for work in WORK.values():
            work(other.within(soon(2)))
        done.append(number)

    assert len(store.export_feedback(None, "officer", NOW, work_of_others)) == 3
    assert done == [1, 2, 3]
    assert [row.kind for row in store.audit_rows()][-1] == "export"
    assert store.verify_audit().faults == ()


def test_health_checks_at_once_disturb_neither_each_other_nor_calls(store: Store, other: Store, engine: object) -> None:
    def check(number: int) -> Health:
        return (store, other)[number % 2].health(NOW)

    with ThreadPoolExecutor(8) as pool:
        calls = pool.map(lambda _: store.record_answer(an_answer(a_card())), range(20))
        found = set(pool.map(check, range(80)))
        list(calls)
    assert found == {Health()}
    with engine.connect() as connection:  # type: ignore[attr-defined]
        assert connection.execute(select(probe)).all() == []


@pytest.mark.parametrize("name", ["store.sqlite", "store-tokens.sqlite"])
@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_nothing_is_acknowledged_once_the_file_is_gone(tmp_path: Path, name: str, how: str) -> None:
    settings = StoreSettings(f"sqlite:///{tmp_path}/store.sqlite", None, PSEUDONYM_KEY, ENCRYPTION_KEY)
    store = open_store(settings)
    for work in WORK.values():
        work(store)
    path = tmp_path / name
    if how == "replaced":
        copy = path.with_suffix(".copy")
        copy.write_bytes(path.read_bytes())
        copy.replace(path)
    else:
        path.unlink()
    assert store.health(NOW).faults == (f"the file of the store was {how} while in use: " + NEXT_STEP[how],)
    touched = ["token"] if "tokens" in name else ["answer", "feedback", "suppression"]
    for work in touched:
        with pytest.raises(StoreUnavailable, match=how):
            WORK[work](store)
    store.close()


NEXT_STEP = {"removed": "put it back and restart the service", "replaced": "restart the service"}


@pytest.mark.control("V15.4.3")
def test_threads_of_a_process_take_turns_at_the_chain(store: Store) -> None:
    """A thread that waits for its turn is refused in time."""
    assert isinstance(store, SqlStore)
    refused: list[BaseException] = []

    def write() -> None:
        try:
            store.within(soon()).record_answer(an_answer(a_card()))
        except StoreUnavailable as fault:
            refused.append(fault)

    turn: AbstractContextManager[None] = store._database.turn(None)
    with turn:
        thread = threading.Thread(target=write)
        thread.start()
        thread.join(30)
    assert len(refused) == 1
    store.record_answer(an_answer(a_card()))
    report = store.verify_audit()
    # What was refused at the very end of its time may have been written; it was not acknowledged.
    assert report.rows in (1, 2) and report.faults == ()
