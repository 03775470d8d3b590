"""The README's table of the source article: every card and every test it names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cards.rules import load_rules

_ROOT = Path(__file__).resolve().parents[2]
_TEST = re.compile(r"`(tests/[\w/]+\.(?:toml|py))`: (.+)")


def rows() -> list[list[str]]:
    readme = (_ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("### The source article, claim by claim")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


ROWS = rows()


def test_the_article_has_twelve_claims() -> None:
    assert len(ROWS) == 12


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_claim_names_cards_and_a_test_that_exist(row: list[str]) -> None:
    claim, answer, cards, test = row
    known = {card for decision in load_rules().decisions.values() for card in decision.cards}
    assert claim and answer
    assert set(cards.split(", ")) <= known
    found = _TEST.fullmatch(test)
    assert found, test
    text = (_ROOT / found[1]).read_text(encoding="utf-8")
    assert f'says = "{found[2]}"' in text or f"def {found[2]}(" in text


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_the_test_of_a_claim_is_about_its_cards(row: list[str]) -> None:
    """The case expects one of the row's cards, or that none of them is shown."""
    found = _TEST.fullmatch(row[3])
    assert found
    text = (_ROOT / found[1]).read_text(encoding="utf-8")
    case = text.partition(f'says = "{found[2]}"')[2].partition("[[case]]")[0]
    expected = re.search(r"expect = \[(.*?)\]", case, re.DOTALL)
    assert expected
    named = set(re.findall(r'"([A-Z0-9-]+):', expected[1]))
    assert not named or named & set(row[2].split(", "))
