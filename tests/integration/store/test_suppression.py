"""Which cards are silent: the table of clinical amendments 2, section 6, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from cards.facts.card import PatientBasis
from cards.facts.finding import Indicator
from cards.knowledge.repetition import repetition
from cds_service.store import Candidate, IssuedCard, Silence, Store
from tests.builders.store_records import (
    CLIENT,
    NOW,
    SERVICE,
    USER,
    a_card,
    a_policy,
    accepted,
    an_answer,
    days,
    overridden,
)

FERRITIN_38 = "ferritin=38 ng/mL on 2026-03-20"
#: On the day of `NOW` in UTC.
TODAY = date(2026, 3, 29)
INFO, WARNING, CRITICAL = Indicator
HIS, OTHER = {"user": USER}, {"user": "Practitioner/clinician-2"}


def silence(
    store: Store,
    now: datetime = NOW,
    *,
    card: str = "IRONLOW",
    inputs: str = FERRITIN_38,
    indicator: Indicator = WARNING,
    client: str = CLIENT,
    patient: str = "pat-1",
    doses: tuple[tuple[str, Decimal | None], ...] = (),
    **policy: Any,
) -> Silence | None:
    candidate = Candidate(card, indicator, (inputs,), doses)
    return store.suppressed(client, patient, [candidate], now, a_policy(**policy)).get(candidate)


def is_silent(store: Store, after: int = 0, **how: Any) -> bool:
    return silence(store, NOW + days(after), **how) is not None


def last_silent_day(store: Store, most: int = 400, **how: Any) -> int:
    """Return the last day after today on which the card is silent, without a gap from tomorrow on; 0 for none."""
    return next((day - 1 for day in range(1, most) if not is_silent(store, day, **how)), most)


def shown(store: Store, card: str = "IRONLOW", indicator: Indicator = WARNING, **answer: Any) -> IssuedCard:
    issued = a_card(card, inputs=FERRITIN_38, indicator=indicator)
    store.record_answer(an_answer(issued, **answer))
    return issued


def override(store: Store, issued: IssuedCard, reason: str = "", at: datetime = NOW, **how: Any) -> None:
    store.record_feedback(CLIENT, SERVICE, [overridden(issued, at, reason, **how)], max(at, NOW))


class TestShownAndNotAnswered:
    @pytest.mark.parametrize(
        ("card", "indicator", "silent_until"),
        [("IRONTEST", INFO, 89), ("IRONRECHECK", INFO, 29), ("IRONLOW", WARNING, 20), ("B12LOW", WARNING, 20)],
    )
    def test_it_comes_again_on_the_same_day_and_then_after_its_days(
        self, store: Store, card: str, indicator: Indicator, silent_until: int
    ) -> None:
        shown(store, card, indicator)
        assert not is_silent(store, 0, card=card, indicator=indicator)
        assert last_silent_day(store, card=card, indicator=indicator) == silent_until

    def test_the_day_is_that_of_the_site(self, store: Store) -> None:
        """`NOW` is half an hour before one o'clock in UTC, the evening before in New York."""
        shown(store)
        assert silence(store, NOW + timedelta(hours=2), zone=ZoneInfo("America/New_York")) is None
        tomorrow_there = NOW + timedelta(hours=4)
        assert silence(store, tomorrow_there, zone=ZoneInfo("America/New_York")) == Silence(
            "shown", date(2026, 3, 28), date(2026, 4, 18)
        )
        assert silence(store, tomorrow_there) is None

    def test_another_user_sees_it(self, store: Store) -> None:
        shown(store)
        assert is_silent(store, 1, **HIS)
        assert not is_silent(store, 1, **OTHER)

    @pytest.mark.parametrize("user", [None, USER])
    def test_a_user_who_is_not_identified_is_nobody(self, store: Store, user: str | None) -> None:
        shown(store, shown_to=None)
        assert not is_silent(store, 1, user=user)
        shown(store)
        assert not is_silent(store, 1, user=None)

    @pytest.mark.parametrize("how", [{"mode": "shadow"}, {"client": "south"}, {"patient_id": "pat-2"}])
    def test_what_nobody_saw_here_silences_nothing(self, store: Store, how: dict[str, str]) -> None:
        shown(store, **how)
        assert not is_silent(store, 1)

    def test_a_silent_card_was_not_shown(self, store: Store) -> None:
        store.record_answer(an_answer(replace(a_card(inputs=FERRITIN_38), suppressed=True)))
        assert not is_silent(store, 1)

    def test_facts_and_a_higher_indicator_end_it(self, store: Store) -> None:
        shown(store, indicator=INFO)
        assert is_silent(store, 1, indicator=INFO)
        assert not is_silent(store, 1, inputs="ferritin=37 ng/mL on 2026-03-20", indicator=INFO)
        assert not is_silent(store, 1, indicator=WARNING)

    def test_facts_that_change_and_change_back_are_news_each_time(self, store: Store) -> None:
        shown(store)
        store.record_answer(an_answer(a_card(inputs="ferritin=20"), issued_at=NOW + days(2)))
        assert not is_silent(store, 4)
        assert is_silent(store, 4, inputs="ferritin=20")

    def test_its_due_day_ends_it(self, store: Store) -> None:
        card = replace(a_card("IRONONTX", FERRITIN_38, INFO), due=TODAY + days(10))
        store.record_answer(an_answer(card))
        assert last_silent_day(store, card="IRONONTX", indicator=INFO) == 9

    def test_what_was_due_on_the_day_of_the_showing_does_not(self, store: Store) -> None:
        store.record_answer(an_answer(replace(a_card(inputs=FERRITIN_38), due=TODAY)))
        assert last_silent_day(store) == 20

    def test_the_site_may_choose_its_days(self, store: Store) -> None:
        shown(store)
        own = replace(repetition(), shown_cards={"IRONLOW": 5})
        assert last_silent_day(store, rules=own) == 4
        assert last_silent_day(store, rules=replace(repetition(), shown_cards={"IRONLOW": 0})) == 0

    def test_it_may_be_left_out(self, store: Store) -> None:
        shown(store)
        assert not is_silent(store, 1, counts_shown=False)

    def test_a_critical_card_never_is(self, store: Store) -> None:
        shown(store, "VITDTOX", CRITICAL)
        assert not is_silent(store, 1, card="VITDTOX", indicator=CRITICAL)


