"""Draft orders of magnesium by mouth where it may accumulate (clinical rationale 3, clinical amendments 4)."""

from __future__ import annotations

from dataclasses import replace

from cards.decisions.shared.drug_orders import DrugOrder, judge_each, order_fires, value_may_be_cut_off
from cards.decisions.shared.kidney import Kidney, read_kidney
from cards.decisions.shared.levels import (
    coded_unanswered,
    contradicted,
    level,
    numbered,
    render_coded,
    unread,
    value_unread,
    without_labs,
)
from cards.decisions.shared.orders import with_evidence
from cards.facts.chart import Chart, Diagnosis
from cards.facts.finding import Fact, Finding, Indicator, RemoveDraft, Suggestion, quiet
from cards.facts.results import LabResult
from cards.knowledge.limits import meets
from cards.knowledge.rules import Rules
from cards.patient.status import is_on_haemodialysis
from cards.wording.phrases import lines, say

NAME = "magnesium_order"
_EMPTIES_THE_BOWEL = ("bowel-preparation", "laxative")


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return one finding per draft of magnesium by mouth, bowel preparations included.

    Intravenous magnesium is not judged.
    """
    return judge_each(NAME, chart, rules, _judge)


def _judge(order: DrugOrder) -> Finding:
    limit = order.rules.limit
    kidney = read_kidney(order.chart, order.rules, "egfr_days_order")
    reading = level(order.chart, order.rules, "magnesium", "mg_days_order", "mg.high", "mg.severe")
    magnesium = reading.counted(limit("mg.high"))
    known = {**({"magnesium": magnesium} if magnesium else {}), **contradicted(reading, magnesium)}
    known |= numbered("unusable", unread(reading))
    if meets(magnesium, limit("mg.severe")):
        return _card(order, Indicator.CRITICAL, magnesium, kidney, known)
    if meets(magnesium, limit("mg.high")) or kidney.is_below(limit("egfr_mg")):
        return _card(order, Indicator.WARNING, magnesium, kidney, known)
    if kidney.is_in_doubt:
        return _card(order, Indicator.INFO, magnesium, kidney, known)
    no_labs = without_labs(NAME, order.chart)
    if no_labs:
        return no_labs
    coded = coded_unanswered(order.chart, "hypermagnesaemia", reading)
    if coded:
        card = _card(order, Indicator.INFO, magnesium, kidney, known, coded)
        unused = (*unread(reading), *kidney.unread)
        return value_may_be_cut_off(NAME, order.chart) or replace(card, unread=unused)
    no_answer = value_unread(NAME, *unread(reading), *kidney.unread)
    return no_answer or _nothing_found(order, complete=bool(magnesium and kidney.is_known))


def _nothing_found(order: DrugOrder, *, complete: bool) -> Finding:
    if complete:
        return quiet(NAME, "fits")
    return value_may_be_cut_off(NAME, order.chart) or quiet(NAME, "no_level")


def _card(
    order: DrugOrder,
    indicator: Indicator,
    magnesium: LabResult | None,
    kidney: Kidney,
    known: dict[str, Fact],
    coded: tuple[Diagnosis, ...] = (),
) -> Finding:
    limit = order.rules.limit
    high, low_kidney = meets(magnesium, limit("mg.high")), kidney.is_below(limit("egfr_mg"))
    facts: dict[str, Fact] = {**known, **kidney.facts}
    facts |= {"problem": render_coded(NAME, coded, order.rules)} if coded else {}
    severe = indicator is Indicator.CRITICAL
    otherwise = "advice_coded" if coded else "advice_doubt"
    name = "advice_severe" if severe else "advice_high" if high else "advice_kidney" if low_kidney else otherwise
    shown: dict[str, Fact] = {**facts, "weak": kidney.rendered if low_kidney else kidney.doubt}
    words = say(order.rules, NAME, name, **shown)
    doubt = not (severe or high or low_kidney)
    steps = ("step_severe" if severe else "step_doubt" if doubt else "step", *(() if doubt else ("signs",)))
    empties = order.drug.has(*_EMPTIES_THE_BOWEL)
    peg = empties and low_kidney and not is_on_haemodialysis(order.chart)
    remove: tuple[Suggestion, ...] = (RemoveDraft(order.draft.reference, recommended=True),)
    found = order_fires(
        NAME,
        (order,),
        "OS-MG",
        indicator,
        {**facts, "advice": words, "steps": lines(say(order.rules, NAME, each) for each in steps)},
        why=tuple(facts),
        texts=(
            *(("advice_polyethylene_glycol",) if peg else ()),
            *(("dialysis",) if kidney.dialysis else ()),
        ),
        suggestions=remove if severe else (),
    )
    return with_evidence(found, (*kidney.evidence, *coded))
