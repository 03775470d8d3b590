"""The dose of an iron order: elemental iron a day, and per kilogram of a child."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from cards.decisions.iron.orders import IronOrder, dose_in_words, iron_order_fires
from cards.decisions.iron.treatment import body_weight
from cards.facts.finding import Fact, Finding, Indicator, ReviseDraft, Suggestion, Text, quiet
from cards.knowledge.limits import meets
from cards.knowledge.rules import Rules, Threshold
from cards.patient.status import is_child
from cards.quantity import in_print
from cards.wording.phrases import say

NAME = "iron_order"


def dose(order: IronOrder) -> Finding:
    """Return the finding on elemental iron on the fullest day, per kilogram in a child.

    It is quiet where the salt or the dose cannot be read.
    """
    daily = order.drug.daily
    amount = daily.elemental_iron_mg if daily else None
    if order.is_iv or daily is None or amount is None or not daily.iron_salt_known:
        return quiet(NAME, "dose_unread")
    if is_child(order.chart):
        found = _child_dose(order, amount)
        if found:
            return found
    for name, indicator in (("fe.day", Indicator.WARNING), ("fe.freq", Indicator.INFO)):
        if meets(amount, order.rules.limit(name)):
            return _dose_card(order, indicator, amount, order.rules.limit(name))
    return quiet(NAME, "dose_fits")


def _child_dose(order: IronOrder, amount: Decimal) -> Finding | None:
    rules, weight = order.rules, body_weight(order.chart, order.rules)
    limit = rules.limit("fe.child_kg_day")
    if weight is None and order.is_low_dose_supplement:
        return None
    if weight is None:
        most = rules.limit("fe.day")
        above = meets(amount, most)
        key = "dose_above_without_weight" if above else "dose_without_weight"
        words = say(rules, NAME, key, mg=in_print(amount, above=most.value), limit=most.value)
        indicator = Indicator.WARNING if above else Indicator.INFO
        facts: dict[str, Fact] = {"dose": words, "dose_summary": words, "dose_advice": _advice(order)}
        return iron_order_fires(NAME, order, "OS-IRON-DOSE", indicator, facts, texts=("no_weight",), why=("dose",))
    if meets(amount / weight.value, limit):
        per_kg = in_print(amount / weight.value, above=limit.value)
        facts = {
            "dose": dose_in_words(order, amount, per_kg),
            "dose_advice": _advice(order),
            "dose_summary": say(rules, NAME, "dose_per_kg", mg=per_kg, limit=limit.value),
        }
        return iron_order_fires(NAME, order, "OS-IRON-DOSE", Indicator.WARNING, facts, why=("dose",))
    return None


def _dose_card(order: IronOrder, indicator: Indicator, amount: Decimal, limit: Threshold) -> Finding:
    mg = in_print(amount, above=limit.value)
    facts: dict[str, Fact] = {
        "dose": dose_in_words(order, mg),
        "dose_summary": _above(order, mg, limit),
        "dose_advice": _advice(order),
    }
    return iron_order_fires(
        NAME, order, "OS-IRON-DOSE", indicator, facts, why=("dose",), suggestions=_on_alternate_days(order)
    )


def _above(order: IronOrder, mg: Decimal, limit: Threshold) -> Text:
    """Return that the dose is above a limit of the day; in a child with what it is per kilogram."""
    weight = body_weight(order.chart, order.rules) if is_child(order.chart) else None
    if weight is None:
        return say(order.rules, NAME, "dose_above", mg=mg, limit=limit)
    return say(order.rules, NAME, "dose_above_by_weight", mg=mg, per_kg=mg / weight.value, limit=limit)


def _advice(order: IronOrder) -> Text:
    return say(order.rules, NAME, "dose_child" if is_child(order.chart) else "dose_adult")


def without_a_dose(finding: Finding, rules: Rules) -> Finding:
    """Return a finding on a dose without the usual one, for where another card advises against iron; others as is."""
    if finding.card != "OS-IRON-DOSE":
        return finding
    facts = {**finding.facts, "dose_advice": say(rules, NAME, "dose_not_called_for")}
    return replace(finding, facts=facts, suggestions=())


def _on_alternate_days(order: IronOrder) -> tuple[Suggestion, ...]:
    """Return the same dose every other day, if the site lets drug orders be suggested; never for a child."""
    if not order.rules.is_on("suggestions.medications") or is_child(order.chart):
        return ()
    return (ReviseDraft(order.draft.reference, "alternate-days"),)
