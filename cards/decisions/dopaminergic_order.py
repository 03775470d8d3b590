"""Draft orders of dopaminergic drugs for restless legs: new ones, renewals, and ergots (clinical rationale 3)."""

from __future__ import annotations

from collections.abc import Mapping

from cards.decisions.iron.studies import IronStudies, ferritin_limits, read_iron_studies
from cards.decisions.shared.drug_orders import DrugOrder, is_ordered, order_fires, orders_in_scope
from cards.decisions.shared.levels import numbered
from cards.decisions.shared.orders import with_evidence
from cards.decisions.shared.severe_rls import gabapentinoid_is_barred
from cards.facts.chart import Chart, Listing
from cards.facts.finding import Fact, Finding, Indicator, OrderTests, Suggestion, quiet
from cards.knowledge.rules import Rules
from cards.patient.pregnancy import pregnancy
from cards.patient.status import is_esrd, kidney_failure, overload, polycythaemia, probable_overload
from cards.wording.phrases import printed, say

NAME = "dopaminergic_order"
_CLASSES = ("da", "levodopa", "ergot")
_IN_THE_GUIDELINE = frozenset({"pramipexole", "ropinirole", "rotigotine", "levodopa"})


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return one card for all new orders and one for all renewals, and why the other drafts are left alone."""
    orders, outside = orders_in_scope(NAME, chart, rules)
    silent = tuple(quiet(NAME, reason) for order in orders if (reason := _silence(order)))
    judged = tuple(order for order in orders if not _silence(order))
    renewed = tuple(order for order in judged if order.renews(*_CLASSES))
    new = tuple(order for order in judged if order not in renewed)
    cards = (("OS-DA", Indicator.WARNING, new), ("OS-DA-RENEW", Indicator.INFO, renewed))
    found = tuple(_card(card, indicator, group) for card, indicator, group in cards if group)
    return (*outside, *silent, *found)


def _silence(order: DrugOrder) -> str:
    """Return why the order is expected here, as a key of `because`; empty where it is judged."""
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
    drugs = numbered("drug", dict.fromkeys(printed(order.drug) for order in orders))
    studies = read_iron_studies(chart, rules, window="fresh_days", limits=ferritin_limits(chart))
    shown = _iron_facts(studies)
    found = order_fires(
        NAME,
        orders,
        card,
        indicator,
        {
            **drugs,
            **shown,
            "advice": say(rules, NAME, _advice(orders)),
            "iron_first": say(rules, NAME, _iron_first(studies)),
            "alternative": say(rules, NAME, _alternative(chart)),
        },
        why=(*drugs, *shown),
        texts=(*_ergot_texts(orders), *(_of_new(chart) if card == "OS-DA" else _of_renewals(studies))),
        suggestions=_iron_tests(studies),
        not_checked=() if chart.listing("labs") is not Listing.NOT_KNOWN else ("labs",),
    )
    return with_evidence(found, kidney_failure(chart))


def _advice(orders: tuple[DrugOrder, ...]) -> str:
    """Return what the summary says, as a key of the texts.

    The guideline speaks of four dopaminergic drugs and cabergoline.
    """
    names = frozenset().union(*(_names(order) for order in orders))
    if all(_is_ergot(order) for order in orders):
        return "advice_ergot" if "cabergoline" in names else "advice_other_ergot"
    return "advice_unnamed" if names.isdisjoint(_IN_THE_GUIDELINE) else "advice_dopaminergic"


def _ergot_texts(orders: tuple[DrugOrder, ...]) -> tuple[str, ...]:
    return ("ergot",) if any(_is_ergot(order) for order in orders) else ()


def _iron_facts(studies: IronStudies) -> Mapping[str, Fact]:
    """Return the iron status; a missing result is stated only where the results were read to their end."""
    complete = studies.chart.listing("labs") is Listing.COMPLETE
    return {name: fact for name, fact in studies.facts.items() if complete or not name.endswith("_missing")}


def _iron_first(studies: IronStudies) -> str:
    """Return what comes before the drug, as a key of the texts."""
    chart = studies.chart
    if overload(chart) or probable_overload(chart) or polycythaemia(chart) or studies.blocking:
        return "advice_iron_barred"
    unknown = studies.ferritin is None and chart.listing("labs") is Listing.COMPLETE
    return "advice_iron_unknown" if unknown else "iron_first"


def _of_new(chart: Chart) -> tuple[str, ...]:
    """Return what a new order says besides; iron and the alternative stand in its recommendation."""
    return () if chart.knows("medications") else ("renewal_unknown",)


def _of_renewals(studies: IronStudies) -> tuple[str, ...]:
    """Return what leads the card of a renewal, which names no alternative."""
    chart, iron = studies.chart, _iron_first(studies)
    said = (
        (iron, iron != "iron_first"),
        ("advice_pregnant", pregnancy(chart).is_pregnant),
        ("advice_dialysis", is_esrd(chart)),
    )
    return tuple(name for name, applies in said if applies)


def _alternative(chart: Chart) -> str:
    """Return what may be given in its place, as a key of the texts."""
    if pregnancy(chart).is_pregnant:
        return "advice_pregnant"
    if chart.active_drugs("gabapentinoid"):
        return "alternative_taken"
    if gabapentinoid_is_barred(chart):
        return "alternative_barred"
    return "advice_dialysis" if is_esrd(chart) else "alternative"


def _iron_tests(studies: IronStudies) -> tuple[Suggestion, ...]:
    """Return the ferritin and iron panel that are missing, not ordered, and cannot stand in a cut list."""
    chart, rules = studies.chart, studies.rules
    wanted = ("ferritin", *_PANEL[:1]) if studies.ferritin is None else _PANEL[:1] if studies.tsat is None else ()
    if chart.listing("labs") is not Listing.COMPLETE or not wanted or is_ordered(chart, rules, "ferritin", *_PANEL):
        return ()
    return (OrderTests(wanted),)


_PANEL = ("iron-panel", "tsat")
