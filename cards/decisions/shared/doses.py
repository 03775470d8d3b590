"""Daily doses of drugs, by ingredient and by class."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from cards.drugs.ingredients import ingredients
from cards.facts.drugs import Drug


def names_of_class(drug: Drug, drug_class: str) -> tuple[str, ...]:
    """Return the ingredients of a product that belong to a class."""
    known = ingredients()
    names = sorted(drug.product.ingredient_names())
    return tuple(name for name in names if name in known and drug_class in known[name].classes)


def known_daily_mg(drugs: Iterable[Drug], ingredient: str) -> Decimal:
    """Return what these products surely bring of an ingredient, in mg a day; a dose not read adds nothing."""
    doses = (drug.daily.mg.get(ingredient) for drug in drugs if drug.daily)
    return sum((dose for dose in doses if dose is not None), Decimal(0))


def least_mg_of_class(drug: Drug, drug_class: str) -> Decimal | None:
    """Return what a day on which a product is taken brings at least of the ingredients of a class, in mg.

    One intake where the dose of a day cannot be told; None where no intake is told either.
    """
    doses = [drug.daily.least_mg.get(name) if drug.daily else None for name in names_of_class(drug, drug_class)]
    read = [dose for dose in doses if dose is not None]
    return sum(read, Decimal(0)) if read else None


def daily_mg_of_class(drug: Drug, drug_class: str) -> Decimal | None:
    """Return what a product brings of the ingredients of a class, in mg a day, or None if one dose was not read."""
    doses = [drug.daily.mg.get(name) if drug.daily else None for name in names_of_class(drug, drug_class)]
    read = [dose for dose in doses if dose is not None]
    return sum(read, Decimal(0)) if read and len(read) == len(doses) else None


def fullest_mg(drug: Drug, drug_class: str) -> Decimal | None:
    """Return the dose of the fullest day, or of a mean day where the fullest is not known; None where unread."""
    daily = drug.daily
    fullest = [daily.fullest_mg.get(name) if daily else None for name in names_of_class(drug, drug_class)]
    read = [dose for dose in fullest if dose is not None]
    return sum(read, Decimal(0)) if read and len(read) == len(fullest) else daily_mg_of_class(drug, drug_class)
