"""One value of one analyte for a decision: the newest that may be compared, or what stands in its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from cards.calculated import Saturations, saturations
from cards.chart import Chart, LabResult, UnusableResult
from cards.moment import Moment
from cards.quantity import Quantity

_STATUS = ("final", "amended", "corrected")
#: Nobody's result: the laboratory took it back, or never made it.
_NOT_A_RESULT = frozenset({"entered-in-error", "cancelled"})
#: A value too high to be true never unlocks iron advice on an older, lower one (clinical amendments, section 1).
_IRON = frozenset({"ferritin", "tsat"})


class Kind(StrEnum):
    USABLE = "usable"
    CONFLICT = "conflict"  # results of one time in different bands
    STALE = "stale"  # the newest is older than its window
    CENSORED = "censored"  # the newest is `<100` or the like, across a limit of this decision
    UNREADABLE = "unreadable"  # there are results, none of which may be compared
    NONE = "none"


class Limit(NamedTuple):
    """A limit at which a value must be decided; `belongs_below`: the limit itself counts to the lower band."""

    quantity: Quantity
    belongs_below: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """What a decision gets to see of one analyte.

    result    the value to compare; only where `kind` is usable
    others    usable: further results of the same time and band; conflict: all results of that time;
              stale, censored: the result that is not used
    unusable  results that are newer than all of these, or undated, and may not be compared; newest first

    Whether the list of results was read to its end is the caller's question (`Chart.listing`).
    """

    kind: Kind
    result: LabResult | None = None
    others: tuple[LabResult, ...] = ()
    unusable: tuple[UnusableResult, ...] = ()

    @property
    def implausibly_high(self) -> UnusableResult | None:
        """The newest value too high to be true: it counts as above every limit for blocking, for nothing else."""
        return next((each for each in self.unusable if each.why == "implausibly-high"), None)


def read(chart: Chart, analyte: str, *, max_age_days: int, limits: Sequence[tuple[Quantity, bool]] = ()) -> Reading:
    """Read one analyte: results at most `max_age_days` old (the last day counts), compared at `limits`.

    `tsat` includes calculated saturations. Results of low priority count only where no other is in the window.
    Clinical page 0.3 (rules 5, 8, 9) and 1.6.
    """
    all_results, unusable = _everything(chart, analyte)
    fresh = _preferred(result for result in all_results if result.when.within_days(max_age_days, chart.today))
    if fresh:
        return _reading(analyte, choose(fresh, unusable=_not_older(unusable, fresh[0]), limits=limits))
    near = tuple(each for each in unusable if _may_be_within(each.when, max_age_days, chart))
    stale = _preferred(all_results)
    if stale:
        return Reading(Kind.STALE, others=stale[:1], unusable=near)
    return Reading(Kind.UNREADABLE if near else Kind.NONE, unusable=near)


def choose(
    results: Sequence[LabResult],
    *,
    unusable: Sequence[UnusableResult] = (),
    limits: Sequence[tuple[Quantity, bool]] = (),
) -> Reading:
    """The newest of these results, judged at `limits` together with those of the same time. Freshness is not asked."""
    if not results:
        return Reading(Kind.UNREADABLE if unusable else Kind.NONE, unusable=tuple(unusable))
    newest = max(results, key=lambda result: result.when.order)
    same_time = [result for result in results if result is newest or result.when.same_time_as(newest.when)]
    decided = sorted((each for each in same_time if _bands(each, limits) is not None), key=_word, reverse=True)
    listed = tuple(unusable)
    if not decided:
        return Reading(Kind.CENSORED, others=(newest,), unusable=listed)
    if len({_bands(each, limits) for each in decided}) > 1:
        return Reading(Kind.CONFLICT, others=tuple(decided), unusable=listed)
    return Reading(Kind.USABLE, decided[0], tuple(decided[1:]), listed)


def newest_within(chart: Chart, analyte: str, max_age_days: int) -> LabResult | None:
    """The newest comparable result of an analyte in the window, whatever its band."""
    return read(chart, analyte, max_age_days=max_age_days).result


def paired(result: LabResult, with_result: LabResult, days: int) -> bool:
    """Surely at most `days` apart, in either direction (clinical page 7.5, case 6)."""
    return result.when.pairs_within(with_result.when, days)


def not_older_than(result: LabResult, with_result: LabResult, days: int) -> bool:
    """Surely not more than `days` older than the other; newer is fine (clinical page 1.5, rule 7)."""
    return with_result.when.last - result.when.first <= timedelta(days=days)


def _everything(chart: Chart, analyte: str) -> tuple[tuple[LabResult, ...], tuple[UnusableResult, ...]]:
    found = saturations(chart) if analyte == "tsat" else Saturations(chart.results(analyte))
    listed = [each for each in chart.unusable if each.analyte == analyte and each.why not in _NOT_A_RESULT]
    return found.usable, tuple(sorted((*listed, *found.unusable()), key=_newest, reverse=True))


def _preferred(results: Iterable[LabResult]) -> tuple[LabResult, ...]:
    held = tuple(results)
    return tuple(each for each in held if not each.low_priority) or held


def _not_older(unusable: Iterable[UnusableResult], result: LabResult) -> tuple[UnusableResult, ...]:
    """Undated ones are listed too: nobody knows that they are older."""
    return tuple(
        each
        for each in unusable
        if each.when is None or each.when.order > result.when.order or each.when.same_time_as(result.when)
    )


def _reading(analyte: str, reading: Reading) -> Reading:
    if analyte in _IRON and reading.implausibly_high:
        return Reading(Kind.UNREADABLE, unusable=reading.unusable)
    return reading


def _may_be_within(when: Moment | None, days: int, chart: Chart) -> bool:
    return when is None or when.last >= chart.today - timedelta(days=days)


def _bands(result: LabResult, limits: Sequence[tuple[Quantity, bool]]) -> tuple[bool, ...] | None:
    """On which side of every limit the result lies; `None` where it cannot be told for one of them."""
    sides = []
    for limit, belongs_below in limits:
        if not result.quantity.is_decided_at(limit, limit_belongs_below=belongs_below):
            return None
        sides.append(result.quantity.surely_at_most(limit) if belongs_below else result.quantity.surely_below(limit))
    return tuple(sides)


def _word(result: LabResult) -> tuple[int, float, bool, Decimal, int, str]:
    """The later word of two results of one time: higher status, later issue, reported rather than calculated.

    Where nothing tells them apart the higher number is shown, whatever id either has: it is the one that warns of iron.
    """
    issued = result.issued.timestamp() if result.issued else float("-inf")
    return _STATUS.index(result.status), issued, result.how != "calculated", *_height(result.quantity), result.reference


def _height(quantity: Quantity) -> tuple[Decimal, int]:
    """Of equal numbers the one that may lie above is higher, the one that may lie below lower."""
    return quantity.value, ("<", "<=", "", ">=", ">").index(quantity.comparator)


def _newest(result: UnusableResult) -> date:
    return result.when.last if result.when else date.min
