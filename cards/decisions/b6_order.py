"""Draft orders of pyridoxine above the daily limit (clinical page 3)."""

from __future__ import annotations

from cards.chart import Chart
from cards.drug_orders import DrugOrder, judge_each, order_fires
from cards.finding import Fact, Finding, Indicator, quiet
from cards.orders import with_evidence
from cards.pyridoxine import is_needed, pyridoxine_limit
from cards.quantity import Quantity
from cards.rules import Rules, Threshold

NAME = "b6_order"
_NEEDED_BESIDE = ("isoniazid", "cycloserine")
_NEEDED_FOR = ("homocystinuria", "primary-hyperoxaluria")


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """One finding per draft that holds pyridoxine."""
    return judge_each(NAME, chart, rules, ("b6",), _judge)


def _judge(order: DrugOrder) -> Finding:
    dose = order.daily_mg("b6")
    if dose is None:
        return quiet(NAME, "dose_unread")
    limit = _limit(order)
    if dose <= limit.value:
        return quiet(NAME, "dose_fits", limit=limit)
    if is_needed(order.chart) or order.beside(*_NEEDED_BESIDE) or order.has_reason_or_diagnosis(*_NEEDED_FOR):
        return quiet(NAME, "needed")
    neuropathy = order.has_reason_or_diagnosis("neuropathy")
    facts: dict[str, Fact] = {"dose": Quantity(dose, "mg pyridoxine a day"), "limit": limit}
    facts |= {"problem": "neuropathy"} if neuropathy else {}
    texts = (
        ("neuropathy", neuropathy),
        ("eu", order.rules.switch("b6.preset") == "EU"),
        ("drugs_unknown", not order.chart.knows("medications")),
    )
    found = order_fires(
        NAME,
        (order,),
        "OS-B6",
        Indicator.WARNING,
        facts,
        why=tuple(name for name in facts if name != "limit"),
        texts=tuple(name for name, applies in texts if applies),
    )
    return with_evidence(found, order.chart.diagnosed("neuropathy"))


def _limit(order: DrugOrder) -> Threshold:
    """The limit of the patient; neuropathy that only the order names counts too."""
    limit = pyridoxine_limit(order.chart, order.rules)
    lower = order.rules.limit("b6.ul_neuropathy")
    return lower if order.has_reason_or_diagnosis("neuropathy") and lower.value < limit.value else limit
