"""Serum magnesium on patient-view: low (clinical rationale 2 and 6.1)."""

from __future__ import annotations

from cards.decisions.shared.firing import fires
from cards.decisions.shared.kidney import read_kidney
from cards.decisions.shared.levels import (
    as_suspected,
    at_the_limit,
    level,
    numbered,
    one_per_product,
    without_labs,
    without_level,
)
from cards.facts.chart import Chart
from cards.facts.finding import Fact, Finding, quiet
from cards.facts.results import LabResult
from cards.knowledge.limits import meets
from cards.knowledge.rules import Rules

NAME = "magnesium"


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return the finding on magnesium: low or quiet."""
    return (as_suspected(without_labs(NAME, chart) or _by_level(chart, rules), chart, "MG-LOW"),)


def _by_level(chart: Chart, rules: Rules) -> Finding:
    reading = level(chart, rules, "magnesium", "mineral_days", "mg.low")
    low = rules.limit("mg.low")
    magnesium = reading.bounds
    if magnesium is None or (reading.censored and not at_the_limit(reading, low)):
        return without_level(NAME, chart, reading)
    if reading.censored or meets(magnesium, low):
        return _low(chart, rules, magnesium)
    return quiet(NAME, "enough", magnesium=magnesium)


def _low(chart: Chart, rules: Rules, magnesium: LabResult) -> Finding:
    function = read_kidney(chart, rules, "egfr_days")
    kidney = function.is_below(rules.limit("egfr_mg")) or function.is_in_doubt
    acid = chart.active_drugs("ppi")
    taken = chart.active_drugs("magnesium-oral", "magnesium-iv")
    facts: dict[str, Fact] = {"magnesium": magnesium, **function.facts}
    facts |= numbered("drug", one_per_product((*taken, *acid)))
    texts = (("advice_kidney", kidney), ("acid", bool(acid)), ("treated", bool(taken)))
    named = tuple(name for name, applies in texts if applies)
    return fires(NAME, "MG-LOW", chart, rules, facts, texts=named, evidence=function.evidence if kidney else ())
