"""Laboratory orders whose results are awaited."""

from __future__ import annotations

from cards.facts.chart import Chart, LabOrder, LabResult, UnusableResult
from cards.knowledge.definitions import defined
from cards.knowledge.limits import is_recent
from cards.knowledge.rules import Rules

#: The analytes that answer an order of more than one test, or of another name.
_ANSWERED_BY = {"iron-panel": ("iron", "tsat"), "tsat": ("iron", "tsat")}


def awaited_orders(chart: Chart, rules: Rules) -> tuple[LabOrder, ...]:
    """Return the recent orders that are active, and those completed lately without a result (clinical amendments 2,
    section 6): a record system may call an order completed once the blood is drawn.
    """
    window, lately = rules.limit("test_order_days"), defined("completed_order.days")
    return tuple(
        order
        for order in chart.lab_orders
        if order.when is not None
        and (
            (order.active and is_recent(order.when, window, chart.today))
            or (order.completed and is_recent(order.when, lately, chart.today) and not is_answered(order, chart))
        )
    )


def is_answered(order: LabOrder, chart: Chart) -> bool:
    """Return whether any result of the tests was collected on the day of the order or later."""
    analytes = {name for test in order.tests for name in _ANSWERED_BY.get(test, (test,))}
    results: tuple[LabResult | UnusableResult, ...] = (*chart.labs, *chart.unusable)
    drawn = (result.when for result in results if result.analyte in analytes)
    return any(when and order.when and when.last >= order.when.first for when in drawn)
