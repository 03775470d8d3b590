"""Draft orders of vitamin D: stop where 25-OH vitamin D or calcium is high (clinical rationale 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cards.decisions.shared.drug_orders import DrugOrder, judge_each, order_fires, value_may_be_cut_off
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
from cards.decisions.shared.orders import is_same_order, with_evidence
from cards.decisions.shared.vitamin_d_doses import is_a_weeks_dose_every_day, render_vitamin_d, render_vitamin_d_dose
from cards.facts.chart import Chart, Diagnosis
from cards.facts.finding import Fact, Finding, Indicator, OrderTests, RemoveDraft, Suggestion, Text, quiet
from cards.facts.results import LabResult
from cards.knowledge.limits import meets
from cards.knowledge.rules import Rules, Threshold
from cards.labs.latest import Reading
from cards.wording.phrases import NOTHING, lines, listed_in_short, printed, say

NAME = "vitamin_d_order"
#: (analyte, limit of the warning, limit of the stop); the active forms are judged by calcium alone.
_VITAMIN_D = ("vitd", "vitd.high", "vitd.tox")
_CALCIUM = ("calcium", "ca_hi", "ca_severe")


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return one finding per draft of vitamin D or of one of its active forms."""
    return judge_each(NAME, chart, rules, _judge)


def _judge(order: DrugOrder) -> Finding:
    no_labs = without_labs(NAME, order.chart)
    if no_labs:
        return no_labs
    rows = (_VITAMIN_D, _CALCIUM) if order.drug.has("vitd") else (_CALCIUM,)
    readings = {row[0]: _read(order, row) for row in rows}
    known = {row[0]: found for row in rows if (found := readings[row[0]].counted(order.rules.limit(row[1])))}
    unused = unread(*readings.values())
    severe = [row for row in rows if meets(known.get(row[0]), order.rules.limit(row[2]))]
    high = [row for row in rows if meets(known.get(row[0]), order.rules.limit(row[1]))]
    if severe or high:
        beside: dict[str, Fact] = {}
        for name, reading in readings.items():
            beside |= contradicted(reading, known.get(name))
        beside |= numbered("unusable", unused)
        return _card(order, Indicator.CRITICAL if severe else Indicator.WARNING, known, (severe or high)[0], beside)
    coded = coded_unanswered(order.chart, "hypercalcaemia", readings["calcium"])
    if coded:
        card = _calcium_first(order, coded, {**known, **numbered("unusable", unused)})
        return value_may_be_cut_off(NAME, order.chart) or replace(card, unread=unused)
    no_answer = value_unread(NAME, *unused)
    if no_answer:
        return no_answer
    if len(known) < len(rows):
        return value_may_be_cut_off(NAME, order.chart) or quiet(NAME, "no_level")
    return quiet(NAME, "fits")


def _read(order: DrugOrder, row: tuple[str, str, str]) -> Reading:
    days = {"vitd": "vitamin_days", "calcium": "ca_days_order"}[row[0]]
    return level(order.chart, order.rules, row[0], days, row[1], row[2])


def _calcium_first(order: DrugOrder, coded: tuple[Diagnosis, ...], known: Mapping[str, Fact]) -> Finding:
    """Return the question for calcium where hypercalcaemia is coded, and no calcium tells whether it still holds."""
    dose = render_vitamin_d_dose(order.drug)
    problem = render_coded(NAME, coded, order.rules)
    shown: dict[str, Fact] = {**({"dose": dose} if dose else {}), **known, "problem": problem}
    steps = ["step_measure", *(("step_weekly",) if is_a_weeks_dose_every_day(order.drug, order.rules) else ())]
    found = order_fires(
        NAME,
        (order,),
        "OS-VITD",
        Indicator.INFO,
        {
            **shown,
            "advice": say(order.rules, NAME, "advice_coded"),
            "steps": lines(say(order.rules, NAME, step) for step in steps),
        },
        why=tuple(shown),
        texts=_texts(order),
        suggestions=(OrderTests(("calcium",)),),
    )
    return with_evidence(found, coded)


def _texts(order: DrugOrder) -> tuple[str, ...]:
    """Return what else raises calcium, or could not be looked at."""
    chart = order.chart
    texts = (
        ("drugs_unknown", not chart.knows("medications")),
        ("granulomatous", bool(chart.diagnosed("granulomatous-disease"))),
        ("parathyroid", bool(chart.diagnosed("hyperparathyroidism"))),
        ("kidney", order.drug.has("vitd-active")),
    )
    return tuple(name for name, applies in texts if applies)


def _card(
    order: DrugOrder,
    indicator: Indicator,
    known: dict[str, LabResult],
    row: tuple[str, str, str],
    beside: dict[str, Fact],
) -> Finding:
    """Return the card; the result of `row`, which decided, stands in the summary, and `beside` under the others."""
    chart = order.chart
    critical = indicator is Indicator.CRITICAL
    over = order.rules.limit(row[2] if critical else row[1])
    measured = say(order.rules, NAME, f"measured_{row[0]}", decided=known[row[0]])
    weekly = is_a_weeks_dose_every_day(order.drug, order.rules)
    dose = render_vitamin_d_dose(order.drug)
    shown: dict[str, Fact] = {**({"dose": dose} if dose else {}), **known, **beside}
    taken = tuple(
        each for each in chart.drugs_that_go_on("vitd", "vitd-active") if not is_same_order(each, order.draft)
    )
    shown |= numbered("taken", dict.fromkeys(map(render_vitamin_d, taken)))
    other = (
        say(order.rules, NAME, "other" if critical else "other_too", names=listed_in_short(map(printed, taken)))
        if taken
        else NOTHING
    )
    steps = [say(order.rules, NAME, "step_stop" if critical else "step_consider", other=other)]
    steps += [say(order.rules, NAME, "step_weekly")] if weekly else []
    if critical:
        advice = _critical(order.rules, known, measured, over)
    elif weekly and dose:
        advice = say(order.rules, NAME, "advice_weekly", dose=dose, measured=measured)
    else:
        advice = say(order.rules, NAME, "advice_high", measured=measured, over=over)
    named: dict[str, Fact] = {"advice": advice, "steps": lines(steps)}
    remove: tuple[Suggestion, ...] = (RemoveDraft(order.draft.reference, recommended=True),) if critical else ()
    tests: tuple[Suggestion, ...] = () if "calcium" in known else (OrderTests(("calcium",)),)
    found = order_fires(
        NAME,
        (order,),
        "OS-VITD",
        indicator,
        {**shown, **named},
        why=tuple(shown),
        texts=_texts(order),
        suggestions=(*remove, *tests),
    )
    return with_evidence(found, taken)


def _critical(rules: Rules, known: dict[str, LabResult], measured: Text, over: Threshold) -> Text:
    """Return what is critical for the summary; both too high together are the pattern of toxicity."""
    vitamin, calcium = known.get("vitd"), known.get("calcium")
    if not (vitamin and calcium and meets(vitamin, rules.limit("vitd.tox")) and meets(calcium, rules.limit("ca_hi"))):
        return say(rules, NAME, "advice_severe", measured=measured, over=over)
    return say(
        rules,
        NAME,
        "advice_toxic",
        measured=say(rules, NAME, "measured_vitd", decided=vitamin),
        beside=say(rules, NAME, "measured_calcium", decided=calcium),
    )
