"""The feedback export (HTI-1), the statistics for the page Watch, and retention."""

from __future__ import annotations

import csv
import io
import json
from datetime import date

import pytest
import sqlalchemy

from cds_service.store import (
    CardCount,
    FeedbackItem,
    FeedbackRow,
    OutcomeCount,
    Reason,
    ReasonCount,
    Retention,
    Store,
)
from cds_service.store.export import escape_formula, write_feedback
from cds_service.store.schema import audit_event, card_issued, feedback_event, feedback_unmatched, suggestion_issued
from tests.builders.store_records import CLIENT, NOW, SERVICE, a_card, accepted, an_answer, days, overridden

COLUMNS = ["intervention", "action", "feedback", "user", "date", "location", "rule_version", "card_uuid"]


@pytest.fixture
def rows(store: Store) -> tuple[FeedbackRow, ...]:
    known, bare = a_card(), a_card("B12LOW")
    store.record_answer(an_answer(known, user="Practitioner/7", location="Location/3"))
    store.record_answer(an_answer(bare))
    reason = Reason("benefit", "urn:x", "Benefit outweighs risk")
    store.record_feedback(CLIENT, SERVICE, [FeedbackItem(known.uuid, "overridden", NOW, (), reason, "=1+1")], NOW)
    store.record_feedback(CLIENT, SERVICE, [accepted(bare, NOW - days(1))], NOW + days(1))
    return store.export_feedback(None, "officer", NOW + days(2))


def test_a_row_has_user_action_and_card(rows: tuple[FeedbackRow, ...]) -> None:
    first, second = rows
    assert first == FeedbackRow(
        intervention="IRONLOW",
        action="overridden",
        feedback="benefit (Benefit outweighs risk): =1+1",
        user="Practitioner/7",
        date="2026-03-29T00:59:30.250000Z",
        location="Location/3",
        rule_version="2026.1",
        card_uuid=first.card_uuid,
    )
    assert (second.feedback, second.user, second.location) == ("none given", "unknown", "unknown")


def test_since_refers_to_the_time_of_receipt(store: Store, rows: tuple[FeedbackRow, ...]) -> None:
    assert store.export_feedback(NOW + days(1), "officer", NOW) == rows[1:]
    assert store.export_feedback(NOW + days(1.001), "officer", NOW) == ()


def test_each_export_is_audited(store: Store, rows: tuple[FeedbackRow, ...]) -> None:
    *_, last = store.audit_rows()
    assert (last.kind, last.detail) == ("export", {"actor": "officer", "since": None, "rows": 2})


def test_csv_and_ndjson_have_the_same_content(rows: tuple[FeedbackRow, ...]) -> None:
    table, lines = io.StringIO(), io.StringIO()
    write_feedback(rows, "csv", table)
    write_feedback(rows, "ndjson", lines)
    table.seek(0)
    read = list(csv.DictReader(table))
    assert list(read[0]) == COLUMNS
    assert read == [json.loads(line) for line in lines.getvalue().splitlines()]
    assert all(value for row in read for value in row.values())


@pytest.mark.control("FB-4", "V1.2.10")
@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "\u00a0="])
def test_a_cell_is_never_a_formula(start: str) -> None:
    assert escape_formula(f"{start}HYPERLINK(0)") == f"'{start}HYPERLINK(0)"


@pytest.mark.parametrize("text", ["", "plain", "a=b", "38 ng/mL", "'quoted"])
def test_other_cells_stay_as_they_are(text: str) -> None:
    assert escape_formula(text) == text


def test_counts_by_day_separate_live_shadow_and_suppressed(store: Store) -> None:
    store.record_answer(an_answer(a_card(), a_card(suppressed=True), a_card("B12LOW")))
    store.record_answer(an_answer(a_card(), a_card(), mode="shadow"))
    store.record_answer(an_answer(a_card(), issued_at=NOW + days(1)))
    store.record_answer(an_answer(a_card(), issued_at=NOW + days(2)))
    first, second = date(2026, 3, 29), date(2026, 3, 30)
    assert store.cards_by_day(NOW, NOW + days(2)) == (
        CardCount(first, CLIENT, "B12LOW", "live", False, 1, 1),
        CardCount(first, CLIENT, "IRONLOW", "live", False, 1, 1),
        CardCount(first, CLIENT, "IRONLOW", "live", True, 1, 1),
        CardCount(first, CLIENT, "IRONLOW", "shadow", False, 2, 1),
        CardCount(second, CLIENT, "IRONLOW", "live", False, 1, 1),
    )


