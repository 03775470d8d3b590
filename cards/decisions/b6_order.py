"""Draft orders of pyridoxine above the daily limit (clinical rationale 3, clinical amendments 2, section 2)."""

from __future__ import annotations

from decimal import Decimal

from cards.decisions.shared.basket_doses import BasketDose, Ordered, alone_or_together
from cards.decisions.shared.doses import daily_mg_of_class, known_daily_mg
from cards.decisions.shared.drug_orders import DrugOrder, order_fires, orders_in_scope
from cards.decisions.shared.levels import contradicted, level, numbered
from cards.decisions.shared.orders import is_same_order, with_evidence
from cards.decisions.shared.pyridoxine import (
    DISEASES_THAT_NEED_IT,
    DRUGS_THAT_NEED_IT,
    ISONIAZID,
    is_infant,
    is_needed,
    pyridoxine_limit,
)
from cards.facts.chart import Chart
from cards.facts.drugs import Drug
from cards.facts.finding import Fact, Finding, Indicator, Text, quiet
from cards.knowledge.limits import meets
from cards.knowledge.rules import Rules, Threshold
from cards.patient.status import is_child
from cards.quantity import in_print
from cards.wording.phrases import NOTHING, printed, say

NAME = "b6_order"


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return one finding per draft that holds pyridoxine, or one on all where only their sum is too much."""
    orders, outside = orders_in_scope(NAME, chart, rules)
    return (*outside, *alone_or_together(orders, "b6", daily_mg_of_class, _judge))


def _judge(ordered: Ordered) -> Finding:
    orders, basket = ordered.orders, ordered.dose
    order, infant = orders[0], is_infant(orders[0].chart)
    neuropathy = any(each.has_reason_or_diagnosis("neuropathy") for each in orders)
    limit = pyridoxine_limit(order.chart, order.rules, neuropathy=neuropathy)
    if not meets(basket.known, limit) and not infant:
        return quiet(NAME, "dose_fits", limit=limit) if basket.is_whole else quiet(NAME, "dose_unread")
    if any(_is_needed(each, basket.known) for each in orders):
        return quiet(NAME, "needed")
    mg = None if basket.known is None else in_print(basket.known, above=limit.value)
    active = order.chart.drugs_that_go_on("b6")
    taken = tuple(drug for drug in active if not any(is_same_order(drug, each.draft) for each in orders))
    reading = level(order.chart, order.rules, "plp", "vitamin_days", "plp.high")
    plp = reading.beyond(order.rules.limit("plp.high")) or reading.result
    isoniazid = order.beside(ISONIAZID)
    enough = meets(known_daily_mg(taken, "pyridoxine"), limit) or meets(plp, order.rules.limit("plp.high"))
    step = "step_child" if is_child(order.chart) else "step_isoniazid" if isoniazid else "step_none" if enough else ""
    shown: dict[str, Fact] = numbered("dose", _doses(ordered, mg))
    shown |= numbered("taken", dict.fromkeys(_taken(each, order) for each in taken))
    shown |= {"plp": plp, **contradicted(reading, plp)} if plp else {}
    shown |= {"problem": say(order.rules, NAME, "neuropathy_named")} if neuropathy else {}
    facts: dict[str, Fact] = {
        **shown,
        "compared": _compared(order, basket, mg, known_daily_mg(taken, "pyridoxine"), limit, neuropathy=neuropathy),
        "step": say(order.rules, NAME, step or "step_lower"),
        "ask": say(order.rules, NAME, "ask_child" if is_child(order.chart) else "ask"),
        "harm": say(order.rules, NAME, "harm_infant" if infant else "harm"),
    }
    texts = (
        ("infant", infant),
        ("neuropathy", neuropathy),
        ("trials", not is_child(order.chart)),
        ("eu", order.rules.switch("b6.preset") == "EU"),
        ("au", order.rules.switch("b6.preset") == "AU"),
        ("drugs_unknown", not order.chart.knows("medications")),
    )
    found = order_fires(
        NAME,
        orders,
        "OS-B6",
        Indicator.INFO if infant else Indicator.WARNING,
        facts,
        why=tuple(shown),
        texts=tuple(name for name, applies in texts if applies),
    )
    return with_evidence(found, (*order.chart.diagnosed("neuropathy"), *isoniazid, *taken))


def _doses(ordered: Ordered, mg: Decimal | None) -> tuple[Text, ...]:
    """Return the dose of the order; of several orders, or where a day is not told, each order and what all bring."""
    order, basket = ordered.orders[0], ordered.dose
    rules = order.rules
    if mg is None:
        return (say(rules, NAME, "unread"),)
    if basket.is_whole and not basket.several:
        return (say(rules, NAME, "dose", mg=mg),)
    each = ordered.render_each("b6", daily_mg_of_class)
    return (*each, _together(order, basket, mg)) if basket.several else each


def _together(order: DrugOrder, basket: BasketDose, mg: Decimal) -> Text:
    """Return what the orders bring together, as what it is at least where a day cannot be told."""
    return say(order.rules, NAME, "together" if basket.is_whole else "together_least", mg=mg)


def _compared(
    order: DrugOrder,
    basket: BasketDose,
    mg: Decimal | None,
    taken: Decimal,
    limit: Threshold,
    *,
    neuropathy: bool,
) -> Text:
    """Return the dose for the summary, with what is taken already, beside the limit that counts for this patient."""
    rules = order.rules
    if mg is None:
        dose = say(rules, NAME, "unread_in_short")
    elif basket.several:
        dose = _together(order, basket, mg)
    elif not basket.is_whole:
        dose = say(rules, NAME, "least_in_short", mg=mg)
    else:
        alone = len(order.drug.product.ingredient_names()) == 1
        dose = say(rules, NAME, "dose_in_short" if alone else "dose", mg=mg)
    if is_infant(order.chart):
        return say(rules, NAME, "infant_in_short", dose=dose)
    beside = say(rules, NAME, "beside_taken", mg=in_print(taken)) if taken else NOTHING
    return say(rules, NAME, "neuropathic" if neuropathy else "above", dose=dose, beside=beside, limit=limit)


def _taken(drug: Drug, order: DrugOrder) -> Text:
    """Return a product that is taken already, with its dose where that was read."""
    mg = known_daily_mg((drug,), "pyridoxine")
    return say(order.rules, NAME, "taken", drug=drug, mg=in_print(mg)) if mg else printed(drug)


def _is_needed(order: DrugOrder, dose: Decimal | None) -> bool:
    treated = order.beside(*DRUGS_THAT_NEED_IT) or order.has_reason_or_diagnosis(*DISEASES_THAT_NEED_IT)
    return bool(treated) or is_needed(order.chart, order.rules, dose, isoniazid=bool(order.beside(ISONIAZID)))
