"""The value of one analyte that a decision may use: the newest that may be compared, or why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum

from cards.dates import PartialDate
from cards.facts.chart import Chart
from cards.facts.results import LabResult, UnusableResult
from cards.knowledge.limits import SIDES, Limit, compare, is_recent, meets, misses
from cards.labs.saturation import newest_first, saturations, surely_later
from cards.quantity import Quantity
from cards.values import frozen

_STATUS = ("final", "amended", "corrected")
#: Not results at all: the laboratory withdrew them, or never made them. A cancelled one with a number still blocks.
_NOT_A_RESULT = frozenset({"entered-in-error", "cancelled"})
#: A value too high to be true never unlocks iron advice on an older, lower one (clinical amendments 1).
_IRON = frozenset({"ferritin", "tsat"})


class Kind(StrEnum):
    USABLE = "usable"
    CONFLICT = "conflict"  # results of one time in different bands
    STALE = "stale"  # the newest is older than its window
    CENSORED = "censored"  # the newest is `<100` or the like, across a limit of this decision
    UNREADABLE = "unreadable"  # there are results, none of which may be compared
    NONE = "none"


@frozen
class Reading:
    """The result of one analyte as a decision sees it.

    result    the value to compare; only where `kind` is usable
    others    usable: further results of the same time and band; conflict: all results of that time;
              stale, censored: the result that is not used
    undecided results of the same time that lie on both sides of a limit of this decision
    unusable  results that are newer than all of these, or undated, and may not be compared; newest first

    Whether the list of results was read to its end is the caller's question (`Chart.listing`).
    """

    kind: Kind
    result: LabResult | None = None
    others: tuple[LabResult, ...] = ()
    unusable: tuple[UnusableResult, ...] = ()
    undecided: tuple[LabResult, ...] = ()

    @property
    def bounds(self) -> LabResult | None:
        """Return the result to compare, be it one that lies on both sides of another limit of this decision.

        `>120` is surely above 100 and may be above 150; what it surely meets, it meets.
        """
        return self.result or self.censored

    @property
    def censored(self) -> LabResult | None:
        """Return the newest result if it is given as above or below a value that leaves this decision open."""
        return self.others[0] if self.kind is Kind.CENSORED else None

    def beyond(self, limit: Limit) -> LabResult | None:
        """Return the result that surely lies on the stated side of a limit that warns; of several the furthest.

        Of results of one time that contradict each other the one that warns counts, so that a second result never
        makes a warning milder, or silent (data amendments 1).
        """
        found = [each for each in self._of_one_time if meets(each, limit)]
        furthest = max if SIDES[limit.side].upper else min
        return furthest(found, key=lambda each: _height(each.quantity), default=None)

    def counted(self, limit: Limit) -> LabResult | None:
        """Return the result to compare with a limit that warns: one beyond it, else what `bounds` returns."""
        return self.beyond(limit) or self.bounds

    def contradicting(self, counted: LabResult | None) -> tuple[LabResult, ...]:
        """Return the other results of the time of the one that counts, where they do not say the same."""
        if counted is None or counted is self.result or counted not in self._of_one_time:
            return ()
        return tuple(each for each in self._of_one_time if each is not counted)

    @property
    def _of_one_time(self) -> tuple[LabResult, ...]:
        """Return the results of the newest time; of those in one band the one to compare alone."""
        if self.kind is Kind.CONFLICT:
            return (*self.others, *self.undecided)
        return (self.result, *self.undecided) if self.result else self.undecided

    @property
    def implausibly_high(self) -> UnusableResult | None:
        """Return the newest value too high to be true; it counts as above every limit, but only for blocking."""
        return next((each for each in self.unusable if each.why == "implausibly-high"), None)


_NO_RESULT = Reading(Kind.NONE)


def read(chart: Chart, analyte: str, *, window: Limit, limits: Sequence[Limit] = ()) -> Reading:
    """Read one analyte: results that are surely inside the window, compared at `limits`.

    `tsat` includes calculated saturations. Results of low priority count only where no other is in the window.
    Clinical rationale 0.3 (rules 5, 8, 9) and 1.6.
    """
    all_results, unusable = _everything(chart, analyte)
    if not all_results and not unusable:
        return _NO_RESULT
    fresh = _preferred(tuple([each for each in all_results if is_recent(each.when, window, chart.today)]))
    if fresh:
        return _reading(analyte, choose(fresh, unusable=_not_older(unusable, fresh[0]), limits=limits))
    near = tuple([each for each in unusable if _may_be_within(each.collected, window, chart)])
    stale = _preferred(all_results)
    if stale:
        return Reading(Kind.STALE, others=stale[:1], unusable=near)
    return Reading(Kind.UNREADABLE if near else Kind.NONE, unusable=near)


def choose(
    results: Sequence[LabResult],
    *,
    unusable: Sequence[UnusableResult] = (),
    limits: Sequence[Limit] = (),
) -> Reading:
    """Return the newest of these results, judged at `limits` together with those of the same time.

    Freshness is not checked here.
    """
    if not results:
        return Reading(Kind.UNREADABLE if unusable else Kind.NONE, unusable=tuple(unusable))
    newest, same_time = results[0], results
    if len(results) > 1:
        newest = max(results, key=lambda result: result.when.order)
        same_time = [result for result in results if result is newest or result.when.same_time_as(newest.when)]
    if len(same_time) == 1 and _bands(newest, limits) is not None:
        return Reading(Kind.USABLE, newest, (), tuple(unusable))
    judged = [(each, _bands(each, limits)) for each in sorted(same_time, key=_word, reverse=True)]
    decided = [each for each, bands in judged if bands is not None]
    undecided = tuple([each for each, bands in judged if bands is None])
    listed = tuple(unusable)
    if not decided:
        return Reading(Kind.CENSORED, others=(newest,), unusable=listed, undecided=undecided)
    if len({bands for _, bands in judged if bands is not None}) > 1:
        return Reading(Kind.CONFLICT, others=tuple(decided), unusable=listed, undecided=undecided)
    return Reading(Kind.USABLE, decided[0], tuple(decided[1:]), listed, undecided)


def newest_within(chart: Chart, analyte: str, window: Limit) -> LabResult | None:
    """Return the newest comparable result of an analyte in the window, whatever its band."""
    return read(chart, analyte, window=window).result


def _everything(chart: Chart, analyte: str) -> tuple[tuple[LabResult, ...], tuple[UnusableResult, ...]]:
    unusable = chart.once(_unusable_by_analyte).get(analyte, ())
    if analyte != "tsat":
        return chart.results(analyte), unusable
    found = chart.once(saturations)
    return found.usable, tuple(sorted((*unusable, *found.unusable()), key=newest_first, reverse=True))


def _unusable_by_analyte(chart: Chart) -> Mapping[str, tuple[UnusableResult, ...]]:
    found: dict[str, list[UnusableResult]] = {}
    for each in sorted(filter(_is_a_result, chart.unusable), key=newest_first, reverse=True):
        found.setdefault(each.analyte, []).append(each)
    return {analyte: tuple(results) for analyte, results in found.items()}


def _is_a_result(result: UnusableResult) -> bool:
    return result.why not in _NOT_A_RESULT or (result.why == "cancelled" and bool(result.possible))


def _preferred(results: tuple[LabResult, ...]) -> tuple[LabResult, ...]:
    return tuple([each for each in results if not each.low_priority]) or results


def _not_older(unusable: Iterable[UnusableResult], result: LabResult) -> tuple[UnusableResult, ...]:
    """Return the unusable results that are not surely older; undated ones that may be newer are kept."""
    return tuple([each for each in unusable if _may_be_as_new(each, result)])


def _may_be_as_new(unusable: UnusableResult, result: LabResult) -> bool:
    if unusable.known_by or unusable.when is None:
        return not surely_later(result, unusable)
    return unusable.when.order > result.when.order or unusable.when.same_time_as(result.when)


def _reading(analyte: str, reading: Reading) -> Reading:
    if analyte in _IRON and reading.implausibly_high:
        return Reading(Kind.UNREADABLE, unusable=reading.unusable)
    return reading


def _may_be_within(when: PartialDate | None, window: Limit, chart: Chart) -> bool:
    return when is None or not misses(when.days_before(chart.today), window)


def _bands(result: LabResult, limits: Sequence[Limit]) -> tuple[bool | None, ...] | None:
    """Return on which side of every limit the result lies, or None where one of them cannot be decided."""
    sides = tuple([compare(result, limit) for limit in limits])
    return None if None in sides else sides


def _word(result: LabResult) -> tuple[int, float, bool, Decimal, int, str]:
    """Return the sort key of results of one time: higher status, later issue, reported before calculated.

    Where these are equal the higher number wins, whatever id either has: it is the one that warns of iron.
    """
    issued = result.issued.timestamp() if result.issued else float("-inf")
    return _STATUS.index(result.status), issued, result.how != "calculated", *_height(result.quantity), result.reference


def _height(quantity: Quantity) -> tuple[Decimal, int]:
    """Return the sort key of a number; of equal ones `>5` is the highest and `<5` the lowest."""
    return quantity.value, ("<", "<=", "", ">=", ">").index(quantity.comparator)
