"""Laboratory orders whose results are awaited."""

from __future__ import annotations

from dataclasses import replace

from cards.facts.chart import Chart, LabOrder
from cards.facts.results import LabResult, UnusableResult
from cards.knowledge.definitions import defined
from cards.knowledge.limits import Limit, is_recent, meets
from cards.knowledge.rules import Rules

#: The analytes that answer an order of more than one test, or of another name.
_ANSWERED_BY = {
    "iron": ("iron", "tsat"),
    "tibc": ("tibc", "tsat"),
    "tsat": ("iron", "tsat"),
    "iron-panel": ("iron", "tsat"),
}


def awaited_orders(chart: Chart, rules: Rules) -> tuple[LabOrder, ...]:
    """Return the orders of which a result is awaited, each with those tests alone (`awaited_tests`)."""
    window = rules.limit("test_order_days")
    found = ((order, _awaited(order, chart, window)) for order in chart.lab_orders)
    return tuple(replace(order, tests=tests) for order, tests in found if tests)


def awaited_tests(order: LabOrder, chart: Chart, rules: Rules) -> frozenset[str]:
    """Return the tests of an order that are awaited: of a recent one that is active all, of one completed lately those
    without a result (clinical amendments 2, section 6), since a record system may call an order completed once the
    blood is drawn.
    """
    return _awaited(order, chart, rules.limit("test_order_days"))


def _awaited(order: LabOrder, chart: Chart, window: Limit) -> frozenset[str]:
    if order.when is None:
        return frozenset()
    if order.active and is_recent(order.when, window, chart.today):
        return order.tests
    if order.completed and is_recent(order.when, defined("completed_order.days"), chart.today):
        return frozenset(test for test in order.tests if not is_answered(order, test, chart))
    return frozenset()


def is_answered(order: LabOrder, test: str, chart: Chart) -> bool:
    """Return whether there is a result of a test that the order may have brought."""
    results: tuple[LabResult | UnusableResult, ...] = (*chart.labs, *chart.unusable)
    analytes = _ANSWERED_BY.get(test, (test,))
    return any(result.analyte in analytes and _may_answer(result, order) for result in results)


def _may_answer(result: LabResult | UnusableResult, order: LabOrder) -> bool:
    """Return whether a result was collected on the day of the order or later, or was added on to an earlier sample.

    A test that is added on has the day of its sample. What was reported before the order is no answer to it.
    """
    if result.when is None or order.when is None:
        return False
    if result.when.last >= order.when.first:
        return True
    reported = result.issued.date() if isinstance(result, LabResult) and result.issued else None
    was_there = reported is not None and reported < order.when.first
    return not was_there and meets(result.when.days_before(order.when.first), defined("add_on.days"))
