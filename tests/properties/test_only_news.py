"""What a card rests on changes with the chart alone: not with the day, and not with what was read of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from cards.dates import months_before
from cards.decisions.decide import decide, to_be_shown
from cards.facts.chart import LISTS, Listing
from cards.fhir.bundles import Listed
from cards.knowledge.definitions import definitions
from cards.knowledge.rules import Rules
from cards.presenting.card_context import ClientCapabilities
from cards.presenting.present import present
from cards.reading import read_chart
from tests.properties.answers import NOW, SITE, rules_of
from tests.properties.charts import generated
from tests.properties.patients import PATIENT, Generated

some_charts = settings(max_examples=300, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
                       suppress_health_check=list(HealthCheck))  # fmt: skip
_PROFILE = ClientCapabilities(PATIENT, max_cards=0)


def bases(patient: Generated, *, days: int = 0, cut: str = "") -> dict[tuple[str, ...], set[str]]:
    """Return what the cards rest on by card and drafts, some days later, or with a list of which more may exist.

    Which drafts share a card may depend on what was read, so a card is the same only with the same drafts.
    """
    lists = {
        name: Listed(tuple(entries), Listing.CUT if name == cut else Listing.COMPLETE)
        for name, entries in patient.lists().items()
    }
    chart = read_chart(
        lists, patient_id=PATIENT, now=NOW + timedelta(days=days), zone=UTC, drafts=patient.basket(), site=SITE
    )
    rules = rules_of(patient)
    shown = to_be_shown(decide(chart, rules, patient.hook), chart)
    cards = present(shown, chart, rules, profile=_PROFILE, new_uuid=lambda: "uuid")
    return {(card.id, *_drafts(card.basis.facts)): set(card.basis.facts) for card in cards}


def _drafts(facts: tuple[str, ...]) -> Iterator[str]:
    return (fact for fact in facts if fact.startswith("draft="))


def changed(one: dict[tuple[str, ...], set[str]], other: dict[tuple[str, ...], set[str]]) -> list[tuple[str, ...]]:
    """Return the cards that fire both times and rest on other facts."""
    return [card for card in one.keys() & other.keys() if one[card] != other[card]]


def _comes_of_age(fact: str, ages: frozenset[int]) -> bool:
    """Return whether a limit of days or months runs out for a date of this fact on the day of the call or the next."""
    days = {(NOW.date() - date.fromisoformat(each)).days for each in re.findall(r"\d{4}-\d\d-\d\d", fact)}
    return any({day, day + 1} & ages for day in days)


def _ages(rules: Rules) -> frozenset[int]:
    """Return the limits that count days, in days; those in months may be a day shorter or longer."""
    limits = (*rules.thresholds.values(), *definitions().values())
    days = {limit.days for limit in limits if limit.unit == "d"}
    months = {(NOW.date() - months_before(NOW.date(), limit.months)).days for limit in limits if limit.unit == "mo"}
    return frozenset(each + around for each in days | months for around in (-1, 0, 1))


@some_charts
@given(generated())
def test_a_day_alone_is_no_news(patient: Generated) -> None:
    """Unless on that day a result grows too old to count, or a drug has been taken long enough to."""
    ages = _ages(rules_of(patient))
    one, other = bases(patient), bases(patient, days=1)
    found = {card: one[card] ^ other[card] for card in changed(one, other)}
    assert {card: facts for card, facts in found.items() if not all(_comes_of_age(each, ages) for each in facts)} == {}


@pytest.mark.slow
@pytest.mark.parametrize("cut", [name for name in LISTS if name != "patient"])
def test_what_was_not_read_is_no_news(cut: str) -> None:
    @some_charts
    @given(generated())
    def same(patient: Generated) -> None:
        assert changed(bases(patient), bases(patient, cut=cut)) == []

    same()
