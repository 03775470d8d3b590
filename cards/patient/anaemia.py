"""Anaemia by a haemoglobin near a ferritin (clinical amendments 1)."""

from __future__ import annotations

from cards.facts.chart import Chart
from cards.facts.results import LabResult
from cards.knowledge.definitions import defined
from cards.knowledge.limits import meets, misses
from cards.knowledge.rules import Rules, Threshold
from cards.patient.pregnancy import pregnancy


def anaemia_limit(chart: Chart, rules: Rules) -> Threshold:
    """Return the haemoglobin limit for this adult; where the sex is not known, the lower one."""
    state = pregnancy(chart)
    if state.is_pregnant:
        middle = misses(state.days, defined("pregnancy.first_trimester")) and misses(
            state.days, defined("pregnancy.third_trimester")
        )
        return rules.limit("hb.second_trimester" if middle else "hb.pregnant")
    return rules.limit("hb.men" if chart.person.sex == "male" else "hb.women")


def haemoglobin_near(chart: Chart, rules: Rules, ferritin: LabResult) -> LabResult | None:
    """Return the newest haemoglobin within 90 days of the ferritin."""
    window = rules.limit("hb_window")
    near = (each for each in chart.results("haemoglobin") if meets(each.when.days_apart(ferritin.when), window))
    return next(near, None)


def anaemia(chart: Chart, rules: Rules, ferritin: LabResult) -> LabResult | None:
    """Return the haemoglobin that shows anaemia: the newest within 90 days of the ferritin, if it is low."""
    near = haemoglobin_near(chart, rules, ferritin)
    return near if near and meets(near, anaemia_limit(chart, rules)) else None
