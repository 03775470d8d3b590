"""The weight by which doses and creatinine clearance are judged."""

from __future__ import annotations

from cards.facts.chart import Chart
from cards.facts.results import Measure
from cards.knowledge.definitions import defined
from cards.knowledge.limits import is_recent, meets
from cards.knowledge.rules import Rules


def body_weight(chart: Chart, rules: Rules) -> Measure | None:
    """Return the latest weight inside its window, which is shorter in an infant."""
    infant = meets(chart.age, defined("infant.years"))
    window = rules.limit("weight.infant_days" if infant else "weight.days")
    fresh = [m for m in chart.measures if m.kind == "body-weight" and is_recent(m.when, window, chart.today)]
    return max(fresh, key=lambda measure: measure.when.order) if fresh else None