@pytest.mark.parametrize(
    ("card", "indicator", "reason", "silent_until", "for_others"),
    [
        ("IRONLOW", WARNING, "", 13, False),
        ("IRONTEST", INFO, "", 89, False),
        ("IRONLOW", WARNING, "remind-later", 13, False),
        ("IRONLOW", WARNING, "not-significant", 364, True),
        ("B12LOW", WARNING, "not-significant", 13, False),  # not offered there: as without a reason
        ("IRONLOW", WARNING, "wrong-diagnosis", 364, True),
        ("AGGACTIVE", INFO, "wrong-diagnosis", 364, True),
        ("IRONOVL", INFO, "wrong-diagnosis", 89, False),
        ("IRONLOW", WARNING, "already-done", 89, True),
        ("IRONLOW", WARNING, "a-reason-of-the-clients-own", 89, True),
    ],
)
def test_an_override_silences_by_its_reason(
    store: Store, card: str, indicator: Indicator, reason: str, silent_until: int, for_others: bool
) -> None:
    override(store, shown(store, card, indicator), reason)
    how = {"card": card, "indicator": indicator}
    assert is_silent(store, 0, **how)
    assert last_silent_day(store, **how) == silent_until
    assert is_silent(store, 1, **how, **OTHER) is for_others


def test_a_comment_alone_is_no_reason(store: Store) -> None:
    override(store, shown(store), comment="we know")
    assert last_silent_day(store) == 13


def test_an_accepted_suggestion_silences_for_everybody(store: Store) -> None:
    store.record_feedback(CLIENT, SERVICE, [accepted(shown(store))], NOW)
    assert is_silent(store, 0, **OTHER)
    assert last_silent_day(store, **OTHER) == 29
    assert not is_silent(store, 1, inputs="ferritin=20")


def test_being_answered_takes_the_place_of_being_shown(store: Store) -> None:
    """A warning that is to be reminded of in 14 days must not stay away for the 21 of one that was only shown."""
    override(store, shown(store), "remind-later")
    assert last_silent_day(store) == 13


@pytest.mark.parametrize("reason", ["", "remind-later", "already-done", "not-significant"])
def test_facts_end_the_silence_of_an_override(store: Store, reason: str) -> None:
    override(store, shown(store), reason)
    assert is_silent(store, 1)
    assert not is_silent(store, 1, inputs="ferritin=20")
    assert not is_silent(store, 1, indicator=CRITICAL)


