"""Draft orders of vitamin D: stop where 25-OH vitamin D or calcium is high (clinical page 3)."""

from __future__ import annotations

from cards.chart import Chart, LabResult
from cards.drug_orders import DrugOrder, judge_each, order_fires, value_may_be_cut_off, without_labs
from cards.finding import Fact, Finding, Indicator, OrderTests, RemoveDraft, Suggestion, quiet
from cards.levels import level, meets
from cards.rules import Rules

NAME = "vitamin_d_order"
#: (analyte, limit of the warning, limit of the stop); the active forms are judged by calcium alone.
_VITAMIN_D = ("vitd", "vitd.high", "vitd.tox")
_CALCIUM = ("calcium", "ca_hi", "ca_severe")


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """One finding per draft of vitamin D or of one of its active forms."""
    return judge_each(NAME, chart, rules, ("vitd", "vitd-active"), _judge)


def _judge(order: DrugOrder) -> Finding:
    no_labs = without_labs(NAME, order.chart)
    if no_labs:
        return no_labs
    rows = (_VITAMIN_D, _CALCIUM) if order.drug.has("vitd") else (_CALCIUM,)
    known = {row[0]: found for row in rows if (found := _read(order, row))}
    severe = [row for row in rows if meets(known.get(row[0]), order.rules.limit(row[2]))]
    high = [row for row in rows if meets(known.get(row[0]), order.rules.limit(row[1]))]
    if severe or high:
        return _card(order, Indicator.CRITICAL if severe else Indicator.WARNING, known, (severe or high)[0])
    if len(known) < len(rows):
        return value_may_be_cut_off(NAME, order.chart) or quiet(NAME, "no_level")
    return quiet(NAME, "fits")


def _read(order: DrugOrder, row: tuple[str, str, str]) -> LabResult | None:
    days = {"vitd": "vitamin_days", "calcium": "ca_days_order"}[row[0]]
    return level(order.chart, order.rules, row[0], days, row[1], row[2]).result


def _card(order: DrugOrder, indicator: Indicator, known: dict[str, LabResult], row: tuple[str, str, str]) -> Finding:
    """`row` is the one that decided: its result stands in the summary."""
    chart = order.chart
    critical = indicator is Indicator.CRITICAL
    decided: dict[str, Fact] = {"decided": known[row[0]], "over": order.rules.limit(row[2] if critical else row[1])}
    named: dict[str, Fact] = {"measured": {"vitd": "25-OH vitamin D", "calcium": "calcium"}[row[0]]}
    remove: tuple[Suggestion, ...] = (RemoveDraft(order.draft.reference, recommended=True),) if critical else ()
    tests: tuple[Suggestion, ...] = () if "calcium" in known else (OrderTests(("calcium",)),)
    texts = (
        ("granulomatous", bool(chart.diagnosed("granulomatous-disease"))),
        ("parathyroid", bool(chart.diagnosed("hyperparathyroidism"))),
        ("kidney", order.drug.has("vitd-active")),
    )
    return order_fires(
        NAME,
        (order,),
        "OS-VITD",
        indicator,
        {**known, **decided, **named},
        why=tuple(known),
        texts=tuple(name for name, applies in texts if applies),
        suggest=(*remove, *tests),
    )
