"""Draft orders of dopaminergic drugs for restless legs: new ones, renewals, and ergots (clinical rationale 3)."""

from __future__ import annotations

from collections.abc import Mapping

from cards.decisions.iron.before_a_drug import (
    ON_IRON,
    further_facts,
    iron_first,
    render_iron_first,
    waits_for_recheck,
)
from cards.decisions.iron.newer_lower import as_known_now
from cards.decisions.iron.studies import IronStudies, current_iron_studies
from cards.decisions.shared.dopaminergic_doses import DopaminergicDose, dopaminergic_doses
from cards.decisions.shared.drug_orders import DrugOrder, is_ordered, order_fires, orders_in_scope
from cards.decisions.shared.levels import numbered
from cards.decisions.shared.orders import is_same_order, with_evidence
from cards.decisions.shared.severe_rls import gabapentinoid_is_barred, reacted_to_gabapentinoid
from cards.facts.chart import Chart, Listing
from cards.facts.drugs import Drug
from cards.facts.finding import Fact, Finding, Indicator, OrderTests, Suggestion, Text, quiet
from cards.knowledge.rules import Rules
from cards.patient.pregnancy import may_be_pregnant, pregnancy
from cards.patient.status import is_child, is_esrd, kidney_failure
from cards.quantity import in_print
from cards.wording.phrases import NOTHING, joined, names, printed, say, sentences

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
    studies = as_known_now(current_iron_studies(chart, rules))
    shown = {**_iron_facts(studies), **further_facts(studies)}
    ordered = dopaminergic_doses((order.drug for order in orders), rules)
    told = frozenset(dose.name for dose in ordered)
    drugs = numbered("drug", dict.fromkeys(printed(each.drug) for each in orders if told.isdisjoint(_names(each))))
    active = _taken(orders)
    taken = {dose.name: dose for dose in dopaminergic_doses(active, rules)}
    changed = tuple(dose for dose in ordered if dose.name in taken and dose.mg != taken[dose.name].mg)
    doses = {**numbered("dose", (dose.rendered for dose in ordered))}
    doses |= numbered("taken", (taken[dose.name].rendered for dose in ordered if dose.name in taken))
    found = order_fires(
        NAME,
        orders,
        card,
        indicator,
        {
            **drugs,
            **doses,
            **shown,
            "advice": say(rules, NAME, _advice(orders)),
            "iron_first": render_iron_first(studies),
            "alternative": _alternative_in_words(chart, rules),
            "usual_most": joined(dose.rendered_most for dose in ordered if dose.is_high),
            "change": sentences(_change(dose, taken, rules) for dose in changed),
            "together": joined(_beside(dose, taken).rendered for dose in changed),
            "renewal": _renewal(ordered, taken, rules),
        },
        why=(*drugs, *doses, *shown),
        texts=(
            *(("advice_replaced" if all(drug.set_aside for drug in active) else "advice_changed",) if changed else ()),
            *(("advice_high_dose",) if any(dose.is_high for dose in ordered) else ()),
            *_ergot_texts(orders),
            *(_of_new(chart) if card == "OS-DA" else _of_renewals(studies)),
        ),
        suggestions=_iron_tests(studies),
        not_checked=() if chart.listing("labs") is not Listing.NOT_KNOWN else ("labs",),
    )
    return with_evidence(found, kidney_failure(chart))


def _taken(orders: tuple[DrugOrder, ...]) -> tuple[Drug, ...]:
    """Return the dopaminergic drugs that are active beside these orders."""
    active = orders[0].chart.active_drugs(*_CLASSES)
    return tuple(drug for drug in active if not any(is_same_order(drug, order.draft) for order in orders))


def _change(dose: DopaminergicDose, taken: Mapping[str, DopaminergicDose], rules: Rules) -> Text:
    """Return how the dose changes if the order replaces what is taken."""
    before = taken[dose.name]
    key = "lowered" if dose.mg < before.mg else "raised"
    (name,) = names((dose.name,))
    return say(rules, NAME, key, name=name, before=in_print(before.mg), after=in_print(dose.mg))


