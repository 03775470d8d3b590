"""Creatinine clearance by Cockcroft and Gault (clinical amendments 2, section 2)."""

from __future__ import annotations

from decimal import Decimal

from cards.decisions.shared.levels import level
from cards.facts.chart import Chart
from cards.facts.finding import Fact, Text
from cards.facts.results import LabResult, Measure
from cards.knowledge.definitions import defined
from cards.knowledge.limits import meets
from cards.knowledge.rules import Rules
from cards.quantity import to_one_place
from cards.values import frozen
from cards.wording.phrases import phrase


@frozen
class Clearance:
    """Creatinine clearance by Cockcroft and Gault in mL/min, and what it was calculated from."""

    value: Decimal
    creatinine: LabResult
    weight: Measure

    @property
    def rendered(self) -> Text:
        """Return it with what it was calculated from, apart from the creatinine."""
        kg, day = to_one_place(self.weight.value), self.weight.when
        return phrase("kidney.clearance", ml=self.value, kg=kg, day=day)

    @property
    def in_short(self) -> Text:
        """Return it for a summary."""
        return phrase("kidney.clearance_in_short", ml=self.value)

    @property
    def facts(self) -> dict[str, Fact]:
        """Return it and its creatinine as facts for a card's *why*."""
        return {"clearance": self.rendered, "creatinine": self.creatinine}


def is_judged_by_clearance(chart: Chart, weight: Measure | None, rules: Rules) -> bool:
    """Return whether eGFR may be far from creatinine clearance: in the old and in the light."""
    light = weight is not None and meets(weight.value, rules.limit("gaba.weight_clearance"))
    return meets(chart.age, rules.limit("gaba.age_clearance")) or light


def creatinine_clearance(
    chart: Chart, weight: Measure | None, rules: Rules, days: str = "egfr_days_order"
) -> Clearance | None:
    """Return the creatinine clearance, or None where age, weight or an exact creatinine is not known.

    Creatinine counts within the threshold `days`; of several of one time the highest does. Where the sex is not known
    the lower value counts.
    """
    reading = level(chart, rules, "creatinine", days)
    results = (reading.result, *reading.others) if reading.result else ()
    found = max(results, key=lambda each: each.quantity.value, default=None)
    if chart.age is None or weight is None or found is None or found.quantity.is_censored or not found.quantity.value:
        return None
    years = max(defined("clearance.years").value - chart.age, Decimal(0))
    value = years * weight.value / (defined("clearance.divisor").value * found.quantity.value)
    value *= Decimal(1) if chart.person.sex == "male" else defined("clearance.women").value
    return Clearance(value.quantize(Decimal("0.1")), found, weight)
