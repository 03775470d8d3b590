"""Backups that are made while calls come in, and put back: what was acknowledged before is there, later loss shows.

The statements and commands are those of docs/how-to/backup.md.
"""

from __future__ import annotations

import re
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from cds_service.store import Store, StoreSettings, open_store
from cds_service.store.rekeying.key_change import rekey
from tests.builders.store_records import CLIENT, NOW, SERVICE, a_card, an_answer, overridden
from tests.integration.store.postgres import binaries

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "backup.md"


@dataclass
class Calls:
    """Cards whose feedback was acknowledged, in that order."""

    acknowledged: list[str] = field(default_factory=list)
    grown: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, more: int) -> list[str]:
        """Wait for a number of further acknowledgements, and return all."""
        with self.grown:
            target = len(self.acknowledged) + more
            assert self.grown.wait_for(lambda: len(self.acknowledged) >= target, 60)
            return list(self.acknowledged)


@contextmanager
def calls_on(store: Store) -> Iterator[Calls]:
    calls, done = Calls(), threading.Event()

    def call() -> None:
        while not done.is_set():
            card = a_card(suggestions=0)
            store.record_answer(an_answer(card, user="Practitioner/7"))
            store.record_feedback(CLIENT, SERVICE, [overridden(card, comment="declined")], NOW)
            with calls.grown:
                calls.acknowledged.append(card.uuid)
                calls.grown.notify_all()

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    try:
        yield calls
    finally:
        done.set()
        for caller in callers:
            caller.join(60)


def back_up_sqlite(settings: StoreSettings, folder: Path) -> StoreSettings:
    """Copy the store as the page says, put the copy in place of a lost one, and return the settings of that."""
    statement = re.search(r"VACUUM INTO '[^']*'", PAGE.read_text(encoding="utf-8"))
    assert statement
    source = Path(str(settings.database_url).removeprefix("sqlite:///"))
    copy = folder / "copy.sqlite"
    with closing(sqlite3.connect(source)) as connection:
        connection.execute(re.sub(r"'[^']*'", f"'{copy}'", statement[0]))
    return replace(settings, database_url=f"sqlite:///{copy}")


def back_up_postgres(settings: StoreSettings, folder: Path) -> StoreSettings:
    url = str(settings.database_url)
    server, _, name = url.rpartition("/")
    restored = f"{name}_restored"
    dump = folder / "rls-cds.dump"

    def run(program: str, *arguments: str) -> None:
        command = [str(binaries() / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr

    text = PAGE.read_text(encoding="utf-8")
    assert all(f"{program} " in text for program in ("pg_dump -Fc", "createdb -O", "pg_restore -d"))
    run("pg_dump", "-Fc", "-f", str(dump), url)
    run("createdb", f"--maintenance-db={server}/postgres", restored)
    run("pg_restore", "-d", f"{server}/{restored}", str(dump))
    return replace(settings, database_url=f"{server}/{restored}")


@pytest.fixture
def back_up(settings: StoreSettings) -> Callable[[StoreSettings, Path], StoreSettings]:
    return back_up_sqlite if str(settings.database_url).startswith("sqlite") else back_up_postgres


def test_a_backup_made_while_calls_come_in_holds_all_that_was_acknowledged_before(
    settings: StoreSettings,
    store: Store,
    tmp_path: Path,
    back_up: Callable[[StoreSettings, Path], StoreSettings],
) -> None:
    with calls_on(store) as calls:
        before = calls.wait_for(40)
        early = store.verify_audit().head
        copy = back_up(settings, tmp_path)
        calls.wait_for(20)
        late = store.verify_audit()
    restored = open_store(copy)
    kept = {row.card_uuid for row in restored.export_feedback(None, "a test", NOW)}
    report = restored.verify_audit()
    assert set(before) <= kept and report.faults == ()
    print(f"{len(before)} acknowledged before, {len(kept)} in the backup, {len(calls.acknowledged)} in all")

    # what came after: the head that was noted before is in the chain, the one that was noted afterwards is not
    since = restored.audit_rows_since(early)
    assert since is not None and since > 0
    assert restored.audit_rows_since(late.head) is None
    assert store.audit_rows_since(report.head) is None  # the export above is an event of the copy alone
    assert restored.audit_rows_since(report.head) == 0

    card = a_card()
    restored.record_answer(an_answer(card))  # and it goes on
    assert restored.audit_rows_since(report.head) == 1 and restored.health(NOW).faults == ()
    restored.close()


def test_a_head_from_before_a_change_of_keys_is_known(settings: StoreSettings, store: Store) -> None:
    store.record_answer(an_answer(a_card()))
    store.record_answer(an_answer(a_card()))
    head = store.verify_audit().head
    store.close()
    key = bytes(range(9, 41))
    rekey(settings, key, None, "a test", NOW)
    changed = open_store(replace(settings, pseudonym_key=key))
    changed.record_answer(an_answer(a_card()))
    assert (changed.audit_rows_since(head), changed.audit_rows_since("0" * 64), changed.audit_rows_since("no")) == (
        2,
        4,
        None,
    )
    changed.close()
