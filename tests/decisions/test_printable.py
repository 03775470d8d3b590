"""What no phrase may say that can stand on a card, and what no card may say, whatever the patient."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.decisions.printable import printable
from tests.decisions.test_tables import CASES, RULES, cards_of
from tests.golden.calls import kept

#: Talk about the project, which belongs on the page of a card: how a source or code was verified, who signs off, what a
#: rule is the default of. "Moderate certainty" of a guideline is no such talk.
OF_THE_PROJECT = re.compile(
    r"verif|from memory|volume and page|retrieved|quoted|sign-off|signed off|awaits|this service|this project|"
    r"rls-cds|default of|certainty unverified|certainties|in doubt|decision table|version|TOML|maintainer",
    re.IGNORECASE,
)


def test_no_phrase_of_a_card_speaks_of_the_project() -> None:
    phrases = list(printable())
    assert len(phrases) > 700, "every text of every decision is looked through"
    assert [f"{place}: {said}" for place, said in phrases if OF_THE_PROJECT.search(said)] == []


def test_the_scan_sees_what_stood_on_cards_before() -> None:
    before = (
        "Recognised by a code that awaits verification.",
        "Conditional recommendation; certainty unverified.",
        "Cited from memory: volume and page to be checked.",
        "Some results were withheld from this service.",
    )
    assert all(OF_THE_PROJECT.search(said) for said in before)


#: Orders to a colleague (clinical amendments 2, section 4). "Consider removing", "hold until", "do not stop" are none.
DIRECTIVE = re.compile(
    r"\bremove the order\b|(?:^|[.;:] |- )(?:stop|discontinue|cancel)\b|\bstop\b[^.;\n]*\bnow\b|\bdo not give\b",
    re.IGNORECASE | re.MULTILINE,
)
#: The phrases that say so, each for a critical card alone; the tables below show that no other card prints them.
OF_CRITICAL_CARDS = {
    "iron_order: texts.overload_certain", "iron_order: texts.overload_remove", "iron_order: texts.tsat_stop",
    "iron_order: texts.tsat_stop_advice", "iv_iron_order: texts.reaction_same",
    "iv_iron_order: texts.reaction_same_alone", "iv_iron_order: texts.reaction_step_same",
    "magnesium_order: texts.advice_severe", "magnesium_order: texts.step_severe", "vitamin_d_order: texts.step_stop",
    "vitamin_d_order: texts.advice_severe", "vitamin_d_order: texts.advice_toxic",
    "vitamin_d: VITD-TOX.summary", "vitamin_d: VITD-TOX.recommendation",
    "wording: actions.remove",
}  # fmt: skip


def shown() -> Iterator[tuple[str, str, str, str]]:
    """Yield where each card of the golden files and of every case stands, its indicator, summary and detail."""
    for path, answer in kept():
        for card in answer["cards"]:
            yield path.stem, card["indicator"], card["summary"], card["detail"]
    for decision, case in CASES:
        for made in cards_of(decision, case, RULES):
            yield f"{decision}: {case['says']}", made.indicator, made.summary, made.detail


def test_directive_phrases_are_those_of_critical_cards() -> None:
    assert {place for place, said in printable() if DIRECTIVE.search(said)} == OF_CRITICAL_CARDS


def test_only_critical_cards_give_orders() -> None:
    seen = list(shown())
    assert sum(bool(DIRECTIVE.search(f"{summary}\n{detail}")) for _, _, summary, detail in seen) > 5
    assert [
        f"{where}: {summary}"
        for where, indicator, summary, detail in seen
        if indicator != "critical" and DIRECTIVE.search(f"{summary}\n{detail}")
    ] == []


def test_a_card_writes_out_transferrin_saturation_once_and_first() -> None:
    said = re.compile(r"transferrin saturation|TSAT", re.IGNORECASE)
    details = [(where, detail) for where, _, _, detail in shown() if "TSAT" in detail]
    assert len(details) > 100
    for where, detail in details:
        first = said.search(detail)
        assert first and detail[first.start() :].lower().startswith("transferrin saturation (tsat)"), where
        assert len(re.findall("transferrin saturation", detail, re.IGNORECASE)) == 1, where


def test_a_card_writes_numbers_as_a_nurse_does() -> None:
    """No more decimals than a tablet has: 107 mg, 37.5 mg, 0.125 mg; a result has those that were compared."""
    numbers = re.compile(r"(?<![\d.-])\d+(?:\.\d+)?(?![\d-])")
    for where, _, summary, detail in shown():
        text = re.sub(r"reported as [^);,]*", "", f"{summary}\n{detail}")
        for number in numbers.findall(text):
            whole, _, decimals = number.partition(".")
            assert len(decimals) <= (3 if int(whole) < 10 else 2 if int(whole) < 100 else 1), f"{where}: {number}"


def test_a_card_asks_once_for_what_could_not_be_excluded() -> None:
    asked = [(where, detail) for where, _, _, detail in shown() if "Not excluded:" in detail]
    assert len(asked) > 10
    for where, detail in asked:
        assert detail.count("Not excluded:") == 1, where
        assert detail.count("without its day") <= 1, where
