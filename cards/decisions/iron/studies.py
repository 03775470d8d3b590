"""Ferritin and transferrin saturation as an iron rule may use them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from cards.decisions.iron.treatment import IronTreatment, iron_treatment
from cards.facts.chart import Chart
from cards.facts.finding import Fact, Text
from cards.facts.results import LabResult, UnusableResult
from cards.knowledge.definitions import defined
from cards.knowledge.limits import is_recent, meets, misses
from cards.knowledge.rules import Rules, Threshold
from cards.labs.analytes import analyte
from cards.labs.latest import Kind, Reading, choose, read
from cards.labs.saturation import blocking_tsat, may_meet, tsat_results
from cards.patient.status import Rls, is_child, is_esrd, rls_status
from cards.quantity import Quantity
from cards.values import frozen
from cards.wording.phrases import NOTHING, phrase

#: Limits beyond which no iron is given.
_STOPS = frozenset({"ferritin.high", "ferritin.very_high", "esrd.hold_ferritin"})
#: The limits at which the ferritin of an adult is compared.
ADULT_LIMITS = ("ferritin.low", "ferritin.mid", "ferritin.high")


@frozen
class IronStudies:
    """One chart's iron studies, read once for all rows of a table.

    Ferritin is read inside `window`. The limits at which a censored value must be decided depend on the patient. The
    transferrin saturation is the newest that is not more than `pair_days` older than the ferritin.
    """

    chart: Chart
    rules: Rules
    window: Threshold
    ferritin_reading: Reading
    tsat_reading: Reading
    blocking: LabResult | UnusableResult | None
    treatment: IronTreatment
    #: the newest ferritin, if it may not be used and would be beyond the stop under any reading
    high_ferritin: UnusableResult | None = None
    #: the newest ferritin, if it may not be used and may be too high for iron by RLS rules
    enough_ferritin: UnusableResult | None = None

    @property
    def ferritin(self) -> LabResult | None:
        """Return the ferritin to compare, or None where there is none."""
        return self.ferritin_reading.result

    @property
    def tsat(self) -> LabResult | None:
        """Return the transferrin saturation to compare, or None where there is none."""
        return self.tsat_reading.result

    @property
    def conflict(self) -> tuple[LabResult, ...]:
        """Return results of the same time in different bands, ferritin first."""
        for reading in (self.ferritin_reading, self.tsat_reading):
            if reading.kind is Kind.CONFLICT:
                return reading.others
        return ()

    @property
    def tsat_is_below_stop(self) -> bool:
        """Return whether the saturation surely lies below the stop, be it only reported as below a number."""
        return misses(self.tsat_reading.bounds, self.rules.limit("tsat.high"))

    @property
    def tsat_comes_first(self) -> bool:
        """Return whether dose and route wait: it is not known that the saturation is below the stop."""
        return self.tsat is None and not self.tsat_is_below_stop

    @property
    def tsat_may_be_at_stop(self) -> LabResult | None:
        """Return the newest saturation if it is reported only as above a number below the stop."""
        known, stop = self.tsat_reading.censored, self.rules.limit("tsat.high")
        return None if meets(known, stop) or misses(known, stop) else known

    def unusable_tsat_meets(self, name: str) -> UnusableResult | None:
        """Return the newest saturation that may not be used and would meet this limit under any reading."""
        limit = self.rules.limit(name)
        return next((each for each in self.tsat_reading.unusable if may_meet(each, limit)), None)

    @property
    def tsat_may_be_post_dose(self) -> bool:
        """Return whether a blocking saturation may have been drawn after a tablet.

        It is then the only high one, recent, and not very high.
        """
        today, window = self.chart.today, self.rules.limit("tsat.block_days")
        high = [each for each in tsat_results(self.chart) if meets(each, self.rules.limit("tsat.high"))]
        counted = [each for each in high if not misses(each.when.days_before(today), window)]
        return len(counted) == 1 and all(
            meets(each.when.days_before(today), self.rules.limit("tsat.single_days"))
            and meets(each, self.rules.limit("tsat.post_dose"))
            for each in counted
        )

    def ferritin_meets(self, name: str) -> bool:
        """Return whether the ferritin surely lies on the side of this limit; without a ferritin it does not."""
        return self.ferritin is not None and meets(self._compared(self.ferritin, name), self.rules.limit(name))

    def ferritin_misses(self, name: str) -> bool:
        """Return whether the ferritin surely lies on the other side of this limit; without a ferritin it does not."""
        return self.ferritin is not None and misses(self._compared(self.ferritin, name), self.rules.limit(name))

    @property
    def is_beyond_the_stop(self) -> bool:
        """Return whether ferritin, or in dialysis TSAT as well, is or may be at a limit at which iron is withheld."""
        if self.high_ferritin:
            return True
        if not is_esrd(self.chart):
            return self.ferritin_meets("ferritin.high")
        high_tsat = self.tsat_meets("esrd.hold_tsat") or self.unusable_tsat_meets("esrd.hold_tsat")
        return self.ferritin_meets("esrd.hold_ferritin") or bool(high_tsat)

    @staticmethod
    def _compared(ferritin: LabResult, name: str) -> Quantity:
        """Return the number to compare; at a stop the one before a site's assay factor (clinical amendments 4).

        No factor can then bring a ferritin below a stop.
        """
        return ferritin.raw if ferritin.raw and name in _STOPS else ferritin.quantity

    @property
    def ferritin_is_mid(self) -> bool:
        """Return whether ferritin lies between the low and the middle limit.

        Only intravenous iron is an option there.
        """
        return self.ferritin_misses("ferritin.low") and self.ferritin_meets("ferritin.mid")

    @property
    def ferritin_is_replete(self) -> bool:
        """Return whether ferritin lies between the middle limit and the high one."""
        return self.ferritin_misses("ferritin.mid") and self.ferritin_misses("ferritin.high")

    @property
    def national_low(self) -> Threshold | None:
        """Return the national limit of a low ferritin, if the site's own lies below it and has the same unit."""
        own = self.rules.limit("ferritin.low")
        if own.national is None or own.national_unit != own.unit or own.national <= own.value:
            return None
        return replace(own, value=own.national)

    @property
    def is_low_elsewhere(self) -> bool:
        """Return whether ferritin is low by the national limit and only the site's lower one calls it not low."""
        national = self.national_low
        return national is not None and meets(self.ferritin, national)

    def tsat_meets(self, name: str) -> bool:
        """Return whether the saturation surely lies on the side of this limit; without one it does not."""
        return meets(self.tsat, self.rules.limit(name))

    @property
    def ferritin_is_borderline(self) -> bool:
        """Return whether ferritin lies within 10 % of a limit of the population's table (clinical rationale 1.4)."""
        if self.ferritin is None or self.ferritin.quantity.is_censored:
            return False
        value = self.ferritin.quantity.value
        limits = [self.rules.limit(name).value for name in ferritin_limits(self.chart)]
        nearest = min([abs(value - limit) * 100 / limit for limit in limits])
        return meets(nearest, defined("borderline.percent"))

    @property
    def facts(self) -> dict[str, Fact]:
        """Return ferritin and transferrin saturation, or why there is none, for a card's *why*."""
        return {
            **self._fact("ferritin", self.ferritin_reading, not_used(self.ferritin_reading.unusable)),
            **self._tsat_fact,
        }

    @property
    def _tsat_fact(self) -> Mapping[str, Fact]:
        """Return the saturation, or why there is none; at a low ferritin one surely below the stop is enough."""
        known = self.tsat_reading.censored
        low = "child.ferritin" if is_child(self.chart) else "ferritin.low"
        if known and self.tsat_is_below_stop and self.ferritin_meets(low):
            return {"tsat": known}
        return self._fact("tsat", self.tsat_reading, self._why_no_tsat())

    @property
    def facts_at_stop(self) -> dict[str, Fact]:
        """Return the facts where a stop was judged: the number compared, and beside it the one after the factor."""
        ferritin = self.ferritin
        if ferritin is None or ferritin.raw is None:
            return self.facts
        return {
            **self.facts,
            "ferritin": replace(ferritin, quantity=ferritin.raw, raw=None),
            "aligned": ferritin.quantity,
        }

    def _fact(self, name: str, reading: Reading, why: Text) -> Mapping[str, Fact]:
        if reading.result:
            return {name: reading.result}
        if reading.kind is Kind.UNREADABLE and reading.others and reading.unusable:
            older, newer = reading.others[0], reading.unusable[0]
            return {f"{name}_missing": phrase("results.older_than_unusable", result=older, newer=newer)}
        missing = "results.none_within_because" if why else "results.none_within"
        return {f"{name}_missing": phrase(missing, window=self.window, why=why)}

    def _why_no_tsat(self) -> Text:
        """Return what stands on the chart and why it may not be used (clinical rationale 0.3, rule 5)."""
        reading = self.tsat_reading
        if reading.kind is Kind.CONFLICT:
            return phrase("results.contradict")
        if reading.unusable or not reading.others:
            return not_used(reading.unusable)
        newest = reading.others[0]
        if reading.kind is Kind.CENSORED:
            return phrase("results.on_both_sides", result=newest)
        if not is_recent(newest.when, self.window, self.chart.today):
            return phrase("results.older", result=newest)
        dated = self.ferritin is None or (newest.when.is_exact_day and self.ferritin.when.is_exact_day)
        said = "results.too_old" if dated else "results.perhaps_too_old"
        return phrase(said, result=newest, days=self.rules.limit("pair_days"))


