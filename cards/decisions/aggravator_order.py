"""Draft orders of drugs that can worsen restless legs: replaceable ones and needed ones (clinical page 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cards.chart import Chart
from cards.drug_orders import DrugOrder, order_fires, orders_in_scope
from cards.finding import Finding, Indicator, quiet
from cards.levels import numbered
from cards.rules import Rules
from cards.scope import pregnancy

NAME = "aggravator_order"

#: Which kind a drug is; inside a product of two kinds the replaceable one wins (clinical amendments, section 4), and
#: an antidepressant with an antipsychotic is offered no substitute.
_KINDS = (
    ("antiemetic", ("agg-sub-antiemetic",)),
    ("antihistamine", ("agg-sub-antihistamine",)),
    ("antipsychotic", ("agg-psy-antipsychotic", "vmat2")),
    ("antidepressant", ("agg-psy-antidepressant",)),
)
#: Weak evidence: only where a site asks for them, each by a switch of its own name.
_WEAK = ("lithium", "tramadol")
_REPLACEABLE = ("antiemetic", "antihistamine")
_CLASSES = tuple(name for _, classes in _KINDS for name in classes)


@dataclass(frozen=True, slots=True)
class _Judged:
    """One order with its kind and how urgent it is; `case` is the circumstance that makes it less so."""

    order: DrugOrder
    kind: str
    case: str

    @property
    def indicator(self) -> Indicator:
        urgent = self.kind in _REPLACEABLE and not self.case
        return Indicator.WARNING if urgent else Indicator.INFO


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """One card for all such orders of the basket, and why the others are silent."""
    weak = tuple(name for name in _WEAK if rules.is_on(name))
    orders, outside = orders_in_scope(NAME, chart, rules, (*_CLASSES, *weak))
    silent = tuple(quiet(NAME, reason) for order in orders if (reason := _silence(order)))
    judged = tuple(_judged(order) for order in orders if not _silence(order))
    return (*outside, *silent, *((_card(judged),) if judged else ()))


def _silence(order: DrugOrder) -> str:
    if order.renews(*_CLASSES, *_WEAK):
        return "renewal"
    reaction = order.has_reason_or_diagnosis("anaphylaxis-or-transfusion-reaction")
    return "reaction" if order.drug.one_dose and reaction else ""


def _kind(order: DrugOrder) -> str:
    return next((kind for kind, classes in _KINDS if order.drug.has(*classes)), "weak")


def _judged(order: DrugOrder) -> _Judged:
    if pregnancy(order.chart).is_pregnant:
        return _Judged(order, _kind(order), "pregnant")
    if order.drug.one_dose:
        return _Judged(order, _kind(order), "single")
    return _Judged(order, _kind(order), "inpatient" if order.drug.inpatient else "")


def _card(judged: tuple[_Judged, ...]) -> Finding:
    orders = tuple(each.order for each in judged)
    chart, words = orders[0].chart, orders[0].rules.decisions[NAME].texts
    leading = min(judged, key=lambda each: each.indicator is not Indicator.WARNING)
    drugs = numbered("drug", dict.fromkeys(_in_words(each) for each in judged))
    lines = dict.fromkeys(_line(each, words) for each in judged)
    return order_fires(
        NAME,
        orders,
        "OS-AGG",
        leading.indicator,
        {**drugs, "advice": words[f"advice_{_manner(leading)}"], "lines": "\n".join(f"- {line}" for line in lines)},
        why=tuple(drugs),
        texts=() if chart.knows("medications") else ("renewal_unknown",),
    )


def _in_words(each: _Judged) -> str:
    manner = {"single": ", single dose", "inpatient": ", inpatient"}.get(each.case, "")
    return f"{each.order.drug.product.name}{manner}"


def _line(each: _Judged, words: Mapping[str, str]) -> str:
    """What can be done about this kind of drug; in pregnancy no substitute is named."""
    in_pregnancy = f"{each.kind}_pregnant"
    return words[in_pregnancy] if each.case == "pregnant" and in_pregnancy in words else words[each.kind]


def _manner(each: _Judged) -> str:
    """The words of the summary: the circumstance, or else whether the drug can be replaced."""
    return each.case or ("replace" if each.kind in _REPLACEABLE else "needed")
