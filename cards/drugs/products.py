"""Product codes of RxNorm (clinical drug, branded drug, pack) and the ingredients each holds.

products.csv follows from a public list of names; label_products.csv is written by hand, each row with its source.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from importlib.resources import files

from cards.facts.drugs import Amount
from cards.values import frozen


@frozen
class ProductRow:
    """One product as the table has it. `count`: all active ingredients, those out of our scope too."""

    ingredients: tuple[Amount, ...]
    count: int
    form: str
    route: str
    extended_release: bool
    contraceptive: bool = False
    unverified: bool = False


def product_of_code(rxcui: str) -> ProductRow | None:
    """Return the product of an RxNorm code; `None` where the table does not list it."""
    line = _lines().get(rxcui)
    return _row(line) if line else None


def product_codes() -> tuple[str, ...]:
    """Return the RxNorm code of every product that the tables list."""
    return tuple(_lines())


@cache
def _lines() -> Mapping[str, list[str]]:
    return {row[0]: row for name in ("products.csv", "label_products.csv") for row in _table(name)}


@cache
def strengths() -> frozenset[tuple[str, Decimal, str]]:
    """Return every strength of which a product of one ingredient exists: its name, the number, and `mg` or `iu`."""
    amounts = [_amount(line[6]) for line in _lines().values() if line[5] == "1"]
    held = ((each.ingredient, each.mg, each.international_units) for each in amounts)
    return frozenset(
        (name, number, unit) for name, mg, units in held for number, unit in ((mg, "mg"), (units, "iu")) if number
    )


def _table(name: str) -> Iterator[list[str]]:
    """Yield the rows of a table below the names of its columns."""
    text = (files("cards") / "drugs" / name).read_text(encoding="utf-8")
    rows = csv.reader(line for line in text.splitlines() if not line.startswith("#"))
    next(rows)
    yield from rows


def _row(line: list[str]) -> ProductRow:
    _, kind, route, form, marks, count, held = line[:7]
    return ProductRow(
        ingredients=tuple(_amount(part) for part in held.split("|")),
        count=int(count),
        form=form,
        route=route,
        extended_release="er" in marks.split(),
        contraceptive=kind == "contraceptive pack",
        unverified="unverified" in marks.split(),
    )


def _amount(part: str) -> Amount:
    """`folic acid=0.4mg`, `vitamin D=400iu`, or a name alone where no strength is known."""
    name, _, strength = part.partition("=")
    if strength.endswith("iu"):
        return Amount(name, international_units=Decimal(strength.removesuffix("iu")))
    return Amount(name, Decimal(strength.removesuffix("mg"))) if strength else Amount(name)
