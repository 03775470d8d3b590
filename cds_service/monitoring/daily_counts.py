"""What is usual of a stream of daily counts, and how much a day speaks for a change.

Counts vary more from day to day than chance alone would let them, since patients come again and wards differ. By how
much is taken from the days before, and every log-likelihood ratio is divided by that. The doubt about a short baseline
is on the side of no alarm.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import exp, log, sqrt
from typing import ClassVar, Protocol

#: Days before a change that are compared with it.
BASELINE_DAYS = 28
#: The rates that are looked for, as multiples of the earlier one.
RATIOS = {"gone": 0.05, "fewer": 0.5, "more": 2.0}
#: By how much larger values are looked for to weigh more than before, and smaller ones less: the logarithm of that for
#: each standard deviation. With values as usual spread it means a mean that has moved by half a deviation.
TILTS = {"higher": 0.5, "lower": -0.5}
#: Standard errors by which a baseline is widened, so that a short one raises no alarm.
_DOUBT = 1.0
#: Standard deviations from the mean beyond which a value weighs no more.
_FARTHEST = 2.5
#: A baseline needs so many days with calls, or the fewest with at least so many calls; that of values, so many values.
_LEAST_DAYS, _FEWEST_DAYS, _LEAST_CALLS, _LEAST_VALUES = 7, 4, 30, 30
#: Weeks in which a day of the week must have been counted before its calls are missed.
_LEAST_WEEKS = 2


class Usual(Protocol):
    """What a stream was like before, and what a day adds for one way of change."""

    def log_likelihood_ratio(self, way: str, day: date) -> float: ...


class Stream(Protocol):
    """What was counted of a client on each day; `ways` are the changes looked for."""

    client: str
    subject: str

    @property
    def ways(self) -> tuple[str, ...]: ...

    @property
    def begins(self) -> date | None: ...

    def usual(self, days: Sequence[date]) -> Usual | None:
        """Return what it was like on these days, None where that is not known."""


@dataclass(slots=True)
class Rates:
    """What was counted on each day, and out of how many."""

    client: str
    subject: str
    counts: dict[date, float] = field(default_factory=lambda: defaultdict(float))
    totals: Mapping[date, float] = field(default_factory=dict)
    ways: tuple[str, ...] = tuple(RATIOS)

    @property
    def begins(self) -> date | None:
        return min(self.totals, default=None)

    def usual(self, days: Sequence[date]) -> UsualRate | None:
        counted = [(self.counts.get(day, 0.0), self.totals[day]) for day in days if self.totals.get(day)]
        count, of = sum(each for each, _ in counted), sum(total for _, total in counted)
        if len(counted) < _FEWEST_DAYS or (len(counted) < _LEAST_DAYS and of < _LEAST_CALLS):
            return None
        dispersion = _dispersion((each - count / of * total for each, total in counted), count, len(counted) - 1)
        doubt = _DOUBT * sqrt(dispersion * BASELINE_DAYS / len(days))
        down, up = max(0.0, count - doubt * sqrt(count)) / of, (count + 1 + doubt * sqrt(count + 1)) / of
        return UsualRate(self, down, up, dispersion)


@dataclass(frozen=True, slots=True)
class UsualRate:
    """The rate of a stream before, as it is doubted for fewer and for more."""

    stream: Rates
    down: float
    up: float
    dispersion: float

    def log_likelihood_ratio(self, way: str, day: date) -> float:
        """Return what a day's count adds for a rate that is `RATIOS[way]` times the earlier one."""
        ratio = RATIOS[way]
        expected = (self.up if ratio > 1 else self.down) * self.stream.totals.get(day, 0)
        return (self.stream.counts.get(day, 0) * log(ratio) - expected * (ratio - 1)) / self.dispersion


