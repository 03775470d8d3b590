"""Numbers with their units; where the laboratory gave `<5`, all that lies below 5."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, ROUND_UP, Decimal
from functools import cache

from cards.values import frozen

LOWER_BOUNDS = (">", ">=")
UPPER_BOUNDS = ("<", "<=")


class UnlikeUnits(TypeError):
    """Quantities of different units were compared: a programming error, never caused by data."""


@frozen
class Quantity:
    """A value in `unit`. With a comparator it is an interval: `<5` is all that lies below 5 (clinical rationale 0.3).

    The questions `surely_...` are true only if every value of the interval satisfies them. Where neither a
    question nor its opposite holds, the quantity is *undecided* at that limit.
    """

    value: Decimal
    unit: str
    comparator: str = ""

    def surely_below(self, limit: Quantity) -> bool:
        """Return whether every value of the interval lies below `limit`."""
        return self._bounded_above and self._below_or_open_at(limit)

    def surely_at_most(self, limit: Quantity) -> bool:
        """Return whether no value of the interval lies above `limit`."""
        self._must_be_like(limit)
        return self._bounded_above and self.value <= limit.value

    def surely_at_least(self, limit: Quantity) -> bool:
        """Return whether no value of the interval lies below `limit`."""
        self._must_be_like(limit)
        return self._bounded_below and self.value >= limit.value

    def surely_above(self, limit: Quantity) -> bool:
        """Return whether every value of the interval lies above `limit`."""
        self._must_be_like(limit)
        if self.comparator == ">":
            return self.value >= limit.value
        return self._bounded_below and self.value > limit.value

    @property
    def is_censored(self) -> bool:
        return bool(self.comparator)

    @property
    def _bounded_above(self) -> bool:
        return self.comparator in ("", *UPPER_BOUNDS)

    @property
    def _bounded_below(self) -> bool:
        return self.comparator in ("", *LOWER_BOUNDS)

    def _below_or_open_at(self, limit: Quantity) -> bool:
        self._must_be_like(limit)
        return self.value <= limit.value if self.comparator == "<" else self.value < limit.value

    def _must_be_like(self, other: Quantity) -> None:
        if self.unit != other.unit:
            raise UnlikeUnits(f"{self.unit} compared with {other.unit}")

    def rounded(self, decimals: int) -> Quantity:
        """Return the quantity rounded half away from zero to `decimals` places (clinical rationale 0.3, rule 7)."""
        return Quantity(self.value.quantize(_one_of(decimals), ROUND_HALF_UP), self.unit, self.comparator)

    @property
    def text(self) -> str:
        """Return the quantity as a card prints it: `38 ng/mL`, `<5 ng/mL`, `4.25 mg/dL`; no trailing zeros."""
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.comparator}{plain(self.value)}{unit}"


@cache
def _one_of(decimals: int) -> Decimal:
    return Decimal(1).scaleb(-decimals)


#: From here a number of more than one decimal place is written whole; below, with as many as tablets have (0.125 mg).
_WHOLE_FROM = Decimal(10)
_ONE_PLACE, _THREE_PLACES = Decimal("0.1"), Decimal("0.001")


def in_print(value: Decimal, *, above: Decimal | None = None) -> Decimal:
    """Return an amount as a nurse writes it: 107 for 107.1429, and 37.5, 2.25 and 0.125 as they are.

    What exceeds the limit `above` is also printed as more than it, rounded up where that takes it.
    """
    if value == value.quantize(_ONE_PLACE):
        return value
    fine = value < _WHOLE_FROM and value == value.quantize(_THREE_PLACES)
    places = Decimal(1) if value >= _WHOLE_FROM else _ONE_PLACE if value >= 1 else _THREE_PLACES
    shown = value if fine else value.quantize(places, ROUND_HALF_UP)
    hidden = above is not None and shown <= above < value
    return value.quantize(_ONE_PLACE if value >= 1 else _THREE_PLACES, ROUND_UP) if hidden else shown


def to_one_place(value: Decimal) -> Decimal:
    """Return a body weight for print."""
    return value.quantize(_ONE_PLACE, ROUND_HALF_UP)


def plain(value: Decimal) -> str:
    """Return the digits of a decimal without trailing zeros, never in scientific notation."""
    digits = f"{value:f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits
