"""Every case of every table, and the tables themselves: no limit without its three cases, none that may move."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cards.decide import decision_modules
from cards.finding import Outcome
from cards.rules import Rules, load_rules
from tests.decisions.charts import chart

_FOLDER = Path(__file__).parent
RULES = load_rules()


def cases() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for file in sorted(_FOLDER.glob("*.toml")):
        for case in tomllib.loads(file.read_text(encoding="utf-8"))["case"]:
            yield file.stem, case


CASES = tuple(cases())


def answers(decision: str, case: Mapping[str, Any], rules: Rules) -> list[str]:
    """The findings of one decision: `CARD:indicator`, or `unknown`; quiet ones say nothing."""
    switched = {name: replace(rules.switches[name], value=value) for name, value in case.get("switches", {}).items()}
    rules = replace(rules, switches={**rules.switches, **switched})
    built = chart(case)
    found = decision_modules()[decision](built, rules.on(built.today))
    shown = [f"{each.card}:{each.indicator}" for each in found if each.outcome is Outcome.FIRES]
    return sorted(shown + ["unknown" for each in found if each.outcome is Outcome.UNKNOWN])


@pytest.mark.parametrize(("decision", "case"), CASES, ids=[f"{name}: {case['says']}" for name, case in CASES])
def test_case(decision: str, case: Mapping[str, Any]) -> None:
    assert answers(decision, case, RULES) == sorted(case["expect"])


@pytest.mark.parametrize("name", sorted(RULES.thresholds))
def test_every_limit_has_a_case_under_on_and_over_it(name: str) -> None:
    sides = {case["side"] for _, case in CASES if case.get("limit") == name}
    assert sides == {"under", "on", "over"}


@pytest.mark.parametrize("direction", [1, -1], ids=["up", "down"])
@pytest.mark.parametrize("name", sorted(RULES.thresholds))
def test_a_limit_that_moves_by_one_step_fails_a_case(name: str, direction: int) -> None:
    moved = _moved(RULES, name, direction)
    near = [(decision, case) for decision, case in CASES if case.get("limit") == name]
    assert any(answers(decision, case, moved) != sorted(case["expect"]) for decision, case in near), (
        f"{name} may move by {RULES.limit(name).step} and no case notices"
    )


def _moved(rules: Rules, name: str, direction: int) -> Rules:
    limit = rules.limit(name)
    moved = replace(limit, value=limit.value + direction * limit.step, history=())
    return replace(rules, thresholds={**rules.thresholds, name: moved})


def test_no_case_stands_twice() -> None:
    names = [(decision, case["says"]) for decision, case in CASES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", sorted(RULES.decisions))
def test_every_card_of_a_decision_fires_in_some_case(name: str) -> None:
    fired = {expected.split(":")[0] for decision, case in CASES if decision == name for expected in case["expect"]}
    assert set(RULES.decisions[name].cards) <= fired
