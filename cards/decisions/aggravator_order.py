"""Draft orders of drugs that can worsen restless legs: replaceable ones and needed ones (clinical rationale 3)."""

from __future__ import annotations

from cards.decisions.shared.drug_orders import DrugOrder, order_fires, orders_in_scope
from cards.decisions.shared.levels import numbered
from cards.facts.chart import Chart
from cards.facts.finding import Finding, Indicator, Text, quiet
from cards.knowledge.rules import Rules
from cards.patient.pregnancy import pregnancy
from cards.values import frozen
from cards.wording.phrases import lines, listed, names, printed, say

NAME = "aggravator_order"

#: The kind of a drug by its classes. In a product of two kinds the replaceable one counts (clinical amendments 4);
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
#: Sedating antihistamines for vertigo and motion sickness, for which no substitute is named.
_FOR_VERTIGO = frozenset({"meclizine", "dimenhydrinate", "cyclizine", "cinnarizine", "flunarizine"})
#: The circumstances that are named beside the drug.
_NAMED = ("single", "inpatient")
_CLASSES = tuple(name for _, classes in _KINDS for name in classes)


@frozen
class _Judged:
    """One order with its kind and how urgent it is; `case` is the circumstance that makes it less so."""

    order: DrugOrder
    kind: str
    case: str

    @property
    def indicator(self) -> Indicator:
        """Return a warning for a replaceable drug without extenuating circumstance, else info."""
        urgent = self.kind in (*_REPLACEABLE, "vertigo") and not self.case
        return Indicator.WARNING if urgent else Indicator.INFO


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return one card for all such orders of the call, and why the others are silent."""
    orders, outside = orders_in_scope(NAME, chart, rules)
    silent = tuple(quiet(NAME, reason) for order in orders if (reason := _silence(order)))
    judged = tuple(_judged(order) for order in orders if not _silence(order))
    return (*outside, *silent, *((_card(judged),) if judged else ()))


def _silence(order: DrugOrder) -> str:
    if order.renews(*_CLASSES, *_WEAK):
        return "renewal"
    reaction = order.has_reason_or_diagnosis("anaphylaxis-or-transfusion-reaction")
    return "reaction" if order.drug.one_dose and reaction else ""


def _kind(order: DrugOrder) -> str:
    found = next((kind for kind, classes in _KINDS if order.drug.has(*classes)), "weak")
    own = order.drug.product.ingredient_names()
    return "vertigo" if found == "antihistamine" and own & _FOR_VERTIGO else found


def _judged(order: DrugOrder) -> _Judged:
    if pregnancy(order.chart).is_pregnant:
        return _Judged(order, _kind(order), "pregnant")
    if order.drug.one_dose:
        return _Judged(order, _kind(order), "single")
    return _Judged(order, _kind(order), "inpatient" if order.drug.inpatient else "")


def _card(judged: tuple[_Judged, ...]) -> Finding:
    orders = tuple(each.order for each in judged)
    chart, rules = orders[0].chart, orders[0].rules
    leading = min(judged, key=lambda each: each.indicator is not Indicator.WARNING)
    drugs = numbered("drug", dict.fromkeys(_in_words(each) for each in judged))
    advice = dict.fromkeys(say(rules, NAME, _line(each, rules)) for each in judged)
    return order_fires(
        NAME,
        orders,
        "OS-AGG",
        leading.indicator,
        {**drugs, "advice": _summary(judged, leading), "lines": lines(advice)},
        why=tuple(drugs),
        texts=() if chart.knows("medications") else ("renewal_unknown",),
    )


def _in_words(each: _Judged) -> Text:
    drug = printed(each.order.drug)
    return say(each.order.rules, NAME, f"drug_{each.case}", drug=drug) if each.case in _NAMED else drug


def _line(each: _Judged, rules: Rules) -> str:
    """Return what can be done about this kind of drug, as a key of the texts.

    In pregnancy no substitute is named.
    """
    in_pregnancy = "antihistamine_pregnant" if each.kind == "vertigo" else f"{each.kind}_pregnant"
    known = in_pregnancy in rules.decisions[NAME].texts
    return in_pregnancy if each.case == "pregnant" and known else each.kind


def _summary(judged: tuple[_Judged, ...], leading: _Judged) -> Text:
    """Return what the summary says: of all orders alike, else for which of them there is a substitute."""
    rules = leading.order.rules
    replaced = [each for each in judged if _manner(each) == "replace"]
    if _manner(leading) == "vertigo" and replaced:
        leading = replaced[0]
    if _manner(leading) != "replace" or len(replaced) == len(judged):
        return say(rules, NAME, f"advice_{_manner(leading)}")
    own = dict.fromkeys(name for each in replaced for name in sorted(each.order.drug.product.ingredient_names()))
    return say(rules, NAME, "advice_replace_some", replaceable=listed(names(own)))


def _manner(each: _Judged) -> str:
    """Return the wording of the summary: the circumstance, or else whether the drug can be replaced."""
    if each.case:
        return each.case
    return "vertigo" if each.kind == "vertigo" else "replace" if each.kind in _REPLACEABLE else "needed"