def ferritin_limits(chart: Chart) -> tuple[str, ...]:
    """Return the ferritin limits of this patient's table."""
    if is_child(chart) and not is_esrd(chart):
        return "child.ferritin", "ferritin.high"
    if is_esrd(chart):
        return "esrd.discord_ferritin", "esrd.ferritin"
    return ADULT_LIMITS


def read_iron_studies(chart: Chart, rules: Rules, *, window: str, limits: Iterable[str]) -> IronStudies:
    """Read ferritin and TSAT of a chart for one decision; `window` and `limits` are names of thresholds."""
    return chart.once(_iron_studies, rules, window, tuple(limits))


def current_iron_studies(chart: Chart, rules: Rules) -> IronStudies:
    """Read the studies in the window that fits: shorter on oral iron, longer after a replete pair."""
    limits = ferritin_limits(chart)
    usual = read_iron_studies(chart, rules, window="fresh_days", limits=limits)
    if usual.treatment.oral:
        return read_iron_studies(chart, rules, window="fresh_days_on_iron", limits=limits)
    if usual.ferritin_reading.kind is Kind.STALE:
        replete = read_iron_studies(chart, rules, window="fresh_days_replete", limits=limits)
        return replete if is_replete(replete) else usual
    return usual


def _iron_studies(chart: Chart, rules: Rules, window: str, limits: tuple[str, ...]) -> IronStudies:
    treatment, days = iron_treatment(chart, rules), rules.limit(window)
    compared = [rules.limit(name) for name in limits]
    read_first = _beyond_belief(read(chart, "ferritin", window=days, limits=compared))
    high = _unusable_above_stop(read_first, chart, rules)
    enough = _unusable_and_enough(read_first, chart, rules)
    ferritin = _held_back(read_first, enough)
    tsat = _read_tsat(chart, rules, ferritin.result, days)
    blocking = blocking_tsat(chart, rules.limit("tsat.high"), rules.limit("tsat.block_days"))
    return IronStudies(chart, rules, days, ferritin, tsat, blocking, treatment, high, enough)


