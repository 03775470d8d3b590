"""Draft orders of magnesium by mouth where it may accumulate (clinical page 3, amendments section 4)."""

from __future__ import annotations

from cards.chart import Chart, LabResult
from cards.drug_orders import DrugOrder, judge_each, order_fires, value_may_be_cut_off, without_labs
from cards.finding import Fact, Finding, Indicator, RemoveDraft, Suggestion, quiet
from cards.kidney import Kidney, read_kidney
from cards.levels import level, meets
from cards.orders import with_evidence
from cards.rules import Rules
from cards.scope import is_on_haemodialysis
from cards.wording import fill

NAME = "magnesium_order"
_EMPTIES_THE_BOWEL = ("bowel-preparation", "laxative")


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """One finding per draft of magnesium by mouth, bowel preparations included; intravenous magnesium is not asked."""
    return judge_each(NAME, chart, rules, ("magnesium-oral",), _judge)


def _judge(order: DrugOrder) -> Finding:
    limit = order.rules.limit
    kidney = read_kidney(order.chart, order.rules, "egfr_days_order", "egfr_mg")
    magnesium = level(order.chart, order.rules, "magnesium", "mg_days_order", "mg.high", "mg.severe").result
    if meets(magnesium, limit("mg.severe")):
        return _card(order, Indicator.CRITICAL, magnesium, kidney)
    if meets(magnesium, limit("mg.high")) or kidney.is_below(limit("egfr_mg")):
        return _card(order, Indicator.WARNING, magnesium, kidney)
    return without_labs(NAME, order.chart) or _nothing_found(order, complete=bool(magnesium and kidney.is_known))


def _nothing_found(order: DrugOrder, *, complete: bool) -> Finding:
    if complete:
        return quiet(NAME, "fits")
    return value_may_be_cut_off(NAME, order.chart) or quiet(NAME, "no_level")


def _card(order: DrugOrder, indicator: Indicator, magnesium: LabResult | None, kidney: Kidney) -> Finding:
    limit = order.rules.limit
    high, low_kidney = meets(magnesium, limit("mg.high")), kidney.is_below(limit("egfr_mg"))
    facts: dict[str, Fact] = {**({"magnesium": magnesium} if magnesium else {}), **kidney.facts}
    severe = indicator is Indicator.CRITICAL
    name = "advice_severe" if severe else "advice_high" if high else "advice_kidney"
    shown: dict[str, Fact] = {**facts, "weak": kidney.in_words}
    words = fill(order.rules.decisions[NAME].texts[name], shown, order.rules)
    empties = order.drug.has(*_EMPTIES_THE_BOWEL)
    peg = empties and low_kidney and not is_on_haemodialysis(order.chart)
    remove: tuple[Suggestion, ...] = (RemoveDraft(order.draft.reference, recommended=True),)
    found = order_fires(
        NAME,
        (order,),
        "OS-MG",
        indicator,
        {**facts, "advice": words},
        why=tuple(facts),
        texts=(*(("advice_polyethylene_glycol",) if peg else ()), *(("dialysis",) if kidney.dialysis else ())),
        suggest=remove if severe else (),
    )
    return with_evidence(found, kidney.evidence)