def _beside(dose: DopaminergicDose, taken: Mapping[str, DopaminergicDose]) -> DopaminergicDose:
    """Return what the order and what is taken bring together, if the order replaces nothing."""
    return dose._replace(mg=dose.mg + taken[dose.name].mg)


def _renewal(ordered: tuple[DopaminergicDose, ...], taken: Mapping[str, DopaminergicDose], rules: Rules) -> Text:
    """Return the renewal for the summary, with the dose of the day where one drug is renewed."""
    if len(ordered) != 1:
        return say(rules, NAME, "renewal")
    (dose,) = ordered
    before = taken.get(dose.name)
    if before and before.mg != dose.mg:
        return say(rules, NAME, "renewal_changed", mg=in_print(dose.mg), before=in_print(before.mg))
    return say(rules, NAME, "renewal_high" if dose.is_high else "renewal")


def _pregnancy(chart: Chart, rules: Rules) -> Text:
    """Return the caution about pregnancy, where one is possible."""
    return say(rules, NAME, "or_pregnancy") if may_be_pregnant(chart) else NOTHING


def _advice(orders: tuple[DrugOrder, ...]) -> str:
    """Return what the summary says, as a key of the texts.

    The guideline speaks of four dopaminergic drugs and cabergoline.
    """
    ordered = frozenset().union(*(_names(order) for order in orders))
    if all(_is_ergot(order) for order in orders):
        return "advice_ergot" if "cabergoline" in ordered else "advice_other_ergot"
    return "advice_unnamed" if ordered.isdisjoint(_IN_THE_GUIDELINE) else "advice_dopaminergic"


def _ergot_texts(orders: tuple[DrugOrder, ...]) -> tuple[str, ...]:
    return ("ergot",) if any(_is_ergot(order) for order in orders) else ()


def _iron_facts(studies: IronStudies) -> Mapping[str, Fact]:
    """Return the iron status; a missing result is stated only where the results were read to their end."""
    complete = studies.chart.listing("labs") is Listing.COMPLETE
    facts = studies.facts_at_stop if studies.ferritin_meets("ferritin.high") else studies.facts
    return {name: fact for name, fact in facts.items() if complete or not name.endswith("_missing")}


def _of_new(chart: Chart) -> tuple[str, ...]:
    """Return what a new order says besides; iron and the alternative stand in its recommendation."""
    return () if chart.knows("medications") else ("renewal_unknown",)


def _of_renewals(studies: IronStudies) -> tuple[str, ...]:
    """Return what leads the card of a renewal, which names no alternative."""
    chart, iron = studies.chart, iron_first(studies)
    said = (
        (iron, iron in ("advice_iron_unknown", "advice_iron_barred")),
        ("advice_on_iron", iron in ON_IRON),
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
    if is_esrd(chart):
        return "advice_dialysis"
    ordered = any(draft.drug and draft.drug.has("gabapentinoid") for draft in chart.drafts)
    return "alternative_ordered" if ordered else "alternative"


def _alternative_in_words(chart: Chart, rules: Rules) -> Text:
    """Return what may be given in its place, with what speaks against a gabapentinoid in this patient."""
    reasons = (("barred_age", is_child(chart)), ("barred_reaction", reacted_to_gabapentinoid(chart)))
    against = joined(say(rules, NAME, reason) for reason, applies in reasons if applies)
    return say(rules, NAME, _alternative(chart), pregnancy=_pregnancy(chart, rules), against=against)


def _iron_tests(studies: IronStudies) -> tuple[Suggestion, ...]:
    """Return the ferritin and iron panel that are missing, not ordered, and cannot stand in a cut list."""
    chart, rules = studies.chart, studies.rules
    wanted = ("ferritin", *_PANEL[:1]) if studies.ferritin is None else _PANEL[:1] if studies.tsat is None else ()
    if waits_for_recheck(studies):
        return ()
    if chart.listing("labs") is not Listing.COMPLETE or not wanted or is_ordered(chart, rules, "ferritin", *_PANEL):
        return ()
    return (OrderTests(wanted),)


_PANEL = ("iron-panel", "tsat")
