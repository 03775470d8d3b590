"""Intervals for shares and their differences, which hold for small counts and near 0 and 1."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

#: For a 95 % interval.
Z = 1.959964


class Interval(NamedTuple):
    """A value with its bounds, all as shares from -1 to 1."""

    value: float
    low: float
    high: float

    def excludes_zero(self) -> bool:
        """Return whether both bounds lie on one side of zero."""
        return self.low > 0 or self.high < 0


def wilson(count: int, total: int, z: float = Z) -> Interval | None:
    """Return a share with its Wilson interval, None of nothing."""
    if not total:
        return None
    rate, square = count / total, z * z
    middle = (rate + square / (2 * total)) / (1 + square / total)
    half = z * sqrt(rate * (1 - rate) / total + square / (4 * total * total)) / (1 + square / total)
    return Interval(rate, max(0.0, middle - half), min(1.0, middle + half))


def difference(one: tuple[int, int], other: tuple[int, int], z: float = Z) -> Interval | None:
    """Return how much more often something happened in one group (count, total) than in the other.

    Newcombe's hybrid score interval (Stat Med 1998;17:873, method 10).
    """
    first, second = wilson(*one, z), wilson(*other, z)
    if first is None or second is None:
        return None
    gap = first.value - second.value
    low = gap - sqrt((first.value - first.low) ** 2 + (second.high - second.value) ** 2)
    high = gap + sqrt((first.high - first.value) ** 2 + (second.value - second.low) ** 2)
    return Interval(gap, low, high)
