"""Transferrin saturation: reported, or calculated from iron and what binds it on the same day (clinical rationale 5.3).

A chart keeps only what was reported; every decision asks here, so that reported and calculated values are always
reconciled in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice, product

from cards.dates import PartialDate
from cards.facts.chart import Chart
from cards.facts.results import LabResult, UnusableResult
from cards.knowledge.definitions import amount, defined
from cards.knowledge.limits import Limit, meets, misses
from cards.labs.analytes import analyte
from cards.labs.unit_grammar import parse_unit
from cards.quantity import LOWER_BOUNDS, UPPER_BOUNDS, Quantity
from cards.values import frozen

#: What binds iron, the most trusted measure first.
_BINDERS = ("tibc", "uibc", "transferrin")
_PARTS = frozenset({"iron", *_BINDERS})
_STATUS = ("final", "amended", "corrected")
#: The most results of one analyte on one day of which a partner is looked for; nobody draws blood once an hour.
_MOST_A_DAY = 24
#: The most results without a usable value or date of which saturations are calculated, and the most partners of each.
_MOST_UNUSABLE, _MOST_PARTNERS = 200, 50


class ByDay:
    """Results by the day that they are dated to; those that are not dated to a day are left out."""

    def __init__(self, results: Iterable[LabResult]) -> None:
        self._days: dict[date, list[LabResult]] = {}
        for each in results:
            if each.when.is_exact_day:
                self._days.setdefault(each.when.first, []).append(each)

    def of_day(self, when: PartialDate | None) -> Sequence[LabResult]:
        """Return the results of the same day, none where the moment names no day."""
        held = self._days.get(when.first, ()) if when and when.is_exact_day else ()
        return held[:_MOST_A_DAY]


@frozen
class Saturations:
    """All saturations of a chart, newest first.

    disputed   of one day, reported and calculated, more than 5 points apart: no rule may allow iron on either
    set_aside  reported ones that are hardly a percentage, and those that could be calculated but may not be used: above
               150 %, from mass units that differ tenfold, or from a part that may not be used
    """

    usable: tuple[LabResult, ...]
    disputed: tuple[tuple[LabResult, LabResult], ...] = ()
    set_aside: tuple[UnusableResult, ...] = ()

    def unusable(self) -> tuple[UnusableResult, ...]:
        """Return the disputed ones and those set aside as unusable results."""
        apart = (
            UnusableResult(
                "tsat",
                "saturations-differ",
                reported.when,
                reported.quantity,
                reported.reference,
                possible=(reported.quantity, calculated.quantity),
            )
            for reported, calculated in self.disputed
        )
        return (*apart, *self.set_aside)


def tsat_results(chart: Chart) -> tuple[LabResult, ...]:
    """Return usable transferrin saturations in %, newest first; per day the reported ones, else the calculated."""
    return chart.once(saturations).usable


def saturations(chart: Chart) -> Saturations:
    """Return every saturation of the chart, with what had to be set aside."""
    binders = [ByDay(chart.results(name)) for name in _BINDERS]
    calculated = [each for iron in chart.results("iron") if (each := _calculated(iron, binders))]
    of_calculated = ByDay(each for each in calculated if isinstance(each, LabResult))
    judged = [(each, _is_doubtful(each, of_calculated)) for each in chart.results("tsat")]
    doubted = [each for each, is_doubtful in judged if is_doubtful]
    reported = [each for each, is_doubtful in judged if not is_doubtful]
    of_reported = ByDay(reported)
    usable = [each for each in calculated if isinstance(each, LabResult) and not of_reported.of_day(each.when)]
    disputed = []
    for each in reported:
        differing = [other for other in of_calculated.of_day(each.when) if _apart(each, other)]
        if differing:
            disputed.append((each, max(differing, key=exact)))
        else:
            usable.append(each)
    return Saturations(
        usable=tuple(sorted(usable, key=lambda result: result.when.order, reverse=True)),
        disputed=tuple(disputed),
        set_aside=(
            *(_as_doubted(each) for each in doubted),
            *_not_borne_out((each for each in calculated if isinstance(each, UnusableResult)), of_reported),
            *_not_borne_out(from_unusable_parts(chart), of_reported),
        ),
    )


def _is_doubtful(reported: LabResult, calculated: ByDay) -> bool:
    """Return whether a reported number is too low for a percentage (data amendments 3).

    It may be a fraction, or no saturation at all. Below the numbers that a fraction is likely to have, iron and what
    binds it of that day may bear it out. `<2` says that it is low.
    """
    value = _unrounded(reported)
    if reported.quantity.is_censored or not meets(value, defined("tsat.hardly_percent")):
        return False
    is_fraction = meets(value, defined("tsat.fraction_from")) and meets(value, defined("tsat.fraction_to"))
    borne_out = any(not _apart(reported, each) for each in calculated.of_day(reported.when))
    return (is_fraction and reported.how != "converted") or not borne_out


def _unrounded(reported: LabResult) -> Decimal:
    return exact(reported) if reported.exact is None else reported.exact


def _as_doubted(reported: LabResult) -> UnusableResult:
    value = replace(reported.quantity, value=_unrounded(reported))
    fraction = analyte("tsat").fraction(value) if reported.how != "converted" else None
    possible = tuple(each.rounded(1) for each in (value, fraction) if each)
    why = "perhaps-a-fraction" if fraction else "implausible"
    return UnusableResult("tsat", why, reported.when, reported.quantity, reported.reference, possible)


def _not_borne_out(calculated: Iterable[UnusableResult], reported: ByDay) -> Iterator[UnusableResult]:
    """Yield those with which no reported saturation of that day agrees; where one does, the reported one stands."""
    for each in calculated:
        if not any(_agrees(other, value) for other in reported.of_day(each.when) for value in each.possible):
            yield each


def _agrees(reported: LabResult, possible: Quantity) -> bool:
    return not meets(abs(_unrounded(reported) - possible.value), defined("tsat.most_apart"))


def blocking_tsat(chart: Chart, limit: Limit, window: Limit) -> LabResult | UnusableResult | None:
    """Return the newest saturation beyond `limit` that may lie in the window and that no later one has cleared.

    Pairing and freshness do not matter; a later one that is unusable, disputed or undecided clears nothing (clinical
    amendments 1). Where no usable one blocks, an unusable one does that would lie beyond the limit under any reading
    (data amendments 3).
    """
    found = chart.once(saturations)
    high = [each for each in (*found.usable, *_flat(found.disputed)) if meets(each, limit)]
    low = [each for each in found.usable if misses(each, limit)]
    for result in sorted(high, key=lambda result: result.when.order, reverse=True):
        fresh = not misses(result.when.days_before(chart.today), window)
        if fresh and not any(_is_later(clearing, result) for clearing in low):
            return result
    unusable = (*(each for each in chart.unusable if each.analyte == "tsat" and is_a_result(each)), *found.unusable())
    for each in sorted(unusable, key=newest_first, reverse=True):
        may_be_fresh = each.collected is None or not misses(each.collected.days_before(chart.today), window)
        if may_be_fresh and may_meet(each, limit) and not any(surely_later(one, each) for one in low):
            return each
    return None


def is_a_result(result: UnusableResult) -> bool:
    """Return whether it is a result of the patient at all: not one that was entered in error."""
    return result.why != "entered-in-error"


def may_meet(result: UnusableResult, limit: Limit) -> bool:
    """Return whether an unusable result would lie on the stated side of a limit under any reading."""
    return any(meets(each, limit) for each in result.possible)


def may_lie(result: UnusableResult, limit: Limit) -> bool:
    """Return whether an unusable result may lie on the stated side of a limit under any reading: `<100` may be low."""
    return any(not misses(each, limit) for each in result.possible)


def surely_later(result: LabResult, unusable: UnusableResult) -> bool:
    """Return whether a usable result was surely collected later; an undated one was by the day it was known."""
    if unusable.collected is None:
        return False
    if unusable.collected.at and result.when.at and not unusable.known_by:
        return result.when.at > unusable.collected.at
    return result.when.first > unusable.collected.last


def newest_first(result: UnusableResult) -> date:
    """Return the sort key of unusable results: the last day on which it can have been collected, if that is known."""
    return result.collected.last if result.collected else date.min


def exact(result: LabResult) -> Decimal:
    """Return the canonical value before rounding if the reported number is known, so that a ratio is rounded once."""
    reported = result.reported
    conversion = analyte(result.analyte).conversion(reported.unit) if reported else None
    return result.quantity.value if reported is None or conversion is None else conversion.apply(reported.value)


def partner(result: LabResult, others: ByDay) -> LabResult | None:
    """Return the result of the same day to calculate with: of the same specimen, else the nearest in time."""
    day = others.of_day(result.when)
    return min(
        day, default=None, key=lambda each: (not each.when.same_time_as(result.when), _hours_between(each, result))
    )


def _hours_between(one: LabResult, other: LabResult) -> timedelta:
    return abs(one.when.at - other.when.at) if one.when.at and other.when.at else timedelta()


def _calculated(iron: LabResult, binders: Iterable[ByDay]) -> LabResult | UnusableResult | None:
    """Calculate the saturation from TIBC, else iron + UIBC, else transferrin of the same day."""
    for measured in binders:
        binder = partner(iron, measured)
        comparator = _comparator(iron, binder) if binder else None
        if binder and comparator is not None:
            return _saturation(iron, binder, comparator)
    return None


def _saturation(iron: LabResult, binder: LabResult, comparator: str) -> LabResult | UnusableResult:
    tsat = analyte("tsat")
    if _differ_tenfold(iron, binder):
        possible = tuple(Quantity(each, tsat.unit, comparator).rounded(1) for each in _percents(iron, binder))
        return UnusableResult("tsat", "mixed-units", iron.when, None, iron.reference, possible)
    quantity = Quantity(_percent(exact(iron), exact(binder), binder.analyte), tsat.unit, comparator)
    if tsat.is_too_high(quantity):
        shown = quantity.rounded(1)
        return UnusableResult("tsat", "implausibly-high", iron.when, shown, iron.reference, (shown,))
    return LabResult(
        analyte="tsat",
        quantity=tsat.shown(quantity, converted=True),
        when=iron.when,
        status=min(iron.status, binder.status, key=_rank),
        how="calculated",
        parts=(iron, binder),
        reference=iron.reference,
    )


def _differ_tenfold(iron: LabResult, binder: LabResult) -> bool:
    """Return whether the two were reported in mass units of which one is ten times the other (µg/L beside µg/dL)."""
    if binder.analyte == "transferrin":
        return False
    one, other = (parse_unit(each.reported.unit if each.reported else each.quantity.unit) for each in (iron, binder))
    return bool(one and other and one.is_like(other) and one.size / other.size in (Decimal(10), Decimal("0.1")))


def from_unusable_parts(chart: Chart) -> Iterator[UnusableResult]:
    """Yield the saturations that could be calculated if a part that may not be used were used, one for each iron.

    The parts are of one day; one that is not dated may be of any. Of very many iron results those without a date are
    taken, then the newest.
    """
    unusable = [each for each in chart.unusable if each.analyte in _PARTS and is_a_result(each)]
    if not unusable:
        return
    iron: list[LabResult | UnusableResult] = [*chart.results("iron"), *_of(unusable, "iron")]
    binders: list[LabResult | UnusableResult] = []
    for name in _BINDERS:
        binders += [*chart.results(name), *_of(unusable, name)]
    if len(iron) > _MOST_UNUSABLE:
        iron = sorted(iron, key=_latest, reverse=True)[:_MOST_UNUSABLE]
    for one in iron:
        fitting = (each for each in binders if _may_be_of_one_day(one, each) and not _both_usable(one, each))
        partners = list(islice(fitting, _MOST_PARTNERS))
        percents = dict.fromkeys(percent for each in partners for percent in _percents(one, each))
        if percents:
            spoiled = one if isinstance(one, UnusableResult) else next(_unusable_among(partners))
            possible = tuple(Quantity(each, analyte("tsat").unit).rounded(1) for each in percents)
            yield UnusableResult(
                "tsat",
                "part-not-usable",
                one.when or spoiled.when,
                None,
                spoiled.reference,
                possible,
                (),
                spoiled.known_by,
            )


def _latest(result: LabResult | UnusableResult) -> date:
    """Return the last day on which it may have been taken."""
    return result.when.last if result.when else date.max


def _of(unusable: Iterable[UnusableResult], name: str) -> list[UnusableResult]:
    return [each for each in unusable if each.analyte == name]


def _unusable_among(results: Iterable[LabResult | UnusableResult]) -> Iterator[UnusableResult]:
    return (each for each in results if isinstance(each, UnusableResult))


def _both_usable(one: LabResult | UnusableResult, other: LabResult | UnusableResult) -> bool:
    return isinstance(one, LabResult) and isinstance(other, LabResult)


def _may_be_of_one_day(one: LabResult | UnusableResult, other: LabResult | UnusableResult) -> bool:
    if one.when is None or other.when is None:
        return True
    return one.when.first <= other.when.last and other.when.first <= one.when.last


def _percents(iron: LabResult | UnusableResult, binder: LabResult | UnusableResult) -> Iterator[Decimal]:
    """Yield every saturation that two parts may give: in every unit each may have, and both in units of one kind.

    One above 150 % says that its units are not the right ones, unless both are known.
    """
    tsat, known = analyte("tsat"), _is_converted(iron) and _is_converted(binder)
    for one, two in product(_canonical(iron), _canonical(binder)):
        percent = _percent(one, two, binder.analyte)
        if known or not tsat.is_too_high(Quantity(percent, tsat.unit)):
            yield percent
    for unit, binding in _OF_ONE_KIND:
        own, other = analyte("iron").conversion(unit), analyte(binder.analyte).conversion(binding[binder.analyte])
        if own is None or other is None:
            continue
        for one, two in product(_numbers(iron), _numbers(binder)):
            percent = _percent(own.apply(one), other.apply(two), binder.analyte)
            if not tsat.is_too_high(Quantity(percent, tsat.unit)):
                yield percent


#: The units in which iron and what binds it are reported together.
_OF_ONE_KIND = (
    ("ug/dL", {"tibc": "ug/dL", "uibc": "ug/dL", "transferrin": "mg/dL"}),
    ("umol/L", {"tibc": "umol/L", "uibc": "umol/L", "transferrin": "g/L"}),
)


def _is_converted(part: LabResult | UnusableResult) -> bool:
    """Return whether its unit is known, so that each reading of its number has one value."""
    return isinstance(part, LabResult) or len(part.possible) == len(part.numbers)


def _canonical(part: LabResult | UnusableResult) -> tuple[Decimal, ...]:
    values = (exact(part),) if isinstance(part, LabResult) else tuple(each.value for each in part.possible)
    return tuple(each for each in values if each > 0)


def _numbers(part: LabResult | UnusableResult) -> tuple[Decimal, ...]:
    if isinstance(part, LabResult):
        return ((part.reported or part.quantity).value,)
    return tuple(each for each in part.numbers if each > 0)


def _percent(iron: Decimal, binder: Decimal, kind: str) -> Decimal:
    if kind == "transferrin":  # in µg/dL and mg/dL
        return amount("tsat.per_transferrin") * iron / binder
    return 100 * iron / (iron + binder if kind == "uibc" else binder)


def _comparator(iron: LabResult, binder: LabResult) -> str | None:
    """Return the comparator of the ratio, or None where those of iron and binder contradict each other.

    More iron means a higher saturation, more binder a lower one.
    """
    one, other = iron.quantity.comparator, _reversed(binder.quantity.comparator)
    if one and other and (one in UPPER_BOUNDS) != (other in UPPER_BOUNDS):
        return None
    return max(one, other, key=len)


def _reversed(comparator: str) -> str:
    return comparator.translate(str.maketrans("<>", "><"))


def _rank(status: str) -> int:
    return _STATUS.index(status) if status in _STATUS else -1


def _apart(reported: LabResult, calculated: LabResult) -> bool:
    """Return whether the two differ by more than 5 points as shown; a censored one by all values it may have."""
    one, other = reported.quantity, calculated.quantity
    if one.value > other.value:
        one, other = other, one
    if one.comparator in LOWER_BOUNDS or other.comparator in UPPER_BOUNDS:
        return False
    return meets(other.value - one.value, defined("tsat.most_apart"))


def _flat(pairs: Iterable[tuple[LabResult, LabResult]]) -> Iterable[LabResult]:
    return (each for pair in pairs for each in pair)


def _is_later(one: LabResult, other: LabResult) -> bool:
    """Return whether one result is surely later; without a time it is not later than another of that day."""
    if one.when.at and other.when.at:
        return one.when.at > other.when.at
    return one.when.first > other.when.last
