"""Draft orders of vitamin C where oxalate or iron may accumulate (clinical rationale 3)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from cards.decisions.shared.basket_doses import BasketDose, Ordered, alone_or_together
from cards.decisions.shared.doses import daily_mg_of_class
from cards.decisions.shared.drug_orders import DrugOrder, order_fires, orders_in_scope, value_may_be_cut_off
from cards.decisions.shared.kidney import Kidney, read_kidney
from cards.decisions.shared.levels import numbered, value_unread, without_labs
from cards.decisions.shared.orders import with_evidence
from cards.facts.chart import Chart, Diagnosis
from cards.facts.drugs import Drug
from cards.facts.finding import Fact, Finding, Indicator, Text, quiet
from cards.knowledge.limits import meets
from cards.knowledge.rules import Rules
from cards.patient.status import overload, probable_overload
from cards.quantity import in_print
from cards.wording.phrases import joined, say

NAME = "vitamin_c_order"
_CLASS = "vitc"
_OXALATE = ("oxalate", "primary-hyperoxaluria")
#: The limits of dialysis have their sources; that these diseases forbid any dose is this project's own.
_SOURCE_OF_DISEASES = "ours"


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return one finding per draft that holds vitamin C, or one on all where only their sum is too much."""
    orders, outside = orders_in_scope(NAME, chart, rules)
    diseases = _diseases(chart)
    if diseases:
        return (*outside, *(_disease_card(order, order.daily_mg(_CLASS), diseases) for order in orders))
    return (*outside, *alone_or_together(orders, _CLASS, daily_mg_of_class, _by_dose))


def _by_dose(ordered: Ordered) -> Finding:
    """Return the finding on the dose; one intake above a limit is above it on the day on which it is taken."""
    order = ordered.orders[0]
    if not meets(ordered.dose.known, order.rules.limit("vitc.esrd_info")):
        return quiet(NAME, "small_dose" if ordered.dose.is_whole else "dose_unread")
    kidney = read_kidney(order.chart, order.rules, "egfr_days")
    if kidney.is_below(order.rules.limit("vitc.egfr")) or kidney.is_in_doubt:
        return _kidney_card(ordered, kidney)
    return _fits(order, kidney)


def _diseases(chart: Chart) -> dict[str, tuple[Diagnosis | Drug, ...]]:
    """Return the diseases in which any dose is too much, by the text that says why, with what shows each.

    A chelator, active or ordered, is iron overload here as everywhere.
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
    if text == "iron" and not overload(chart):
        return "disease_iron_probable"
    if text == "chelator" and not chart.active_drugs("chelator"):
        return "disease_chelator_ordered"
    return f"disease_{text}"


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


def _kidney_card(ordered: Ordered, kidney: Kidney) -> Finding:
    order, basket = ordered.orders[0], ordered.dose
    dose = basket.known or Decimal(0)
    weak = kidney.is_below(order.rules.limit("vitc.egfr"))
    high = weak and meets(dose, order.rules.limit("vitc.esrd"))
    most = order.rules.limit("vitc.esrd" if high else "vitc.esrd_info")
    total = _in_all(order, basket, in_print(dose, above=most.value))
    is_told = basket.is_whole and not basket.several
    each = () if is_told else ordered.render_each(_CLASS, daily_mg_of_class)
    doses = (*each, *((total,) if is_told or basket.several else ()))
    facts: dict[str, Fact] = {**numbered("dose", doses), **kidney.facts}
    named: dict[str, Fact] = {"dose": total, "weak": kidney.rendered if weak else kidney.doubt}
    advice = "advice_high" if high else "advice_kidney" if weak else "advice_doubt"
    found = order_fires(
        NAME,
        ordered.orders,
        "OS-VITC",
        Indicator.WARNING if high else Indicator.INFO,
        {**facts, "advice": say(order.rules, NAME, advice, **named)},
        why=tuple(facts),
        texts=("advice_small_dose", *(("dialysis",) if kidney.dialysis else ())),
    )
    return with_evidence(found, kidney.evidence)


def _in_all(order: DrugOrder, basket: BasketDose, mg: Decimal) -> Text:
    """Return the vitamin C of the basket, as what it is at least where a day cannot be told."""
    if basket.several:
        return say(order.rules, NAME, "dose_together" if basket.is_whole else "dose_together_least", mg=mg)
    return say(order.rules, NAME, "dose" if basket.is_whole else "dose_least", mg=mg)


def _per_day(order: DrugOrder, dose: Decimal) -> Text:
    return say(order.rules, NAME, "dose", mg=dose)
