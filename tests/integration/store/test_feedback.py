"""Feedback is recorded once, matched to its card, all or nothing (B-09, B-10, FB-2, FB-3, FB-5, FB-7)."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import pytest
import sqlalchemy

from cds_service.store import FeedbackResult, IssuedCard, QuotaReached, Store, feedback
from cds_service.store.schema import feedback_event, feedback_unmatched
from tests.builders.store_records import CLIENT, NOW, SERVICE, a_card, accepted, an_answer, days, overridden


@pytest.fixture
def card(store: Store) -> IssuedCard:
    issued = a_card(suggestions=2)
    store.record_answer(an_answer(issued))
    return issued


def rows(engine: sqlalchemy.Engine, table: sqlalchemy.Table) -> int:
    with engine.connect() as connection:
        return connection.execute(sqlalchemy.select(sqlalchemy.func.count()).select_from(table)).scalar_one()


@pytest.mark.control("FB-3")
def test_a_thousand_repeats_are_recorded_once(store: Store, card: IssuedCard, engine: sqlalchemy.Engine) -> None:
    event = accepted(card)
    turned = replace(event, suggestions=tuple(reversed(event.suggestions)))
    results = [store.record_feedback(CLIENT, SERVICE, [event, turned], NOW) for _ in range(500)]
    assert results[0] == FeedbackResult(recorded=1, repeated=1)
    assert set(results[1:]) == {FeedbackResult(repeated=2)}
    assert rows(engine, feedback_event) == 1
    assert [row.kind for row in store.audit_rows()] == ["decision", "feedback"]


def test_different_events_are_kept_in_order(store: Store, card: IssuedCard, engine: sqlalchemy.Engine) -> None:
    events = [
        accepted(card),
        replace(accepted(card), suggestions=card.suggestions[:1]),
        accepted(card, NOW + days(1)),
        overridden(card),
    ]
    assert store.record_feedback(CLIENT, SERVICE, events, NOW) == FeedbackResult(recorded=4)
    assert rows(engine, feedback_event) == 4


def test_concurrent_repeats_record_each_event_once(store: Store, card: IssuedCard, engine: sqlalchemy.Engine) -> None:
    events = [overridden(card, NOW - days(number)) for number in range(20)]

    def send(seed: int) -> int:
        batch = random.Random(seed).sample(events, len(events))  # noqa: S311 - an order, not a secret
        return store.record_feedback(CLIENT, SERVICE, batch, NOW).recorded

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(send, range(40))) == 20
    assert rows(engine, feedback_event) == 20
    assert store.verify_audit().faults == ()


@pytest.mark.control("FB-2")
@pytest.mark.parametrize(
    ("client", "service"), [("south", SERVICE), (CLIENT, "rls-order-sign")], ids=["client", "service"]
)
def test_a_card_of_another_client_or_service_is_quarantined_like_an_unknown_one(
    store: Store, card: IssuedCard, engine: sqlalchemy.Engine, client: str, service: str
) -> None:
    stranger = replace(card, uuid=str(uuid4()))
    foreign = store.record_feedback(client, service, [overridden(card)], NOW)
    unknown = store.record_feedback(client, service, [overridden(stranger)], NOW)
    assert foreign == unknown == FeedbackResult(unmatched=1)
    assert rows(engine, feedback_event) == 0
    assert rows(engine, feedback_unmatched) == 2
    assert store.export_feedback(None, "test", NOW) == ()


def test_a_suggestion_of_another_card_is_quarantined(store: Store, card: IssuedCard) -> None:
    other = a_card()
    store.record_answer(an_answer(other))
    event = replace(accepted(card), suggestions=other.suggestions)
    assert store.record_feedback(CLIENT, SERVICE, [event], NOW) == FeedbackResult(unmatched=1)


def test_known_and_unknown_cards_may_share_a_batch(store: Store, card: IssuedCard) -> None:
    batch = [overridden(card), overridden(replace(card, uuid=str(uuid4())))]
    assert store.record_feedback(CLIENT, SERVICE, batch, NOW) == FeedbackResult(recorded=1, unmatched=1)


def test_the_quarantine_is_limited(
    store: Store, card: IssuedCard, engine: sqlalchemy.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback, "QUARANTINE_CAP", 3)
    strangers = [overridden(replace(card, uuid=str(uuid4()))) for _ in range(5)]
    result = store.record_feedback(CLIENT, SERVICE, [*strangers, overridden(card)], NOW)
    assert result == FeedbackResult(recorded=1, unmatched=3, dropped=2)
    assert rows(engine, feedback_unmatched) == 3
    assert store.record_feedback("south", SERVICE, strangers[:1], NOW) == FeedbackResult(unmatched=1)


@pytest.mark.control("FB-7")
def test_a_batch_over_the_daily_quota_is_refused_as_a_whole(
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


def test_of_a_large_batch_each_event_is_recorded_once(store: Store) -> None:
    """More events than one statement takes, some of them twice, some of them known, some of no card."""
    card = a_card()
    store.record_answer(an_answer(card))
    items = [overridden(card, NOW - days(number) / 1000) for number in range(450)]
    strange = [overridden(a_card(), NOW) for _ in range(250)]
    assert store.record_feedback(CLIENT, SERVICE, items[:10], NOW).recorded == 10
    batch = [*items, *strange, *items[100:200], *strange[:50]]
    result = store.record_feedback(CLIENT, SERVICE, batch, NOW)
    assert (result.recorded, result.unmatched, result.repeated, len(result.events)) == (440, 250, 160, 440)
    assert len(store.export_feedback(None, "me", NOW)) == 450
    assert store.record_feedback(CLIENT, SERVICE, batch, NOW).repeated == len(batch)
