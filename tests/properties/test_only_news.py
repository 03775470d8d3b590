"""What a card rests on changes with the chart alone: not with the day, and not with what was read of it."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from cards.decisions.decide import decide, to_be_shown
from cards.facts.card import Basis
from cards.facts.chart import LISTS, Listing
from cards.fhir.bundles import Listed
from cards.presenting.card_context import ClientCapabilities
from cards.presenting.present import present
from cards.reading import read_chart
from tests.properties.answers import NOW, SITE, rules_of
from tests.properties.charts import generated
from tests.properties.patients import PATIENT, Generated

some_charts = settings(max_examples=300, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
                       suppress_health_check=list(HealthCheck))  # fmt: skip
_PROFILE = ClientCapabilities(PATIENT, max_cards=0)


def bases(patient: Generated, *, days: int = 0, cut: str = "") -> dict[str, Basis]:
    """Return what the cards rest on, some days later, or with a list of which more may exist."""
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
    return {card.id: card.basis for card in cards}


def changed(one: dict[str, Basis], other: dict[str, Basis]) -> list[str]:
    """Return the cards that fire both times and rest on other facts."""
    return [card for card in one.keys() & other.keys() if one[card].facts != other[card].facts]


@some_charts
@given(generated())
def test_a_day_alone_is_no_news(patient: Generated) -> None:
    assert changed(bases(patient), bases(patient, days=1)) == []


@pytest.mark.slow
@pytest.mark.parametrize("cut", [name for name in LISTS if name != "patient"])
def test_what_was_not_read_is_no_news(cut: str) -> None:
    @some_charts
    @given(generated())
    def same(patient: Generated) -> None:
        assert changed(bases(patient), bases(patient, cut=cut)) == []

    same()
