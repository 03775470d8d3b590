"""What a whole call answers before any decision is asked (product page, section 5)."""

from __future__ import annotations

from typing import Any

import pytest

from cards.decide import answers_without_labs, decide
from cards.rules import load_rules
from tests.decisions.charts import chart

RULES = load_rules()
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
    verdict = decide(chart(case), RULES, "order-sign")
    assert verdict.missing == ("labs",)
    assert "OS-IRON-OVL" in [finding.card for finding in answers_without_labs(verdict)]
    assert all(finding in verdict.fired for finding in answers_without_labs(verdict))
    assert len(answers_without_labs(verdict)) <= len(verdict.fired) < len(verdict.findings)
