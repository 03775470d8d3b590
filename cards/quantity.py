"""A number with its unit; where the laboratory gave `<5`, everything below 5."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, ROUND_UP, Decimal

LOWER_BOUNDS = (">", ">=")
UPPER_BOUNDS = ("<", "<=")


class UnlikeUnits(TypeError):
    """Two quantities of different units were compared: a programming fault, never a matter of data."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value in `unit`. With a comparator it is an interval: `<5` is all that lies below 5 (clinical page 0.3).

    The questions `surely_...` are true only if every value of the interval satisfies them. Where neither a
    question nor its opposite holds, the quantity is *undecided* at that limit.
    """

    value: Decimal
    unit: str
    comparator: str = ""

    def surely_below(self, limit: Quantity) -> bool:
        return self._bounded_above and self._below_or_open_at(limit)

    def surely_at_most(self, limit: Quantity) -> bool:
        self._must_be_like(limit)
        return self._bounded_above and self.value <= limit.value

    def surely_at_least(self, limit: Quantity) -> bool:
        self._must_be_like(limit)
        return self._bounded_below and self.value >= limit.value

    def surely_above(self, limit: Quantity) -> bool:
        self._must_be_like(limit)
        if self.comparator == ">":
            return self.value >= limit.value
        return self._bounded_below and self.value > limit.value

    def is_decided_at(self, limit: Quantity, *, limit_belongs_below: bool) -> bool:
        """Whether the quantity lies on one side of `limit`; the limit itself counts as below, or as above."""
        if limit_belongs_below:
            return self.surely_at_most(limit) or self.surely_above(limit)
        return self.surely_below(limit) or self.surely_at_least(limit)

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
        """Half away from zero, to `decimals` places (clinical page 0.3, rule 7)."""
        return replace(self, value=self.value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))

    @property
    def text(self) -> str:
        """As a card prints it: `38 ng/mL`, `<5 ng/mL`, `4.25 mg/dL`; no trailing zeros, no exponent."""
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.comparator}{plain(self.value)}{unit}"


def to_one_place(value: Decimal) -> Decimal:
    """A dose for print, upwards: what is more than a limit is printed as more than it."""
    return value.quantize(Decimal("0.1"), ROUND_UP)


def plain(value: Decimal) -> str:
    """The digits of a decimal without trailing zeros and never in scientific notation."""
    digits = f"{value:f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits
