"""How long the golden cards are, and how many have something to click: `python -m tests.golden.figures`.

Lengths are UTF-16 units of the detail's Markdown, as a client counts them (clinical amendments 2, section 4).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from cards.facts.card import utf16_length
from tests.golden.calls import kept

#: The longest detail that a card may have, and the longest median of all.
LONGEST, LONGEST_CRITICAL, MEDIAN = 900, 1400, 500
_GROUPS = ("critical", "warning", "info", "patient-view", "order-sign")
Card = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of some cards: `to_consider` is the share of the text that stands before the patient's own numbers."""

    cards: int
    median: float
    longest: int
    longest_card: str
    to_consider: float
    with_suggestion: int


def groups() -> Mapping[str, list[Card]]:
    """Return the golden cards: all, by indicator, and by hook."""
    shown = [(path.parent.name, card) for path, answer in kept() for card in answer["cards"]]
    by_name = {name: [card for hook, card in shown if name in (hook, card["indicator"])] for name in _GROUPS}
    return {"all": [card for _, card in shown], **by_name}


def figures(cards: list[Card]) -> Figures:
    """Return the figures of these cards. Raises `ValueError` without any."""
    longest = max(cards, key=length)
    return Figures(
        len(cards),
        median(map(length, cards)),
        length(longest),
        code(longest),
        median(len(card["detail"].partition("**This patient**")[0]) / len(card["detail"]) for card in cards),
        sum(bool(card.get("suggestions")) for card in cards),
    )


def length(card: Card) -> int:
    return utf16_length(card["detail"])


def code(card: Card) -> str:
    found: str = card["source"]["topic"]["code"]
    return found


def too_long(cards: list[Card]) -> Iterator[str]:
    """Yield each card whose detail is longer than it may be."""
    for card in cards:
        most = LONGEST_CRITICAL if card["indicator"] == "critical" else LONGEST
        if length(card) > most:
            yield f"{code(card)} {length(card)}, at most {most}"


def report() -> str:
    """Return the figures as a table in plain text."""
    lines = [
        f"{'cards':13} {'number':>6} {'median':>6} {'longest':>7}  {'which':16} {'to consider':>11} {'to click':>8}"
    ]
    for name, cards in groups().items():
        found = figures(cards)
        lines.append(
            f"{name:13} {found.cards:6} {found.median:6.0f} {found.longest:7}  {found.longest_card:16} "
            f"{found.to_consider:11.0%} {found.with_suggestion / found.cards:8.0%}"
        )
    allowed = f"allowed: median {MEDIAN}, longest {LONGEST}, critical {LONGEST_CRITICAL}"
    return "\n".join([*lines, allowed, *too_long(groups()["all"])]) + "\n"


def main() -> int:
    """Print the figures; 1 where a card or the median is longer than allowed."""
    print(report(), end="")
    cards = groups()["all"]
    return int(figures(cards).median > MEDIAN or bool(list(too_long(cards))))


if __name__ == "__main__":
    sys.exit(main())
