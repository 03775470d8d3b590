"""Kidney function, as far as it matters for a drug that is being ordered (clinical amendments 2, section 1)."""

from __future__ import annotations

from decimal import Decimal

from cards.dates import PartialDate
from cards.decisions.shared.clearance import Clearance, creatinine_clearance
from cards.decisions.shared.levels import level, numbered, unread
from cards.facts.chart import Chart, Diagnosis, Procedure
from cards.facts.finding import Fact, Text
from cards.facts.results import LabResult, UnusableResult
from cards.knowledge.definitions import defined
from cards.knowledge.limits import is_recent, meets, misses
from cards.knowledge.rules import Rules, Threshold
from cards.labs.latest import Reading, choose
from cards.patient.status import end_stage_kidney, haemodialysis, is_child, is_recent_dialysis, on_dialysis
from cards.patient.weight import body_weight
from cards.quantity import LOWER_BOUNDS, UPPER_BOUNDS, Quantity
from cards.values import frozen
from cards.wording.phrases import phrase, printed

#: The value sets of the stages, the gravest first; an eGFR lies below the definition of each.
_STAGES = ("ckd-stage-5", "ckd-stage-4", "ckd-stage-3")
_WORDS = {"ckd-stage-5": "kidney.stage_5", "ckd-stage-4": "kidney.stage_4", "ckd-stage-3": "kidney.stage_3"}
_SHORT_WORDS = {
    "ckd-stage-5": "kidney.stage_5_in_short",
    "ckd-stage-4": "kidney.stage_4_in_short",
    "ckd-stage-3": "kidney.stage_3_in_short",
}


@frozen
class Kidney:
    """What is known of the kidneys; the lowest of it counts.

    dialysis  dialysis of any cause, or end-stage disease
    egfr      the newest eGFR of the window, of one time the lowest; else one of two years that is low
    is_old    the eGFR is older than the window
    stage     the gravest coded stage that may be later than the eGFR, and `below`, the eGFR that it lies below
    acute     acute kidney injury without an eGFR that is surely later: what is known of the kidneys may no longer hold
    no_stage  chronic kidney disease of which neither the stage nor an eGFR is known
    clearance creatinine clearance, where an adult has neither eGFR nor stage (ours)
    last      the newest eGFR where it is too old to count
    unread    the newest eGFR, if it may not be used
    """

    dialysis: tuple[Diagnosis | Procedure, ...] = ()
    egfr: LabResult | None = None
    is_old: bool = False
    stage: tuple[Diagnosis, ...] = ()
    below: Quantity | None = None
    acute: tuple[Diagnosis, ...] = ()
    no_stage: tuple[Diagnosis, ...] = ()
    unread: tuple[UnusableResult, ...] = ()
    last: LabResult | None = None
    clearance: Clearance | None = None

    @property
    def is_known(self) -> bool:
        """Return whether anything is known that still holds."""
        return bool(self.dialysis or self.egfr or self.stage or self.clearance) and not self.acute

    @property
    def is_in_doubt(self) -> bool:
        """Return whether a diagnosis says that the kidneys may be weak, without saying how weak."""
        return not self.dialysis and bool(self.acute or self.no_stage)

    def is_below(self, limit: Threshold) -> bool:
        """Return whether kidney function is surely below the limit; False where nothing is known."""
        return bool(self.dialysis) or any(meets(each, limit) for each in self._numbers)

    def may_explain(self, limit: Threshold) -> bool:
        """Return whether kidney function is surely not at or above a limit of that side."""
        return bool(self.dialysis) or any(misses(each, limit) for each in self._numbers)

    @property
    def _numbers(self) -> tuple[LabResult | Quantity | Decimal | None, ...]:
        return self.egfr, self.below, self.clearance.value if self.clearance else None

    @property
    def facts(self) -> dict[str, Fact]:
        """Return what is known of the kidneys as facts for a card's *why*."""
        found: dict[str, Fact] = {}
        if self.dialysis:
            found["kidney"] = phrase("kidney.dialysis")
        elif self.is_in_doubt:
            found["kidney"] = phrase(self._why_open[0])
        elif self.stage:
            found["kidney"] = phrase(_WORDS[self._stage])
        if self.egfr and not self.dialysis:
            found["egfr"] = self.egfr
        if self.clearance:
            found |= self.clearance.facts
        if self.is_in_doubt and self.last:
            found["last_egfr"] = printed(self.last)
        return found | numbered("unusable_egfr", self.unread)

    @property
    def _stage(self) -> str:
        """Return the gravest of the stages."""
        concepts = frozenset[str]().union(*(each.concepts for each in self.stage))
        return next(name for name in _STAGES if name in concepts)

    @property
    def rendered(self) -> Text:
        """Return the kidney function in short, for a summary: the fact that counts."""
        if self.dialysis:
            return phrase("kidney.dialysis_in_short")
        if self.stage and not _is_lower(self.egfr, self.below):
            return phrase(_SHORT_WORDS[self._stage])
        if self.egfr:
            return phrase("kidney.old_egfr_in_short" if self.is_old else "kidney.egfr_in_short", egfr=self.egfr)
        return self.clearance.in_short if self.clearance else self.doubt

    @property
    def doubt(self) -> Text:
        """Return in short why kidney function is open, for a summary."""
        return phrase(self._why_open[1])

    @property
    def _why_open(self) -> tuple[str, str]:
        """Return why kidney function is open, as keys of the phrase and of its short form."""
        if not self.acute:
            return "kidney.no_stage", "kidney.no_stage_in_short"
        if any(each.onset or each.recorded for each in self.acute):
            return "kidney.acute", "kidney.acute_in_short"
        return "kidney.acute_undated", "kidney.acute_undated_in_short"

    @property
    def evidence(self) -> tuple[Diagnosis | Procedure | LabResult, ...]:
        """Return the facts a card rests on; for dialysis those by verified codes, if there are any."""
        sure = tuple(fact for fact in self.dialysis if not fact.unverified and "ckd-stage-5" not in fact.concepts)
        results = (self.egfr, self.clearance.creatinine if self.clearance else None)
        return (*(sure or self.dialysis), *filter(None, results), *self.stage, *self.acute, *self.no_stage)


