"""Every card that a case of the order tables beside iron fires, as a client would get it."""

from __future__ import annotations

from typing import Any

import pytest
from markdown_it import MarkdownIt

from cards.facts.card import SUMMARY_LIMIT, Card, utf16_length
from cards.wording.render import wording
from tests.builders.faults import assert_none, faults
from tests.decisions.charts import LONG_NAMES
from tests.decisions.shown import PROFILE, Shown, detail_is_short, faults_of_card, shown_with
from tests.decisions.test_tables import RULES, cards_of

ORDERS = (
    "dopaminergic_order", "aggravator_order", "b6_order", "folate_order", "vitamin_d_order", "magnesium_order",
    "vitamin_c_order", "gabapentinoid_order", "lab_order", "supplement_order",
)  # fmt: skip
CARDS = [(decision, card) for decision in ORDERS for card in RULES.decisions[decision].cards]
#: product.md section 4: these two may remove a draft, and only where they are critical.
REMOVING = {"OS-VITD", "OS-MG"}
#: LOINC codes a card may offer to order.
OFFERS = {
    "OS-DA": {"2276-4", "50190-8"},
    "OS-DA-RENEW": {"2276-4", "50190-8"},
    "OS-FOL-B12": {"2132-9", "13964-2"},
    "OS-VITD": {"17861-6"},
    "OS-LAB-TSAT": {"50190-8"},
    "OS-LAB-DUP": {"50190-8"},
    "OS-LAB-FERR": {"2276-4"},
    "OS-SUPP-NOLAB": {"30552-4", "19123-9", "2132-9", "62292-8"},
}


def actions(card: Card, kind: str) -> list[Any]:
    return [each for suggestion in card.suggestions for each in suggestion.actions if each.type == kind]


def summary_is_one_whole_plain_line(shown: Shown) -> None:
    card = shown.card
    assert utf16_length(card.summary) <= SUMMARY_LIMIT
    assert not card.summary.endswith("…"), f"{card.id} is cut: {card.summary}"
    assert not set(card.summary) & set("<>{}*[]`\n\r"), card.summary


def detail_has_its_parts_in_order_and_no_raw_markup(shown: Shown) -> None:
    headings, card = wording()["headings"], shown.card
    places = [card.detail.find(f"**{headings[name]}") for name in ("about", "why", "rule")]
    assert -1 not in places and places == sorted(places), card.id
    assert not set(card.detail) & set("<>{}"), card.id
    assert detail_is_short(card), card.detail
    assert "<ul>" in MarkdownIt().render(card.detail)


def a_draft_is_removed_only_where_it_is_critical(shown: Shown) -> None:
    card = shown.card
    removing = card.id in REMOVING and card.indicator == "critical" and "listings" not in shown.case
    assert bool(actions(card, "delete")) == removing, card.id
    assert [each.is_recommended for each in card.suggestions if each.is_recommended] == [True] * removing


def only_the_tests_of_its_row_are_offered(shown: Shown) -> None:
    creating = actions(shown.card, "create")
    offered = {coding["code"] for each in creating for coding in each.resource["code"]["coding"]}
    assert offered <= OFFERS.get(shown.card.id, set())


@pytest.mark.parametrize(("decision", "card"), CARDS, ids=[card for _, card in CARDS])
def test_wherever_a_card_is_shown_its_words_and_offers_are_right(decision: str, card: str) -> None:
    assert_none(
        faults_of_card(
            decision,
            card,
            summary_is_one_whole_plain_line,
            detail_has_its_parts_in_order_and_no_raw_markup,
            a_draft_is_removed_only_where_it_is_critical,
            only_the_tests_of_its_row_are_offered,
        )
    )


@pytest.mark.parametrize("long_name", LONG_NAMES)
@pytest.mark.parametrize("decision", ORDERS)
def test_the_summary_is_whole_for_products_with_long_names(decision: str, long_name: str) -> None:
    every = shown_with(decision, lambda case: {**case, "names": long_name})
    assert_none(faults(summary_is_one_whole_plain_line, every))


@pytest.mark.parametrize("decision", ORDERS)
def test_no_card_offers_anything_while_drugs_are_unread(decision: str) -> None:
    unread = shown_with(
        decision, lambda case: {**case, "listings": {**case.get("listings", {}), "medications": "not known"}}
    )
    assert [f"{each}: {each.card.id}" for each in unread if each.card.suggestions] == []


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


@pytest.mark.parametrize(
    ("case", "source"),
    [
        ({"dx": ["rls", "haemochromatosis"]}, "ours"),
        ({"dx": ["rls", "kidney-stone"]}, "ours"),
        ({"labs": ["egfr 22 mL/min/{1.73_m2} 26d"]}, "oxalate-hd"),
    ],
)
def test_vitamin_c_cites_the_study_of_dialysis_for_the_kidneys_alone(case: dict[str, Any], source: str) -> None:
    (card,) = cards_of("vitamin_c_order", {**case, "drafts": ["vitc ascorbic acid 500"]}, RULES)
    assert card.source_label == RULES.citations[source].label
