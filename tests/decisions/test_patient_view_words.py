"""What the cards on vitamins, magnesium and drugs may say, and what a list that was not read may change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from cards.card import SUMMARY_LIMIT, utf16_length
from cards.decide import Verdict, decision_modules
from cards.drugs.recognise import recognise
from cards.finding import Indicator, Outcome
from cards.present import CardProfile, present
from tests.decisions.charts import chart
from tests.decisions.test_tables import CASES, RULES, answers, cards_of, findings

NAMES = ("b12", "folate", "b6", "vitamin_d", "magnesium", "aggravators", "augmentation", "dialysis_vitamins",
         "rx_review")  # fmt: skip
OURS = tuple((name, case) for name, case in CASES if name in NAMES)
FIRING = tuple((name, case) for name, case in OURS if any(":" in each for each in case["expect"]))
TEXTS = [(name, card) for name in NAMES for card in RULES.decisions[name].cards.values()]
#: The AASM guideline speaks of these alone; it supports no B12, folate, B6, vitamin D or magnesium.
BY_AASM = {"AGG-ACTIVE", "DA-AUG", "ESRD-VITC", "RX-REVIEW"}
ON_NUTRIENTS = {"b12", "folate", "b6", "vitamin_d", "magnesium"}
CAUTIONS = ("sedation", "falls", "opioids", "COPD", "sleep apnoea", "eGFR", "suicidal", "misuse", "pregnancy",
            "pregabalin")  # fmt: skip
_RANK = {Indicator.INFO: 0, Indicator.WARNING: 1, Indicator.CRITICAL: 2}

each_firing = pytest.mark.parametrize(
    ("name", "case"), FIRING, ids=[f"{name}: {case['says']}" for name, case in FIRING]
)
each_case = pytest.mark.parametrize(("name", "case"), OURS, ids=[f"{name}: {case['says']}" for name, case in OURS])
each_text = pytest.mark.parametrize(("name", "card"), TEXTS, ids=[card.id for _, card in TEXTS])


@each_firing
def test_the_summary_is_whole_and_on_one_line(name: str, case: Mapping[str, Any]) -> None:
    for card in cards_of(name, case, RULES):
        assert utf16_length(card.summary) <= SUMMARY_LIMIT
        assert "…" not in card.summary
        assert "\n" not in card.summary


@each_firing
def test_the_card_has_no_markup_of_a_page(name: str, case: Mapping[str, Any]) -> None:
    for card in cards_of(name, case, RULES):
        assert not {"<", ">"} & set(f"{card.summary}{card.detail}")
        assert "{" not in card.detail


@each_firing
def test_at_most_one_card_and_nothing_recommended(name: str, case: Mapping[str, Any]) -> None:
    cards = cards_of(name, case, RULES)
    assert len(cards) == 1
    assert not any(each.is_recommended for each in cards[0].suggestions)


@each_text
def test_the_guideline_on_rls_is_cited_only_where_it_speaks(name: str, card: Any) -> None:
    assert any(source.startswith("aasm") for source in card.citations) == (card.id in BY_AASM)
    assert ("AASM" in f"{card.grade}{card.recommendation}{card.rule}") <= (card.id in BY_AASM)


@each_text
def test_a_card_on_a_nutrient_promises_no_relief(name: str, card: Any) -> None:
    if name not in ON_NUTRIENTS or card.id in ("VITD-HIGH", "VITD-TOX", "B6-HIGH", "B12-TEST"):
        return
    words = f"{card.summary} {card.recommendation}"
    assert "unproven" in words or "Do not expect relief" in words


@each_text
def test_a_card_offers_options(name: str, card: Any) -> None:
    if card.indicator == "critical":
        return
    assert any(word in f"{card.recommendation}" for word in ("onsider", "Ask", "Discuss", "Check", "Confirm"))


@pytest.mark.parametrize("name", ["augmentation", "rx_review"])
def test_where_gabapentinoids_are_named_their_cautions_are_too(name: str) -> None:
    decision = RULES.decisions[name]
    assert all(word in decision.texts["gabapentinoids"] for word in CAUTIONS)
    fired = [finding for each, case in FIRING if each == name for finding in findings(each, case, RULES)]
    assert all("gabapentinoids" in finding.texts for finding in fired)


def test_no_other_card_names_gabapentinoids() -> None:
    naming = {name for name, card in TEXTS if "gabapentinoid" in f"{card.recommendation}{card.summary}".lower()}
    assert naming == {"augmentation", "rx_review"}


@pytest.mark.parametrize("lost", ["medications", "procedures", "orders"])
@each_case
def test_losing_a_secondary_list_never_makes_a_card_more_urgent(name: str, case: Mapping[str, Any], lost: str) -> None:
    """What is lost with the list is not in the chart either; a card may appear, but none with a higher indicator."""
    fields = {"medications": "drugs"}
    without = {**case, "listings": {**case.get("listings", {}), lost: "not known"}, fields.get(lost, lost): []}
    before = {each.card: _RANK[each.indicator] for each in _fired(name, case)}
    for finding in _fired(name, without):
        assert _RANK[finding.indicator] <= before.get(finding.card, _RANK[finding.indicator])
    cards = cards_of(name, without, RULES)
    assert all(card.suggestions == () for card in cards)


def _fired(name: str, case: Mapping[str, Any]) -> list[Any]:
    return [each for each in findings(name, case, RULES) if each.outcome is Outcome.FIRES]


@each_case
def test_suspected_rls_gets_none_of_these(name: str, case: Mapping[str, Any]) -> None:
    if case.get("listings"):
        return
    suspected = {
        **case,
        "dx": [each.replace("rls", "rls?") if each == "rls" else each for each in case.get("dx", ["rls"])],
    }
    assert answers(name, suspected, RULES) == []


@each_case
def test_unread_results_are_missing_and_unread_drugs_are_not(name: str, case: Mapping[str, Any]) -> None:
    for finding in findings(name, case, RULES):
        if finding.outcome is Outcome.UNKNOWN:
            assert finding.missing == (("labs",) if case.get("listings", {}).get("labs") == "not known" else ())


def test_a_product_with_three_strengths_leaves_the_summary_whole() -> None:
    product = recognise({"text": "carbidopa 25 MG / levodopa 100 MG / entacapone 200 MG Oral Tablet"})
    assert product is not None
    built = chart({"drugs": ["levodopa levodopa 100 since 900d"]})
    treated = replace(built, drugs=(replace(built.drugs[0], product=product),))
    (finding,) = decision_modules()["augmentation"](treated, RULES.on(treated.today))
    verdict = Verdict("patient-view", (finding,))
    (card,) = present(verdict, treated, RULES, profile=CardProfile("p1"), new_uuid=lambda: "u")
    assert card.summary.startswith("On carbidopa / levodopa / entacapone: ask about augmentation")
    assert card.summary.endswith("never raise the dose for augmentation")
