"""Every card that a case of the order tables beside iron fires, as a client would get it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from markdown_it import MarkdownIt

from cards.card import SUMMARY_LIMIT, Card, utf16_length
from cards.present import CardProfile
from cards.wording import wording
from tests.decisions.charts import LONG_NAMES
from tests.decisions.test_tables import CASES, RULES, cards_of

ORDERS = (
    "dopaminergic_order", "aggravator_order", "b6_order", "folate_order", "vitamin_d_order", "magnesium_order",
    "vitamin_c_order", "gabapentinoid_order", "lab_order", "supplement_order",
)  # fmt: skip
FIRING = tuple((name, case) for name, case in CASES if name in ORDERS and any(":" in each for each in case["expect"]))
PROFILE = CardProfile("p1", source_url="https://rls.example.org/source-attributes", max_cards=0)
#: product.md section 4: these two may remove a draft, and only where they are critical.
REMOVING = {"OS-VITD", "OS-MG"}
#: LOINC codes a card may offer to order.
OFFERS = {
    "OS-DA": {"2276-4", "50190-8"},
    "OS-DA-RENEW": {"2276-4", "50190-8"},
    "OS-FOL-B12": {"2132-9", "13964-2"},
    "OS-VITD": {"17861-6"},
    "OS-LAB-TSAT": {"50190-8"},
    "OS-LAB-FERR": {"2276-4"},
    "OS-SUPP-NOLAB": {"30552-4", "19123-9", "2132-9", "62292-8"},
}
each_case = pytest.mark.parametrize(
    ("decision", "case"), FIRING, ids=[f"{decision}: {case['says']}" for decision, case in FIRING]
)


def actions(card: Card, kind: str) -> list[Any]:
    return [each for suggestion in card.suggestions for each in suggestion.actions if each.type == kind]


@pytest.mark.parametrize("long_name", ["", *LONG_NAMES])
@each_case
def test_the_summary_is_one_whole_plain_line(decision: str, case: Mapping[str, Any], long_name: str) -> None:
    for card in cards_of(decision, {**case, "names": long_name} if long_name else case, RULES, PROFILE):
        assert utf16_length(card.summary) <= SUMMARY_LIMIT
        assert not card.summary.endswith("…"), f"{card.id} is cut: {card.summary}"
        assert not set(card.summary) & set("<>{}*[]`\n\r"), card.summary


@each_case
def test_the_detail_has_its_parts_in_order_and_no_raw_markup(decision: str, case: Mapping[str, Any]) -> None:
    headings = wording()["headings"]
    for card in cards_of(decision, case, RULES, PROFILE):
        places = [card.detail.find(f"**{headings[name]}") for name in ("about", "why", "rule", "source", "limits")]
        assert -1 not in places and places == sorted(places), card.id
        assert not set(card.detail) & set("<>{}"), card.id
        assert "<ul>" in MarkdownIt().render(card.detail)


@each_case
def test_a_draft_is_removed_only_where_it_is_critical(decision: str, case: Mapping[str, Any]) -> None:
    for card in cards_of(decision, case, RULES, PROFILE):
        removing = card.id in REMOVING and card.indicator == "critical" and "listings" not in case
        assert bool(actions(card, "delete")) == removing, card.id
        assert [each.is_recommended for each in card.suggestions if each.is_recommended] == [True] * removing


@each_case
def test_a_card_offers_only_the_tests_of_its_row(decision: str, case: Mapping[str, Any]) -> None:
    for card in cards_of(decision, case, RULES, PROFILE):
        offered = {coding["code"] for each in actions(card, "create") for coding in each.resource["code"]["coding"]}
        assert offered <= OFFERS.get(card.id, set()), card.id


@each_case
def test_no_card_offers_anything_while_drugs_are_unread(decision: str, case: Mapping[str, Any]) -> None:
    unread = {**case, "listings": {**case.get("listings", {}), "medications": "not known"}}
    assert not any(card.suggestions for card in cards_of(decision, unread, RULES, PROFILE))


def test_a_draft_that_is_placed_already_is_not_removed() -> None:
    case = {"labs": ["calcium 12.4 mg/dL 26d"], "drafts": ["vitd ergocalciferol 50000IU not-draft"]}
    cards = cards_of("vitamin_d_order", case, RULES, PROFILE)
    assert [card.indicator for card in cards] == ["critical"]
    assert not any(actions(card, "delete") for card in cards)


def test_drafts_that_differ_in_their_dose_alone_share_a_card_that_lists_the_doses() -> None:
    case = {
        "drafts": ["iron-oral ferrous sulfate 65", "iron-oral ferrous gluconate 39", "iron-oral ferrous sulfate 65"]
    }
    untested = [card for card in cards_of("iron_order", case, RULES, PROFILE) if card.id == "OS-IRON-NOLABS"]
    assert len(untested) == 1
    assert untested[0].summary.startswith("Ferrous sulfate and ferrous gluconate: no usable ferritin")
    assert untested[0].detail.index("65 mg elemental iron") < untested[0].detail.index("39 mg elemental iron")
    assert untested[0].detail.count("65 mg elemental iron") == 1
    assert len(untested[0].suggestions) == 1


def test_a_card_whose_summary_speaks_of_the_dose_is_about_one_order() -> None:
    case = {"drafts": ["b6 pyridoxine 200", "b6 pyridoxine 300"]}
    said = [card.summary for card in cards_of("b6_order", case, RULES, PROFILE)]
    assert [each[: each.index(" mg")] for each in said] == ["Pyridoxine: 200", "Pyridoxine: 300"]
