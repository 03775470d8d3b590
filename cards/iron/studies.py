"""Ferritin and transferrin saturation as an iron rule may use them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from cards.analytes import analyte
from cards.calculated import blocking_tsat, tsat_results
from cards.chart import Chart, LabResult, UnusableResult
from cards.definitions import amount
from cards.finding import Fact
from cards.iron.treatment import IronTreatment, iron_treatment
from cards.quantity import Quantity
from cards.readings import Kind, Limit, Reading, choose, read
from cards.rules import Rules
from cards.scope import Rls, is_child, is_esrd, rls_status
from cards.wording import inline, unusable_in_words

#: Limits beyond which no iron is given.
_STOPS = frozenset({"ferritin.high", "ferritin.very_high", "esrd.hold_ferritin"})


@dataclass(frozen=True, slots=True)
class IronStudies:
    """One chart's iron studies, read once for all rows of a table.

    Ferritin is read inside `window` days; limits at which a censored value must be decided depend on whom the rule is
    for. The transferrin saturation is the newest that is not more than `pair_days` older than the ferritin.
    """

    chart: Chart
    rules: Rules
    window: int
    ferritin_reading: Reading
    tsat_reading: Reading
    blocking: LabResult | None
    treatment: IronTreatment

    @property
    def ferritin(self) -> LabResult | None:
        return self.ferritin_reading.result

    @property
    def tsat(self) -> LabResult | None:
        return self.tsat_reading.result

    @property
    def conflict(self) -> tuple[LabResult, ...]:
        """Results of the same time in different bands, ferritin first."""
        for reading in (self.ferritin_reading, self.tsat_reading):
            if reading.kind is Kind.CONFLICT:
                return reading.others
        return ()

    def limit(self, name: str) -> Quantity:
        return self.rules.limit(name).quantity

    def ferritin_at_most(self, name: str) -> bool:
        return self.ferritin is not None and self._compared(self.ferritin, name).surely_at_most(self.limit(name))

    def ferritin_below(self, name: str) -> bool:
        return self.ferritin is not None and self.ferritin.quantity.surely_below(self.limit(name))

    def ferritin_above(self, name: str) -> bool:
        return self.ferritin is not None and self._compared(self.ferritin, name).surely_above(self.limit(name))

    def ferritin_at_least(self, name: str) -> bool:
        return self.ferritin is not None and self._compared(self.ferritin, name).surely_at_least(self.limit(name))

    @staticmethod
    def _compared(ferritin: LabResult, name: str) -> Quantity:
        """At a stop the number before a site's assay factor, so that no factor opens it (amendments, section 4)."""
        return ferritin.raw if ferritin.raw and name in _STOPS else ferritin.quantity

    def ferritin_between(self, above: str, at_most: str) -> bool:
        return self.ferritin_above(above) and self.ferritin_at_most(at_most)

    @property
    def national_low(self) -> Quantity | None:
        """The national limit of a low ferritin, where the site's own lies below it and is given in the same unit."""
        own = self.rules.limit("ferritin.low")
        if own.national is None or own.national_unit != own.unit or own.national <= own.value:
            return None
        return Quantity(own.national, own.unit)

    @property
    def is_low_elsewhere(self) -> bool:
        """At or below the national limit, where only the site's own lower one calls it not low."""
        national = self.national_low
        return self.ferritin is not None and national is not None and self.ferritin.quantity.surely_at_most(national)

    def tsat_below(self, name: str) -> bool:
        return self.tsat is not None and self.tsat.quantity.surely_below(self.limit(name))

    @property
    def ferritin_is_borderline(self) -> bool:
        """Within 10 % of a limit of the population's table (clinical page 1.4)."""
        if self.ferritin is None or self.ferritin.quantity.is_censored:
            return False
        value = self.ferritin.quantity.value
        limits = (self.limit(name).value for name in ferritin_limits(self.chart))
        return any(abs(value - limit) * 100 <= amount("borderline.percent") * limit for limit in limits)

    @property
    def facts(self) -> dict[str, Fact]:
        """Ferritin and transferrin saturation, or why there is none, for a card's *why*."""
        return {
            **self._fact("ferritin", self.ferritin_reading, not_used(self.ferritin_reading.unusable)),
            **self._fact("tsat", self.tsat_reading, self._why_no_tsat()),
        }

    @property
    def facts_at_stop(self) -> dict[str, Fact]:
        """The same where a stop was judged: the number that was compared, and beside it the one after the factor."""
        ferritin = self.ferritin
        if ferritin is None or ferritin.raw is None:
            return self.facts
        return {
            **self.facts,
            "ferritin": replace(ferritin, quantity=ferritin.raw, raw=None),
            "aligned": ferritin.quantity,
        }

    def _fact(self, name: str, reading: Reading, why: str) -> Mapping[str, Fact]:
        if reading.result:
            return {name: reading.result}
        return {f"{name}_missing": f"none usable within {self.window} days{f'; {why}' if why else ''}"}

    def _why_no_tsat(self) -> str:
        """What stands on the chart and why it may not be used (clinical page 0.3, rule 5)."""
        reading = self.tsat_reading
        if reading.kind is Kind.CONFLICT:
            return "results of one time contradict each other"
        if reading.unusable or not reading.others:
            return not_used(reading.unusable)
        newest = reading.others[0]
        if reading.kind is Kind.CENSORED:
            return f"{inline(newest)} lies on both sides of a limit"
        if not newest.when.within_days(self.window, self.chart.today):
            return f"{inline(newest)} is older"
        dated = self.ferritin is None or (newest.when.is_exact_day and self.ferritin.when.is_exact_day)
        days = self.rules.limit("pair_days").days
        return f"{inline(newest)} {'is' if dated else 'may be'} more than {days} days older than the ferritin"


