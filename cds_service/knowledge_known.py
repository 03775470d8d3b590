"""What a code already means before a site maps it: by our value sets, and by our drug tables."""

from __future__ import annotations

from functools import cache

from cards.code_systems import ATC, RXNORM, plain_code, system_of
from cards.drugs.ingredients import ingredient_of_code
from cards.drugs.products import product_of_code
from cards.valuesets import ConceptIndex, load_valueset, valueset_names

#: How the names of a kind begin; those of diagnoses and procedures begin in no way of their own.
_PREFIXES = {
    "laboratory": ("lab-", "measure-"),
    "orderables": ("order-",),
    "drugs": ("ingredient ",),
    "allergies": ("ingredient ", "iron-adverse-reaction"),
}
#: One LOINC code may be a result and the order of it.
_BOTH = ("lab-", "measure-", "order-")


def known_as(kind: str, system: str, code: str) -> frozenset[str]:
    """Value sets (`lab-ferritin`, `rls`) and ingredients (`ingredient ferrous sulfate`) that the code stands for.

    Those of the kind of map that is asked about; where there are none, those of another kind.
    """
    canonical = system_of(system) or system
    found = _index().concepts_of(canonical, code) | ingredients_of(canonical, plain_code(canonical, code))
    own = frozenset(name for name in found if name.startswith(_PREFIXES.get(kind, "")))
    if own or kind not in ("laboratory", "orderables"):
        return own or found
    return frozenset(name for name in found if not name.startswith(_BOTH))


def ingredients_of(system: str, code: str) -> frozenset[str]:
    """The active ingredients of a product, or the one that the code names; empty for what is none of ours."""
    product = product_of_code(code) if system == RXNORM else None
    if product:
        return frozenset(f"ingredient {amount.ingredient}" for amount in product.ingredients)
    is_group = system == ATC and len(code) < 7  # of several substances: a site may say which one it gives
    ingredient = None if is_group else ingredient_of_code(system, code)
    return frozenset({f"ingredient {ingredient.name}"} if ingredient else ())


@cache
def _index() -> ConceptIndex:
    return ConceptIndex(load_valueset(name) for name in valueset_names() if not name.startswith("drug-"))
