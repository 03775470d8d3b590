"""What the service answers for a generated patient, and what stays equal when it is told differently."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from cards.card import Card
from cards.chart import LISTS, Listing
from cards.decide import decide, to_be_shown
from cards.present import CardProfile, not_evaluated, present
from cards.reading import Listed, Site, read_chart
from cards.rules import Rules, load_rules
from tests.properties.patients import PATIENT, SITE_CODES, Generated, Resource, bundle

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
RULES = load_rules()
SITE = Site(local_codes={(SITE_CODES, "irls"): "measure-irls"})
_PROFILE = CardProfile(PATIENT, max_cards=0)


def rules_of(patient: Generated) -> Rules:
    """The rules with what this patient's site has switched."""
    switched = {name: replace(RULES.switches[name], value=value) for name, value in patient.switches}
    return replace(RULES, switches={**RULES.switches, **switched})


def answer(
    patient: Generated,
    lists: Mapping[str, list[Resource]] | None = None,
    listings: Mapping[str, Listing] | None = None,
    drafts: list[Resource] | None = None,
) -> tuple[Card, ...]:
    """The cards for this patient, told by these lists and drafts or in its own words.

    Where a list that no answer can do without is missing, what the service then shows: safety stops, and the card
    that says that nothing was evaluated.
    """
    given, known = lists or patient.lists(), listings or {}
    gathered = {
        name: Listed(tuple(given[name]), known.get(name, Listing.COMPLETE))
        for name in LISTS
        if known.get(name) is not Listing.NOT_KNOWN
    }
    basket = patient.basket() if drafts is None else bundle(drafts)
    chart = read_chart(gathered, patient_id=PATIENT, now=NOW, zone=UTC, drafts=basket, site=SITE)
    rules = rules_of(patient)
    verdict = decide(chart, rules, patient.hook)
    cards = present(to_be_shown(verdict), chart, rules, profile=_PROFILE, new_uuid=_uuid)
    missing = (not_evaluated(verdict.missing, profile=_PROFILE, new_uuid=_uuid),) if verdict.missing else ()
    return (*cards, *missing)


def _uuid() -> str:
    return "uuid"


def whole(cards: tuple[Card, ...]) -> list[dict[str, Any]]:
    """The cards as they are sent, down to the last word."""
    return [card.as_json() for card in cards]


#: What a card says of a number's origin: it may differ where the same number was reported in another unit.
_ORIGIN = re.compile(r", (?:reported|converted from [^\n,]+?)(?=, amended|, corrected|\n|$)", re.MULTILINE)
_FACTOR = re.compile(rf"^- {re.escape(RULES.decisions['iron_status'].texts['converted_ferritin'])}\n", re.MULTILINE)


def but_for_units(cards: tuple[Card, ...]) -> list[dict[str, Any]]:
    """The cards as they are sent, without what they say of the unit that was reported."""
    return [each | {"detail": _FACTOR.sub("", _ORIGIN.sub("", each["detail"]))} for each in whole(cards)]


def kinds(cards: tuple[Card, ...]) -> list[tuple[str, str]]:
    """Which cards with which indicator."""
    return sorted((card.id, str(card.indicator)) for card in cards)