def read_kidney(chart: Chart, rules: Rules, days: str) -> Kidney:
    """Read the kidney function of a chart; an eGFR counts within the threshold `days`."""
    reading = level(chart, rules, "egfr", days)
    fresh = _lowest(reading)
    egfr = fresh or _old_and_low(chart)
    stage, below = _stage(chart, egfr)
    acute = _acute(chart)
    coded = () if egfr or stage else tuple(each for each in chart.diagnosed("ckd") if not _is_outlived(each, chart))
    last = None if egfr else _lowest(choose(chart.results("egfr")))
    dialysis = _dialysis(chart, fresh)
    clearance = None if dialysis or egfr or stage else _clearance(chart, rules, days)
    return Kidney(dialysis, egfr, fresh is None, stage, below, acute, coded, unread(reading), last, clearance)


def _clearance(chart: Chart, rules: Rules, days: str) -> Clearance | None:
    """Return the creatinine clearance of an adult; the formula is not made for children."""
    return None if is_child(chart) else creatinine_clearance(chart, body_weight(chart, rules), rules, days)


def _lowest(reading: Reading) -> LabResult | None:
    """Return the lowest result of the newest time: laboratories report one for each sex or by two formulas.

    Without limits no reading is in conflict, so that all results of that time stand in it. One that only says "above"
    does not lie below another, and counts alone.
    """
    results = (reading.result, *reading.others) if reading.result else ()
    known = [each for each in results if each.quantity.comparator not in LOWER_BOUNDS] or results
    return min(
        known, key=lambda each: (each.quantity.value, each.quantity.comparator not in UPPER_BOUNDS), default=None
    )