@dataclass(slots=True)
class Calls:
    """The calls of a client on each day, compared with the same day of the week; only their absence is a change."""

    client: str
    subject: str
    counts: Mapping[date, int]
    ways: ClassVar[tuple[str, ...]] = ("gone", "fewer")

    @property
    def begins(self) -> date | None:
        return min(self.counts, default=None)

    def usual(self, days: Sequence[date]) -> UsualCalls | None:
        by_weekday: dict[int, list[int]] = defaultdict(list)
        for day in days:
            by_weekday[day.weekday()].append(self.counts.get(day, 0))
        known = {weekday: sum(each) / len(each) for weekday, each in by_weekday.items() if len(each) >= _LEAST_WEEKS}
        counted = [day for day in days if day.weekday() in known]
        count = sum(self.counts.get(day, 0) for day in counted)
        if count < _LEAST_CALLS:
            return None
        spread = (self.counts.get(day, 0) - known[day.weekday()] for day in counted)
        dispersion = _dispersion(spread, count, len(counted) - len(known))
        doubted = max(0.0, 1 - _DOUBT * sqrt(dispersion * BASELINE_DAYS / len(days) / count))
        return UsualCalls(self, known, doubted, dispersion)


@dataclass(frozen=True, slots=True)
class UsualCalls:
    """The calls that are usual on a day of the week."""

    stream: Calls
    known: Mapping[int, float]
    doubted: float
    dispersion: float

    def log_likelihood_ratio(self, way: str, day: date) -> float:
        """Return what the calls of a day add for `RATIOS[way]` times the usual ones."""
        ratio, expected = RATIOS[way], self.known.get(day.weekday(), 0.0) * self.doubted
        return (self.stream.counts.get(day, 0) * log(ratio) - expected * (ratio - 1)) / self.dispersion

    def missing(self, days: Iterable[date]) -> int:
        """Return how many calls were missing on these days."""
        return max(0, round(sum(self.known.get(day.weekday(), 0.0) - self.stream.counts.get(day, 0) for day in days)))


@dataclass(slots=True)
class Values:
    """How often each bin of a value, or of its age, was counted on each day."""

    client: str
    subject: str
    values: dict[date, dict[int, int]] = field(default_factory=dict)
    ways: ClassVar[tuple[str, ...]] = tuple(TILTS)

    @property
    def begins(self) -> date | None:
        return min(self.values, default=None)

    def usual(self, days: Sequence[date]) -> UsualValues | None:
        """Return how they were distributed, whatever the form: no normal distribution is assumed."""
        before: dict[int, int] = defaultdict(int)
        for day in days:
            for bin, number in self.values.get(day, {}).items():
                before[bin] += number
        whole = sum(before.values())
        if whole < _LEAST_VALUES:
            return None
        mean = sum(bin * number for bin, number in before.items()) / whole
        spread = max(1.0, sqrt(sum(number * (bin - mean) ** 2 for bin, number in before.items()) / whole))
        weights = {bin: _weight(bin, mean, spread) for bin in before}
        central = sum(weights[bin] * number for bin, number in before.items()) / whole
        variance = sum(number * (weights[bin] - central) ** 2 for bin, number in before.items()) / whole
        by_day = (
            sum(number * (weights[bin] - central) for bin, number in self.values[day].items())
            for day in days
            if day in self.values
        )
        dispersion = _dispersion(by_day, variance * whole, sum(day in self.values for day in days) - 1)
        doubt = _DOUBT * sqrt(dispersion * BASELINE_DAYS / len(days) / whole)
        usual = {
            way: log(sum(number * exp(tilt * weights[bin]) for bin, number in before.items()) / whole)
            + abs(tilt) * doubt
            for way, tilt in TILTS.items()
        }
        return UsualValues(self, mean, spread, usual, dispersion)


@dataclass(frozen=True, slots=True)
class UsualValues:
    """How values were distributed before."""

    stream: Values
    mean: float
    spread: float
    usual: Mapping[str, float]
    dispersion: float

    def log_likelihood_ratio(self, way: str, day: date) -> float:
        """Return what the values of a day add for larger, or smaller, ones than before."""
        return (
            sum(
                number * (TILTS[way] * _weight(bin, self.mean, self.spread) - self.usual[way])
                for bin, number in self.stream.values.get(day, {}).items()
            )
            / self.dispersion
        )


def _weight(bin: int, mean: float, spread: float) -> float:
    """Return how many standard deviations a bin lies from the mean, at most so many as count."""
    return min(max((bin - mean) / spread, -_FARTHEST), _FARTHEST)


def _dispersion(deviations: Iterable[float], variance: float, freedom: int) -> float:
    """Return how many times as much the days differ as chance would have them, at least 1."""
    if freedom < 1 or variance <= 0:
        return 1.0
    squares = [each**2 for each in deviations]
    return max(1.0, sum(squares) / variance * len(squares) / freedom)
