"""Which draft orders each decision is about: what its file says is what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from cards.decisions.decide import ask
from cards.decisions.shared.judged import has_draft_to_judge
from cards.facts.chart import Listing
from cards.site.choices import as_the_site_counts
from tests.builders.faults import assert_none, faults
from tests.decisions.charts import chart
from tests.decisions.test_tables import CASES, RULES, rules_of_the_day, says

ORDERS = sorted(name for name in {name for name, _ in CASES} if "order-sign" in RULES.decisions[name].hooks)
_NO_DRAFT = {"no_draft", "no_iron_draft", "no_iv_draft"}


@pytest.mark.parametrize("decision", ORDERS)
def test_a_decision_judges_the_drafts_that_its_file_names(decision: str) -> None:
    def drafts_of_its_file_are_judged(case: Mapping[str, Any]) -> None:
        built = chart(case)
        rules = rules_of_the_day(case, RULES, built.today)
        alone = replace(rules, decisions={decision: rules.decisions[decision]})
        answered = {finding.because for finding in ask(decision, as_the_site_counts(built, rules), rules)}
        assert has_draft_to_judge(built.drafts, alone, "order-sign") == (not answered <= _NO_DRAFT)

    assert_none(faults(drafts_of_its_file_are_judged, [case for name, case in CASES if name == decision], says))


@pytest.mark.parametrize("decision", ORDERS)
def test_without_drafts_nothing_is_judged(decision: str) -> None:
    nothing = replace(chart({}), listings={"patient": Listing.COMPLETE, "conditions": Listing.COMPLETE})
    assert {finding.because for finding in ask(decision, nothing, RULES.on(nothing.today))} <= _NO_DRAFT
    assert not has_draft_to_judge((), RULES, "order-sign")
