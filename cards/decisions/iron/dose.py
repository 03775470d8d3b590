"""The dose of an iron order with the other oral iron: elemental iron a day, and per kilogram of a child."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from cards.decisions.iron.orders import IronOrder, dose_in_words, iron_order_fires
from cards.decisions.shared.basket_doses import drugs_beside
from cards.decisions.shared.levels import numbered
from cards.decisions.shared.orders import is_same_order, scope_of, with_evidence
from cards.facts.drugs import Drug
from cards.facts.finding import Fact, Finding, Indicator, ReviseDraft, Suggestion, Text, quiet
from cards.knowledge.limits import meets
from cards.knowledge.rules import Rules, Threshold
from cards.patient.status import is_child
from cards.patient.weight import body_weight
from cards.quantity import in_print
from cards.values import frozen
from cards.wording.phrases import say

NAME = "iron_order"
#: The ingredients of a product that is only called iron, without its salt.
_UNNAMED = frozenset({"iron"})


def dose(order: IronOrder) -> Finding:
    """Return the finding on elemental iron on the fullest day, per kilogram in a child.

    The other oral iron is counted with the largest order of the basket, so that it is told once. It is quiet where the
    salt is not known or no intake can be read.
    """
    amount = _iron_mg(order.drug)
    if order.is_iv or amount is None:
        return quiet(NAME, "dose_unread")
    taken = _Iron(order, amount, _others(order) if _is_largest(order, amount) else ())
    if is_child(order.chart):
        found = _child_dose(taken)
        if found:
            return found
    most, often = order.rules.limit("fe.day"), order.rules.limit("fe.freq")
    if meets(taken.mg, most):
        return _dose_card(taken, Indicator.WARNING, most)
    # Of two irons below the most a day OS-IRON-DUP speaks; that a large dose is absorbed less is said of one product.
    if meets(amount, often):
        return _dose_card(replace(taken, others=()), Indicator.INFO, often)
    return quiet(NAME, "dose_fits")


@frozen
class _Iron:
    """The elemental iron of an order on the fullest day, and of the oral iron that is taken beside it."""

    order: IronOrder
    own: Decimal
    others: tuple[Drug, ...]

    @property
    def mg(self) -> Decimal:
        return sum((_iron_mg(drug) or Decimal(0) for drug in self.others), self.own)

    @property
    def is_least(self) -> bool:
        """Return whether the dose a day of one product is not told, so that one intake of it is counted."""
        return not all(_is_told(drug) for drug in (self.order.drug, *self.others))


def _is_told(drug: Drug) -> bool:
    daily = drug.daily
    return daily is not None and daily.elemental_iron_mg is not None and daily.iron_salt_known


def _iron_mg(drug: Drug) -> Decimal | None:
    """Return the elemental iron of the fullest day, at least that of one intake; None where neither is known."""
    daily = drug.daily
    if daily is None:
        return None
    return daily.elemental_iron_mg if _is_told(drug) else daily.least_iron_mg


def _others(order: IronOrder) -> tuple[Drug, ...]:
    """Return the oral iron beside an order: in the basket, and active if no order of the basket renews it.

    A product that stands on the chart several times counts once, at its highest dose, for it may be one and the same.
    """
    beside = [drug for drug in drugs_beside(order.chart, order.draft) if drug.has("iron-oral")]
    renewed = [drug.product.ingredient_names() for drug in (order.drug, *beside)]
    drafts = order.chart.drafts
    active = {
        drug.product.ingredient_names(): drug
        for drug in sorted(order.chart.drugs_that_go_on("iron-oral"), key=lambda each: _iron_mg(each) or Decimal(0))
        if not _is_renewed(drug, renewed) and not any(is_same_order(drug, draft) for draft in drafts)
    }
    return tuple(drug for drug in (*beside, *active.values()) if _iron_mg(drug) is not None)


def _is_renewed(active: Drug, ordered: Iterable[frozenset[str]]) -> bool:
    """Return whether an order holds the same iron, or may: iron of which no salt is named may be any single one."""
    own = active.product.ingredient_names()
    return any(own == names or (_UNNAMED in (own, names) and len(own) == len(names)) for names in ordered)


def _is_largest(order: IronOrder, amount: Decimal) -> bool:
    """Return whether no other order that is judged brings more iron, or as much and stands before this one."""
    for draft in order.chart.drafts:
        if draft.number == order.draft.number or not draft.drug or not draft.drug.has("iron-oral"):
            continue
        other = _iron_mg(draft.drug)
        is_judged = draft.selected and scope_of(order.chart, draft) and not is_same_order(draft.drug, order.draft)
        before = draft.number < order.draft.number
        if is_judged and other is not None and (other > amount or (other == amount and before)):
            return False
    return True


def _child_dose(taken: _Iron) -> Finding | None:
    order, amount = taken.order, taken.mg
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
        shown = _shown(taken, words)
        return _fires(taken, indicator, shown, words, texts=("no_weight",))
    if meets(amount / weight.value, limit):
        per_kg = in_print(amount / weight.value, above=limit.value)
        shown = _shown(taken, dose_in_words(order, amount, per_kg))
        return _fires(taken, Indicator.WARNING, shown, say(rules, NAME, "dose_per_kg", mg=per_kg, limit=limit.value))
    return None


def _dose_card(taken: _Iron, indicator: Indicator, limit: Threshold) -> Finding:
    order, mg = taken.order, in_print(taken.mg, above=limit.value)
    alone = not taken.others and not taken.is_least
    suggestions = _on_alternate_days(order) if alone else ()
    shown = _shown(taken, dose_in_words(order, mg))
    return _fires(taken, indicator, shown, _above(order, mg, limit), suggestions=suggestions)


def _shown(taken: _Iron, total: Text) -> tuple[Text, ...]:
    """Return the doses for the card: that of the order, or each of several and what they bring together."""
    rules, products = taken.order.rules, (taken.order.drug, *taken.others)
    said = say(rules, NAME, "dose_least", dose=total) if taken.is_least else total
    if not taken.others:
        return (said,)
    each = (
        say(rules, NAME, "dose_of" if _is_told(drug) else "dose_of_least", drug=drug, mg=_iron_mg(drug) or Decimal(0))
        for drug in products
    )
    return (*dict.fromkeys(each), say(rules, NAME, "dose_together", dose=said))


def _fires(
    taken: _Iron,
    indicator: Indicator,
    shown: Iterable[Text],
    summary: Text,
    *,
    texts: tuple[str, ...] = (),
    suggestions: tuple[Suggestion, ...] = (),
) -> Finding:
    order = taken.order
    summary = say(order.rules, NAME, "dose_least", dose=summary) if taken.is_least else summary
    summary = say(order.rules, NAME, "dose_together", dose=summary) if taken.others else summary
    doses = numbered("dose", shown)
    facts: dict[str, Fact] = {**doses, "dose_summary": summary, "dose_advice": _advice(order)}
    found = iron_order_fires(
        NAME, order, "OS-IRON-DOSE", indicator, facts, texts=texts, why=tuple(doses), suggestions=suggestions
    )
    active = order.chart.active_drugs("iron-oral")
    return with_evidence(found, tuple(drug for drug in taken.others if drug in active))


def _above(order: IronOrder, mg: Decimal, limit: Threshold) -> Text:
    """Return that the dose is above a limit of the day; in a child with what it is per kilogram."""
    weight = body_weight(order.chart, order.rules) if is_child(order.chart) else None
    if weight is None:
        return say(order.rules, NAME, "dose_above", mg=mg, limit=limit)
    return say(order.rules, NAME, "dose_above_by_weight", mg=mg, per_kg=mg / weight.value, limit=limit)


def _advice(order: IronOrder) -> Text:
    return say(order.rules, NAME, "dose_child" if is_child(order.chart) else "dose_adult")


def without_a_dose(finding: Finding, rules: Rules) -> Finding:
    """Return a finding on a dose without the usual one, for where another card holds iron back; others as is.

    Of a child whose weight alone is missing it is not said that the dose is high.
    """
    if finding.card != "OS-IRON-DOSE":
        return finding
    unweighed = finding.indicator is Indicator.INFO and "no_weight" in finding.texts
    advice = say(rules, NAME, "whether_iron_first" if unweighed else "dose_not_called_for")
    facts = {**finding.facts, "dose_advice": advice}
    return replace(finding, facts=facts, suggestions=())


def with_a_dose_if_given(finding: Finding, rules: Rules) -> Finding:
    """Return a finding on the dose of an adult with the usual one for the case that iron is given; others as is.

    For where another card asks for something else first.
    """
    if finding.card != "OS-IRON-DOSE":
        return finding
    return replace(finding, facts={**finding.facts, "dose_advice": say(rules, NAME, "dose_adult_if")}, suggestions=())


def _on_alternate_days(order: IronOrder) -> tuple[Suggestion, ...]:
    """Return the same dose every other day, if the site lets drug orders be suggested; never for a child."""
    if not order.rules.is_on("suggestions.medications") or is_child(order.chart):
        return ()
    return (ReviseDraft(order.draft.reference, "alternate-days"),)
