"""Feedback: once, bound to whom it belongs, all or nothing (B-09, B-10, FB-2, FB-3, FB-5, FB-7)."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import pytest
import sqlalchemy

from cds_service.store import FeedbackResult, IssuedCard, QuotaReached, Store, feedback
from cds_service.store.schema import feedback_event, feedback_unmatched
from tests.store.examples import CLIENT, NOW, SERVICE, a_card, accepted, an_answer, days, overridden


@pytest.fixture
def card(store: Store) -> IssuedCard:
    issued = a_card(suggestions=2)
    store.record_answer(an_answer(issued))
    return issued


def rows(engine: sqlalchemy.Engine, table: sqlalchemy.Table) -> int:
    with engine.connect() as connection:
        return connection.execute(sqlalchemy.select(sqlalchemy.func.count()).select_from(table)).scalar_one()


def test_a_thousand_repeats_leave_one_row(store: Store, card: IssuedCard, engine: sqlalchemy.Engine) -> None:
    event = accepted(card)
    turned = replace(event, suggestions=tuple(reversed(event.suggestions)))
    results = [store.record_feedback(CLIENT, SERVICE, [event, turned], NOW) for _ in range(500)]
    assert results[0] == FeedbackResult(recorded=1, repeated=1)
    assert set(results[1:]) == {FeedbackResult(repeated=2)}
    assert rows(engine, feedback_event) == 1
    assert [row.kind for row in store.audit_rows()] == ["decision", "feedback"]


def test_events_that_differ_make_an_ordered_history(store: Store, card: IssuedCard, engine: sqlalchemy.Engine) -> None:
    events = [
        accepted(card),
        replace(accepted(card), suggestions=card.suggestions[:1]),
        accepted(card, NOW + days(1)),
        overridden(card),
    ]
    assert store.record_feedback(CLIENT, SERVICE, events, NOW) == FeedbackResult(recorded=4)
    assert rows(engine, feedback_event) == 4


def test_parallel_repeats_in_any_order_leave_each_event_once(
    store: Store, card: IssuedCard, engine: sqlalchemy.Engine
) -> None:
    events = [overridden(card, NOW - days(number)) for number in range(20)]

    def send(seed: int) -> int:
        batch = random.Random(seed).sample(events, len(events))  # noqa: S311 - an order, not a secret
        return store.record_feedback(CLIENT, SERVICE, batch, NOW).recorded

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(send, range(40))) == 20
    assert rows(engine, feedback_event) == 20
    assert store.verify_audit().faults == ()


@pytest.mark.parametrize(
    ("client", "service"), [("south", SERVICE), (CLIENT, "rls-order-sign")], ids=["client", "service"]
)
def test_a_card_of_another_client_or_service_is_put_aside_like_an_unknown_one(
    store: Store, card: IssuedCard, engine: sqlalchemy.Engine, client: str, service: str
) -> None:
    stranger = replace(card, uuid=str(uuid4()))
    foreign = store.record_feedback(client, service, [overridden(card)], NOW)
    unknown = store.record_feedback(client, service, [overridden(stranger)], NOW)
    assert foreign == unknown == FeedbackResult(unmatched=1)
    assert rows(engine, feedback_event) == 0
    assert rows(engine, feedback_unmatched) == 2
    assert store.export_feedback(None, "test", NOW) == ()


def test_a_suggestion_of_another_card_is_put_aside(store: Store, card: IssuedCard) -> None:
    other = a_card()
    store.record_answer(an_answer(other))
    event = replace(accepted(card), suggestions=other.suggestions)
    assert store.record_feedback(CLIENT, SERVICE, [event], NOW) == FeedbackResult(unmatched=1)


def test_known_and_unknown_cards_may_share_a_batch(store: Store, card: IssuedCard) -> None:
    batch = [overridden(card), overridden(replace(card, uuid=str(uuid4())))]
    assert store.record_feedback(CLIENT, SERVICE, batch, NOW) == FeedbackResult(recorded=1, unmatched=1)


def test_the_quarantine_has_an_end(
    store: Store, card: IssuedCard, engine: sqlalchemy.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback, "QUARANTINE_CAP", 3)
    strangers = [overridden(replace(card, uuid=str(uuid4()))) for _ in range(5)]
    result = store.record_feedback(CLIENT, SERVICE, [*strangers, overridden(card)], NOW)
    assert result == FeedbackResult(recorded=1, unmatched=3, turned_away=2)
    assert rows(engine, feedback_unmatched) == 3
    assert store.record_feedback("south", SERVICE, strangers[:1], NOW) == FeedbackResult(unmatched=1)


def test_more_than_a_day_may_bring_is_refused_wholly(
    store: Store, card: IssuedCard, engine: sqlalchemy.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback, "DAILY_QUOTA", 2)
    store.record_feedback(CLIENT, SERVICE, [overridden(card)], NOW)
    with pytest.raises(QuotaReached) as refusal:
        store.record_feedback(CLIENT, SERVICE, [overridden(card, NOW - days(1)), overridden(card, NOW - days(2))], NOW)
    assert refusal.value.status == 507
    assert rows(engine, feedback_event) == 1
    assert store.record_feedback(CLIENT, SERVICE, [overridden(card)], NOW) == FeedbackResult(repeated=1)
    store.record_answer(an_answer(a_card()))  # the hook path goes on
    tomorrow = NOW + days(1)
    assert store.record_feedback(CLIENT, SERVICE, [overridden(card, tomorrow)], tomorrow).recorded == 1
