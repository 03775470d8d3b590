"""The words a card may print for a product: made from our own tables, never from what was sent."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from cards.drugs.forms import LIQUID, SOLID
from cards.drugs.ingredients import ingredients
from cards.drugs.products import ProductRow
from cards.facts.drugs import Amount
from cards.knowledge.definitions import defined
from cards.knowledge.limits import meets, misses
from cards.quantity import plain

_SHOWN = 3  # ingredients of ours that a name lists


@cache
def name_words() -> Mapping[str, Any]:
    """Return the words of cards/drugs/names.toml."""
    return tomllib.loads((files("cards") / "drugs" / "names.toml").read_text(encoding="utf-8"))


def name_of(row: ProductRow, *, contraceptive: bool = False) -> str:
    """Return our name for a product, such as `ferrous sulfate 325 mg oral tablet`, of at most three ingredients."""
    listed = [_named(each, row.form) for each in _most_telling(row)[:_SHOWN]]
    rest = row.count - len(listed)
    words = " / ".join(listed)
    if contraceptive:
        return _said("contraceptive", ingredients=words)
    if meets(row.count, defined("product.multi_ingredient")):
        words = _said("multi_ingredient", ingredients=words)
    elif rest > 0:
        words = _said("combination", ingredients=words)
    return " ".join(part for part in (words, _form(row)) if part)


def _said(key: str, **parts: str) -> str:
    template: str = name_words()[key]
    return template.format_map(parts)


def _most_telling(row: ProductRow) -> list[Amount]:
    """Iron first in a product of many; otherwise in their order."""
    if misses(row.count, defined("product.multi_ingredient")):
        return list(row.ingredients)
    return sorted(row.ingredients, key=lambda each: "iron-oral" not in ingredients()[each.ingredient].classes)


def _named(amount: Amount, form: str) -> str:
    if amount.mg is not None:
        return _with_iron(f"{amount.ingredient} {_strength(_mg(amount.mg, amount.ingredient), form)}", amount)
    if amount.international_units is not None:
        units = _said("iu", amount=plain(amount.international_units))
        return f"{amount.ingredient} {_strength(units, form)}"
    return _with_iron(amount.ingredient, amount)


def _strength(strength: str, form: str) -> str:
    return _said("per_ml", strength=strength) if form == LIQUID else strength


def _with_iron(strength: str, amount: Amount) -> str:
    iron = amount.elemental_iron_mg
    return strength if iron is None else _said("with_iron", strength=strength, iron=_mg(iron))


def _mg(value: Decimal, ingredient: str = "") -> str:
    """Below 0.01 mg in micrograms, as calcitriol, and so what prescriptions always write in them, as levothyroxine."""
    small = value < Decimal("0.01") or ingredient in name_words()["in_micrograms"]
    unit, number = ("micrograms", value * 1000) if small else ("mg", value)
    return _said(unit, amount=plain(number.quantize(Decimal("0.0001")).normalize()))


def _form(row: ProductRow) -> str:
    if row.form in SOLID:
        return _said("extended_release" if row.extended_release else "oral", form=row.form)
    if any(each.ingredient == "intravenous iron" for each in row.ingredients):
        return ""  # its name says it
    route: str = name_words()["routes"].get(row.route, "")
    return route or (row.form if row.form in ("patch", "liquid", "powder") else "")
