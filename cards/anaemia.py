"""Whether a haemoglobin near a ferritin shows anaemia (clinical amendments, section 1)."""

from __future__ import annotations

from cards.chart import Chart, LabResult
from cards.definitions import whole
from cards.rules import Rules, Threshold
from cards.scope import pregnancy


def anaemia_limit(chart: Chart, rules: Rules) -> Threshold:
    """The haemoglobin limit for this adult; where the sex is not known, the lower one."""
    state = pregnancy(chart)
    if state.is_pregnant:
        second_trimester = range(whole("pregnancy.first_trimester"), whole("pregnancy.third_trimester"))
        middle = state.days is not None and state.days in second_trimester
        return rules.limit("hb.second_trimester" if middle else "hb.pregnant")
    return rules.limit("hb.men" if chart.person.sex == "male" else "hb.women")


def anaemia(chart: Chart, rules: Rules, ferritin: LabResult) -> LabResult | None:
    """The haemoglobin that shows anaemia: the newest within 90 days before or after the ferritin, if it is low."""
    days = rules.limit("hb_window").days
    near = [result for result in chart.results("haemoglobin") if result.when.pairs_within(ferritin.when, days)]
    if near and near[0].quantity.surely_below(anaemia_limit(chart, rules).quantity):
        return near[0]
    return None
