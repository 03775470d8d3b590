"""Every case of every table, and the tables themselves: no limit without its three cases, none that may move."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from cards.decisions.decide import Verdict, ask
from cards.facts.card import Card
from cards.facts.finding import Finding, OrderTests, Outcome
from cards.knowledge.rules import Rules
from cards.presenting.card_context import ClientCapabilities
from cards.presenting.present import present
from cards.site.choices import as_the_site_counts
from cds_service.knowledge.load import national_rules
from tests.builders.faults import assert_none
from tests.builders.faults import faults as faults_of
from tests.decisions.charts import chart

_FOLDER = Path(__file__).parent
RULES = national_rules()


def cases() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for file in sorted(_FOLDER.glob("*.toml")):
        for case in tomllib.loads(file.read_text(encoding="utf-8"))["case"]:
            yield file.stem, case


CASES = tuple(cases())


def site_rules(case: Mapping[str, Any], rules: Rules) -> Rules:
    """The rules with what the site of this case has chosen: its `switches` and `limits`."""
    switched = {name: replace(rules.switches[name], value=value) for name, value in case.get("switches", {}).items()}
    chosen = {
        name: replace(rules.limit(name), value=Decimal(value), history=())
        for name, value in case.get("limits", {}).items()
    }
    return replace(rules, switches={**rules.switches, **switched}, thresholds={**rules.thresholds, **chosen})


@cache
def _national_on(day: date) -> Rules:
    return RULES.on(day)


def rules_of_the_day(case: Mapping[str, Any], rules: Rules, day: date) -> Rules:
    """Return the rules of the site of this case, as they stand on a day."""
    site = site_rules(case, rules)
    if rules is not RULES:
        return site.on(day)
    chosen = {name: site.thresholds[name] for name in case.get("limits", {})}
    return replace(site, thresholds={**_national_on(day).thresholds, **chosen}, day=day)


def findings(decision: str, case: Mapping[str, Any], rules: Rules) -> tuple[Finding, ...]:
    built = chart(case)
    chosen = rules_of_the_day(case, rules, built.today)
    return ask(decision, as_the_site_counts(built, chosen), chosen)


def answers(decision: str, case: Mapping[str, Any], rules: Rules) -> list[str]:
    """The findings of one decision: `CARD:indicator`, or `unknown`; quiet ones say nothing."""
    found = findings(decision, case, rules)
    shown = [f"{each.card}:{each.indicator}" for each in found if each.outcome is Outcome.FIRES]
    return sorted(shown + ["unknown" for each in found if each.outcome is Outcome.UNKNOWN])


def faults(decision: str, case: Mapping[str, Any], rules: Rules) -> list[str]:
    """What is not as the case says: its findings (`expect`), blocks of text (`texts`, `without`), words that
    it prints or leaves out (`prints`, `omits`), tests to order (`offers`, those of one suggestion joined by +).
    """
    found = answers(decision, case, rules)
    wrong = [] if found == sorted(case["expect"]) else [f"answered {found}, expected {sorted(case['expect'])}"]
    texts = {text for finding in findings(decision, case, rules) for text in finding.texts}
    wrong += [f"does not say {text}" for text in case.get("texts", []) if text not in texts]
    wrong += [f"says {text}" for text in case.get("without", []) if text in texts]
    if "offers" in case:
        wanted = [each for finding in findings(decision, case, rules) for each in finding.suggestions]
        offered = ["+".join(each.tests) for each in wanted if isinstance(each, OrderTests)]
        wrong += [] if offered == case["offers"] else [f"offers {offered}"]
    if "prints" in case or "omits" in case:
        printed = "\n".join(f"{card.summary}\n{card.detail}" for card in cards_of(decision, case, rules))
        wrong += [f"does not print {words!r}" for words in case.get("prints", []) if words not in printed]
        wrong += [f"prints {words!r}" for words in case.get("omits", []) if words in printed]
    return wrong


def cards_of(
    decision: str, case: Mapping[str, Any], rules: Rules, profile: ClientCapabilities | None = None
) -> tuple[Card, ...]:
    """The cards of one decision, with made-up uuids and without a cap."""
    built = chart(case)
    chosen = rules_of_the_day(case, rules, built.today)
    verdict = Verdict(chosen.decisions[decision].hooks[0], ask(decision, as_the_site_counts(built, chosen), chosen))
    numbers = count(1)
    return present(
        verdict,
        built,
        chosen,
        profile=profile or ClientCapabilities("p1", source_url="https://example.org/source", max_cards=0),
        new_uuid=lambda: f"00000000-0000-4000-8000-{next(numbers):012}",
    )


@pytest.mark.parametrize(("decision", "case"), CASES, ids=[f"{name}: {case['says']}" for name, case in CASES])
def test_case(decision: str, case: Mapping[str, Any]) -> None:
    assert faults(decision, case, RULES) == []


SIDES = ("on", "over", "under")
#: Every limit with each decision whose table tries it; a limit of the patient's age, say, is tried by several.
TRIED = sorted({(case["limit"], decision) for decision, case in CASES if "limit" in case})


def lacking(cases: tuple[tuple[str, Mapping[str, Any]], ...]) -> list[str]:
    """The demand: every limit is tried, and each decision that tries one has a case under, on and over it."""
    sides = {(case["limit"], decision, case["side"]) for decision, case in cases if "limit" in case}
    tried = {limit for limit, _, _ in sides}
    untried = [f"{limit}: no case" for limit in RULES.thresholds if limit not in tried]
    return untried + [
        f"{limit} in {decision}: no case {side}"
        for limit, decision in TRIED
        for side in SIDES
        if (limit, decision, side) not in sides
    ]


def test_every_limit_has_a_case_under_on_and_over_it() -> None:
    assert lacking(CASES) == []
    assert {limit for limit, _ in TRIED} == set(RULES.thresholds)


def test_no_boundary_case_can_be_spared() -> None:
    """Whichever case with a `limit` and a `side` is taken out of the tables, the demand above is no longer met."""
    boundary = [number for number, (_, case) in enumerate(CASES) if "limit" in case]
    spared = [CASES[number][1]["says"] for number in boundary if not lacking(CASES[:number] + CASES[number + 1 :])]
    assert spared == []
    assert len(boundary) == len(SIDES) * len(TRIED)


@pytest.mark.parametrize("name", sorted({name for name, _ in TRIED}))
def test_a_limit_that_moves_by_one_step_fails_a_case(name: str) -> None:
    step = RULES.limit(name).step
    unnoticed = [
        f"{name} may move by {direction * step} and no case of {decision} notices"
        for direction in (1, -1)
        for decision in _decisions_that_try(name)
        if not _is_noticed(name, decision, _moved(RULES, name, direction))
    ]
    assert unnoticed == []


def _decisions_that_try(name: str) -> list[str]:
    return [decision for tried, decision in TRIED if tried == name]


def _is_noticed(name: str, decision: str, changed: Rules) -> bool:
    """Return whether a case about the limit is answered otherwise by the changed rules."""
    near = [case for where, case in CASES if where == decision and case.get("limit") == name]
    return any(faults(decision, case, changed) for case in near)


def _moved(rules: Rules, name: str, direction: int) -> Rules:
    limit = rules.limit(name)
    moved = replace(limit, value=limit.value + direction * limit.step, history=())
    return replace(rules, thresholds={**rules.thresholds, name: moved})


#: A side, and the one that differs from it in the limit itself alone.
NEIGHBOURS = {
    "below": "at or below",
    "at or below": "below",
    "at or above": "above",
    "above": "at or above",
    "before": "within",
    "within": "before",
    "at or after": "after more than",
    "after more than": "at or after",
}


@pytest.mark.parametrize("name", sorted({name for name, _ in TRIED}))
def test_a_side_that_is_turned_fails_a_case(name: str) -> None:
    """The file alone says whether a limit belongs to its side: turn it there, and the case on the limit is answered
    otherwise.
    """
    limit = RULES.limit(name)
    turned = replace(RULES, thresholds={**RULES.thresholds, name: replace(limit, side=NEIGHBOURS[limit.side])})
    unnoticed = [
        f"{name} may be {NEIGHBOURS[limit.side]} as well as {limit.side} and no case of {decision} notices"
        for decision in _decisions_that_try(name)
        if not _is_noticed(name, decision, turned)
    ]
    assert unnoticed == []


def test_no_case_stands_twice() -> None:
    names = [(decision, case["says"]) for decision, case in CASES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", sorted(RULES.decisions))
def test_every_card_of_a_decision_fires_in_some_case(name: str) -> None:
    fired = {expected.split(":")[0] for decision, case in CASES if decision == name for expected in case["expect"]}
    assert set(RULES.decisions[name].cards) <= fired


@pytest.mark.parametrize("name", sorted(RULES.decisions))
def test_what_fires_is_shown(name: str) -> None:
    def each_finding_has_its_card(case: Mapping[str, Any]) -> None:
        fired = {each.card for each in findings(name, case, RULES) if each.outcome is Outcome.FIRES}
        assert {card.id for card in cards_of(name, case, RULES)} == fired

    assert_none(faults_of(each_finding_has_its_card, [case for decision, case in CASES if decision == name], says))


def says(case: Mapping[str, Any]) -> str:
    return str(case["says"])
