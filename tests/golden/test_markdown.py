"""Cards hold no Markdown but what Epic, Oracle Health and the sandbox render alike: bold, lists, paragraphs, links."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from cards.knowledge.rules import CardText
from cards.wording.render import wording
from cds_service.knowledge.load import national_rules
from tests.decisions.shown import shown
from tests.golden.calls import kept
from tests.golden.markdown import faults

_DECISIONS = national_rules().decisions


@pytest.mark.parametrize(
    ("name", "answer"), [(path.stem, answer) for path, answer in kept()], ids=lambda each: str(each)[:60]
)
def test_a_golden_card_is_rendered_alike(name: str, answer: Mapping[str, Any]) -> None:
    assert [f"{name}: {fault}" for card in answer["cards"] for fault in faults(card["detail"])] == []


@pytest.mark.parametrize("decision", _DECISIONS)
def test_a_card_of_the_decision_tables_is_rendered_alike(decision: str) -> None:
    """Every text of a decision is printed by some case: another test holds that."""
    assert [f"{each}: {fault}" for each in shown(decision) for fault in faults(each.card.detail)] == []


def phrases() -> Iterator[tuple[str, str]]:
    """Every phrase of the knowledge files that a card's detail may hold, with its place."""
    for decision in _DECISIONS.values():
        yield from ((f"{decision.name}.{key}", text) for key, text in decision.texts.items())
        for card in decision.cards.values():
            yield from ((f"{card.id}.{member}", text) for member, text in _members(card) if text)
    yield from _within("wording", wording())


def _members(card: CardText) -> Iterator[tuple[str, str]]:
    for member in ("recommendation", "recommendation_incomplete", "rule", "rule_in_short", "limits", "not_for"):
        yield member, getattr(card, member)


def _within(place: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _within(f"{place}.{key}", each)
    elif isinstance(value, str):
        yield place, value


def test_every_phrase_of_the_knowledge_files_is_rendered_alike() -> None:
    texts = list(phrases())
    assert len(texts) > 600
    whole = ((place, re.sub(r"^\{\w+\}$", "- item", text.strip(), flags=re.MULTILINE)) for place, text in texts)
    assert [f"{place}: {fault}" for place, text in whole for fault in faults(text)] == []


def test_a_summary_holds_no_markdown_at_all() -> None:
    """CDS Hooks shows it as it is written."""
    summaries = [(card.id, card.summary) for each in _DECISIONS.values() for card in each.cards.values()]
    summaries += [(path.stem, card["summary"]) for path, answer in kept() for card in answer["cards"]]
    assert [place for place, text in summaries if re.search(r"[*`\[\]<>|#~\\]|__", text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "Plain words, 5 % and a - b.",
        "**This patient**\n\n- Woman, 46\n- Ferritin 38 ng/mL (2026-05-20)\n\n**Rule:** Adult, below 45 %.",
        "See [the page](https://cds.example.org/a-page).",
        "2 * 3 is six",
        "iron-iv and 750 mg x 2",
    ],
)
def test_plain_markdown_is_let_through(text: str) -> None:
    assert list(faults(text)) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("# Ferritin", "a heading"),
        ("Ferritin\n---", "an underlined heading"),
        ("a\n\n***\n\nb", "an underlined heading or a rule"),
        ("| a | b |\n|---|---|", "a table"),
        ("> said", "a quotation"),
        ("the `code`", "code"),
        ("    indented", "code"),
        ("below <b>5</b>", "HTML"),
        ("<https://example.org>", "HTML or an autolink"),
        ("5 &lt; 6", "an entity"),
        ("![x](https://example.org/x.png)", "an image"),
        ("- a\n  - b", "a nested list"),
        ("* a", "a list of another sign"),
        ("1. a", "a list of another sign"),
        ("- [ ] a", "a task"),
        ("as said[^1]", "a footnote"),
        ("~~old~~", "struck-out"),
        ("one  \ntwo", "a hard line break"),
        ("an *italic* word", "emphasis"),
        ("an _italic_ word", "emphasis"),
        ("**open", "bold that is not closed"),
        ("** spaced **", "bold that is not closed"),
        ("text\n- item", "a list without an empty line"),
        ("- item\ntext", "a list without an empty line"),
        ("see [here] now", "brackets that are no link"),
        ("see [here](page.html)", "brackets that are no link"),
    ],
)
def test_what_some_client_shows_otherwise_is_noticed(text: str, fault: str) -> None:
    assert any(fault in each for each in faults(text)), list(faults(text))