def test_a_patient_counts_once_a_day_whether_the_card_was_shown_or_silent(store: Store) -> None:
    for patient, shown in (("a", 1), ("a", 0), ("a", 0), ("b", 0), ("c", 1)):
        store.record_answer(an_answer(a_card(suppressed=not shown), patient_id=patient))
    store.record_answer(an_answer(a_card(), patient_id="d", mode="shadow"))
    counts = store.cards_by_day(NOW, NOW + days(1))
    assert [(each.cards, each.patients) for each in counts] == [(2, 4), (3, 4), (1, 4)]


def test_outcomes_count_cards_not_events(store: Store) -> None:
    cards = [a_card() for _ in range(4)]
    silent, shadow = a_card(suppressed=True), a_card()
    store.record_answer(an_answer(*cards, silent))
    store.record_answer(an_answer(shadow, mode="shadow"))
    events = [
        accepted(cards[0]),
        accepted(cards[0], NOW - days(1)),
        overridden(cards[1], reason="a"),
        overridden(cards[2]),
    ]
    store.record_feedback(CLIENT, SERVICE, events, NOW)
    period = (NOW, NOW + days(1))
    assert store.outcomes_by_card(*period) == (OutcomeCount("IRONLOW", 4, 1, 2),)
    assert store.reasons_by_card(*period) == (ReasonCount("IRONLOW", "", 1), ReasonCount("IRONLOW", "a", 1))
    assert store.outcomes_by_card(NOW + days(1), NOW + days(2)) == ()


class TestRetention:
    def left(self, engine: sqlalchemy.Engine) -> dict[str, int]:
        tables = (card_issued, suggestion_issued, feedback_event, feedback_unmatched, audit_event)
        with engine.connect() as connection:
            return {
                table.name: connection.execute(
                    sqlalchemy.select(sqlalchemy.func.count()).select_from(table)
                ).scalar_one()
                for table in tables
            }

    def test_old_rows_are_deleted_and_the_chain_still_verifies(self, store: Store, engine: sqlalchemy.Engine) -> None:
        old = [a_card() for _ in range(3)]
        for card in old:
            store.record_answer(an_answer(card, issued_at=NOW - days(100)))
        store.record_feedback(CLIENT, SERVICE, [overridden(old[0]), overridden(a_card())], NOW - days(1))
        store.record_answer(an_answer(a_card()))
        retention = Retention(cards=50, feedback=50, unmatched_feedback=50, audit=50)

        assert store.apply_retention(NOW, retention) == 2 + 3  # two cards without feedback, three decisions
        assert self.left(engine) == {
            "card_issued": 2,
            "suggestion_issued": 2,
            "feedback_event": 1,
            "feedback_unmatched": 1,
            "audit_event": 2,
        }
        assert store.verify_audit().faults == ()
        store.record_answer(an_answer())
        assert [row.number for row in store.audit_rows()] == [4, 5, 6]
        assert store.verify_audit().faults == ()

        store.apply_retention(NOW + days(60), retention)
        assert set(self.left(engine).values()) == {0}
        store.record_answer(an_answer())
        report = store.verify_audit()
        assert (report.rows, report.faults) == (1, ())

    def test_a_row_is_kept_until_its_period_ends(self, store: Store, engine: sqlalchemy.Engine) -> None:
        store.record_answer(an_answer(a_card()))
        assert store.apply_retention(NOW + days(50), Retention(cards=50, audit=50)) == 0
        assert store.apply_retention(NOW + days(50.001), Retention(cards=50, audit=50)) == 2

    def test_rows_are_deleted_in_batches(self, store: Store, engine: sqlalchemy.Engine) -> None:
        for _ in range(6):
            store.record_answer(an_answer(*(a_card() for _ in range(200))))
        store.apply_retention(NOW + days(60), Retention(cards=50))
        assert self.left(engine)["card_issued"] == 0
        assert self.left(engine)["suggestion_issued"] == 0
