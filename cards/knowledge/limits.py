"""A limit and its `side`: the one place that decides on which side of a limit a value lies.

Whatever is compared with a limit of the knowledge files is compared here, and `side` alone says whether the limit
itself belongs to it. The answer has three values: a result such as `<100`, or a date of a month only, may lie on both
sides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import NamedTuple, Protocol

from cards.dates import Days, PartialDate, days_after, months_before
from cards.quantity import Quantity, UnlikeUnits
from cards.values import frozen


class Side(NamedTuple):
    """A side of a limit: `upper` means what lies above it, `closed` includes the limit itself."""

    upper: bool
    closed: bool

    @property
    def cuts_below_the_limit(self) -> bool:
        """Return whether the limit itself goes with what lies above it."""
        return self.upper == self.closed


#: The phrases by which a knowledge file states the side of a limit.
SIDES: Mapping[str, Side] = {
    "below": Side(upper=False, closed=False),
    "at or below": Side(upper=False, closed=True),
    "up to": Side(upper=False, closed=True),
    "at or above": Side(upper=True, closed=True),
    "above": Side(upper=True, closed=False),
    "before": Side(upper=False, closed=False),
    "within": Side(upper=False, closed=True),
    "at or after": Side(upper=True, closed=True),
    "after more than": Side(upper=True, closed=False),
}


@frozen
class Limit:
    """A number with its unit, what it means, and on which side of it that holds (a key of `SIDES`)."""

    name: str
    value: Decimal
    unit: str
    meaning: str
    side: str
    citation: str
    certainty: str

    @property
    def quantity(self) -> Quantity:
        """Return the limit as a quantity."""
        return Quantity(self.value, self.unit)

    @property
    def days(self) -> int:
        """Return the number of days. Raises `UnlikeUnits` for a limit in another unit."""
        return self._whole("d")

    @property
    def months(self) -> int:
        """Return the number of months. Raises `UnlikeUnits` for a limit in another unit."""
        return self._whole("mo")

    @property
    def years(self) -> int:
        """Return the number of years. Raises `UnlikeUnits` for a limit in another unit."""
        return self._whole("a")

    def _whole(self, unit: str) -> int:
        if self.unit != unit:
            raise UnlikeUnits(f"{self.name} is given in {self.unit}, not in {unit}")
        return int(self.value)


class Measured(Protocol):
    """Anything with a quantity that can be compared, such as a laboratory result."""

    @property
    def quantity(self) -> Quantity: ...


#: A number without a unit is taken in the unit of the limit.
Comparable = Measured | Quantity | Days | Decimal | int
_NUMBERS = (int, Decimal)


def compare(value: Comparable, limit: Limit) -> bool | None:
    """Return whether a value lies on the stated side of the limit, or None where it may lie on either.

    Above a limit lies also what is reported as at or above that very number (clinical amendments 2, section 1.5).
    """
    if isinstance(value, Days):
        return _compared_days(value, limit)
    if isinstance(value, _NUMBERS):
        return _BEYOND[limit.side](value, limit.value)
    quantity = value if isinstance(value, Quantity) else value.quantity
    if quantity.comparator or quantity.unit != limit.unit:
        return _compared_interval(quantity, SIDES[limit.side], limit.quantity)
    return _BEYOND[limit.side](quantity.value, limit.value)


def _is_beyond(side: Side) -> Callable[[Decimal | int, Decimal], bool]:
    """Return the comparison that tells whether one number lies on this side of another."""
    if side.upper:
        return ge if side.closed else gt
    return le if side.closed else lt


_BEYOND = {phrase: _is_beyond(side) for phrase, side in SIDES.items()}


def _compared_days(value: Days, limit: Limit) -> bool | None:
    if limit.unit != "d":
        raise UnlikeUnits(f"d compared with {limit.unit}")
    is_beyond = _BEYOND[limit.side]
    least = is_beyond(value.least, limit.value)
    return least if value.least == value.most or least is is_beyond(value.most, limit.value) else None


def _compared_interval(value: Quantity, side: Side, cut: Quantity) -> bool | None:
    if side == SIDES["above"] and value.comparator == ">=" and value.surely_at_least(cut):
        return True  # `>=100` is as high as a laboratory reports: a stop above 100 fires as for `>100`
    if side.cuts_below_the_limit:
        below, above = value.surely_below(cut), value.surely_at_least(cut)
    else:
        below, above = value.surely_at_most(cut), value.surely_above(cut)
    if not (below or above):
        return None
    return above if side.upper else below


def meets(value: Comparable | None, limit: Limit) -> bool:
    """Return whether a value surely lies on the stated side; False without a value."""
    return value is not None and compare(value, limit) is True


def misses(value: Comparable | None, limit: Limit) -> bool:
    """Return whether a value surely lies on the other side; False without a value."""
    return value is not None and compare(value, limit) is False


def first_above(limit: Limit) -> int:
    """Return the least whole number above the cut: 18 of `at or above 18` and of `below 18`, 19 of `above 18`."""
    return int(limit.value) + (0 if SIDES[limit.side].cuts_below_the_limit else 1)


def due_on(limit: Limit, since: date) -> date:
    """Return the first day above the cut of a limit in days, counted from `since`."""
    return days_after(since, limit.days + (0 if SIDES[limit.side].cuts_below_the_limit else 1))


def is_recent(moment: PartialDate, limit: Limit, today: date) -> bool:
    """Return whether something surely happened in the days up to today that the limit allows."""
    return moment.last <= today and meets(moment.days_before(today), limit)


def in_days(limit: Limit, today: date) -> Limit:
    """Return a limit in months as one in days, counted back from today."""
    days = (today - months_before(today, limit.months)).days
    return replace(limit, value=Decimal(days), unit="d")
