"""Draft orders of vitamin C where oxalate or iron may accumulate (clinical rationale 3)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from cards.decisions.shared.drug_orders import DrugOrder, judge_each, order_fires, value_may_be_cut_off
from cards.decisions.shared.kidney import Kidney, read_kidney
from cards.decisions.shared.levels import value_unread, without_labs
from cards.decisions.shared.orders import with_evidence
from cards.facts.chart import Chart, Diagnosis, Drug
from cards.facts.finding import Fact, Finding, Indicator, Text, quiet
from cards.knowledge.limits import meets, misses
from cards.knowledge.rules import Rules
from cards.patient.status import overload, probable_overload
from cards.quantity import in_print
from cards.wording.phrases import joined, say

NAME = "vitamin_c_order"
_OXALATE = ("oxalate", "primary-hyperoxaluria")
#: The limits of dialysis have their sources; that these diseases forbid any dose is this project's own.
_SOURCE_OF_DISEASES = "ours"


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return one finding per draft that holds vitamin C."""
    return judge_each(NAME, chart, rules, _judge)


def _judge(order: DrugOrder) -> Finding:
    dose = order.daily_mg("vitc")
    diseases = _diseases(order.chart)
    if diseases:
        return _disease_card(order, dose, diseases)
    if dose is None:
        return quiet(NAME, "dose_unread")
    if misses(dose, order.rules.limit("vitc.esrd_info")):
        return quiet(NAME, "small_dose")
    kidney = read_kidney(order.chart, order.rules, "egfr_days", "vitc.egfr")
    if kidney.is_below(order.rules.limit("vitc.egfr")) or kidney.is_in_doubt:
        return _kidney_card(order, dose, kidney)
    return _fits(order, kidney)


def _diseases(chart: Chart) -> dict[str, tuple[Diagnosis | Drug, ...]]:
    """Return the diseases in which any dose is too much, by the text that says why, with what shows each.

    An active chelator is iron overload here as everywhere.
    """
    found: dict[str, tuple[Diagnosis | Drug, ...]] = {
        "oxalate": chart.diagnosed(*_OXALATE),
        "stones": chart.diagnosed("kidney-stone"),
        "iron": overload(chart) or probable_overload(chart),
    }
    if found["iron"] and all(isinstance(fact, Drug) for fact in found["iron"]):
        found["chelator"] = found.pop("iron")
    return {text: facts for text, facts in found.items() if facts}


def _name(text: str, chart: Chart) -> str:
    """Return the name of the phrase for a disease in a summary."""
    is_probable = text == "iron" and not overload(chart)
    return f"disease_{text}_probable" if is_probable else f"disease_{text}"


def _fits(order: DrugOrder, kidney: Kidney) -> Finding:
    unread = value_unread(NAME, *kidney.unread)
    if unread or kidney.is_known:
        return unread or quiet(NAME, "fits")
    return without_labs(NAME, order.chart) or value_may_be_cut_off(NAME, order.chart) or quiet(NAME, "no_level")


def _disease_card(order: DrugOrder, dose: Decimal | None, diseases: dict[str, tuple[Diagnosis | Drug, ...]]) -> Finding:
    problem = joined(say(order.rules, NAME, _name(text, order.chart)) for text in diseases)
    facts: dict[str, Fact] = {"problem": problem, **({"dose": _per_day(order, dose)} if dose is not None else {})}
    found = order_fires(
        NAME,
        (order,),
        "OS-VITC",
        Indicator.WARNING,
        {**facts, "advice": say(order.rules, NAME, "advice_disease", problem=problem)},
        why=tuple(facts),
        texts=(*(("advice_remove",) if diseases.keys() - {"chelator"} else ()), *diseases),
    )
    return with_evidence(
        replace(found, source=_SOURCE_OF_DISEASES), tuple(each for entries in diseases.values() for each in entries)
    )


def _kidney_card(order: DrugOrder, dose: Decimal, kidney: Kidney) -> Finding:
    weak = kidney.is_below(order.rules.limit("vitc.egfr"))
    high = weak and meets(dose, order.rules.limit("vitc.esrd"))
    most = order.rules.limit("vitc.esrd" if high else "vitc.esrd_info")
    facts: dict[str, Fact] = {"dose": _per_day(order, in_print(dose, above=most.value)), **kidney.facts}
    named: dict[str, Fact] = {"dose": facts["dose"], "weak": kidney.rendered if weak else kidney.doubt}
    advice = "advice_high" if high else "advice_kidney" if weak else "advice_doubt"
    found = order_fires(
        NAME,
        (order,),
        "OS-VITC",
        Indicator.WARNING if high else Indicator.INFO,
        {**facts, "advice": say(order.rules, NAME, advice, **named)},
        why=tuple(facts),
        texts=("advice_small_dose", *(("dialysis",) if kidney.dialysis else ())),
    )
    return with_evidence(found, kidney.evidence)


def _per_day(order: DrugOrder, dose: Decimal) -> Text:
    return say(order.rules, NAME, "dose", mg=dose)