def ferritin_limits(chart: Chart) -> Mapping[str, bool]:
    """The ferritin limits of this patient's table; true where the limit itself belongs to the lower band."""
    if is_child(chart) and not is_esrd(chart):
        return {"child.ferritin": False, "ferritin.high": True}
    if is_esrd(chart):
        return {"esrd.discord_ferritin": True, "esrd.ferritin": False}
    return {"ferritin.low": True, "ferritin.mid": True, "ferritin.high": True}


def read_iron_studies(chart: Chart, rules: Rules, *, window: int, extra_limits: Mapping[str, bool]) -> IronStudies:
    """Read ferritin and TSAT of a chart for one decision; `window` in days, both ends count."""
    treatment = iron_treatment(chart, rules)
    limits = [Limit(rules.limit(name).quantity, below) for name, below in extra_limits.items()]
    ferritin = _beyond_belief(read(chart, "ferritin", max_age_days=window, limits=limits))
    tsat = _read_tsat(chart, rules, ferritin.result, window)
    blocking = blocking_tsat(chart, rules.limit("tsat.high").quantity, rules.limit("tsat.block_days").days)
    return IronStudies(chart, rules, window, ferritin, tsat, blocking, treatment)


def _beyond_belief(reading: Reading) -> Reading:
    """A ferritin too high to be true counts as above every limit, so that it never unlocks advice on an older one."""
    high = reading.implausibly_high
    if high is None or high.quantity is None or high.when is None:
        return reading
    limit = analyte("ferritin").implausible_above or high.quantity.value
    counted = LabResult("ferritin", Quantity(limit, high.quantity.unit, ">"), high.when, reference=high.reference)
    return Reading(Kind.USABLE, counted, (), reading.unusable)


def _read_tsat(chart: Chart, rules: Rules, ferritin: LabResult | None, window: int) -> Reading:
    """None where the newest saturation is disputed or too high to be true: it must not unlock an older one."""
    limits = [Limit(rules.limit("tsat.low").quantity, False), Limit(rules.limit("tsat.high").quantity, False)]
    newest = read(chart, "tsat", max_age_days=window, limits=limits)
    doubtful = [each for each in newest.unusable if each.why in ("saturations-differ", "implausibly-high")]
    if doubtful:
        return Reading(Kind.UNREADABLE, unusable=newest.unusable)
    paired = _paired_tsat(chart, rules, ferritin, window)
    if not paired and newest.result:
        return Reading(Kind.STALE, others=(newest.result,), unusable=newest.unusable)
    return newest if not paired else choose(paired, unusable=newest.unusable, limits=limits)


def _paired_tsat(chart: Chart, rules: Rules, ferritin: LabResult | None, window: int) -> tuple[LabResult, ...]:
    """Usable TSAT inside the window that is not more than `pair_days` older than the ferritin (clinical page 1.5)."""
    fresh = [result for result in tsat_results(chart) if result.when.within_days(window, chart.today)]
    if ferritin is None:
        return tuple(fresh)
    oldest = ferritin.when.last - timedelta(days=rules.limit("pair_days").days)
    return tuple(result for result in fresh if result.when.first >= oldest)


def is_replete(studies: IronStudies) -> bool:
    """Ferritin above 100 and at most 300 with a TSAT from 20 to below 45."""
    tsat = studies.tsat
    return (
        studies.ferritin_between("ferritin.mid", "ferritin.high")
        and tsat is not None
        and tsat.quantity.surely_at_least(studies.limit("tsat.low"))
        and tsat.quantity.surely_below(studies.limit("tsat.high"))
    )


def not_used(unusable: Sequence[UnusableResult]) -> str:
    """The newest result that may not be compared, with the reason; empty where there is none."""
    return f"not used: {unusable_in_words(unusable[0])}" if unusable else ""


def suspected(chart: Chart) -> bool:
    return rls_status(chart) is Rls.SUSPECTED
