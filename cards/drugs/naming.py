"""The words a card may print for a product: made from our own tables, never from what was sent."""

from __future__ import annotations

from decimal import Decimal

from cards.chart import Amount
from cards.definitions import whole
from cards.drugs.forms import LIQUID, SOLID
from cards.drugs.ingredients import ingredients
from cards.drugs.products import ProductRow
from cards.quantity import plain

_SHOWN = 3  # ingredients of ours that a name lists
_ROUTES = {"iv": "intravenous", "im": "intramuscular", "injection": "injection", "subcutaneous": "subcutaneous"}


def name_of(row: ProductRow, *, contraceptive: bool = False) -> str:
    """Such as `ferrous sulfate 325 mg oral tablet`; at most three ingredients are named."""
    per = "/mL" if row.form == LIQUID else ""
    listed = [_named(each, per) for each in _most_telling(row)[:_SHOWN]]
    rest = row.count - len(listed)
    words = " / ".join(listed)
    if contraceptive:
        return f"oral contraceptive pack with {words}"
    if row.count >= whole("product.multi_ingredient"):
        words = f"multi-ingredient product with {words}"
    elif rest > 0:
        words = f"{words} (in combination)"
    return " ".join(part for part in (words, _form(row)) if part)


def _most_telling(row: ProductRow) -> list[Amount]:
    """Iron first in a product of many; otherwise in their order."""
    if row.count < whole("product.multi_ingredient"):
        return list(row.ingredients)
    return sorted(row.ingredients, key=lambda each: "iron-oral" not in ingredients()[each.ingredient].classes)


def _named(amount: Amount, per: str) -> str:
    if amount.mg is not None:
        return f"{amount.ingredient} {_mg(amount.mg)}{per}{_iron(amount)}"
    if amount.international_units is not None:
        return f"{amount.ingredient} {plain(amount.international_units)} IU{per}"
    return f"{amount.ingredient}{_iron(amount)}"


def _mg(value: Decimal) -> str:
    """Below 0.01 mg in micrograms: calcitriol 0.25 mcg is no 0.0002 mg."""
    if value < Decimal("0.01"):
        return f"{plain((value * 1000).quantize(Decimal('0.0001')).normalize())} mcg"
    return f"{plain(value.quantize(Decimal('0.0001')).normalize())} mg"


def _iron(amount: Amount) -> str:
    return f" ({_mg(amount.elemental_iron_mg)} iron)" if amount.elemental_iron_mg is not None else ""


def _form(row: ProductRow) -> str:
    if row.form in SOLID:
        release = "extended-release " if row.extended_release else ""
        return f"{release}oral {row.form}"
    return _ROUTES.get(row.route, row.form if row.form in ("patch", "liquid", "powder") else "")
