"""Look up the public meaning of a code, which no site may change, in the value sets and drug tables."""

from __future__ import annotations

from functools import cache

from cards.drugs.ingredients import ingredient_of_code
from cards.drugs.products import product_of_code
from cards.knowledge.code_systems import ATC, RXNORM, plain_code, system_of
from cards.knowledge.valuesets import ConceptIndex, load_valueset, valueset_names

#: Prefixes of the names of each kind; diagnoses and procedures have none.
_PREFIXES = {
    "laboratory": ("lab-", "measure-"),
    "orderables": ("order-",),
    "drugs": ("ingredient ",),
    "allergies": ("ingredient ", "iron-adverse-reaction"),
}
#: Prefixes that share LOINC codes, since a code may mean a result or its order.
_BOTH = ("lab-", "measure-", "order-")


def public_meanings(kind: str, system: str, code: str) -> frozenset[str]:
    """Return the value sets (`lab-ferritin`, `rls`) and ingredients (`ingredient ferrous sulfate`) of a code.

    Returns the meanings of the given kind of map, or if there are none, those of other kinds.
    """
    canonical = system_of(system) or system
    found = _index().concepts_of(canonical, code) | ingredients_of(canonical, plain_code(canonical, code))
    own = frozenset(name for name in found if name.startswith(_PREFIXES.get(kind, "")))
    if own or kind not in ("laboratory", "orderables"):
        return own or found
    return frozenset(name for name in found if not name.startswith(_BOTH))


def ingredients_of(system: str, code: str) -> frozenset[str]:
    """Return the active ingredients of a product or ingredient code; empty for an unknown code."""
    product = product_of_code(code) if system == RXNORM else None
    if product:
        return frozenset(f"ingredient {amount.ingredient}" for amount in product.ingredients)
    is_group = system == ATC and len(code) < 7  # several substances, of which a site may name one
    ingredient = None if is_group else ingredient_of_code(system, code)
    return frozenset({f"ingredient {ingredient.name}"} if ingredient else ())


@cache
def _index() -> ConceptIndex:
    return ConceptIndex(load_valueset(name) for name in valueset_names() if not name.startswith("drug-"))
