"""Recording answers."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest
import sqlalchemy

from cds_service.store import Store
from cds_service.store.schema import card_issued, suggestion_issued
from tests.builders.store_records import NOW, a_card, an_answer, days


def test_an_answer_records_its_cards_suggestions_and_one_audit_event(store: Store, engine: sqlalchemy.Engine) -> None:
    first, second = a_card(suggestions=2), a_card("OSIRONOVL", suggestions=0, suppressed=True)
    store.record_answer(an_answer(first, second, user="Practitioner/7", location="Location/3", mode="shadow"))

    with engine.connect() as connection:
        cards = {row.card_uuid: row for row in connection.execute(sqlalchemy.select(card_issued))}
        suggestions = connection.execute(
            sqlalchemy.select(suggestion_issued.c.suggestion_uuid).order_by(suggestion_issued.c.position)
        ).scalars()
        assert tuple(suggestions) == first.suggestions
    assert cards.keys() == {first.uuid, second.uuid}
    assert cards[second.uuid].suppressed
    assert cards[first.uuid].mode == "shadow"
    assert cards[first.uuid].issued_at == NOW
    (row,) = store.audit_rows()
    assert (row.kind, row.client, row.detail["user"], row.detail["location"]) == (
        "decision",
        "north",
        "Practitioner/7",
        "Location/3",
    )
    assert row.recorded == NOW


def test_an_answer_without_cards_is_audited(store: Store) -> None:
    store.record_answer(an_answer(status=412))
    (row,) = store.audit_rows()
    assert (row.kind, row.detail["status"], row.detail["cards"]) == ("decision", 412, [])


def test_a_patient_has_a_different_hash_for_each_client(store: Store) -> None:
    for client in ("north", "south", "north"):
        store.record_answer(an_answer(client=client))
    hashes = [row.patient_hash for row in store.audit_rows()]
    assert hashes[0] == hashes[2] != hashes[1]


def test_versions_are_told_by_day_with_those_of_the_last_day_before(store: Store) -> None:
    for day, version in ((-9, "1"), (-2, "1"), (-2, "2"), (0, "2"), (1, "2"), (1, "3"), (3, "4")):
        store.record_answer(an_answer(replace(a_card(), rule_version=version), issued_at=NOW + days(day)))
    found = store.versions_by_day(NOW - days(1), NOW + days(2))
    assert sorted(((each.day - NOW.date()).days, each.rule_version) for each in found) == [
        (-2, "1"), (-2, "2"), (0, "2"), (1, "2"), (1, "3"),
    ]  # fmt: skip


def test_an_answer_is_recorded_completely_or_not_at_all(store: Store) -> None:
    card = a_card()
    store.record_answer(an_answer(card))
    with pytest.raises((sqlalchemy.exc.IntegrityError, sqlite3.IntegrityError)):
        store.record_answer(an_answer(a_card("B12LOW"), card))
    assert len(list(store.audit_rows())) == 1
    (count,) = store.cards_by_day(NOW - days(1), NOW + days(1))
    assert count.card == "IRONLOW"
    assert store.verify_audit().faults == ()
