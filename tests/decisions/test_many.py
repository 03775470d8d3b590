"""A card does not grow with each drug or draft: beyond five they are counted (clinical amendments 2, section 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cards.facts.card import Card, utf16_length
from tests.decisions.shown import detail_is_short
from tests.decisions.test_tables import RULES, cards_of

Case = dict[str, Any]


def drugs(kind: str, name: str, **more: Any) -> Callable[[int], Case]:
    def case(number: int) -> Case:
        many = [f"{kind} {name} {letter} 30 since 400d" for letter in _letters(number)]
        return {**more, "drugs": [*more.get("drugs", []), *many]}

    return case


def drafts(kind: str, name: str, **more: Any) -> Callable[[int], Case]:
    def case(number: int) -> Case:
        return {**more, "drafts": [f"{kind} {name} {letter} 400" for letter in _letters(number)]}

    return case


def _letters(number: int) -> list[str]:
    """Names that differ, of one length."""
    return [f"{chr(97 + each // 26)}{chr(97 + each % 26)}" for each in range(number)]


MANY: dict[str, tuple[str, Callable[[int], Case]]] = {
    "AGG-ACTIVE": ("aggravators", drugs("agg-sub+agg-sub-antiemetic", "metoclopramide")),
    "DA-AUG": ("augmentation", drugs("da", "pramipexole")),
    "B12-LOW": ("b12", drugs("b12", "mecobalamin", labs=["b12 150 pg/mL 26d"])),
    "MG-LOW": ("magnesium", drugs("ppi", "omeprazole", labs=["magnesium 1.5 mg/dL 26d"])),
    "B6-HIGH": ("b6", drugs("b6", "pyridoxine", labs=["plp 250 nmol/L 26d"])),
    "VITD-HIGH": ("vitamin_d", drugs("vitd", "cholecalciferol", labs=["vitd 120 ng/mL 26d"])),
    "FOL-LOW": ("folate", drugs("folate", "folic acid", labs=["folate 2 ng/mL 26d"])),
    "OS-AGG": ("aggravator_order", drafts("agg-sub+agg-sub-antiemetic", "metoclopramide")),
    "OS-DA": ("dopaminergic_order", drafts("da", "pramipexole")),
    "OS-GABA-RENAL": ("gabapentinoid_order", drafts("gabapentinoid", "gabapentin", person="63 M esrd")),
    "OS-IRON-NOLABS": ("iron_order", drafts("iron-oral", "ferrous sulfate")),
    "OS-SUPP-NOLAB": (
        "supplement_order",
        lambda number: {"drafts": [f"b12 mecobalamin {letter} 1 reason rls" for letter in _letters(number)]},
    ),
}


def shown(card: str, number: int) -> Card:
    decision, case = MANY[card]
    return next(each for each in cards_of(decision, case(number), RULES) if each.id == card)


@pytest.mark.parametrize("card", MANY)
def test_sixty_take_no_more_room_than_seven(card: str) -> None:
    seven, sixty = shown(card, 7), shown(card, 60)
    assert utf16_length(sixty.detail) - utf16_length(seven.detail) <= 12, sixty.detail
    assert detail_is_short(sixty), sixty.detail
    assert "and 2 more" in seven.detail or "7 orders" in seven.detail


@pytest.mark.parametrize("card", MANY)
def test_five_are_listed(card: str) -> None:
    made = shown(card, 5)
    assert "more" not in made.detail.partition("**This patient**")[2].partition("**Rule")[0]
    assert "5 orders" not in made.detail


def test_six_orders_are_counted_in_the_summary_too() -> None:
    made = shown("OS-DA", 6)
    assert made.summary.startswith("6 orders: no guideline supports it")
    assert made.detail.startswith("**Order:** 6 orders\n\n")
    assert "- Drug: and 1 more\n" in made.detail


def test_what_is_counted_still_counts_as_a_change_of_facts() -> None:
    """Whether a card is news is judged by all the facts, not by those that are listed."""
    assert shown("DA-AUG", 7).inputs != shown("DA-AUG", 8).inputs
