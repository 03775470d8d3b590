"""Which laboratory orders are answered, and of which tests a result is awaited."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from cards.dates import on_day
from cards.facts.chart import Chart, LabOrder
from cards.facts.results import LabResult
from cards.patient.awaited import awaited_orders, awaited_tests, is_answered
from cards.quantity import Quantity
from cds_service.knowledge.load import national_rules

TODAY, ORDERED = date(2026, 5, 25), date(2026, 5, 21)
RULES = national_rules()
STUDIES = frozenset({"ferritin", "iron-panel"})


def result(analyte: str, day: int, issued: int | None = None) -> LabResult:
    at = None if issued is None else datetime(2026, 5, issued, 12, tzinfo=UTC)
    return LabResult(analyte, Quantity(Decimal(30), ""), on_day(date(2026, 5, day)), issued=at)


def ordered(*tests: str, active: bool = False) -> LabOrder:
    return LabOrder(frozenset(tests), on_day(ORDERED), active=active, completed=not active)


@pytest.mark.parametrize(
    ("found", "answered"),
    [
        (result("ferritin", 21), True),
        (result("ferritin", 24), True),
        (result("ferritin", 20), True),
        (result("ferritin", 20, issued=21), True),
        (result("ferritin", 20, issued=20), False),
        (result("ferritin", 13), False),
        (result("ferritin", 13, issued=22), False),
        (result("tsat", 22), False),
    ],
)
def test_a_test_may_be_added_on_to_a_sample_of_the_week_before(found: LabResult, answered: bool) -> None:
    """It has the day of the sample; what was reported before the order was made answers it not."""
    chart = Chart(TODAY, labs=(found,))
    assert is_answered(ordered("ferritin"), "ferritin", chart) is answered


@pytest.mark.parametrize("analyte", ["iron", "tsat"])
def test_each_test_of_an_order_is_awaited_by_itself(analyte: str) -> None:
    order = ordered(*STUDIES, "b12")
    chart = Chart(TODAY, labs=(result(analyte, 22),), lab_orders=(order,))
    assert awaited_tests(order, chart, RULES) == {"ferritin", "b12"}
    assert awaited_orders(chart, RULES) == (replace(order, tests=frozenset({"ferritin", "b12"})),)


def test_of_an_active_order_every_test_is_awaited() -> None:
    order = ordered(*STUDIES, active=True)
    chart = Chart(TODAY, labs=(result("ferritin", 22), result("tsat", 22)), lab_orders=(order,))
    assert awaited_orders(chart, RULES) == (order,)
    assert awaited_orders(replace(chart, lab_orders=(replace(order, when=None),)), RULES) == ()


def test_a_saturation_answers_each_test_that_it_is_made_of() -> None:
    order = ordered("iron", "tibc", "iron-panel", "tsat")
    chart = Chart(TODAY, labs=(result("tsat", 22),), lab_orders=(order,))
    assert awaited_orders(chart, RULES) == ()
