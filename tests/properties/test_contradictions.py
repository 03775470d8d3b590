"""No two cards of one patient advise opposite things, by the table contradictions.toml.

The cards of a chart that opens and those of its draft orders are taken together: the same reader sees both.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from itertools import count
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from cards.decisions.decide import decide
from cards.facts.card import Card
from cards.facts.chart import Chart
from cards.facts.finding import Text
from cards.knowledge.rules import Rules
from cards.presenting.card_context import ClientCapabilities
from cards.presenting.present import present
from tests.decisions.charts import chart
from tests.properties.answers import RULES, answer
from tests.properties.patients import Generated
from tests.properties.scenes import drawn_at_odds, generated_at_odds

ROWS: list[Mapping[str, Any]] = tomllib.loads(Path(__file__).with_name("contradictions.toml").read_text("utf-8"))["row"]
Printed = tuple[str, str]  # a card and what it says

_QUICK = settings(max_examples=1000, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
                  suppress_health_check=list(HealthCheck))  # fmt: skip
_MOST = 10_000
_FULL = settings(_QUICK, max_examples=_MOST, derandomize=False)


def printed(cards: Iterable[Card]) -> list[Printed]:
    return [(card.id, f"{card.summary}\n{card.detail}") for card in cards]


def contradictions(row: Mapping[str, Any], cards: list[Printed]) -> Iterator[tuple[Printed, Printed]]:
    """Each pair of cards, or each card with itself, of which the row says that it must not stand together."""
    for first, one in enumerate(cards):
        for second, other in enumerate(cards):
            same = first == second
            elsewhere = row.get("same_order", False) and _order_of(one) != _order_of(other)
            if elsewhere or same != row.get("same_card", False):
                continue
            if _fits(row["one"], one) and _fits(row["other"], other):
                yield one, other


def _order_of(card: Printed) -> str:
    """The draft order that a card is about, as it is printed."""
    found = re.search(r"\*\*Order:\*\* ([^\n]+)", card[1])
    return found[1] if found else ""


def _fits(pattern: Mapping[str, str], card: Printed) -> bool:
    return bool(re.fullmatch(pattern["cards"], card[0]) and re.search(pattern["text"], card[1]))


def found(cards: list[Printed]) -> list[tuple[str, Printed, Printed]]:
    return [(row["why"], *pair) for row in ROWS for pair in contradictions(row, cards)]


def on_both_hooks(given_chart: Chart, rules: Rules = RULES) -> list[Printed]:
    profile, numbers = ClientCapabilities("p1", max_cards=0), count(1)
    return printed(
        card
        for hook in ("patient-view", "order-sign")
        for card in present(
            decide(given_chart, rules, hook), given_chart, rules, profile=profile, new_uuid=lambda: f"u{next(numbers)}"
        )
    )


def unmended(row: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> Rules:
    """Take the mending of a row out of the service, by its `unmend`, and return the rules without it."""
    change = row["unmend"]
    assert change.keys() <= {"replaced", "constants", "dropped", "texts", "sides"} and change
    for place, value in change.get("replaced", {}).items():
        answer_with = _returned(value)
        monkeypatch.setattr(place, lambda *_, answer_with=answer_with, **__: answer_with)
    for place, value in change.get("constants", {}).items():
        monkeypatch.setattr(place, tuple(value))
    for place, name in change.get("dropped", {}).items():
        module, _, table = place.rpartition(".")
        rows = getattr(import_module(module), table)
        kept = tuple(each for each in rows if each.__name__ != name)
        assert len(kept) == len(rows) - 1, f"{place} has no {name}"
        monkeypatch.setattr(place, kept)
    limits = {name: replace(RULES.limit(name), side=side, history=()) for name, side in change.get("sides", {}).items()}
    changed = replace(RULES, thresholds={**RULES.thresholds, **limits})
    for place, words in change.get("texts", {}).items():
        changed = _with_text(changed, *place.split("."), words)
    return changed


def _returned(value: Any) -> Any:
    return SimpleNamespace(**value) if isinstance(value, dict) else Text(value) if isinstance(value, str) else value


def _with_text(rules: Rules, decision: str, key: str, words: str) -> Rules:
    text = rules.decisions[decision]
    assert key in text.texts
    return replace(rules, decisions={**rules.decisions, decision: replace(text, texts={**text.texts, key: words})})


def reasons() -> list[str]:
    return [row["why"] for row in ROWS]


@pytest.mark.parametrize("row", ROWS, ids=reasons())
def test_a_row_finds_the_advice_as_it_read_before_it_was_mended(row: Mapping[str, Any]) -> None:
    assert list(contradictions(row, [(card, text) for card, text in row["before"]]))


@pytest.mark.parametrize("row", ROWS, ids=reasons())
def test_the_chart_in_which_it_was_seen_gets_its_cards_without_the_contradiction(row: Mapping[str, Any]) -> None:
    cards = on_both_hooks(chart(row["case"]))
    assert set(row["shows"]) <= {card for card, _ in cards}
    assert found(cards) == []
    assert [found(on_both_hooks(chart(case))) for case in row.get("also", ())] == [[] for _ in row.get("also", ())]


@pytest.mark.parametrize("row", ROWS, ids=reasons())
def test_a_row_finds_the_contradiction_when_its_mending_is_taken_out(
    row: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the service's own cards, for the same chart."""
    assert list(contradictions(row, on_both_hooks(chart(row["case"])))) == []
    rules = unmended(row, monkeypatch)
    assert list(contradictions(row, on_both_hooks(chart(row["case"]), rules)))


def of_both_hooks(patient: Generated) -> list[Printed]:
    """The cards of a generated chart on its own hook and on opening it."""
    cards = printed(answer(patient))
    return cards if patient.hook == "patient-view" else cards + printed(answer(replace(patient, hook="patient-view")))


def run(how: settings) -> None:
    """Hold the table to each chart of a run, asked on its own hook and on opening the chart."""
    pairs = 0

    def over(patient: Generated) -> None:
        nonlocal pairs
        cards = of_both_hooks(patient)
        pairs += len(cards) * (len(cards) - 1) // 2
        assert found(cards) == []

    how(given(generated_at_odds())(over))()
    assert pairs > how.max_examples, "hardly any cards stand together in this run: the claim would be empty"


def test_no_cards_of_a_generated_chart_contradict_each_other() -> None:
    run(_QUICK)


@pytest.mark.full
def test_no_cards_of_ten_thousand_generated_charts_contradict_each_other() -> None:
    run(_FULL)


@pytest.mark.full
@pytest.mark.parametrize("row", ROWS, ids=reasons())
def test_a_run_without_its_mending_finds_each_row(row: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Among generated charts too: the run above would notice that a mending is lost."""
    monkeypatch.setattr("tests.properties.answers.RULES", unmended(row, monkeypatch))
    seen = next((seed for seed in range(_MOST) if list(contradictions(row, of_both_hooks(_chart(seed))))), None)
    print(f"{row['why']} seen in chart {seen}")
    assert seen is not None


def _chart(seed: int) -> Generated:
    return drawn_at_odds(Random(seed))  # noqa: S311 - charts, no secrets