def _old_and_low(chart: Chart) -> LabResult | None:
    """Return the newest eGFR of the last two years if it is low; a normal one that is so old proves nothing."""
    results = [each for each in chart.results("egfr") if is_recent(each.when, defined("egfr.old_days"), chart.today)]
    lowest = _lowest(choose(results))
    return lowest if meets(lowest, defined("egfr.old_low")) else None


def _dialysis(chart: Chart, fresh: LabResult | None) -> tuple[Diagnosis | Procedure, ...]:
    """Return end-stage disease and every dialysis that may still go on, whatever its cause.

    So dialysis for acute kidney injury counts. A code counts unless it is surely older than a transplant or than an
    eGFR of the window; one without a date beside a transplant counts where there is no such eGFR.
    """
    going_on = (*on_dialysis(chart), *haemodialysis(chart))
    recent = (each for each in going_on if is_recent_dialysis(each, chart.today))
    is_replaced = bool(fresh and chart.diagnosed("kidney-transplant"))
    may_hold = (
        each
        for each in (*chart.diagnosed("esrd"), *going_on)
        if _may_hold(each, chart, fresh) and not (is_replaced and _is_undated(each))
    )
    return tuple(dict.fromkeys((*end_stage_kidney(chart), *recent, *may_hold)))


def _is_undated(fact: Diagnosis | Procedure) -> bool:
    return isinstance(fact, Diagnosis) and not (fact.onset or fact.recorded)


def _may_hold(fact: Diagnosis | Procedure, chart: Chart, egfr: LabResult | None) -> bool:
    """Return whether a code may have been recorded after the eGFR and any transplant."""
    if isinstance(fact, Procedure):
        return True
    return not _is_outlived(fact, chart) and not (egfr and _is_older(fact, egfr.when))


def _stage(chart: Chart, egfr: LabResult | None) -> tuple[tuple[Diagnosis, ...], Quantity | None]:
    """Return the gravest stage that may have been recorded after the eGFR and any transplant, and what it means."""
    limits = (defined("ckd.failure"), defined("ckd.severe"), defined("ckd.moderate"))
    for concept, limit in zip(_STAGES, limits, strict=True):
        found = tuple(each for each in chart.diagnosed(concept) if _may_hold(each, chart, egfr))
        if found:
            return found, Quantity(limit.value, limit.unit, "<")
    return (), None


def _is_outlived(stage: Diagnosis, chart: Chart) -> bool:
    """Return whether a stage was surely recorded before a transplant of the kidney."""
    transplants = (each.onset or each.recorded for each in chart.diagnosed("kidney-transplant"))
    return any(_is_older(stage, each) for each in transplants if each)


def _is_older(stage: Diagnosis, moment: PartialDate) -> bool:
    """Return whether a stage was surely recorded no later than this; without a date it was not surely."""
    recorded = stage.recorded or stage.onset
    return recorded is not None and recorded.last <= moment.first


def _acute(chart: Chart) -> tuple[Diagnosis, ...]:
    """Return acute kidney injury of the last months without an eGFR that is surely later.

    One of an unknown day is over where an eGFR of these months is surely not low.
    """
    return tuple(each for each in chart.diagnosed("acute-kidney-injury") if _is_open(each, chart))


def _is_open(injury: Diagnosis, chart: Chart) -> bool:
    when, days = injury.onset or injury.recorded, defined("acute_kidney.days")
    if when is None:
        recent = (each for each in chart.results("egfr") if is_recent(each.when, days, chart.today))
        return not any(misses(each, defined("egfr.old_low")) for each in recent)
    later = any(result.when.first > when.last for result in chart.results("egfr"))
    return is_recent(when, days, chart.today) and not later


def _is_lower(egfr: LabResult | None, below: Quantity | None) -> bool:
    """Return whether an eGFR lies surely below all that a stage may mean, or at its upper end at most."""
    return egfr is not None and below is not None and egfr.quantity.value < below.value
