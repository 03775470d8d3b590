"""Draft orders of gabapentinoids: dose by kidney function, and breathing beside opioids (amendments, section 4)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from cards.chart import Chart, Diagnosis, Drug
from cards.drug_orders import DrugOrder, is_for_rls, order_fires, orders_in_scope, value_may_be_cut_off, without_labs
from cards.finding import Fact, Finding, Indicator, quiet
from cards.kidney import Kidney, read_kidney
from cards.levels import numbered, once_each
from cards.orders import with_evidence
from cards.quantity import plain
from cards.rules import Rules
from cards.wording import fill

NAME = "gabapentinoid_order"
_ENACARBIL = "gabapentin enacarbil"
#: Most in dialysis, by ingredient.
_DIALYSIS_LIMITS = (("gabapentin", "gaba.dialysis_gabapentin"), ("pregabalin", "gaba.dialysis_pregabalin"))
_LUNGS = (("COPD", ("copd",)), ("sleep apnoea", ("sleep-apnoea",)))


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """One finding on the kidneys for all gabapentinoids of the basket, one on breathing with the opioids for RLS."""
    orders, outside = orders_in_scope(NAME, chart, rules, ("gabapentinoid", "opioid"), _concerns)
    gabapentinoids = tuple(order for order in orders if order.drug.has("gabapentinoid"))
    opioids = tuple(order for order in orders if order.drug.has("opioid"))
    if not orders:
        return outside
    kidney = read_kidney(chart, rules, "egfr_days_order", "gaba.egfr", "gaba.egfr_breathing")
    renal = (_renal(gabapentinoids, kidney),) if gabapentinoids else ()
    return (*outside, *renal, _breathing((*gabapentinoids, *opioids), kidney))


def _concerns(drug: Drug) -> bool:
    """Opioids for anything but RLS are not asked about."""
    return drug.has("gabapentinoid") or is_for_rls(drug)


# ------------------------------------------------------------------ the kidneys


def _renal(orders: tuple[DrugOrder, ...], kidney: Kidney) -> Finding:
    chart, rules = orders[0].chart, orders[0].rules
    if not kidney.is_below(rules.limit("gaba.egfr")):
        return _kidneys_fit(chart, kidney)
    too_much = tuple(order for order in orders if kidney.dialysis and _too_much_in_dialysis(order))
    facts: dict[str, Fact] = {**numbered("dose", dict.fromkeys(_dose(order) for order in orders)), **kidney.facts}
    texts = rules.decisions[NAME].texts
    manner = "too_much" if too_much else "dialysis" if kidney.dialysis else "kidney"
    found = order_fires(
        NAME,
        orders,
        "OS-GABA-RENAL",
        Indicator.WARNING if too_much else Indicator.INFO,
        {**facts, "advice": fill(texts[f"advice_{manner}"], {"weak": kidney.in_words}, rules)},
        why=tuple(facts),
    )
    return with_evidence(found, kidney.evidence)


def _kidneys_fit(chart: Chart, kidney: Kidney) -> Finding:
    if kidney.is_known:
        return quiet(NAME, "kidney_fits")
    return without_labs(NAME, chart) or value_may_be_cut_off(NAME, chart) or quiet(NAME, "kidney_not_known")


def _too_much_in_dialysis(order: DrugOrder) -> bool:
    """Any enacarbil, or a dose above the limit; a dose that could not be read is no reason for a warning."""
    daily = order.drug.daily.mg if order.drug.daily else {}
    doses = ((daily.get(name), order.rules.limit(limit).value) for name, limit in _DIALYSIS_LIMITS)
    above = any(dose is not None and dose > limit for dose, limit in doses)
    return above or _ENACARBIL in order.drug.product.ingredient_names()


def _dose(order: DrugOrder) -> str:
    """A weekly dose has no round number a day: one decimal is enough to read."""
    dose = order.daily_mg("gabapentinoid")
    a_day = plain(dose.quantize(Decimal("0.1"), ROUND_HALF_UP)) if dose is not None else ""
    return f"{order.drug.product.name}, {f'{a_day} mg a day' if a_day else 'daily dose not read'}"


# ------------------------------------------------------------------ breathing


def _breathing(orders: tuple[DrugOrder, ...], kidney: Kidney) -> Finding:
    """Both classes together, or either with a disease of the airways."""
    chart, rules = orders[0].chart, orders[0].rules
    partners = once_each(drug for order in orders for drug in order.beside(_other_class(order)))
    lungs = tuple(found for _, concepts in _LUNGS for found in chart.diagnosed(*concepts))
    if not partners and not lungs:
        return quiet(NAME, "breathing_fits")
    graver = _is_graver(chart, rules, kidney)
    if graver is None:
        return without_labs(NAME, chart) or _breathing_card(orders, kidney, partners, lungs, Indicator.INFO)
    return _breathing_card(orders, kidney, partners, lungs, Indicator.WARNING if graver else Indicator.INFO)


def _other_class(order: DrugOrder) -> str:
    return "opioid" if order.drug.has("gabapentinoid") else "gabapentinoid"


def _is_graver(chart: Chart, rules: Rules, kidney: Kidney) -> bool | None:
    """Old age or weak kidneys; `None` where the kidneys are not known and age does not decide."""
    if chart.age is not None and chart.age >= rules.limit("gaba.age").value:
        return True
    return kidney.is_below(rules.limit("gaba.egfr_breathing")) if kidney.is_known else None


def _breathing_card(
    orders: tuple[DrugOrder, ...],
    kidney: Kidney,
    partners: tuple[Drug, ...],
    lungs: tuple[Diagnosis, ...],
    indicator: Indicator,
) -> Finding:
    chart, rules = orders[0].chart, orders[0].rules
    problems = [words for words, concepts in _LUNGS if chart.diagnosed(*concepts)]
    facts: dict[str, Fact] = numbered("drug", dict.fromkeys(order.drug.product.name for order in orders))
    facts |= numbered("interaction", dict.fromkeys(drug.product.name for drug in partners))
    facts |= {**numbered("problem", problems), **(kidney.facts if indicator is Indicator.WARNING else {})}
    old = chart.age is not None and chart.age >= rules.limit("gaba.age").value
    facts |= {"risk": f"age {rules.limit('gaba.age').days} or more"} if old else {}
    cause = " and ".join([*(("opioid with gabapentinoid",) if partners else ()), *problems])
    found = order_fires(NAME, orders, "OS-GABA-CNS", indicator, {**facts, "cause": cause}, why=tuple(facts))
    return with_evidence(found, (*partners, *lungs, *kidney.evidence))