class TestAboutThePatient:
    basis = PatientBasis(symptoms=("pregnant False",), diagnosis=("rls 2026-01-01",))

    @pytest.fixture(autouse=True)
    def seen(self, store: Store) -> IssuedCard:
        return shown(store, basis=self.basis)

    def test_pregnancy_ends_that_symptoms_are_not_significant(self, store: Store, seen: IssuedCard) -> None:
        override(store, seen, "not-significant")
        assert is_silent(store, 30, basis=self.basis)
        assert is_silent(store, 30, basis=replace(self.basis, diagnosis=("another",)))
        assert not is_silent(store, 30, basis=replace(self.basis, symptoms=("pregnant True",)))

    def test_another_entry_ends_that_the_diagnosis_is_wrong(self, store: Store, seen: IssuedCard) -> None:
        override(store, seen, "wrong-diagnosis")
        assert is_silent(store, 30, basis=self.basis, inputs="ferritin=20")
        assert is_silent(store, 30, basis=replace(self.basis, symptoms=("pregnant True",)))
        assert not is_silent(store, 30, basis=replace(self.basis, diagnosis=("rls 2026-01-01", "rls 2026-04-01")))

    def test_rows_of_an_older_program_say_nothing_of_it(self, store: Store, seen: IssuedCard, engine: Engine) -> None:
        override(store, seen, "wrong-diagnosis")
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE card_issued SET diagnosis_digest = NULL, shown_to = NULL")
        assert not is_silent(store, 30, basis=self.basis)


class TestOrderHooks:
    doses = (("gabapentin oral", Decimal(600)),)

    @pytest.fixture
    def seen(self, store: Store) -> IssuedCard:
        card = replace(a_card("OSGABARENAL", FERRITIN_38), doses=self.doses)
        store.record_answer(an_answer(card, hook="order-sign"))
        return card

    def silent_days(self, store: Store, **how: Any) -> int:
        return last_silent_day(store, **({"card": "OSGABARENAL", "doses": self.doses, "is_order_hook": True} | how))

    @pytest.mark.usefixtures("seen")
    def test_nothing_is_silenced_by_having_been_shown(self, store: Store) -> None:
        assert self.silent_days(store) == 0

    def test_nothing_is_silenced_by_an_acceptance(self, store: Store, seen: IssuedCard) -> None:
        store.record_feedback(CLIENT, SERVICE, [accepted(seen)], NOW)
        assert self.silent_days(store) == 0

    @pytest.mark.parametrize("reason", ["", "wrong-diagnosis", "not-significant", "remind-later"])
    def test_nothing_is_silenced_without_a_reason_of_order_hooks(
        self, store: Store, seen: IssuedCard, reason: str
    ) -> None:
        override(store, seen, reason)
        assert self.silent_days(store) == 0

    def test_a_coded_reason_silences_for_that_user(self, store: Store, seen: IssuedCard) -> None:
        override(store, seen, "dose-is-right")
        assert self.silent_days(store) == 29
        assert self.silent_days(store, **OTHER) == 0

    @pytest.mark.parametrize(
        ("drug", "mg", "silent"),
        [
            ("gabapentin oral", "300", True),
            ("gabapentin oral", "600", True),
            ("gabapentin oral", "600.1", False),
            ("gabapentin oral", None, False),
            ("pregabalin oral", "300", False),
        ],
    )
    def test_a_higher_dose_and_another_drug_are_news(
        self, store: Store, seen: IssuedCard, drug: str, mg: str | None, silent: bool
    ) -> None:
        override(store, seen, "dose-is-right")
        doses = ((drug, None if mg is None else Decimal(mg)),)
        assert bool(self.silent_days(store, doses=doses)) is silent

    def test_one_more_draft_is_news(self, store: Store, seen: IssuedCard) -> None:
        override(store, seen, "dose-is-right")
        assert self.silent_days(store, doses=(*self.doses, ("pregabalin oral", Decimal(75)))) == 0
        assert self.silent_days(store, doses=()) == 0

    def test_facts_are_news(self, store: Store, seen: IssuedCard) -> None:
        override(store, seen, "dose-is-right")
        assert self.silent_days(store, inputs="eGFR=25") == 0

    @pytest.mark.parametrize("card", ["OSIVHSR", "OSIVINFECT", "OSIVPREG1", "OSIVFCMPHOS", "OSIRONOVL", "OSIRONTSAT45"])
    def test_what_keeps_from_harm_is_never_silent(self, store: Store, card: str) -> None:
        override(store, shown(store, card), "benefit-outweighs")
        assert not is_silent(store, 1, card=card, is_order_hook=True)

    def test_the_dose_of_a_child_is_never_silent(self, store: Store) -> None:
        override(store, shown(store, "OSIRONDOSE"), "dose-is-right")
        assert is_silent(store, 1, card="OSIRONDOSE", is_order_hook=True)
        assert not is_silent(store, 1, card="OSIRONDOSE", is_order_hook=True, is_child=True)

    def test_the_site_may_shorten_it_and_not_lengthen_it(self, store: Store, seen: IssuedCard) -> None:
        override(store, seen, "dose-is-right")
        own = {days: replace(repetition(), site_reasons={"dose-is-right": days}) for days in (7, 300)}
        assert self.silent_days(store, rules=own[7]) == 6
        assert self.silent_days(store, rules=own[300]) == 29


