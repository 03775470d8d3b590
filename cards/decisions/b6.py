"""Vitamin B6 on patient-view: too much of it, or too little (contract section 4, clinical amendments 4)."""

from __future__ import annotations

from decimal import Decimal

from cards.decisions.shared.doses import known_daily_mg
from cards.decisions.shared.firing import fires
from cards.decisions.shared.levels import (
    as_suspected,
    contradicted,
    level,
    numbered,
    without_drugs,
    without_labs,
    without_level,
)
from cards.decisions.shared.pyridoxine import ISONIAZID, is_infant, is_needed, pyridoxine_limit
from cards.facts.chart import Chart
from cards.facts.finding import Fact, Finding, Outcome, quiet, unknown
from cards.facts.results import LabResult
from cards.knowledge.limits import meets, misses
from cards.knowledge.rules import Rules
from cards.patient.pregnancy import pregnancy
from cards.patient.status import is_child
from cards.quantity import in_print
from cards.wording.phrases import say

NAME = "b6"


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return one finding: too high a dose fires without any result; a level, high or low, needs one."""
    found = _high_dose(chart, rules) or _with_the_dose(chart, rules, _by_level(chart, rules))
    return (as_suspected(found, chart, "B6-HIGH"),)


def _with_the_dose(chart: Chart, rules: Rules, by_level: Finding) -> Finding:
    """Return the finding on the level, but unknown where it is quiet and the dose is not known.

    The dose is not known where the drugs were not read, or a dose among them was not readable.
    """
    if by_level.outcome is not Outcome.QUIET or is_needed(chart, rules, _dose(chart)):
        return by_level
    drugs = chart.active_drugs("b6")
    if any(drug.daily is None or drug.daily.mg.get("pyridoxine") is None for drug in drugs):
        return unknown(NAME, "dose_unknown")
    return without_drugs(NAME, chart) or by_level


def _dose(chart: Chart) -> Decimal:
    """Return what all products together surely bring, in mg a day."""
    return known_daily_mg(chart.active_drugs("b6"), "pyridoxine")


def _high_dose(chart: Chart, rules: Rules) -> Finding | None:
    dose, limit = _dose(chart), pyridoxine_limit(chart, rules)
    supplement = is_infant(chart) and bool(chart.active_drugs("b6"))
    if (misses(dose, limit) and not supplement) or is_needed(chart, rules, dose):
        return None
    said = say(rules, NAME, "dose", mg=in_print(dose, above=limit.value))
    shown: dict[str, Fact] = {"dose": said} if dose else {}
    reading = level(chart, rules, "plp", "vitamin_days", "plp.high")
    measured = reading.beyond(rules.limit("plp.high")) or reading.result
    shown |= {"plp": measured, **contradicted(reading, measured)} if measured else {}
    found = said if dose else say(rules, NAME, "supplement")
    compared = say(rules, NAME, "infant_in_short") if supplement else say(rules, NAME, "above", limit=limit)
    return _high(chart, rules, {"found": found, "compared": compared}, shown, infant=supplement)


def _by_level(chart: Chart, rules: Rules) -> Finding:
    no_labs = without_labs(NAME, chart)
    if no_labs:
        return no_labs
    reading = level(chart, rules, "plp", "vitamin_days", "plp.low", "plp.high")
    high, plp = reading.beyond(rules.limit("plp.high")), reading.result
    if high:
        compared = say(rules, NAME, "above", limit=rules.limit("plp.high"))
        shown: dict[str, Fact] = {"plp": high, **contradicted(reading, high)}
        return _high(chart, rules, {"found": high, "compared": compared}, shown)
    if plp is None:
        return without_level(NAME, chart, reading)
    if meets(plp, rules.limit("plp.low")):
        return _low(chart, rules, plp)
    return quiet(NAME, "enough", plp=plp)


def _high(
    chart: Chart, rules: Rules, compared: dict[str, Fact], shown: dict[str, Fact], *, infant: bool = False
) -> Finding:
    shown |= numbered("drug", chart.active_drugs("b6"))
    needed, isoniazid = is_needed(chart, rules, _dose(chart)), bool(chart.active_drugs(ISONIAZID))
    step = "step_prescriber" if needed or is_child(chart) else "step_isoniazid" if isoniazid else "step"
    harm = say(rules, NAME, "harm_infant" if infant else "harm")
    texts = (
        ("neuropathy", bool(chart.diagnosed("neuropathy"))),
        ("needed", needed),
        ("infant", infant),
        ("eu", rules.switch("b6.preset") == "EU"),
        ("au", rules.switch("b6.preset") == "AU"),
    )
    blocks = tuple(name for name, applies in texts if applies)
    said: dict[str, Fact] = {"step": say(rules, NAME, step), "harm": harm}
    return fires(NAME, "B6-HIGH", chart, rules, {**shown, **compared, **said}, why=tuple(shown), texts=blocks)


def _low(chart: Chart, rules: Rules, plp: LabResult) -> Finding:
    if pregnancy(chart).is_pregnant:
        return quiet(NAME, "pregnant", plp=plp)
    inflamed = _inflamed(chart, rules, plp)
    if inflamed:
        return quiet(NAME, "inflamed", plp=plp, crp=inflamed)
    facts: dict[str, Fact] = {"plp": plp, **numbered("drug", chart.active_drugs("b6"))}
    return fires(NAME, "B6-LOW", chart, rules, facts)


def _inflamed(chart: Chart, rules: Rules, plp: LabResult) -> LabResult | None:
    """Return a CRP near the level that is high enough to lower it by itself."""
    window, limit = rules.limit("crp_window"), rules.limit("plp.crp")
    near = (crp for crp in chart.results("crp") if meets(crp.when.days_apart(plp.when), window))
    return next((crp for crp in near if meets(crp, limit)), None)
