"""The cards that the cases of the tables show: what the tests of their words look through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cards.facts.card import Card, utf16_length
from cards.facts.finding import Finding, Outcome
from cards.presenting.card_context import ClientCapabilities
from tests.builders.faults import faults
from tests.decisions.test_tables import CASES, RULES, cards_of, findings
from tests.golden.figures import LONGEST, LONGEST_CRITICAL

Change = Callable[[Mapping[str, Any]], Mapping[str, Any]]
PROFILE = ClientCapabilities("p1", source_url="https://rls.example.org/source-attributes", max_cards=0)


def detail_is_short(card: Card) -> bool:
    """Return whether a card is as short as a tired reader needs it."""
    return utf16_length(card.detail) <= (LONGEST_CRITICAL if card.indicator == "critical" else LONGEST)


@dataclass(frozen=True, slots=True)
class Shown:
    """A card, the case that shows it, and the findings that it says; with all findings and cards of that case."""

    decision: str
    case: Mapping[str, Any]
    card: Card
    findings: tuple[Finding, ...]
    all_findings: tuple[Finding, ...]
    all_cards: tuple[Card, ...]

    def __str__(self) -> str:
        return f"{self.decision}: {self.case['says']}"


@cache
def shown(decision: str) -> tuple[Shown, ...]:
    """Return every card of the cases of a decision that fire."""
    return tuple(shown_with(decision, lambda case: case))


def shown_with(decision: str, change: Change) -> Iterable[Shown]:
    """Yield the same where each case is changed first."""
    for name, case in CASES:
        if name == decision and any(":" in each for each in case["expect"]):
            yield from _shown(decision, change(case))


def _shown(decision: str, case: Mapping[str, Any]) -> Iterable[Shown]:
    said = tuple(each for each in findings(decision, case, RULES) if each.outcome is Outcome.FIRES)
    cards = cards_of(decision, case, RULES, PROFILE)
    for card in cards:
        yield Shown(decision, case, card, tuple(each for each in said if each.card == card.id), said, cards)


def faults_of_card(decision: str, card: str, *checks: Callable[[Shown], None]) -> list[str]:
    """Return what each check finds wrong with a card, wherever it is shown."""
    every = [each for each in shown(decision) if each.card.id == card]
    assert every, f"no case shows {card}"
    return [fault for check in checks for fault in faults(check, every)]
