"""Every phrase that can stand on a card, by the place where it is written: what tests of wording look through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cards.labs.analytes import analytes
from cards.wording.reasons import reasons
from cards.wording.render import wording
from tests.decisions.test_tables import RULES

#: Tables of wording.toml, and sentences, that no card prints: they stand on the page of a card or in the explanation.
_ON_NO_CARD = frozenset({"reasons", "override_reasons"})
_SENTENCES_OF_THE_PAGE = frozenset({"codes_in_doubt", "physician"})
#: The parts of a card's text that it prints; its limits, grade and `not_for` stand on its page.
_PRINTED = ("title", "summary", "recommendation", "summary_incomplete", "recommendation_incomplete")


def printable() -> Iterator[tuple[str, str]]:
    """Yield each place with its phrase."""
    for name, decision in RULES.decisions.items():
        yield from ((f"{name}: texts.{key}", text) for key, text in decision.texts.items())
        for card in decision.cards.values():
            yield from ((f"{name}: {card.id}.{part}", said) for part in _PRINTED if (said := getattr(card, part)))
            yield f"{name}: {card.id}.rule", card.rule_in_short or card.rule
    for table, phrases in wording().items():
        if table not in _ON_NO_CARD:
            yield from _phrases(table, phrases)
    yield from ((f"reasons: {key}", text) for key, text in reasons().items())
    yield from ((f"analytes: {each.id}", each.name) for each in analytes().values())


def _phrases(table: str, phrases: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    on_page = _SENTENCES_OF_THE_PAGE if table == "sentences" else frozenset()
    yield from ((f"wording: {table}.{key}", text) for key, text in phrases.items() if key not in on_page)
