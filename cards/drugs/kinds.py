"""What a product is for: the drug classes that follow from its ingredients, its route and its form."""

from __future__ import annotations

from dataclasses import replace

from cards.drugs.forms import INJECTED, LOCAL, SOLID
from cards.drugs.ingredients import ingredients
from cards.drugs.products import ProductRow
from cards.drugs.words import IRON_UNTOLD
from cards.facts.drugs import Product
from cards.knowledge.definitions import defined
from cards.knowledge.limits import meets, misses

MULTI_INGREDIENT, CONTRACEPTIVE = "multi-ingredient", "contraceptive-pack"
_IRON_KINDS = frozenset({"iron-oral", "iron-iv"})
#: What a drug that is taken by mouth is where it is injected, whatever else it is by mouth.
_INJECTED_KINDS = {"iron-oral": "iron-iv", "magnesium-oral": "magnesium-iv"}
#: Iron by mouth that exists by vein as well, or is another iron where it is infused: words may tell which. All other
#: iron by mouth is a salt or a compound that is only swallowed; an infusion in its directions is that of another drug.
_INJECTED_AS_WELL = frozenset({"iron", "iron dextran", "iron polymaltose", IRON_UNTOLD})

#: They come as patches: a topical route is that of the patch, through which they reach the whole patient.
_THROUGH_SKIN = frozenset({"rotigotine", "buprenorphine", "fentanyl"})


def classes_of(row: ProductRow, route: str, *, contraceptive: bool) -> frozenset[str]:
    """Return the drug value sets of a product; empty where it is none of ours or acts only on the spot."""
    held: frozenset[str] = frozenset().union(*(_classes(each.ingredient, row, route) for each in row.ingredients))
    if not held or _acts_on_the_spot(row, route):
        return frozenset()
    if contraceptive:
        return (held - _IRON_KINDS) | {CONTRACEPTIVE} if held & _IRON_KINDS else held
    return held | {MULTI_INGREDIENT} if meets(row.count, defined("product.multi_ingredient")) else held


def without_untold_iron(row: ProductRow, route: str) -> ProductRow:
    """Return a product without iron of unknown content where it is injected: vitamins to infuse hold none."""
    if not _is_injected(row, route):
        return row
    return replace(row, ingredients=tuple(each for each in row.ingredients if each.ingredient != IRON_UNTOLD))


def may_be_injected(product: Product) -> bool:
    """Return whether words of its directions may make it an injection: not where it names iron that is swallowed."""
    held = product.ingredient_names()
    return all(name in _INJECTED_AS_WELL or "iron-oral" not in ingredients()[name].classes for name in held)


def _classes(name: str, row: ProductRow, route: str) -> frozenset[str]:
    listed = ingredients()[name].classes
    if _is_injected(row, route):
        return frozenset(kind for each, kind in _INJECTED_KINDS.items() if each in listed) or listed
    if name == "iron dextran" and _is_by_mouth(row, route):
        return frozenset({"iron-oral"})
    if name == "magnesium citrate" and (row.form in SOLID or not row.form):
        return listed - {"laxative"}  # a bottle empties the bowel, a tablet is a supplement
    return listed


def _acts_on_the_spot(row: ProductRow, route: str) -> bool:
    return route in LOCAL and (
        route != "topical" or _THROUGH_SKIN.isdisjoint(each.ingredient for each in row.ingredients)
    )


def _is_injected(row: ProductRow, route: str) -> bool:
    """Return whether the route is of an injection; a tablet is none, whatever is done beside it."""
    return route in INJECTED and row.form not in SOLID


def _is_by_mouth(row: ProductRow, route: str) -> bool:
    """Return whether iron dextran is of the kind by mouth, which exists only as a part of multivitamins.

    The route decides, then the form (clinical rationale 4.6). Where neither tells, it is by mouth beside vitamins and
    an infusion alone.
    """
    alone = len(row.ingredients) == 1 and misses(row.count, defined("product.multi_ingredient"))
    return bool(route) or row.form in SOLID or not alone
