"""Serum magnesium on patient-view: low (clinical pages 2 and 6.1)."""

from __future__ import annotations

from cards.chart import Chart, LabResult
from cards.finding import Fact, Finding, quiet
from cards.levels import fires, labs_first, level, meets, numbered, once_each, without_level
from cards.rules import Rules
from cards.scope import haemodialysis, kidney_failure

NAME = "magnesium"


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Low or quiet."""
    early = labs_first(NAME, chart)
    if early:
        return (early,)
    reading = level(chart, rules, "magnesium", "mineral_days", "mg.low")
    magnesium = reading.result
    if magnesium is None:
        return (without_level(NAME, chart, reading),)
    if meets(magnesium, rules.limit("mg.low")):
        return (_low(chart, rules, magnesium),)
    return (quiet(NAME, "enough", magnesium=magnesium),)


def _low(chart: Chart, rules: Rules, magnesium: LabResult) -> Finding:
    egfr = level(chart, rules, "egfr", "egfr_days", "egfr_mg").result
    dialysis = kidney_failure(chart) or haemodialysis(chart)
    kidney = meets(egfr, rules.limit("egfr_mg")) or bool(dialysis)
    acid = chart.active_drugs("ppi")
    taken = chart.active_drugs("magnesium-oral", "magnesium-iv")
    facts: dict[str, Fact] = {"magnesium": magnesium, **({"egfr": egfr} if egfr else {})}
    facts |= numbered("drug", once_each((*taken, *acid)))
    texts = (("advice_kidney", kidney), ("acid", bool(acid)), ("treated", bool(taken)))
    named = tuple(name for name, applies in texts if applies)
    return fires(NAME, "MG-LOW", chart, rules, facts, texts=named, evidence=dialysis)
