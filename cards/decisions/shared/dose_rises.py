"""Count of the rises in the daily dose of one drug, from the orders on record."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from cards.facts.chart import Chart
from cards.facts.drugs import Drug
from cards.knowledge.limits import meets
from cards.knowledge.rules import Threshold


class _Order(NamedTuple):
    drug: Drug
    mg: Decimal

    @property
    def place(self) -> tuple[bool, date]:
        """Return the sort key: by start, active orders last, for they carry the start of the whole treatment."""
        return self.drug.active, self.drug.start.first if self.drug.start else date.min


def dose_rises(chart: Chart, ingredient: str, window: Threshold) -> int:
    """Return how often the daily dose was raised inside the window before today.

    A rise is dated by the end of the order before it, else by the start of the order that raised. A dose or a date that
    could not be read counts for nothing.
    """
    orders = sorted(_orders(chart, ingredient), key=lambda order: order.place)
    raised = [_raised_on(before, after) for before, after in pairwise(orders) if after.mg > before.mg]
    return sum(day is not None and meets((chart.today - day).days, window) for day in raised)


def _orders(chart: Chart, ingredient: str) -> list[_Order]:
    doses = ((drug, drug.daily.mg.get(ingredient)) for drug in chart.drugs if drug.daily)
    return [_Order(drug, mg) for drug, mg in doses if mg is not None]


def _raised_on(before: _Order, after: _Order) -> date | None:
    moment = before.drug.end or after.drug.start
    return moment.first if moment else None
