"""Draft orders of dopaminergic drugs for restless legs: new ones, renewals, and ergots (clinical page 3)."""

from __future__ import annotations

from collections.abc import Mapping

from cards.chart import Chart, Listing
from cards.drug_orders import DrugOrder, is_ordered, order_fires, orders_in_scope
from cards.finding import Fact, Finding, Indicator, OrderTests, Suggestion, quiet
from cards.iron.studies import IronStudies, ferritin_limits, read_iron_studies
from cards.levels import numbered
from cards.orders import with_evidence
from cards.rules import Rules
from cards.scope import is_esrd, kidney_failure, overload, polycythaemia, pregnancy, probable_overload

NAME = "dopaminergic_order"
_CLASSES = ("da", "levodopa", "ergot")
_IN_THE_GUIDELINE = frozenset({"pramipexole", "ropinirole", "rotigotine", "levodopa"})


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """One card for all new orders, one for all renewals; why the other drafts are left alone."""
    orders, outside = orders_in_scope(NAME, chart, rules, _CLASSES)
    silent = tuple(quiet(NAME, reason) for order in orders if (reason := _silence(order)))
    judged = tuple(order for order in orders if not _silence(order))
    renewed = tuple(order for order in judged if order.renews(*_CLASSES))
    new = tuple(order for order in judged if order not in renewed)
    cards = (("OS-DA", Indicator.WARNING, new), ("OS-DA-RENEW", Indicator.INFO, renewed))
    found = tuple(_card(card, indicator, group) for card, indicator, group in cards if group)
    return (*outside, *silent, *found)


def _silence(order: DrugOrder) -> str:
    """Why the order is expected here, as a key of `because`; empty where it is judged."""
    if order.has_reason_or_diagnosis("parkinsonism"):
        return "parkinsonism"
    if order.drug.reasons.name_another_indication:
        return "other_reason"
    if not _is_ergot(order):
        return ""
    if order.has_reason_or_diagnosis("prolactin-disorder"):
        return "prolactin"
    return "bromocriptine" if "bromocriptine" in _names(order) and not order.reason_is_rls else ""


def _is_ergot(order: DrugOrder) -> bool:
    return order.drug.has("ergot")


def _names(order: DrugOrder) -> frozenset[str]:
    return order.drug.product.ingredient_names()


def _card(card: str, indicator: Indicator, orders: tuple[DrugOrder, ...]) -> Finding:
    chart, rules = orders[0].chart, orders[0].rules
    drugs = numbered("drug", dict.fromkeys(order.drug.product.name for order in orders))
    studies = read_iron_studies(
        chart, rules, window=rules.limit("fresh_days").days, extra_limits=ferritin_limits(chart)
    )
    shown = _iron_facts(studies)
    texts = (*_ergot_texts(orders), *_iron_texts(studies), *_patient_texts(chart, new=card == "OS-DA"))
    found = order_fires(
        NAME,
        orders,
        card,
        indicator,
        {**drugs, **shown, "advice": _advice(orders, rules)},
        why=(*drugs, *shown),
        texts=texts,
        suggest=_iron_tests(studies),
        not_checked=() if chart.listing("labs") is not Listing.NOT_KNOWN else ("labs",),
    )
    return with_evidence(found, kidney_failure(chart))


def _advice(orders: tuple[DrugOrder, ...], rules: Rules) -> str:
    """The words of the summary; the guideline speaks of four dopaminergic drugs and of cabergoline, of no other."""
    words = rules.decisions[NAME].texts
    names = frozenset().union(*(_names(order) for order in orders))
    if all(_is_ergot(order) for order in orders):
        return words["advice_ergot" if "cabergoline" in names else "advice_other_ergot"]
    return words["advice_unnamed" if names.isdisjoint(_IN_THE_GUIDELINE) else "advice_dopaminergic"]


def _ergot_texts(orders: tuple[DrugOrder, ...]) -> tuple[str, ...]:
    return ("ergot",) if any(_is_ergot(order) for order in orders) else ()


def _iron_facts(studies: IronStudies) -> Mapping[str, Fact]:
    """Iron status; that there is none is said only where the results were read to their end."""
    complete = studies.chart.listing("labs") is Listing.COMPLETE
    return {name: fact for name, fact in studies.facts.items() if complete or not name.endswith("_missing")}


def _iron_texts(studies: IronStudies) -> tuple[str, ...]:
    chart = studies.chart
    if overload(chart) or probable_overload(chart) or polycythaemia(chart) or studies.blocking:
        return ("advice_iron_barred",)
    if studies.ferritin is None and chart.listing("labs") is Listing.COMPLETE:
        return ("advice_iron_unknown",)
    return ()


def _patient_texts(chart: Chart, *, new: bool) -> tuple[str, ...]:
    said = (
        ("advice_pregnant", pregnancy(chart).is_pregnant),
        ("advice_dialysis", is_esrd(chart)),
        ("renewal_unknown", new and not chart.knows("medications")),
    )
    return tuple(name for name, applies in said if applies)


def _iron_tests(studies: IronStudies) -> tuple[Suggestion, ...]:
    """What is missing of ferritin and iron panel, unless it is already ordered or may stand in a cut list."""
    chart, rules = studies.chart, studies.rules
    wanted = ("ferritin", *_PANEL[:1]) if studies.ferritin is None else _PANEL[:1] if studies.tsat is None else ()
    if chart.listing("labs") is not Listing.COMPLETE or not wanted or is_ordered(chart, rules, "ferritin", *_PANEL):
        return ()
    return (OrderTests(wanted),)


_PANEL = ("iron-panel", "tsat")
