"""What a product is for: the drug classes that follow from its ingredients, its route and its form."""

from __future__ import annotations

from cards.drugs.forms import INJECTED, LOCAL, SOLID
from cards.drugs.ingredients import ingredients
from cards.drugs.products import ProductRow
from cards.knowledge.definitions import defined
from cards.knowledge.limits import meets

MULTI_INGREDIENT, CONTRACEPTIVE = "multi-ingredient", "contraceptive-pack"
_IRON_KINDS = frozenset({"iron-oral", "iron-iv"})
#: Given by mouth and by vein under one name: the route decides, else it is by mouth (clinical rationale 4.6).
_EITHER_WAY = {"iron dextran": ("iron-iv", "iron-oral"), "iron": ("iron-iv", "iron-oral")}


def classes_of(row: ProductRow, route: str, *, contraceptive: bool) -> frozenset[str]:
    """Return the drug value sets of a product; empty where it is none of ours or acts only on the spot."""
    held: frozenset[str] = frozenset().union(*(_classes(each.ingredient, route, row.form) for each in row.ingredients))
    if not held or route in LOCAL:
        return frozenset()
    if contraceptive:
        return (held - _IRON_KINDS) | {CONTRACEPTIVE} if held & _IRON_KINDS else held
    return held | {MULTI_INGREDIENT} if meets(row.count, defined("product.multi_ingredient")) else held


def _classes(name: str, route: str, form: str) -> frozenset[str]:
    listed = ingredients()[name].classes
    injected = route in INJECTED
    if name in _EITHER_WAY:
        by_vein, by_mouth = _EITHER_WAY[name]
        return frozenset({by_vein if injected else by_mouth})
    if "magnesium-oral" in listed and injected:
        return frozenset({"magnesium-iv"})
    if name == "magnesium citrate" and (form in SOLID or not form):
        return listed - {"laxative"}  # a bottle empties the bowel, a tablet is a supplement
    return listed
