"""Transferrin saturation: reported, or calculated from iron and what binds it on the same day (clinical page 5.3).

A chart keeps only what was reported; every decision asks here, so that both are reconciled in one way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from cards.analytes import analyte
from cards.chart import Chart, LabResult, UnusableResult
from cards.definitions import amount
from cards.quantity import LOWER_BOUNDS, UPPER_BOUNDS, Quantity

#: What binds iron, in the order in which it is believed.
_BINDERS = ("tibc", "uibc", "transferrin")
_STATUS = ("final", "amended", "corrected")


@dataclass(frozen=True, slots=True)
class Saturations:
    """All saturations of a chart, newest first.

    `disputed`: of one day, reported and calculated, more than 5 points apart: no rule may allow iron on either.
    `incredible`: calculated above 150 %.
    """

    usable: tuple[LabResult, ...]
    disputed: tuple[tuple[LabResult, LabResult], ...] = ()
    incredible: tuple[UnusableResult, ...] = ()

    def unusable(self) -> tuple[UnusableResult, ...]:
        """The disputed and incredible ones as they are listed."""
        apart = (
            UnusableResult("tsat", "saturations-differ", reported.when, reported.quantity, reported.reference)
            for reported, _ in self.disputed
        )
        return (*apart, *self.incredible)


def tsat_results(chart: Chart) -> tuple[LabResult, ...]:
    """Usable transferrin saturations in %, newest first; per day the reported ones, else the calculated."""
    return saturations(chart).usable


def saturations(chart: Chart) -> Saturations:
    """Every saturation of the chart, with what had to be set aside."""
    reported = chart.results("tsat")
    calculated = [each for iron in chart.results("iron") if (each := _calculated(iron, chart))]
    usable = [each for each in calculated if isinstance(each, LabResult) and not _same_day(each, reported)]
    disputed = []
    for each in reported:
        differing = [other for other in _same_day(each, calculated) if _apart(each, other)]
        if differing:
            disputed.append((each, max(differing, key=exact)))
        else:
            usable.append(each)
    return Saturations(
        usable=tuple(sorted(usable, key=lambda result: result.when.order, reverse=True)),
        disputed=tuple(disputed),
        incredible=tuple(each for each in calculated if isinstance(each, UnusableResult)),
    )


def blocking_tsat(chart: Chart, limit: Quantity, window_days: int) -> LabResult | None:
    """The newest saturation at or above `limit` (%) in the window that no surely later one below it has cleared.

    Pairing and freshness do not matter; a later one that is unusable, disputed or undecided clears nothing
    (clinical amendments, section 1).
    """
    found = saturations(chart)
    high = [each for each in (*found.usable, *_flat(found.disputed)) if each.quantity.surely_at_least(limit)]
    low = [each for each in found.usable if each.quantity.surely_below(limit)]
    earliest = chart.today - timedelta(days=window_days)
    for result in sorted(high, key=lambda result: result.when.order, reverse=True):
        if result.when.last >= earliest and not any(_is_later(clearing, result) for clearing in low):
            return result
    return None


def exact(result: LabResult) -> Decimal:
    """The canonical value before rounding, where the reported number is known; a ratio is rounded only once."""
    reported = result.reported
    conversion = analyte(result.analyte).conversion(reported.unit) if reported else None
    return result.quantity.value if reported is None or conversion is None else conversion.apply(reported.value)


def partner(result: LabResult, others: Iterable[LabResult]) -> LabResult | None:
    """The result of the same day to calculate with: the same specimen if there is one, else the nearest in time."""
    day = [each for each in others if each.when.is_exact_day and each.when.first == result.when.first]
    if not result.when.is_exact_day or not day:
        return None
    return min(day, key=lambda each: (not each.when.same_time_as(result.when), _hours_between(each, result)))


def _hours_between(one: LabResult, other: LabResult) -> timedelta:
    return abs(one.when.at - other.when.at) if one.when.at and other.when.at else timedelta()


def _calculated(iron: LabResult, chart: Chart) -> LabResult | UnusableResult | None:
    """From TIBC, else iron + UIBC, else transferrin of the same day."""
    for name in _BINDERS:
        binder = partner(iron, chart.results(name))
        comparator = _comparator(iron, binder) if binder else None
        if binder and comparator is not None:
            return _saturation(iron, binder, comparator)
    return None


def _saturation(iron: LabResult, binder: LabResult, comparator: str) -> LabResult | UnusableResult:
    tsat = analyte("tsat")
    quantity = Quantity(_percent(exact(iron), exact(binder), binder.analyte), tsat.unit, comparator)
    if tsat.is_too_high(quantity):
        return UnusableResult("tsat", "implausibly-high", iron.when, quantity.rounded(1), iron.reference)
    return LabResult(
        analyte="tsat",
        quantity=tsat.shown(quantity, converted=True),
        when=iron.when,
        status=min(iron.status, binder.status, key=_rank),
        how="calculated",
        parts=(iron, binder),
        reference=iron.reference,
    )


def _percent(iron: Decimal, binder: Decimal, kind: str) -> Decimal:
    if kind == "transferrin":  # in µg/dL and mg/dL
        return amount("tsat.per_transferrin") * iron / binder
    return 100 * iron / (iron + binder if kind == "uibc" else binder)


def _comparator(iron: LabResult, binder: LabResult) -> str | None:
    """More iron is a higher saturation, more binder a lower one; `None` where the two pull apart."""
    one, other = iron.quantity.comparator, _reversed(binder.quantity.comparator)
    if one and other and (one in UPPER_BOUNDS) != (other in UPPER_BOUNDS):
        return None
    return max(one, other, key=len)


def _reversed(comparator: str) -> str:
    return comparator.translate(str.maketrans("<>", "><"))


def _rank(status: str) -> int:
    return _STATUS.index(status) if status in _STATUS else -1


def _same_day(result: LabResult, others: Sequence[LabResult | UnusableResult]) -> list[LabResult]:
    day = result.when.first
    return [
        each
        for each in others
        if isinstance(each, LabResult) and result.when.is_exact_day and each.when.first == each.when.last == day
    ]


def _apart(reported: LabResult, calculated: LabResult) -> bool:
    """More than 5 points between the numbers as shown; for censored ones, between all that they may mean."""
    one, other = reported.quantity, calculated.quantity
    if one.value > other.value:
        one, other = other, one
    if one.comparator in LOWER_BOUNDS or other.comparator in UPPER_BOUNDS:
        return False
    return other.value - one.value > amount("tsat.most_apart")


def _flat(pairs: Iterable[tuple[LabResult, LabResult]]) -> Iterable[LabResult]:
    return (each for pair in pairs for each in pair)


def _is_later(one: LabResult, other: LabResult) -> bool:
    """Surely later: a date without a time is not later than another result of that day."""
    if one.when.at and other.when.at:
        return one.when.at > other.when.at
    return one.when.first > other.when.last
