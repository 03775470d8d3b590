"""A birth date that is there and cannot be read: only what holds at every age is said, and that the rest is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from cards.dates import parse_partial_date
from cards.decisions.decide import Verdict, ask, decide, to_be_shown
from cards.facts.chart import Chart
from cards.facts.finding import Finding, Indicator, Outcome, ReviseDraft
from cards.presenting.card_context import ClientCapabilities
from cards.presenting.explain import explain
from cards.presenting.present import present
from cards.wording.person import render_person
from tests.decisions.charts import chart
from tests.decisions.test_tables import CASES, RULES, rules_of_the_day


def of_person(case: Mapping[str, Any], person: str) -> Chart:
    sex_and_more = case.get("person", "46 F").split()[1:]
    return chart({**case, "person": " ".join((person, *sex_and_more))})


def unreadable(case: Mapping[str, Any]) -> Chart:
    told = of_person(case, "-")
    return replace(told, person=replace(told.person, birth_is_unreadable=True))


def fired(findings: tuple[Finding, ...]) -> dict[str, Finding]:
    return {each.card: each for each in findings if each.outcome is Outcome.FIRES}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "case"), CASES)
def test_what_is_said_holds_for_every_child_and_every_adult(name: str, case: Mapping[str, Any]) -> None:
    rules = rules_of_the_day(case, RULES, of_person(case, "-").today)
    found = ask(name, unreadable(case), rules)
    by_age = [ask(name, of_person(case, age), rules) for age in ("-", "1", "17")]
    for card, finding in fired(found).items():
        assert all(card in fired(findings) for findings in by_age)
        assert finding.texts.count("child") == 0
        assert not any(isinstance(each, ReviseDraft) for each in finding.suggestions)
        if finding.indicator is Indicator.INFO:
            assert all(fired(findings)[card].indicator is Indicator.INFO for findings in by_age)
    said = fired(found).keys()
    if any(fired(findings).keys() - said for findings in by_age):
        assert ("patient",) in [each.missing for each in found if each.outcome is Outcome.UNKNOWN]


@pytest.mark.parametrize(
    ("labs", "hook", "cards", "missing"),
    [
        (["ferritin 60 ng/mL 26d", "tsat 20 % 26d"], "patient-view", set(), ("patient",)),
        (["ferritin 38 ng/mL 26d", "tsat 18 % 26d"], "patient-view", set(), ("patient",)),
        (["ferritin 38 ng/mL 26d", "tsat 50 % 26d"], "patient-view", {"IRON-HIGH-TSAT"}, ()),
        (["ferritin 200 ng/mL 26d", "tsat 30 % 26d"], "patient-view", set(), ()),
        ([], "patient-view", {"IRON-TEST"}, ()),
    ],
)
def test_the_patient_record_is_missing_where_the_age_decides(
    labs: list[str], hook: str, cards: set[str], missing: tuple[str, ...]
) -> None:
    told = unreadable({"labs": labs})
    verdict = decide(told, RULES, hook)
    assert verdict.missing == missing
    assert {each.card for each in to_be_shown(verdict, told).fired} == cards
    if missing:
        assert any("birth date cannot be read" in each.sentence for each in explain(verdict, told, RULES))


@pytest.mark.parametrize(
    ("birth", "open_"), [("2007", False), ("2008", True), ("2009", False), ("2008-05", False), ("2008-06", True)]
)
def test_a_year_or_month_that_makes_a_child_or_an_adult_leaves_the_age_open(birth: str, open_: bool) -> None:
    told = of_person({"labs": ["ferritin 60 ng/mL 26d", "tsat 20 % 26d"]}, "-")
    of_birth = replace(told, person=replace(told.person, birth=parse_partial_date(birth, UTC)))
    assert ("patient" in decide(of_birth, RULES, "patient-view").missing) is open_


def test_an_absent_birth_date_stays_an_adults() -> None:
    told = of_person({"labs": ["ferritin 60 ng/mL 26d", "tsat 20 % 26d"]}, "-")
    assert {each.card for each in decide(told, RULES, "patient-view").fired} == {"IRON-LOW"}


def _words(finding: Finding, told: Chart) -> str:
    verdict = Verdict("order-sign", (finding,))
    (card,) = present(verdict, told, RULES, profile=ClientCapabilities("7", max_cards=0), new_uuid=lambda: "1")
    return f"{card.summary}\n{card.detail}".replace("Transferrin saturation (TSAT)", "TSAT")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "case"), CASES)
def test_no_line_of_a_warning_is_said_of_some_ages_alone(name: str, case: Mapping[str, Any]) -> None:
    rules = rules_of_the_day(case, RULES, of_person(case, "-").today)
    told = unreadable(case)
    by_age = [fired(ask(name, of_person(case, age), rules)) for age in ("-", "17", "1")]
    for card, finding in fired(ask(name, told, rules)).items():
        if finding.indicator is Indicator.CRITICAL:
            continue
        lines = [set(_words(each[card], told).splitlines()[1:]) for each in by_age]
        said = {each for each in _words(finding, told).splitlines()[1:] if "birth date cannot be read" not in each}
        assert all(any(each in one for one in lines) for each in said)
        assert not any("hild" in each and not all(each in one for one in lines) for each in said)


@pytest.mark.parametrize("ferritin", ["60", "85"])
def test_an_unknown_age_is_not_told_of_iron_or_a_drug_as_a_child(ferritin: str) -> None:
    told = unreadable({"drafts": ["da pramipexole 0.25"], "labs": [f"ferritin {ferritin} ng/mL 26d", "tsat 30 % 26d"]})
    words = _words(fired(ask("dopaminergic_order", told, RULES))["OS-DA"], told)
    assert "lowest dose" in words
    assert not any(each in words for each in ("Iron is", "is not named here", "(child)", "under 18"))


def test_a_warning_whose_limit_goes_by_age_names_no_limit_and_no_child() -> None:
    told = unreadable({"drafts": ["b6 pyridoxine 200"]})
    words = _words(fired(ask("b6_order", told, RULES))["OS-B6"], told)
    assert "age not known (the birth date cannot be read)" in words.splitlines()[0]
    assert not any(each in words for each in ("limit 80 mg", "limit 100 mg", "its prescriber"))


def test_a_stop_for_every_age_stands() -> None:
    case = {"dx": ["rls", "overload"], "drafts": ["iron-oral ferrous sulfate 65"]}
    told = unreadable(case)
    found = fired(ask("iron_order", told, RULES))
    assert found["OS-IRON-OVL"].indicator is Indicator.CRITICAL
    assert found["OS-IRON-OVL"].facts["person"] == render_person(told)
    assert render_person(told) == "age not known (the birth date cannot be read)"