def _unusable_above_stop(reading: Reading, chart: Chart, rules: Rules) -> UnusableResult | None:
    """Return the newest unusable ferritin that would be beyond the stop, unless the one used is beyond it itself."""
    stop = rules.limit("esrd.hold_ferritin" if is_esrd(chart) else "ferritin.high")
    if meets(reading.bounds, stop):
        return None
    return next((each for each in reading.unusable if may_meet(each, stop)), None)


def _unusable_and_enough(reading: Reading, chart: Chart, rules: Rules) -> UnusableResult | None:
    """Return the newest unusable ferritin that may be too high for iron, unless the one used is so itself."""
    low = rules.limit("esrd.ferritin" if is_esrd(chart) else "child.ferritin" if is_child(chart) else "ferritin.mid")
    if misses(reading.bounds, low):
        return None
    unusable = reading.unusable
    return next((each for each in unusable if any(not meets(value, low) for value in each.possible)), None)


def _held_back(reading: Reading, enough: UnusableResult | None) -> Reading:
    """Return the reading without a ferritin where a newer one, which may not be used, may be too high for iron.

    An older result that would let iron be given is then not used. One that itself speaks against iron stays, as an
    unusable result must not turn a stop into silence (data amendments 3).
    """
    if enough is None or reading.kind is not Kind.USABLE:
        return reading
    return Reading(Kind.UNREADABLE, unusable=(enough, *(each for each in reading.unusable if each is not enough)))


