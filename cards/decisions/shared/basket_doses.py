"""What the orders of one basket bring together of an ingredient: they are signed at once and taken side by side."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from cards.decisions.shared.doses import fullest_mg, least_mg_of_class, names_of_class
from cards.decisions.shared.drug_orders import DrugOrder
from cards.decisions.shared.orders import drafts_beside, is_same_order
from cards.facts.chart import Chart, Draft
from cards.facts.drugs import Drug
from cards.facts.finding import Finding, Outcome, Text
from cards.quantity import in_print
from cards.values import frozen
from cards.wording.phrases import phrase

DoseOf = Callable[[Drug, str], Decimal | None]


@frozen
class BasketDose:
    """The dose of a day over all orders of the basket that hold the same ingredient.

    known     what was read, in mg, and one intake of an order whose dose a day was not read; None where neither
    is_whole  whether the dose a day of every order was read; else `known` is only what they bring at least
    several   whether more than one order brings it
    """

    known: Decimal | None
    is_whole: bool
    several: bool


def basket_dose(order: DrugOrder, drug_class: str, dose_of: DoseOf = fullest_mg) -> BasketDose:
    """Return what this order and the others of its ingredient in the basket bring, by default on the fullest day."""
    return _dose_of_all(order.chart, _drugs_together(order, drug_class), drug_class, dose_of)


def alone_or_together(
    orders: tuple[DrugOrder, ...], drug_class: str, dose_of: DoseOf, judge: Callable[[Ordered], Finding]
) -> tuple[Finding, ...]:
    """Return one finding per order by its own dose, or one on all where only their sum is too much, or is so graver."""
    alone = tuple(
        judge(Ordered((order,), (order.drug,), _dose_of_all(order.chart, (order.drug,), drug_class, dose_of)))
        for order in orders
    )
    # What is replaced, or an instance of another order, stands beside less than that other one does.
    of_all = next((order for order in orders if not order.drug.set_aside), orders[0] if orders else None)
    drugs = _drugs_together(of_all, drug_class) if of_all else ()
    if len(drugs) < 2:
        return alone
    together = judge(Ordered(orders, drugs, _dose_of_all(orders[0].chart, drugs, drug_class, dose_of)))
    return (together,) if _gravity(together) > max(map(_gravity, alone)) else alone


@frozen
class Ordered:
    """What is judged at once: the orders the card is about, and the drugs of the basket with the dose they bring."""

    orders: tuple[DrugOrder, ...]
    drugs: tuple[Drug, ...]
    dose: BasketDose

    def render_each(self, drug_class: str, dose_of: DoseOf) -> tuple[Text, ...]:
        """Return the products with their doses, the same one once."""
        return tuple(dict.fromkeys(_render_dose(drug, drug_class, dose_of) for drug in self.drugs))


def _gravity(finding: Finding) -> int:
    """Return the rank of a finding: what fires by its indicator, then what is unknown, then what is quiet."""
    if finding.outcome is Outcome.FIRES and finding.indicator:
        return 2 + finding.indicator.rank
    return 0 if finding.outcome is Outcome.QUIET else 1


def _drugs_together(order: DrugOrder, drug_class: str) -> tuple[Drug, ...]:
    named = order.chart.once(_names_in_basket, drug_class)
    own = named[id(order.drug)]
    beside = drugs_beside(order.chart, order.draft)
    return (order.drug, *[drug for drug in beside if not own.isdisjoint(named[id(drug)])])


def _names_in_basket(chart: Chart, drug_class: str) -> dict[int, frozenset[str]]:
    """Return the ingredients of a class in each drug of the basket, by the identity of the drug."""
    drugs = (draft.drug for draft in chart.drafts if draft.drug)
    return {id(drug): frozenset(names_of_class(drug, drug_class)) for drug in drugs}


def _doses_in_basket(
    chart: Chart, drug_class: str, dose_of: DoseOf
) -> dict[int, tuple[Decimal | None, Decimal | None]]:
    """Return the dose of each drug of the basket, and what it brings at least, by the identity of the drug."""
    drugs = (draft.drug for draft in chart.drafts if draft.drug)
    return {id(drug): (dose_of(drug, drug_class), least_mg_of_class(drug, drug_class)) for drug in drugs}


def _dose_of_all(chart: Chart, drugs: tuple[Drug, ...], drug_class: str, dose_of: DoseOf) -> BasketDose:
    doses = chart.once(_doses_in_basket, drug_class, dose_of)
    found = [doses[id(drug)] for drug in drugs]
    read = [each for dose, least in found if (each := least if dose is None else dose) is not None]
    is_whole = all(dose is not None for dose, _ in found)
    return BasketDose(sum(read, Decimal(0)) if read else None, is_whole, len(drugs) > 1)


def drugs_beside(chart: Chart, draft: Draft) -> tuple[Drug, ...]:
    """Return the drugs of the other orders of the basket, without what is one order with this or sent twice."""
    others = [each.drug for each in drafts_beside(chart, draft) if each.drug]
    return tuple([drug for drug in others if not is_same_order(drug, draft)])


def _render_dose(drug: Drug, drug_class: str, dose_of: DoseOf) -> Text:
    """Return a product with its dose a day, with what a day brings at least, or as not read."""
    dose, least = dose_of(drug, drug_class), least_mg_of_class(drug, drug_class)
    if dose is not None:
        return phrase("doses.a_day", drug=drug, mg=in_print(dose))
    return phrase("doses.unread", drug=drug) if least is None else phrase("doses.least", drug=drug, mg=in_print(least))
