"""Elemental iron of one dose unit (clinical rationale 1.8, clinical amendments 3)."""

from __future__ import annotations

from decimal import Decimal

from cards.drugs.forms import SOLID
from cards.drugs.ingredients import ingredients
from cards.drugs.kinds import MULTI_INGREDIENT
from cards.facts.drugs import Amount, Product
from cards.knowledge.definitions import defined
from cards.knowledge.limits import meets
from cards.values import frozen

_IRON_KINDS = frozenset({"iron-oral", "iron-iv"})


@frozen
class Iron:
    """Elemental mg of one dose unit. `salt_known` false: the number is the most that it can be."""

    mg: Decimal
    salt_known: bool = True


def is_iron(amount: Amount) -> bool:
    known = ingredients().get(amount.ingredient)
    return known is not None and not known.classes.isdisjoint(_IRON_KINDS)


def elemental_iron(amount: Amount, product: Product) -> Iron | None:
    """Return the iron in one dose unit of this ingredient; `None` where the label's content cannot be told."""
    content = ingredients()[amount.ingredient].iron
    if amount.elemental_iron_mg is not None:
        return Iron(amount.elemental_iron_mg)
    if amount.mg is None:
        return None
    if MULTI_INGREDIENT in product.classes or "iron-iv" in product.classes:
        return Iron(amount.mg)
    if content is None:
        return Iron(amount.mg, salt_known=False)
    if amount.mg in content.stated:
        return Iron(content.stated[amount.mg])
    return _of_salt(amount, product, content.fraction, content.salt_from)


def _of_salt(amount: Amount, product: Product, fraction: Decimal, salt_from: Decimal) -> Iron:
    mg = amount.mg or Decimal(0)
    sulfate = amount.ingredient in ("ferrous sulfate", "dried ferrous sulfate")
    if sulfate and product.extended_release and _is_dried_when_extended(mg):
        return Iron(mg * defined("sulfate.dried_extended_iron").value)
    solid = product.form in SOLID or not product.form
    if solid and mg < salt_from:
        return Iron(mg, salt_known=False)
    if solid and amount.ingredient == "ferrous sulfate" and meets(mg, defined("sulfate.perhaps_dried")):
        dried = ingredients()["dried ferrous sulfate"].iron
        return Iron(mg * (dried.fraction if dried else fraction), salt_known=False)
    return Iron(mg * fraction)


def _is_dried_when_extended(mg: Decimal) -> bool:
    return meets(mg, defined("sulfate.dried_extended_from")) and meets(mg, defined("sulfate.dried_extended_to"))
