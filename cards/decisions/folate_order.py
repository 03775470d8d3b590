"""Draft orders of folic acid: never alone where B12 is low, or unknown at a high dose (clinical rationale 3)."""

from __future__ import annotations

from cards.decisions.shared.b12_risks import b12_bands
from cards.decisions.shared.basket_doses import basket_dose
from cards.decisions.shared.doses import daily_mg_of_class
from cards.decisions.shared.drug_orders import DrugOrder, is_ordered, judge_each, order_fires, value_may_be_cut_off
from cards.decisions.shared.levels import contradicted, level, without_labs
from cards.facts.chart import Chart
from cards.facts.drugs import Drug
from cards.facts.finding import Fact, Finding, Indicator, OrderTests, quiet
from cards.facts.results import LabResult
from cards.knowledge.limits import meets
from cards.knowledge.rules import Rules
from cards.labs.latest import Reading
from cards.patient.pregnancy import pregnancy
from cards.wording.phrases import phrase, say

NAME = "folate_order"


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return one finding per draft that holds folic acid or methylfolate."""
    return judge_each(NAME, chart, rules, _judge)


def _judge(order: DrugOrder) -> Finding:
    too_small = _too_small(order)
    if order.is_multi_ingredient and too_small:
        return quiet(NAME, too_small)
    if any(_treats(drug, order.rules) for drug in (order.drug, *order.beside("b12"))):
        return quiet(NAME, "with_b12")
    no_labs = without_labs(NAME, order.chart)
    return no_labs or _by_level(order)


def _too_small(order: DrugOrder) -> str:
    """Return why the folic acid of the basket is not surely above the dose, as a key of `because`; empty where it is.

    One intake above it is above it on the day on which it is taken.
    """
    basket = basket_dose(order, "folate", daily_mg_of_class)
    if meets(basket.known, order.rules.limit("folate.dose")):
        return ""
    return "small_dose" if basket.is_whole else "dose_unread"


def _treats(drug: Drug, rules: Rules) -> bool:
    """Return whether a drug treats B12 deficiency: injected, or at least 0.1 mg a day.

    A plain product whose dose could not be read counts.
    """
    if not drug.has("b12"):
        return False
    dose = daily_mg_of_class(drug, "b12")
    if drug.product.route not in ("", "oral"):
        return True
    return not drug.has("multi-ingredient", "folate") if dose is None else meets(dose, rules.limit("b12.with_folate"))


def _by_level(order: DrugOrder) -> Finding:
    low, border = b12_bands(order.rules)
    reading = level(order.chart, order.rules, "b12", "vitamin_days", low, border)
    b12 = reading.counted(order.rules.limit(border))
    beside = contradicted(reading, b12)
    if b12 and meets(b12, order.rules.limit(low)):
        return _card(order, Indicator.WARNING, "low", {"b12": b12, **beside})
    if b12 and meets(b12, order.rules.limit(border)):
        mma = level(order.chart, order.rules, "mma", "vitamin_days").result
        return _card(order, Indicator.INFO, "border", {"b12": b12, **beside, **({"mma": mma} if mma else {})})
    return quiet(NAME, "enough", b12=b12) if b12 and reading.result else _without_level(order, reading)


def _without_level(order: DrugOrder, reading: Reading) -> Finding:
    """Return the finding without a usable B12: a card only above the dose that may hide pernicious anaemia."""
    reason = _may_go_on(order)
    if reason:
        return quiet(NAME, reason)
    missing = phrase("results.none_within", window=order.rules.limit("vitamin_days"))
    facts: dict[str, Fact] = {"b12_missing": missing, **({"newest": reading.others[0]} if reading.others else {})}
    return value_may_be_cut_off(NAME, order.chart) or _card(order, Indicator.INFO, "unknown", facts)


def _may_go_on(order: DrugOrder) -> str:
    """Return why folate without a B12 result is in order, as a key of `because`."""
    too_small = _too_small(order)
    if too_small:
        return too_small
    if pregnancy(order.chart).is_pregnant or order.chart.diagnosed("lactation"):
        return "pregnancy"
    return "methotrexate" if order.beside("methotrexate") else ""


def _only_below(facts: dict[str, Fact]) -> tuple[str, ...]:
    b12 = facts.get("b12")
    return ("advice_censored",) if isinstance(b12, LabResult) and b12.quantity.is_censored else ()


def _card(order: DrugOrder, indicator: Indicator, limb: str, facts: dict[str, Fact]) -> Finding:
    wanted = {"low": (), "border": () if "mma" in facts else ("mma",), "unknown": ("b12",)}[limb]
    together = limb != "unknown" and pregnancy(order.chart).is_pregnant
    asked = bool(wanted) and not is_ordered(order.chart, order.rules, *wanted)
    return order_fires(
        NAME,
        (order,),
        "OS-FOL-B12",
        indicator,
        {
            **facts,
            "advice": say(order.rules, NAME, f"advice_{limb}_pregnant" if together else f"advice_{limb}", **facts),
            "step": say(order.rules, NAME, "step_pregnant" if together else f"step_{limb}"),
        },
        why=tuple(facts),
        texts=(*_only_below(facts), *(() if order.chart.knows("medications") else ("b12_drugs_unknown",))),
        suggestions=(OrderTests(wanted),) if asked else (),
    )