def _beyond_belief(reading: Reading) -> Reading:
    """Return the reading with a ferritin too high to be true as one above every limit.

    It thus never unlocks advice on an older result.
    """
    high = reading.implausibly_high
    if high is None or high.quantity is None or high.when is None:
        return reading
    limit = analyte("ferritin").implausible_above or high.quantity.value
    counted = LabResult("ferritin", Quantity(limit, high.quantity.unit, ">"), high.when, reference=high.reference)
    return Reading(Kind.USABLE, counted, (), reading.unusable)


def _read_tsat(chart: Chart, rules: Rules, ferritin: LabResult | None, window: Threshold) -> Reading:
    """Return the saturation paired with the ferritin, if the newest is neither disputed nor too high to be true.

    Such a newest result must not unlock an older one, nor must one that may not be used and may be no low saturation.
    """
    limits = [rules.limit("tsat.low"), rules.limit("tsat.high")]
    newest = read(chart, "tsat", window=window, limits=limits)
    may_be_low = not misses(newest.result, limits[0])
    doubtful = [
        each for each in newest.unusable if each.why in _DOUBTFUL or (may_be_low and _may_be_enough(each, limits[0]))
    ]
    if doubtful:
        return Reading(Kind.UNREADABLE, unusable=newest.unusable)
    paired = _paired_tsat(chart, rules, ferritin, window)
    if not paired and newest.result:
        return Reading(Kind.STALE, others=(newest.result,), unusable=newest.unusable)
    return newest if not paired else choose(paired, unusable=newest.unusable, limits=limits)


_DOUBTFUL = ("saturations-differ", "implausibly-high")


def _may_be_enough(result: UnusableResult, low: Threshold) -> bool:
    return any(not meets(each, low) for each in result.possible)


def _paired_tsat(chart: Chart, rules: Rules, ferritin: LabResult | None, window: Threshold) -> tuple[LabResult, ...]:
    """Return usable TSAT inside the window that is surely not too old for the ferritin (clinical rationale 1.5)."""
    fresh = (result for result in tsat_results(chart) if is_recent(result.when, window, chart.today))
    days = rules.limit("pair_days")
    return tuple(each for each in fresh if ferritin is None or meets(each.when.days_before(ferritin.when.last), days))


def is_replete(studies: IronStudies) -> bool:
    """Return whether ferritin is above 100 and at most 300, with a TSAT from 20 to below 45."""
    rules, tsat = studies.rules, studies.tsat
    normal = misses(tsat, rules.limit("tsat.low")) and misses(tsat, rules.limit("tsat.high"))
    return studies.ferritin_is_replete and normal


def not_used(unusable: Sequence[UnusableResult]) -> Text:
    """Return the newest result that may not be compared, with the reason; empty where there is none."""
    return phrase("results.not_used", result=unusable[0]) if unusable else NOTHING


def suspected(chart: Chart) -> bool:
    """Return whether RLS is only suspected."""
    return rls_status(chart) is Rls.SUSPECTED
