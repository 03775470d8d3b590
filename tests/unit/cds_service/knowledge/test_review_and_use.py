"""Next reviews and shared limits of decisions wherever they are shown, and start-up warnings."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cards.decisions.decide import decision_modules
from cards.knowledge.rules import DecisionText, Rules
from cards.presenting.export.plan_definition import plan_definition
from cards.site.choices import as_the_site_counts
from cds_service.cli import main
from cds_service.config.client import Client
from cds_service.config.settings import Settings
from cds_service.hooks.services import SERVICES
from cds_service.knowledge.load import national_rules
from cds_service.knowledge.source_attributes import attributes, source_attributes
from cds_service.knowledge.warnings import knowledge_warnings
from tests.builders.command_line import runner
from tests.builders.knowledge import exported, listed_as_markdown, listed_as_table
from tests.decisions.charts import chart
from tests.decisions.test_tables import CASES, rules_of_the_day
from tests.unit.cds_service.knowledge.recording import AskedFor, RecordingChart

RULES = national_rules()
LAST = max(decision.next_review for decision in RULES.decisions.values() if decision.next_review)
DECISIONS = sorted(RULES.decisions)


@cache
def read_of_others() -> dict[str, frozenset[str]]:
    """Return for each decision the limits and switches that it looks up or names over all cases."""
    seen: dict[str, set[str]] = {name: _named(decision) for name, decision in RULES.decisions.items()}
    for _, case in CASES:
        built = chart(case)
        rules = rules_of_the_day(case, RULES, built.today)
        counted: Any = as_the_site_counts(built, rules)
        for name, answer in decision_modules().items():
            noted = replace(rules, thresholds=AskedFor(rules.thresholds, seen[name]),
                            switches=AskedFor(rules.switches, seen[name]))  # fmt: skip
            answer(RecordingChart(counted, set(), seen[name]), noted)  # type: ignore[arg-type]
    return {
        name: frozenset(found) - {*RULES.decisions[name].thresholds, *RULES.decisions[name].switches}
        for name, found in seen.items()
    }


def _named(decision: DecisionText) -> set[str]:
    words = [*decision.because.values(), *decision.texts.values()]
    for card in decision.cards.values():
        words += [card.summary, card.recommendation, card.rule, card.limits, card.not_for]
    text = " ".join(words)
    return {name for name in RULES.thresholds if re.search(rf"\{{(limit|side)_{name.replace('.', '_')}\}}", text)}


@pytest.mark.slow
@pytest.mark.parametrize("name", DECISIONS)
def test_a_decision_uses_the_limits_of_others_that_its_file_says(name: str) -> None:
    assert set(RULES.decisions[name].uses) == read_of_others()[name]


@pytest.mark.parametrize(
    ("decision", "limits"),
    [
        ("b6_order", {"b6.ul", "b6.ul_neuropathy", "b6.ul_eu"}),
        ("vitamin_d_order", {"vitd.high", "vitd.tox", "ca_hi", "ca_severe"}),
        ("iron_order", {"ferritin.low", "ferritin.mid", "ferritin.high", "tsat.low", "tsat.high", "child.ferritin"}),
    ],
)
def test_a_decision_is_exported_with_the_limits_it_uses(decision: str, limits: set[str]) -> None:
    plan = _plan(decision)
    shown = {
        part["valueString"]
        for each in plan["extension"]
        if each["url"].endswith("/threshold")
        for part in each["extension"]
        if part["url"] == "name"
    }
    assert limits <= shown
    used = {part["valueCanonical"] for each in plan["extension"] for part in each.get("extension", ())
            if part["url"] == "defined-in"}  # fmt: skip
    assert used <= {f"{each['url']}|{each['version']}" for each in exported()}
    assert used


def _plan(decision: str) -> dict[str, Any]:
    return next(each for each in exported() if each["id"] == f"rls-cds-{decision.replace('_', '-')}")


@pytest.mark.parametrize("name", DECISIONS)
def test_limits_of_others_are_listed_with_the_decision_and_say_where_they_are_defined(name: str) -> None:
    decision = RULES.decisions[name]
    block = listed_as_table().split(f"{decision.name}  {decision.title}")[1].partition("\n\n")[0]
    for used in decision.uses:
        assert any(used in line and f"(defined in {RULES.owner(used)})" in line for line in block.splitlines()), used


def test_the_page_of_a_service_shows_the_limits_its_decisions_use() -> None:
    shown = {each["decision"]: each for service in SERVICES for each in source_attributes(service, RULES)["decisions"]}
    names = {each["name"]: each["definedIn"] for each in shown["b6_order"]["thresholds"]}
    assert names["b6.ul"] == "b6"


def test_the_owner_is_the_file_that_defines_a_limit() -> None:
    assert RULES.owner("b6.ul") == "b6" and RULES.owner("lithium") == "aggravators"
    with pytest.raises(KeyError):
        RULES.owner("nothing")


# --- the next review --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DECISIONS)
def test_every_decision_has_a_next_review_and_says_so_everywhere(name: str) -> None:
    decision = RULES.decisions[name]
    assert decision.next_review and decision.next_review > decision.changed
    day = decision.next_review.isoformat()
    assert (
        f"{decision.title} (version {decision.version} of {decision.changed}; next review {day})" in listed_as_table()
    )
    assert f"| {day} |" in next(line for line in listed_as_markdown().splitlines() if line.startswith(f"| `{name}` |"))
    assert _plan(name)["effectivePeriod"] == {"start": decision.changed.isoformat(), "end": day}
    assert f"Next review by {day}" in dict(attributes(decision, RULES))["Release and revision dates"]


def test_without_a_review_none_is_claimed() -> None:
    undated = replace(RULES.decisions["folate"], next_review=None)
    rules = replace(RULES, decisions={**RULES.decisions, "folate": undated})
    plan = plan_definition(undated, rules, "0.1.0")
    assert "effectivePeriod" not in plan
    assert not knowledge_warnings(rules, Settings(), LAST)


@pytest.mark.parametrize(("days", "warned"), [(0, 0), (1, 1)], ids=["on the day", "a day later"])
def test_an_overdue_review_is_a_warning(days: int, warned: int) -> None:
    said = knowledge_warnings(RULES, Settings(), LAST + timedelta(days=days))
    assert len(said) == warned
    assert all("review overdue since" in each and "iron_status" in each for each in said)


# --- a switch and a setting that need each other ----------------------------------------------------------------


def chosen(value: str) -> Rules:
    switch = replace(RULES.switches["suggestions.medications"], value=value)
    return replace(RULES, switches={**RULES.switches, "suggestions.medications": switch})


@pytest.mark.parametrize(
    ("switch", "client", "says"),
    [
        ("false", Client("a"), None),
        ("true", Client("a", drug_orders=True), None),
        ("true", Client("a"), "needs drug_orders = true"),
        ("true", Client("a", drug_orders=True, actions=frozenset({"create"})), "needs update among its actions"),
        ("true", Client("a", actions=frozenset({"create"})), "needs drug_orders = true and update among its actions"),
        ("false", Client("a", drug_orders=True), "needs the switch suggestions.medications"),
    ],
)
def test_an_incomplete_choice_is_a_warning(switch: str, client: Client, says: str | None) -> None:
    said = knowledge_warnings(chosen(switch), Settings(clients=(client,)), date(2026, 12, 1))
    assert [says is not None and says in each for each in said] == [True] * (says is not None)


def test_check_config_prints_the_warning(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        '[switches."suggestions.medications"]\nvalue = "true"\nreplaces = "false"\n'
        'reason = "Our pharmacy wants them"\ndate = 2026-05-01\n',
        encoding="utf-8",
    )
    file = tmp_path / "rls-cds.toml"
    file.write_text('[site]\noverrides = "own.toml"\n', encoding="utf-8")
    result = runner().invoke(main, ["check-config", str(file)])
    assert result.exit_code == 0
    assert "Warning: switch suggestions.medications is on, but client open is offered no change" in result.stdout


def test_the_switch_names_the_settings_it_needs() -> None:
    assert "drug_orders = true" in RULES.switches["suggestions.medications"].meaning
    assert json.dumps(_plan("iron_order")).count("drug_orders = true") == 1
