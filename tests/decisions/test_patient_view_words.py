"""What the cards on vitamins, magnesium and drugs may say, and what a list that was not read may change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from cards.decisions.decide import Verdict, decision_modules
from cards.drugs.recognise import recognise
from cards.facts.card import SUMMARY_LIMIT, utf16_length
from cards.facts.finding import Finding, Indicator, Outcome
from cards.knowledge.rules import CardText
from cards.presenting.card_context import ClientCapabilities
from cards.presenting.present import present
from cards.wording.render import wording
from tests.builders.faults import assert_none, faults
from tests.decisions.charts import chart
from tests.decisions.shown import Shown, faults_of_card
from tests.decisions.test_tables import CASES, RULES, cards_of, findings, says

NAMES = ("b12", "folate", "b6", "vitamin_d", "magnesium", "aggravators", "augmentation", "dialysis_vitamins",
         "rx_review")  # fmt: skip
CARDS = [(name, card) for name in NAMES for card in RULES.decisions[name].cards]
#: The AASM guideline speaks of these alone; it supports no B12, folate, B6, vitamin D or magnesium.
BY_AASM = {"AGG-ACTIVE", "DA-AUG", "ESRD-VITC", "RX-REVIEW"}
ON_NUTRIENTS = {"b12", "folate", "b6", "vitamin_d", "magnesium"}
CAUTIONS = ("sedation", "falls", "opioids", "COPD", "sleep apnoea", "eGFR", "suicidal", "misuse", "pregnancy",
            "pregabalin")  # fmt: skip
_RANK = {Indicator.INFO: 0, Indicator.WARNING: 1, Indicator.CRITICAL: 2}


def text_of(decision: str, card: str) -> CardText:
    return RULES.decisions[decision].cards[card]


def summary_is_whole_and_on_one_line(shown: Shown) -> None:
    assert utf16_length(shown.card.summary) <= SUMMARY_LIMIT
    assert "…" not in shown.card.summary
    assert "\n" not in shown.card.summary


def card_has_no_markup_of_a_page(shown: Shown) -> None:
    assert not {"<", ">"} & set(f"{shown.card.summary}{shown.card.detail}")
    assert "{" not in shown.card.detail


def it_is_the_only_card_and_recommends_nothing(shown: Shown) -> None:
    assert shown.all_cards == (shown.card,)
    assert not any(each.is_recommended for each in shown.card.suggestions)


def it_offers_options(shown: Shown) -> None:
    considered, _, _ = shown.card.detail.partition(f"**{wording()['headings']['why']}**")
    options = ("onsider", "Ask", "ask what", "Discuss", "Check", "Confirm")
    assert shown.card.indicator == "critical" or any(word in considered for word in options), considered


@pytest.mark.parametrize(("decision", "card"), CARDS, ids=[card for _, card in CARDS])
def test_wherever_a_card_is_shown_its_words_are_right(decision: str, card: str) -> None:
    assert_none(
        faults_of_card(
            decision,
            card,
            summary_is_whole_and_on_one_line,
            card_has_no_markup_of_a_page,
            it_is_the_only_card_and_recommends_nothing,
            it_offers_options,
        )
    )


def guideline_on_rls_is_cited_only_where_it_speaks(of: tuple[str, str]) -> None:
    text = text_of(*of)
    assert any(source.startswith("aasm") for source in text.citations) == (text.id in BY_AASM)
    assert ("AASM" in f"{text.grade}{text.recommendation}{text.rule}") <= (text.id in BY_AASM)


def card_on_a_nutrient_promises_no_relief(of: tuple[str, str]) -> None:
    text = text_of(*of)
    if of[0] in ON_NUTRIENTS and text.id not in ("VITD-HIGH", "VITD-TOX", "B6-HIGH", "B12-TEST"):
        words = f"{text.summary} {text.recommendation}"
        assert any(said in words for said in ("unproven", "Do not expect relief", "one or two small trials; weak"))


@pytest.mark.parametrize(
    "check",
    [guideline_on_rls_is_cited_only_where_it_speaks, card_on_a_nutrient_promises_no_relief],
)
def test_a_text_says_no_more_than_is_known(check: Callable[[tuple[str, str]], None]) -> None:
    assert_none(faults(check, CARDS))


@pytest.mark.parametrize("card", ["DA-AUG", "RX-REVIEW"])
def test_the_page_of_a_card_that_names_gabapentinoids_names_all_their_cautions(card: str) -> None:
    """The card itself names those that this patient has (clinical amendments 2, section 5)."""
    (text,) = (each.cards[card] for each in RULES.decisions.values() if card in each.cards)
    assert all(word in text.limits for word in CAUTIONS)


def test_no_other_card_names_gabapentinoids() -> None:
    naming = {
        name
        for name in NAMES
        for text in RULES.decisions[name].cards.values()
        if "gabapentinoid" in f"{text.recommendation}{text.summary}{RULES.decisions[name].texts}".lower()
    }
    assert naming == {"augmentation", "rx_review"}


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["medications", "procedures", "orders"])
@pytest.mark.parametrize("name", NAMES)
def test_losing_a_secondary_list_never_makes_a_card_more_urgent(name: str, lost: str) -> None:
    """What is lost with the list is not in the chart either; a card may appear, but none with a higher indicator."""
    member = {"medications": "drugs"}.get(lost, lost)

    def no_card_is_more_urgent(case: Mapping[str, Any]) -> None:
        without = {**case, "listings": {**case.get("listings", {}), lost: "not known"}, member: []}
        before = {each.card: _RANK[each.indicator] for each in _fired(name, case)}
        for finding in _fired(name, without):
            assert _RANK[finding.indicator] <= before.get(finding.card, _RANK[finding.indicator]), finding.card
        assert all(card.suggestions == () for card in cards_of(name, without, RULES))

    assert_none(faults(no_card_is_more_urgent, _cases_of(name), says))


def _cases_of(decision: str) -> list[Mapping[str, Any]]:
    return [case for name, case in CASES if name == decision]


def _fired(name: str, case: Mapping[str, Any]) -> list[Finding]:
    return [each for each in findings(name, case, RULES) if each.outcome is Outcome.FIRES]


def test_a_warning_has_something_to_click_or_says_why_not() -> None:
    """With and without iron studies on order; an unread list takes every suggestion away, and its card says so."""
    open_reasons = ("are awaited: no further ones are offered", "No order is suggested while something is unchecked")
    seen = 0
    for decision, case in CASES:
        if "patient-view" not in RULES.decisions[decision].hooks:
            continue
        for orders in (case.get("orders", []), ["ferritin iron-panel 5d"]):
            for card in cards_of(decision, {**case, "orders": orders}, RULES):
                if card.indicator == "info" or card.suggestions:
                    continue
                seen += 1
                why = text_of(decision, card.id).no_suggestion
                assert why or any(said in card.detail for said in open_reasons), f"{says(case)}: {card.id}"
    assert seen > 50


#: clinical amendments 2, section 3: what may explain the symptoms while the diagnosis is open.
MAY_EXPLAIN = {"B12-LOW", "MG-LOW", "AGG-ACTIVE", "B6-HIGH", "VITD-HIGH"}


@pytest.mark.parametrize("name", NAMES)
def test_suspected_rls_gets_what_may_explain_it_as_information(name: str) -> None:
    def nothing_else_is_shown(case: Mapping[str, Any]) -> None:
        suspected = ["rls?" if each == "rls" else each for each in case.get("dx", ["rls"])]
        confirmed = _fired(name, {**case, "dx": [*suspected, "rls"]})
        expected = {each.card: "info" for each in confirmed if each.card in MAY_EXPLAIN}
        expected |= {each.card: "critical" for each in confirmed if each.indicator is Indicator.CRITICAL}
        shown = _fired(name, {**case, "dx": suspected})
        assert {each.card: each.indicator.value for each in shown} == expected
        assert all(each.texts[0] == "advice_suspected" for each in shown)

    assert_none(faults(nothing_else_is_shown, [case for case in _cases_of(name) if not case.get("listings")], says))


@pytest.mark.parametrize("name", NAMES)
def test_unread_results_are_missing_and_unread_drugs_are_not(name: str) -> None:
    def only_unread_results_are_missing(case: Mapping[str, Any]) -> None:
        unread = ("labs",) if case.get("listings", {}).get("labs") == "not known" else ()
        for finding in findings(name, case, RULES):
            assert finding.outcome is not Outcome.UNKNOWN or finding.missing == unread

    assert_none(faults(only_unread_results_are_missing, _cases_of(name), says))


def test_a_product_with_three_strengths_leaves_the_summary_whole() -> None:
    product = recognise({"text": "carbidopa 25 MG / levodopa 100 MG / entacapone 200 MG Oral Tablet"})
    assert product is not None
    built = chart({"drugs": ["levodopa levodopa 100 since 900d"]})
    treated = replace(built, drugs=(replace(built.drugs[0], product=product),))
    (finding,) = decision_modules()["augmentation"](treated, RULES.on(treated.today))
    verdict = Verdict("patient-view", (finding,))
    (card,) = present(verdict, treated, RULES, profile=ClientCapabilities("p1"), new_uuid=lambda: "u")
    assert card.summary.startswith("On carbidopa / levodopa / entacapone: ask about augmentation")
    assert card.summary.endswith("never raise the dose for augmentation")
