"""The audit chain: every manipulation from outside is detected."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Connection, delete, insert, select, text, update

from cds_service.store import Store, StoreSettings, StoreUnavailable, audit, open_store
from cds_service.store.keys.encryption import FieldCipher, Keys
from cds_service.store.schema import audit_anchor, audit_event
from tests.builders.store_records import (
    CLIENT,
    ENCRYPTION_KEY,
    NOW,
    PSEUDONYM_KEY,
    SERVICE,
    a_card,
    an_answer,
    days,
    overridden,
)

ROWS = 20
Rows = list[dict[str, Any]]


def fill(store: Store) -> None:
    for number in range(ROWS):
        store.record_answer(an_answer(a_card(), patient_id=f"pat-{number % 5}", issued_at=NOW + days(number)))


def test_an_untouched_chain_verifies(store: Store) -> None:
    assert store.verify_audit().faults == ()
    card = a_card()
    store.record_answer(an_answer(card))
    store.record_feedback(CLIENT, SERVICE, [overridden(card)], NOW)
    store.export_feedback(None, "officer", NOW)
    report = store.verify_audit()
    assert (report.rows, report.faults) == (3, ())
    assert [row.kind for row in store.audit_rows()] == ["decision", "feedback", "export"]
    assert [row.number for row in store.audit_rows()] == [1, 2, 3]


def test_concurrent_writers_extend_one_chain(store: Store) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: store.record_answer(an_answer()), range(200)))
    report = store.verify_audit()
    assert (report.rows, report.faults) == (200, ())


def cut_tail(dice: random.Random, rows: Rows) -> Rows:
    return rows[: -dice.randint(1, len(rows))]


def delete_any(dice: random.Random, rows: Rows) -> Rows:
    gone = dice.sample(range(len(rows)), dice.randint(1, 5))
    return [row for number, row in enumerate(rows) if number not in gone]


def swap(dice: random.Random, rows: Rows) -> Rows:
    one, other = dice.sample(range(len(rows)), 2)
    rows[one]["seq"], rows[other]["seq"] = rows[other]["seq"], rows[one]["seq"]
    return rows


def renumber_after_gap(dice: random.Random, rows: Rows) -> Rows:
    del rows[dice.randrange(len(rows) - 1)]
    return [row | {"seq": number} for number, row in enumerate(rows, 1)]


def insert_copy(dice: random.Random, rows: Rows) -> Rows:
    return [*rows, dict(dice.choice(rows)) | {"seq": len(rows) + dice.randint(1, 3)}]


def insert_before_first(dice: random.Random, rows: Rows) -> Rows:
    return [dict(dice.choice(rows)) | {"seq": -dice.randint(0, 3)}, *rows]


def edit(dice: random.Random, rows: Rows, but: frozenset[str] = frozenset({"seq"})) -> Rows:
    row = dice.choice(rows)
    field = dice.choice(sorted(row.keys() - but))
    row[field] = _changed(dice, row[field])
    return rows


def _changed(dice: random.Random, value: Any) -> Any:
    if isinstance(value, bytes):
        place = dice.randrange(len(value))
        return value[:place] + bytes([value[place] ^ (1 << dice.randrange(8))]) + value[place + 1 :]
    if isinstance(value, str):
        place = dice.randrange(len(value))
        return value[:place] + ("b" if value[place] == "a" else "a") + value[place + 1 :]
    return value + days(dice.choice([-1, 1]))


def edit_and_mend(dice: random.Random, rows: Rows) -> Rows:
    """Edit a row and recompute the hashes, as someone could without the key of the anchor."""
    edit(dice, rows, frozenset({"seq", "hash", "previous"}))
    previous = "0" * 64
    for row in rows:
        row["previous"] = previous
        plain = row | {"recorded": audit.utc_text(row["recorded"])}
        row["hash"] = previous = audit._hash(previous, plain)
    return rows


ATTACKS: list[Callable[[random.Random, Rows], Rows]] = [
    cut_tail,
    delete_any,
    swap,
    renumber_after_gap,
    insert_copy,
    insert_before_first,
    edit,
    edit,
    edit,
    edit_and_mend,
]


@pytest.fixture
def cipher() -> FieldCipher:
    return FieldCipher(Keys(PSEUDONYM_KEY, ENCRYPTION_KEY))


@pytest.fixture
def tampered(store: Store, engine: sqlalchemy.Engine) -> Iterator[Connection]:
    """Yield a connection to a filled store whose changes are rolled back."""
    fill(store)
    with engine.connect() as connection:
        yield connection


@pytest.mark.control("V11.3.3")
def test_a_thousand_random_manipulations_are_detected(tampered: Connection, cipher: FieldCipher) -> None:
    rows = [dict(row._mapping) for row in tampered.execute(select(audit_event).order_by(audit_event.c.seq))]
    unseen = []
    for number in range(1_000):
        dice = random.Random(number)  # noqa: S311 - attacks that can be repeated
        attack = ATTACKS[number % len(ATTACKS)]
        tampered.execute(delete(audit_event))
        if after := attack(dice, [dict(row) for row in rows]):
            tampered.execute(insert(audit_event), after)
        if not audit.verify(tampered, cipher).faults:
            unseen.append((number, attack.__name__))
    assert unseen == []
    tampered.execute(delete(audit_event))
    tampered.execute(insert(audit_event), rows)
    assert audit.verify(tampered, cipher).faults == ()


@pytest.mark.parametrize("field", ["first_seq", "before_first", "last_seq", "last_hash", "signature"])
def test_a_changed_anchor_is_detected(tampered: Connection, cipher: FieldCipher, field: str) -> None:
    value = tampered.execute(select(audit_anchor.c[field])).scalar_one()
    other = value + 1 if isinstance(value, int) else "f" * 64
    tampered.execute(update(audit_anchor).values({field: other}))
    assert audit.verify(tampered, cipher).faults


@pytest.mark.parametrize("table", ["audit_event", "audit_anchor", "both"])
def test_emptied_tables_are_detected(tampered: Connection, cipher: FieldCipher, table: str) -> None:
    for each in ["audit_event", "audit_anchor"] if table == "both" else [table]:
        tampered.execute(text(f"DELETE FROM {each}"))  # noqa: S608 - two names of our own
    assert audit.verify(tampered, cipher).faults


def test_a_report_names_the_row(tampered: Connection, cipher: FieldCipher) -> None:
    tampered.execute(update(audit_event).where(audit_event.c.seq == 7).values(kind="other"))
    tampered.execute(delete(audit_event).where(audit_event.c.seq == 12))
    tampered.execute(delete(audit_event).where(audit_event.c.seq > 18))
    assert audit.verify(tampered, cipher).faults == (
        "row 7 was changed",
        "rows 12 to 12 are missing",
        "row 13 does not follow the row before it",
        "rows 19 to 20 are missing at the end",
    )


def test_a_restored_old_state_differs_from_a_head_kept_elsewhere(tmp_path: Path) -> None:
    settings = StoreSettings(f"sqlite:///{tmp_path}/a.sqlite", None, PSEUDONYM_KEY, ENCRYPTION_KEY)
    store = open_store(settings)
    fill(store)
    noted = store.verify_audit()
    store.record_answer(an_answer())
    assert store.verify_audit().head != noted.head
    store.close()


def test_nothing_is_recorded_without_the_anchor(store: Store, engine: sqlalchemy.Engine) -> None:
    """Otherwise a truncated chain would be started anew."""
    fill(store)
    with engine.begin() as connection:
        connection.execute(delete(audit_anchor))
    with pytest.raises(StoreUnavailable, match="anchor"):
        store.record_answer(an_answer(a_card()))


@pytest.mark.control("V11.3.3")
def test_a_changed_row_cannot_be_decrypted(store: Store, engine: sqlalchemy.Engine) -> None:
    fill(store)
    with engine.begin() as connection:
        content = connection.execute(select(audit_event.c.detail_closed).where(audit_event.c.seq == 2)).scalar_one()
        connection.execute(update(audit_event).where(audit_event.c.seq == 1).values(detail_closed=content))
    with pytest.raises(StoreUnavailable, match="changed from outside"):
        list(store.audit_rows())
