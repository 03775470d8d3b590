"""Draft orders of vitamin C where oxalate or iron may accumulate (clinical page 3)."""

from __future__ import annotations

from decimal import Decimal

from cards.chart import Chart, Diagnosis
from cards.drug_orders import DrugOrder, judge_each, order_fires, value_may_be_cut_off, without_labs
from cards.finding import Fact, Finding, Indicator, quiet
from cards.kidney import Kidney, read_kidney
from cards.orders import with_evidence
from cards.quantity import Quantity
from cards.rules import Rules
from cards.wording import fill

NAME = "vitamin_c_order"
#: Diseases in which any dose is too much, and how a card names them.
_DISEASES = (("hyperoxaluria", ("oxalate", "primary-hyperoxaluria")), ("iron overload", ("overload",)))


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """One finding per draft that holds vitamin C."""
    return judge_each(NAME, chart, rules, ("vitc",), _judge)


def _judge(order: DrugOrder) -> Finding:
    dose = order.daily_mg("vitc")
    diseases = {words: found for words, concepts in _DISEASES if (found := order.chart.diagnosed(*concepts))}
    if diseases:
        return _disease_card(order, dose, diseases)
    if dose is None:
        return quiet(NAME, "dose_unread")
    if dose <= order.rules.limit("vitc.esrd_info").value:
        return quiet(NAME, "small_dose")
    kidney = read_kidney(order.chart, order.rules, "egfr_days", "vitc.egfr")
    return (
        _kidney_card(order, dose, kidney) if kidney.is_below(order.rules.limit("vitc.egfr")) else _fits(order, kidney)
    )


def _fits(order: DrugOrder, kidney: Kidney) -> Finding:
    if kidney.is_known:
        return quiet(NAME, "fits")
    return without_labs(NAME, order.chart) or value_may_be_cut_off(NAME, order.chart) or quiet(NAME, "no_level")


def _disease_card(order: DrugOrder, dose: Decimal | None, diseases: dict[str, tuple[Diagnosis, ...]]) -> Finding:
    names = " and ".join(diseases)
    facts: dict[str, Fact] = {"problem": names, **({"dose": _per_day(dose)} if dose is not None else {})}
    words = order.rules.decisions[NAME].texts["advice_disease"]
    texts = (
        "advice_remove",
        *(("oxalate",) if "hyperoxaluria" in diseases else ()),
        *(("iron",) if "iron overload" in diseases else ()),
    )
    found = order_fires(
        NAME,
        (order,),
        "OS-VITC",
        Indicator.WARNING,
        {**facts, "advice": f"{names}: {words}"},
        why=tuple(facts),
        texts=texts,
    )
    return with_evidence(found, tuple(each for entries in diseases.values() for each in entries))


def _kidney_card(order: DrugOrder, dose: Decimal, kidney: Kidney) -> Finding:
    high = dose > order.rules.limit("vitc.esrd").value
    facts: dict[str, Fact] = {"dose": _per_day(dose), **kidney.facts}
    texts = order.rules.decisions[NAME].texts
    words = fill(texts["advice_high" if high else "advice_kidney"], {"weak": kidney.in_words}, order.rules)
    found = order_fires(
        NAME,
        (order,),
        "OS-VITC",
        Indicator.WARNING if high else Indicator.INFO,
        {**facts, "advice": f"{_per_day(dose).text}; {words}"},
        why=tuple(facts),
        texts=("advice_small_dose", *(("dialysis",) if kidney.dialysis else ())),
    )
    return with_evidence(found, kidney.evidence)


def _per_day(dose: Decimal) -> Quantity:
    return Quantity(dose, "mg vitamin C a day")
