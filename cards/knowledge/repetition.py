"""When a card that was shown or answered comes again: `cards/knowledge/repetition.toml`, read once."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal

from cards.values import frozen


@frozen
class ReasonRule:
    """How long an override with one reason silences a card.

    `until` names what ends the silence: facts, symptoms or diagnosis. `cards` are the topic codes on which the reason
    counts; empty for all.
    """

    days: int
    is_for_everybody: bool
    until: Literal["facts", "symptoms", "diagnosis"] = "facts"
    cards: frozenset[str] = frozenset()

    def counts_on(self, card: str) -> bool:
        """Return whether the reason counts on a card, by topic code."""
        return not self.cards or card in self.cards


@frozen
class Repetition:
    """The days of silence by what happened; cards are named by topic code.

    shown                by indicator, and `shown_cards` by card: shown and not answered
    dismissed            by indicator: overridden without a reason
    accepted             a suggestion of laboratory tests accepted
    overridden           overridden with a coded reason that `reasons` does not name
    orders               order hooks: overridden with a coded reason; never one of `never_on_orders`
    never_for_a_child    of the cards of order hooks
    """

    shown: Mapping[str, int]
    shown_cards: Mapping[str, int]
    dismissed: Mapping[str, int]
    accepted: int
    overridden: int
    reasons: Mapping[str, ReasonRule]
    orders: int
    never_on_orders: frozenset[str] = frozenset()
    never_for_a_child: frozenset[str] = frozenset()
    #: of patient-view, never held back to learn whether they help
    never_held_out: frozenset[str] = frozenset()
    #: reason codes to days by the site's own choice, in place of those above; the empty code is no reason
    site_reasons: Mapping[str, int] = field(default_factory=dict)

    def days_shown(self, card: str, indicator: str) -> int:
        """Return the days for which a card is silent that was shown and not answered."""
        return self.shown_cards.get(card, self.shown.get(indicator, 0))


@cache
def repetition() -> Repetition:
    """Return the rules that ship with the package."""
    content = tomllib.loads((files("cards") / "knowledge" / "repetition.toml").read_text(encoding="utf-8"))
    shown, orders = dict(content["shown"]), content["orders"]
    return Repetition(
        shown_cards=MappingProxyType({topic(card): days for card, days in shown.pop("cards").items()}),
        shown=MappingProxyType(shown),
        dismissed=MappingProxyType(content["dismissed"]),
        accepted=content["accepted"]["days"],
        overridden=content["overridden"]["days"],
        reasons=MappingProxyType({code: _reason(entry) for code, entry in content["reasons"].items()}),
        orders=orders["days"],
        never_on_orders=_topics(orders["never"]),
        never_for_a_child=_topics(orders["never_for_a_child"]),
        never_held_out=_topics(content["holdout"]["never"]),
    )


def topic(card: str) -> str:
    """Return the topic code of a card id: IRONLOW for IRON-LOW."""
    return card.replace("-", "")


def _reason(entry: Mapping[str, Any]) -> ReasonRule:
    return ReasonRule(
        days=entry["days"],
        is_for_everybody=entry["for"] == "everybody",
        until=entry["until"],
        cards=_topics(entry.get("cards", ())),
    )


def _topics(cards: Iterable[str]) -> frozenset[str]:
    return frozenset(map(topic, cards))
