"""What a whole call answers before any decision is asked (product page, section 5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cards.decisions.decide import decide, to_be_shown
from cards.knowledge.rules import DatedValue
from cds_service.knowledge.load import national_rules
from tests.decisions.charts import chart

RULES = national_rules()
HOOKS = ("patient-view", "order-sign", "order-select")


@pytest.mark.parametrize(
    ("case", "hook", "missing", "out_of_scope"),
    [
        ({"listings": {"patient": "not known"}}, "patient-view", ("patient",), ""),
        ({"listings": {"conditions": "not known"}}, "order-sign", ("conditions",), ""),
        (
            {"listings": {"conditions": "not known", "patient": "not known"}},
            "patient-view",
            ("patient", "conditions"),
            "",
        ),
        ({"person": "46 F deceased"}, "patient-view", (), "deceased"),
        ({"person": "46 F deceased"}, "order-sign", (), "deceased"),
        ({"person": "20d F"}, "patient-view", (), "newborn"),
        ({"dx": []}, "patient-view", (), "no RLS"),
        ({"dx": []}, "order-sign", (), ""),
        ({"dx": [], "listings": {"conditions": "cut"}}, "patient-view", ("conditions",), ""),
        ({"dx": ["rls"], "listings": {"conditions": "cut"}}, "patient-view", (), ""),
        ({"dx": ["rls?"]}, "patient-view", (), ""),
        ({"listings": {"labs": "not known"}}, "patient-view", ("labs",), ""),
    ],
)
def test_what_a_call_misses_and_who_is_out_of_scope(
    case: dict[str, Any], hook: str, missing: tuple[str, ...], out_of_scope: str
) -> None:
    verdict = decide(chart(case), RULES, hook)
    assert (verdict.missing, verdict.out_of_scope, verdict.hook) == (missing, out_of_scope, hook)
    assert bool(verdict.findings) == (not out_of_scope and missing in ((), ("labs",)))


@pytest.mark.parametrize("hook", HOOKS)
def test_every_decision_of_a_hook_is_asked_and_no_other(hook: str) -> None:
    case = {"drafts": ["iron-oral ferrous sulfate 65", "tests ferritin", "magnesium-oral magnesium oxide 400mg"]}
    asked = {finding.decision for finding in decide(chart(case), RULES, hook).findings}
    expected = {name for name, decision in RULES.decisions.items() if hook in decision.hooks}
    assert asked <= expected
    assert {name for name in expected if not name.endswith("_order")} <= asked


def test_a_stop_that_needs_no_laboratory_is_shown_although_results_are_missing() -> None:
    case = {
        "dx": ["rls", "haemochromatosis"],
        "drafts": ["iron-oral ferrous sulfate 65"],
        "listings": {"labs": "not known"},
    }
    built = chart(case)
    verdict = decide(built, RULES, "order-sign")
    assert verdict.missing == ("labs",)
    shown = to_be_shown(verdict, built)
    assert "OS-IRON-OVL" in [finding.card for finding in shown.findings] and shown.missing == ("labs",)
    assert all(finding in verdict.fired for finding in shown.findings)
    assert len(shown.findings) <= len(verdict.fired) < len(verdict.findings)


@pytest.mark.parametrize(
    ("listings", "unknown_draft", "missing", "cards"),
    [
        ({}, False, (), {"OS-IRON-OVL", "OS-MG"}),
        ({}, True, ("medications",), {"OS-IRON-OVL", "OS-MG"}),
        ({"labs": "not known"}, True, ("labs", "medications"), {"OS-IRON-OVL"}),
        ({"conditions": "not known"}, True, ("conditions",), set()),
    ],
)
def test_what_is_shown_when_the_drug_of_an_order_cannot_be_told(
    listings: dict[str, str], unknown_draft: bool, missing: tuple[str, ...], cards: set[str]
) -> None:
    case = {
        "dx": ["rls", "haemochromatosis"],
        "labs": ["egfr 22 mL/min/1.73m2 26d"],
        "drafts": ["iron-oral ferrous sulfate 65", "magnesium-oral magnesium oxide 400mg"],
        "listings": listings,
    }
    built = replace(chart(case), has_unknown_draft=unknown_draft)
    verdict = decide(built, RULES, "order-sign")
    assert verdict.missing == missing
    assert {finding.card for finding in to_be_shown(verdict, built).findings if finding.card} == cards


def test_without_restless_legs_an_unknown_draft_misses_nothing() -> None:
    built = replace(chart({"dx": [], "drafts": []}), has_unknown_draft=True)
    assert decide(built, RULES, "order-sign").missing == ()
    assert decide(replace(chart({}), has_unknown_draft=True), RULES, "patient-view").missing == ()


@pytest.mark.parametrize(
    ("scope", "missing"), [("rls", ()), ("all", ("medications",))], ids=["by default", "where iron is stopped for all"]
)
def test_an_unknown_draft_without_restless_legs_matters_where_a_site_stops_iron_for_everyone(
    scope: str, missing: tuple[str, ...]
) -> None:
    switched = replace(RULES.switches["iron_safety_scope"], value=scope)
    rules = replace(RULES, switches={**RULES.switches, "iron_safety_scope": switched})
    built = replace(chart({"dx": [], "drafts": []}), has_unknown_draft=True)
    assert decide(built, rules, "order-sign").missing == missing
    assert decide(built, rules, "patient-view").missing == ()


def test_a_limit_counts_as_it_stood_on_the_day_of_the_chart() -> None:
    low = RULES.limit("ferritin.low")
    day = date(2026, 6, 15)
    history = (DatedValue(date(2020, 1, 1), low.value, low.citation), DatedValue(day, Decimal(30), low.citation))
    rules = replace(RULES, thresholds={**RULES.thresholds, "ferritin.low": replace(low, history=history)})
    asked = {"labs": ["ferritin 60 ng/mL 26d", "tsat 30 % 26d"]}
    before = decide(chart({**asked, "today": day - timedelta(days=1)}), rules, "patient-view")
    after = decide(chart({**asked, "today": day}), rules, "patient-view")
    assert "IRON-LOW" in [finding.card for finding in before.fired]
    assert "IRON-LOW" not in [finding.card for finding in after.fired]


@pytest.mark.parametrize(("reference", "fired"), [("MedicationRequest/d1", False), ("MedicationRequest/0", True)])
def test_an_order_that_is_signed_again_is_no_second_iron(reference: str, fired: bool) -> None:
    built = chart(
        {
            "labs": ["ferritin 40 ng/mL 26d", "tsat 22 % 26d"],
            "drugs": ["iron-oral ferrous sulfate 65 since 10d"],
            "drafts": ["iron-oral ferrous sulfate 65"],
        }
    )
    same = replace(built, drugs=(replace(built.drugs[0], reference=reference),))
    cards = [finding.card for finding in decide(same, RULES, "order-sign").fired]
    assert ("OS-IRON-DUP" in cards) is fired


def test_results_that_were_withheld_are_spoken_of() -> None:
    built = replace(chart({"labs": ["ferritin 40 ng/mL 26d", "tsat 22 % 26d"]}), results_withheld=True)
    texts = {text for finding in decide(built, RULES, "patient-view").fired for text in finding.texts}
    assert "withheld" in texts


@pytest.mark.parametrize(
    ("reference", "number", "fired"),
    [("MedicationRequest/d2", 2, True), ("MedicationRequest/d1", 2, False), ("MedicationRequest/d2", 1, False)],
)
def test_a_draft_that_is_sent_twice_is_no_second_iron(reference: str, number: int, fired: bool) -> None:
    built = chart(
        {
            "labs": ["ferritin 40 ng/mL 26d", "tsat 22 % 26d"],
            "drafts": ["iron-oral ferrous sulfate 65", "iron-oral ferrous fumarate 65 background"],
        }
    )
    again = replace(built.drafts[1], reference=reference, number=number)
    cards = [
        finding.card for finding in decide(replace(built, drafts=(built.drafts[0], again)), RULES, "order-sign").fired
    ]
    assert ("OS-IRON-DUP" in cards) is fired
