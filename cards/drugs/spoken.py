"""A product out of words alone: its ingredients with strengths, and its route, form and release."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache

from cards.drugs.forms import LIQUID, SOLID, form_named, is_extended_release, names_extended_brand, route_named
from cards.drugs.ingredients import ingredients, plain
from cards.drugs.products import ProductRow
from cards.drugs.words import LONGEST_TEXT, MANY, amounts_named, components, paired_strengths, without_brackets
from cards.facts.drugs import Amount
from cards.knowledge.definitions import defined
from cards.knowledge.limits import first_above

_PER_ML = re.compile(r"(?:/|per)\s*+[\d.,]*+\s*+ml\b")
_COMBINED = re.compile(r"\d(?: ?mg)?[-/]\d[\d.]*\s*(?:mg|mcg)\b")


def product_named(words: str) -> ProductRow | None:
    """Return the product that one text or display names; `None` where it names none of ours."""
    return _named(words[:LONGEST_TEXT])


@lru_cache(maxsize=4096)
def _named(words: str) -> ProductRow | None:
    amounts = amounts_named(words)
    if not amounts:
        return None
    many = MANY.search(plain(words))
    count = max(components(words), len(amounts), first_above(defined("product.multi_ingredient")) if many else 0)
    row = shape((words,), _with_pair(words, amounts), count)
    return with_volume(row, words)


def shape(said: tuple[str, ...], amounts: tuple[Amount, ...], count: int) -> ProductRow:
    """Return route, form and release from the words."""
    whole = plain(" ; ".join(said))[:2000]
    spoken = without_brackets(whole)
    form = form_named(spoken)
    route = route_named(spoken) or ("oral" if form in SOLID else "")
    return ProductRow(amounts, count, form, route, is_extended_release(spoken) or names_extended_brand(whole))


def _with_pair(words: str, amounts: tuple[Amount, ...]) -> tuple[Amount, ...]:
    """`carbidopa-levodopa 25-100 mg`: the numbers in the order of the names.

    Of levodopa it is always the larger one, and international units are those of vitamin D.
    """
    if len(amounts) == 1 and _COMBINED.search(plain(words)):
        return (Amount(amounts[0].ingredient),)  # one of the numbers belongs to an ingredient that is none of ours
    strengths = paired_strengths(words) if len(amounts) > 1 else ()
    if strengths and len(strengths) != len(amounts):  # which number is of which cannot be told
        return tuple(Amount(each.ingredient) if (each.mg, "mg") in strengths else each for each in amounts)
    if not strengths or sum(each.mg is not None for each in amounts) > 1:
        return amounts
    if amounts[0].ingredient == "levodopa":
        strengths = (*sorted(strengths[:2], reverse=True), *strengths[2:])
    in_order = sorted(strengths, key=lambda strength: strength[1] == "iu")
    by_unit = sorted(amounts, key=lambda each: "vitd" in ingredients()[each.ingredient].classes)
    pairs = zip(by_unit, in_order, strict=True) if in_order[-1][1] == "iu" else zip(amounts, strengths, strict=True)
    found = {each.ingredient: _with_strength(each, *strength) for each, strength in pairs}
    return tuple(found[each.ingredient] for each in amounts)


def _with_strength(amount: Amount, value: Decimal, unit: str) -> Amount:
    return replace(amount, mg=value) if unit == "mg" else replace(amount, mg=None, international_units=value)


def with_volume(row: ProductRow, words: str) -> ProductRow:
    """Return a product without its strengths where it is a liquid and no volume is named.

    Its numbers say nothing about one mL.
    """
    if row.form != LIQUID or _PER_ML.search(plain(words)):
        return row
    return replace(row, ingredients=tuple(Amount(each.ingredient) for each in row.ingredients))


def strengths_known(row: ProductRow) -> int:
    """Count the ingredients that have a strength."""
    return sum(map(is_told, row.ingredients))


def is_told(amount: Amount) -> bool:
    """Return whether an ingredient has a strength."""
    return any(each is not None for each in (amount.mg, amount.international_units, amount.elemental_iron_mg))
