"""How often the daily dose of one drug was raised, out of the orders on record."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from cards.chart import Chart, Drug


class _Order(NamedTuple):
    drug: Drug
    mg: Decimal

    @property
    def place(self) -> tuple[bool, date]:
        """By start, the active orders last: an active order carries the start of the whole treatment."""
        return self.drug.active, self.drug.start.first if self.drug.start else date.min


def dose_rises(chart: Chart, ingredient: str, days: int) -> int:
    """Rises of the daily dose within `days` before today, both ends included.

    A rise is dated by the end of the order before it, else by the start of the order that raised. A dose or a date that
    could not be read counts for nothing.
    """
    since = chart.today - timedelta(days=days)
    orders = sorted(_orders(chart, ingredient), key=lambda order: order.place)
    raised = [_raised_on(before, after) for before, after in pairwise(orders) if after.mg > before.mg]
    return sum(day is not None and day >= since for day in raised)


def _orders(chart: Chart, ingredient: str) -> list[_Order]:
    doses = ((drug, drug.daily.mg.get(ingredient)) for drug in chart.drugs if drug.daily)
    return [_Order(drug, mg) for drug, mg in doses if mg is not None]


def _raised_on(before: _Order, after: _Order) -> date | None:
    moment = before.drug.end or after.drug.start
    return moment.first if moment else None
