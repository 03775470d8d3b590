"""What the cards of the decision tables print, one test for each decision; `test_answers` holds all the rest."""

from __future__ import annotations

import pytest

from cds_service.knowledge.load import national_rules
from tests.decisions.test_tables import CASES, faults

_PRINTING = tuple((decision, case) for decision, case in CASES if "prints" in case)
_DECISIONS = sorted({decision for decision, _ in _PRINTING})


@pytest.mark.parametrize("decision", _DECISIONS)
def test_every_case_that_prints(decision: str) -> None:
    rules = national_rules()
    for name, case in _PRINTING:
        if name == decision:
            assert faults(name, case, rules) == [], case["says"]
