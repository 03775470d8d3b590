"""Daily doses of drugs, by ingredient and by class."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from cards.drugs.ingredients import ingredients
from cards.facts.chart import Drug


def known_daily_mg(drugs: Iterable[Drug], ingredient: str) -> Decimal:
    """Return what these products surely bring of an ingredient, in mg a day; a dose not read adds nothing."""
    doses = (drug.daily.mg.get(ingredient) for drug in drugs if drug.daily)
    return sum((dose for dose in doses if dose is not None), Decimal(0))


def daily_mg_of_class(drug: Drug, drug_class: str) -> Decimal | None:
    """Return what a product brings of the ingredients of a class, in mg a day, or None if one dose was not read."""
    known = ingredients()
    names = [name for name in drug.product.ingredient_names() if name in known and drug_class in known[name].classes]
    doses = [drug.daily.mg.get(name) if drug.daily else None for name in names]
    read = [dose for dose in doses if dose is not None]
    return sum(read, Decimal(0)) if read and len(read) == len(doses) else None
