"""Suppression of overridden cards: for whom and how long (contract section 6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from cards.facts.finding import Indicator
from cds_service.store import Candidate, IssuedCard, Store, SuppressionPolicy
from tests.builders.store_records import CLIENT, NOW, SERVICE, a_card, accepted, an_answer, days, overridden

FERRITIN_38 = "ferritin=38 ng/mL on 2026-03-20"
MOMENT = timedelta(microseconds=1)


def silent(
    store: Store,
    now: datetime = NOW,
    *,
    card: str = "IRONLOW",
    inputs: str = FERRITIN_38,
    indicator: Indicator = Indicator.WARNING,
    client: str = CLIENT,
    patient: str = "pat-1",
    policy: SuppressionPolicy | None = None,
) -> bool:
    candidate = Candidate(card, indicator, (inputs,))
    found = store.suppressed(client, patient, [candidate], now, policy or SuppressionPolicy())
    return found == {candidate}


@pytest.fixture
def card(store: Store) -> IssuedCard:
    issued = a_card(inputs=FERRITIN_38)
    store.record_answer(an_answer(issued))
    return issued


@pytest.fixture
def override(store: Store, card: IssuedCard) -> IssuedCard:
    store.record_feedback(CLIENT, SERVICE, [overridden(card, reason="benefit")], NOW)
    return card


def test_a_card_without_override_is_not_suppressed(store: Store, card: IssuedCard) -> None:
    assert not silent(store)
    store.record_feedback(CLIENT, SERVICE, [accepted(card)], NOW)
    assert not silent(store)


@pytest.mark.usefixtures("override")
class TestAfterAnOverride:
    @pytest.mark.parametrize(
        ("after", "expected"),
        [(timedelta(), True), (days(90) - MOMENT, True), (days(90), False), (days(90) + MOMENT, False)],
        ids=["at once", "just under 90 days", "90 days", "just over"],
    )
    def test_it_is_suppressed_for_ninety_days(self, store: Store, after: timedelta, expected: bool) -> None:
        assert silent(store, NOW + after) is expected

    def test_new_data_ends_suppression(self, store: Store) -> None:
        assert not silent(store, inputs="ferritin=37 ng/mL on 2026-03-20")

    @pytest.mark.parametrize(
        ("indicator", "expected"),
        [(Indicator.INFO, True), (Indicator.WARNING, True), (Indicator.CRITICAL, False)],
    )
    def test_a_higher_indicator_ends_suppression(self, store: Store, indicator: Indicator, expected: bool) -> None:
        assert silent(store, indicator=indicator) is expected

    def test_other_patients_are_not_affected(self, store: Store) -> None:
        assert not silent(store, patient="pat-2")

    def test_other_clients_are_not_affected(self, store: Store) -> None:
        assert not silent(store, client="south")

    def test_other_cards_are_not_affected(self, store: Store) -> None:
        assert not silent(store, card="B12LOW")

    @pytest.mark.parametrize(
        ("policy", "last_day"),
        [
            (SuppressionPolicy(by_reason={"benefit": 10}), 10),
            (SuppressionPolicy(days=20), 20),
            (SuppressionPolicy(days=20, by_reason={"other": 10}), 20),
            (SuppressionPolicy(by_reason={"benefit": 400}), 400),
        ],
        ids=["its reason", "default", "another reason", "longer"],
    )
    def test_the_period_depends_on_the_reason(self, store: Store, policy: SuppressionPolicy, last_day: int) -> None:
        assert silent(store, NOW + days(last_day) - MOMENT, policy=policy)
        assert not silent(store, NOW + days(last_day), policy=policy)

    def test_zero_days_suppress_nothing(self, store: Store) -> None:
        assert not silent(store, policy=SuppressionPolicy(by_reason={"benefit": 0}))


def test_a_critical_card_is_never_suppressed(store: Store) -> None:
    critical = a_card("OSIVHSR", inputs="x", indicator=Indicator.CRITICAL)
    store.record_answer(an_answer(critical))
    store.record_feedback(CLIENT, SERVICE, [overridden(critical)], NOW)
    assert not silent(store, card="OSIVHSR", inputs="x", indicator=Indicator.CRITICAL)


def test_an_override_without_reason_suppresses(store: Store, card: IssuedCard) -> None:
    store.record_feedback(CLIENT, SERVICE, [overridden(card)], NOW)
    assert silent(store)


def test_a_clock_that_runs_ahead_does_not_extend_suppression(store: Store, card: IssuedCard) -> None:
    store.record_feedback(CLIENT, SERVICE, [overridden(card, NOW + timedelta(minutes=4))], NOW)
    assert not silent(store, NOW + days(90))


def test_a_late_override_counts_from_its_own_time(store: Store, card: IssuedCard) -> None:
    store.record_feedback(CLIENT, SERVICE, [overridden(card, NOW - days(89))], NOW)
    assert silent(store, NOW + days(1) - MOMENT)
    assert not silent(store, NOW + days(1))


def test_an_override_of_the_year_1_ends_no_later_call(store: Store, card: IssuedCard) -> None:
    store.record_feedback(CLIENT, SERVICE, [overridden(card, datetime(1, 1, 1, tzinfo=UTC))], NOW)
    assert not silent(store)
    (row,) = store.export_feedback(None, "tester", NOW)
    assert row.date == "0001-01-01T00:00:00.000000Z"


def test_a_time_that_was_kept_without_zeros_is_read(store: Store, card: IssuedCard, engine: Engine) -> None:
    store.record_feedback(CLIENT, SERVICE, [overridden(card)], NOW)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE feedback_event SET outcome_at = '1-01-01T00:00:00.000000Z'")
    assert not silent(store)


def test_feedback_of_another_client_suppresses_nothing(store: Store, card: IssuedCard) -> None:
    store.record_feedback("south", SERVICE, [overridden(card)], NOW)
    assert not silent(store)
    assert not silent(store, client="south")


def test_a_suppressed_card_does_not_extend_suppression(store: Store, override: IssuedCard) -> None:
    store.record_answer(an_answer(replace(a_card(inputs=FERRITIN_38), suppressed=True), issued_at=NOW + days(89)))
    assert not silent(store, NOW + days(90))


def test_candidates_are_suppressed_individually(store: Store, override: IssuedCard) -> None:
    same, other = (Candidate("IRONLOW", Indicator.WARNING, (value,)) for value in (FERRITIN_38, "new"))
    found = store.suppressed(CLIENT, "pat-1", [same, other], NOW, SuppressionPolicy())
    assert found == {same}


def test_each_fact_matters_but_not_their_order(store: Store) -> None:
    card = replace(a_card(), inputs=("ferritin=38", "tsat=12"))
    store.record_answer(an_answer(card))
    store.record_feedback(CLIENT, SERVICE, [overridden(card)], NOW)
    asked = [
        Candidate("IRONLOW", Indicator.WARNING, inputs)
        for inputs in [("tsat=12", "ferritin=38"), ("ferritin=38",), ("ferritin=38", "tsat=12", "crp=1"), ()]
    ]
    assert store.suppressed(CLIENT, "pat-1", asked, NOW, SuppressionPolicy()) == {asked[0]}
