"""Draft orders of pyridoxine above the daily limit (clinical rationale 3, clinical amendments 2, section 2)."""

from __future__ import annotations

from decimal import Decimal

from cards.decisions.shared.doses import known_daily_mg
from cards.decisions.shared.drug_orders import DrugOrder, judge_each, order_fires
from cards.decisions.shared.levels import level, numbered
from cards.decisions.shared.orders import is_same_order, with_evidence
from cards.decisions.shared.pyridoxine import (
    DISEASES_THAT_NEED_IT,
    DRUGS_THAT_NEED_IT,
    ISONIAZID,
    is_infant,
    is_needed,
    pyridoxine_limit,
)
from cards.facts.chart import Chart, Drug
from cards.facts.finding import Fact, Finding, Indicator, Text, quiet
from cards.knowledge.limits import meets, misses
from cards.knowledge.rules import Rules, Threshold
from cards.patient.status import is_child
from cards.quantity import in_print
from cards.wording.phrases import NOTHING, printed, say

NAME = "b6_order"


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return one finding per draft that holds pyridoxine."""
    return judge_each(NAME, chart, rules, _judge)


def _judge(order: DrugOrder) -> Finding:
    dose, infant = order.daily_mg("b6"), is_infant(order.chart)
    if dose is None and not infant:
        return quiet(NAME, "dose_unread")
    neuropathy = order.has_reason_or_diagnosis("neuropathy")
    limit = pyridoxine_limit(order.chart, order.rules, neuropathy=neuropathy)
    if misses(dose, limit) and not infant:
        return quiet(NAME, "dose_fits", limit=limit)
    if _is_needed(order, dose):
        return quiet(NAME, "needed")
    mg = None if dose is None else in_print(dose, above=limit.value)
    words = say(order.rules, NAME, "dose", mg=mg) if mg is not None else say(order.rules, NAME, "unread")
    active = order.chart.active_drugs("b6")
    taken = tuple(each for each in active if not is_same_order(each, order.draft))
    plp = level(order.chart, order.rules, "plp", "vitamin_days", "plp.high").result
    isoniazid = order.beside(ISONIAZID)
    enough = meets(known_daily_mg(taken, "pyridoxine"), limit) or meets(plp, order.rules.limit("plp.high"))
    step = "step_child" if is_child(order.chart) else "step_isoniazid" if isoniazid else "step_none" if enough else ""
    shown: dict[str, Fact] = {"dose": words, **numbered("taken", dict.fromkeys(_taken(each, order) for each in taken))}
    shown |= {"plp": plp} if plp else {}
    shown |= {"problem": say(order.rules, NAME, "neuropathy_named")} if neuropathy else {}
    facts: dict[str, Fact] = {
        **shown,
        "compared": _compared(order, mg, known_daily_mg(taken, "pyridoxine"), limit, neuropathy=neuropathy),
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
        (order,),
        "OS-B6",
        Indicator.INFO if infant else Indicator.WARNING,
        facts,
        why=tuple(shown),
        texts=tuple(name for name, applies in texts if applies),
    )
    return with_evidence(found, (*order.chart.diagnosed("neuropathy"), *isoniazid, *taken))


def _compared(order: DrugOrder, mg: Decimal | None, taken: Decimal, limit: Threshold, *, neuropathy: bool) -> Text:
    """Return the dose for the summary, with what is taken already, beside the limit that counts for this patient."""
    rules = order.rules
    if mg is None:
        dose = say(rules, NAME, "unread_in_short")
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