@pytest.mark.parametrize(
    ("site", "last_day"),
    [({"already-done": 10}, 9), ({"other": 10}, 89), ({"already-done": 400}, 399), ({"already-done": 0}, 0)],
)
def test_the_site_may_choose_days_by_reason(store: Store, site: dict[str, int], last_day: int) -> None:
    override(store, shown(store), "already-done")
    rules = replace(repetition(), site_reasons=site)
    assert last_silent_day(store, 500, rules=rules) == last_day
    assert is_silent(store, 0, rules=rules) is (last_day > 0)


def test_the_site_may_choose_the_days_without_a_reason(store: Store) -> None:
    override(store, shown(store))
    assert last_silent_day(store, rules=replace(repetition(), site_reasons={"": 3})) == 2


def test_a_clock_that_runs_ahead_does_not_extend_the_silence(store: Store) -> None:
    store.record_feedback(CLIENT, SERVICE, [overridden(shown(store), NOW + days(1), "already-done")], NOW)
    assert last_silent_day(store) == 89


def test_a_late_override_counts_from_its_own_day(store: Store) -> None:
    card = shown(store, issued_at=NOW - days(95))
    override(store, card, "already-done", NOW - days(89))
    assert is_silent(store, 0)
    assert not is_silent(store, 1, **OTHER)


def test_an_override_dated_before_its_card_counts_from_the_card(store: Store) -> None:
    override(store, shown(store), "already-done", NOW - days(89))
    assert last_silent_day(store, **OTHER) == 89


def test_a_dismissal_by_a_clock_that_runs_behind_holds_its_days(store: Store) -> None:
    override(store, shown(store), at=NOW - days(20))
    assert last_silent_day(store) == 13


def test_an_override_of_the_year_1_counts_from_its_card(store: Store) -> None:
    override(store, shown(store), "already-done", datetime(1, 1, 1, tzinfo=UTC))
    assert silence(store, zone=ZoneInfo("America/New_York")) is not None
    assert last_silent_day(store, **OTHER) == 89
    (row,) = store.export_feedback(None, "tester", NOW)
    assert row.date == "0001-01-01T00:00:00.000000Z"


def test_a_time_that_was_kept_without_zeros_is_read(store: Store, engine: Engine) -> None:
    override(store, shown(store), "already-done")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE feedback_event SET outcome_at = '1-01-01T00:00:00.000000Z'")
    assert last_silent_day(store, **OTHER) == 89


def test_feedback_of_another_client_silences_nothing(store: Store) -> None:
    store.record_feedback("south", SERVICE, [overridden(shown(store), reason="already-done")], NOW)
    assert not is_silent(store)
    assert not is_silent(store, client="south")


def test_cards_are_silenced_individually(store: Store) -> None:
    override(store, shown(store), "already-done")
    same, other = (Candidate("IRONLOW", WARNING, (value,)) for value in (FERRITIN_38, "new"))
    found = store.suppressed(CLIENT, "pat-1", [same, other], NOW, a_policy())
    assert found == {same: Silence("overridden", TODAY, TODAY + days(90), True)}


def test_each_fact_matters_but_not_their_order(store: Store) -> None:
    card = replace(a_card(), inputs=("ferritin=38", "tsat=12"))
    store.record_answer(an_answer(card))
    override(store, card, "already-done")
    asked = [
        Candidate("IRONLOW", WARNING, inputs)
        for inputs in [("tsat=12", "ferritin=38"), ("ferritin=38",), ("ferritin=38", "tsat=12", "crp=1"), ()]
    ]
    assert store.suppressed(CLIENT, "pat-1", asked, NOW, a_policy()).keys() == {asked[0]}
