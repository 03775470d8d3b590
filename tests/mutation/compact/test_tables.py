"""The case tables of the decisions, one test for each decision."""

from __future__ import annotations

import pytest

from cards.rules import load_rules
from tests.decisions.test_tables import CASES, faults

_DECISIONS = sorted({decision for decision, _ in CASES})


@pytest.mark.parametrize("decision", _DECISIONS)
def test_every_case(decision: str) -> None:
    rules = load_rules()
    for name, case in CASES:
        if name == decision:
            assert faults(name, case, rules) == [], case["says"]
