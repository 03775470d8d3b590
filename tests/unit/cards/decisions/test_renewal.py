"""Which earlier order of a drug makes a draft its renewal (clinical page 4.8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from cards.decisions.shared.orders import earlier_orders
from cards.facts.chart import Chart, Draft
from tests.decisions.charts import chart

_BASKET: Mapping[str, Any] = {"drafts": ["iron-oral ferrous sulfate 65"]}


def _judged(drug: str, **changes: Any) -> tuple[Chart, Draft]:
    built = chart({"drugs": [drug], **_BASKET})
    return replace(built, drugs=tuple(replace(each, **changes) for each in built.drugs)), built.drafts[0]


@pytest.mark.parametrize(
    ("drug", "changes", "renews"),
    [
        ("since 100d", {}, True),
        ("since 200d until 90d", {}, True),
        ("since 200d until 91d", {}, False),
        # over, and the end not told: it cannot have ended before it began
        ("since 90d", {"active": False, "status": "completed"}, True),
        ("since 91d", {"active": False, "status": "completed"}, False),
        ("since 90d", {"active": False, "status": "stopped"}, True),
        # a single dose was no course
        ("since 10d", {"active": False, "status": "completed", "one_dose": True}, False),
        ("since 10d", {"active": False, "status": "on-hold"}, False),
        ("since ?", {"active": False, "status": "completed"}, False),
    ],
)
def test_a_renewal_follows_a_course_that_ended_within_90_days(
    drug: str, changes: Mapping[str, Any], renews: bool
) -> None:
    assert bool(earlier_orders(*_judged(f"iron-oral ferrous sulfate 65 {drug}", **changes))) is renews


def test_the_order_itself_and_another_ingredient_renew_nothing() -> None:
    built, draft = _judged("iron-oral ferrous sulfate 65 since 100d", reference="MedicationRequest/same")
    assert not earlier_orders(built, replace(draft, reference="MedicationRequest/same"))
    assert not earlier_orders(*_judged("iron-oral ferrous gluconate 65 since 100d"))
