"""What the orders of one basket bring together of an ingredient: they are signed at once and taken side by side."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from cards.decisions.shared.doses import daily_mg_of_class
from cards.decisions.shared.drug_orders import DrugOrder
from cards.drugs.ingredients import ingredients
from cards.facts.chart import Drug


@dataclass(frozen=True, slots=True)
class BasketDose:
    """The dose of the fullest day over all orders of the basket that hold the same ingredient.

    known     what was read, in mg; None where nothing was
    is_whole  whether the dose of every order was read
    several   whether more than one order brings it
    """

    known: Decimal | None
    is_whole: bool
    several: bool


def names_of_class(drug: Drug, drug_class: str) -> tuple[str, ...]:
    """Return the ingredients of a product that belong to a class."""
    known = ingredients()
    names = sorted(drug.product.ingredient_names())
    return tuple(name for name in names if name in known and drug_class in known[name].classes)


def fullest_mg(drug: Drug, drug_class: str) -> Decimal | None:
    """Return the dose of the fullest day, or of a mean day where the fullest is not known; None where unread."""
    daily = drug.daily
    fullest = [daily.fullest_mg.get(name) if daily else None for name in names_of_class(drug, drug_class)]
    read = [dose for dose in fullest if dose is not None]
    return sum(read, Decimal(0)) if read and len(read) == len(fullest) else daily_mg_of_class(drug, drug_class)


def basket_dose(order: DrugOrder, drug_class: str) -> BasketDose:
    """Return what this order and the others of its ingredient in the basket bring on the fullest day."""
    own = frozenset(names_of_class(order.drug, drug_class))
    drafted = [draft.drug for draft in order.chart.drafts if draft.drug and draft.number != order.draft.number]
    same = [drug for drug in drafted if not own.isdisjoint(names_of_class(drug, drug_class))]
    doses = [fullest_mg(drug, drug_class) for drug in (order.drug, *same)]
    read = [dose for dose in doses if dose is not None]
    return BasketDose(sum(read, Decimal(0)) if read else None, len(read) == len(doses), bool(same))
