"""What the service answers for a generated patient, and what stays equal when it is told differently."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from cards.decisions.decide import decide, to_be_shown
from cards.facts.card import Card
from cards.facts.chart import LISTS, Listing
from cards.fhir.bundles import Listed
from cards.knowledge.rules import Rules
from cards.presenting.card_context import ClientCapabilities
from cards.presenting.present import lists_not_evaluated, not_evaluated, present
from cards.reading import Site, read_chart
from cds_service.knowledge.load import national_rules
from tests.properties.patients import PATIENT, SITE_CODES, Generated, Resource, bundle

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
RULES = national_rules()
SITE = Site(local_codes={(SITE_CODES, "irls"): "measure-irls"})
_PROFILE = ClientCapabilities(PATIENT, max_cards=0)


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
    return answer_from(patient, gathered, patient.basket() if drafts is None else bundle(drafts))


def answer_from(patient: Generated, gathered: Mapping[str, Listed], basket: Resource) -> tuple[Card, ...]:
    """The cards for this patient from lists and draft orders as they were gathered."""
    chart = read_chart(gathered, patient_id=PATIENT, now=NOW, zone=UTC, drafts=basket, site=SITE)
    rules = rules_of(patient)
    verdict = decide(chart, rules, patient.hook)
    shown = to_be_shown(verdict, chart)
    cards = present(shown, chart, rules, profile=_PROFILE, new_uuid=_uuid)
    unread = tuple(dict.fromkeys((*verdict.missing, *lists_not_evaluated(verdict, shown, chart, _PROFILE))))
    if not unread and not verdict.unread:
        return cards
    return (*cards, not_evaluated(unread, chart, results=verdict.unread, profile=_PROFILE, new_uuid=_uuid))


def _uuid() -> str:
    return "uuid"


def whole(cards: tuple[Card, ...]) -> list[dict[str, Any]]:
    """The cards as they are sent, down to the last word."""
    return [card.as_json() for card in cards]


#: What a card says of a number's origin: it may differ where the same number was reported in another unit.
_ORIGIN = re.compile(r", reported as [^\n,)]+")
_FACTOR = re.compile(rf"- {re.escape(RULES.decisions['iron_status'].texts['converted_ferritin'])}(?=\n|$)")


def but_for_units(cards: tuple[Card, ...]) -> list[dict[str, Any]]:
    """The cards as they are sent, without what they say of the unit that was reported."""
    return [each | {"detail": _without_origin(each["detail"])} for each in whole(cards)]


def _without_origin(detail: str) -> str:
    return re.sub(r"\n+", "\n", _FACTOR.sub("", _ORIGIN.sub("", detail))).strip()


def kinds(cards: tuple[Card, ...]) -> list[tuple[str, str]]:
    """Which cards with which indicator."""
    return sorted((card.id, str(card.indicator)) for card in cards)
