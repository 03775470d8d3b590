"""Product codes of RxNorm (clinical drug, branded drug, pack) and the ingredients each holds, out of products.csv."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files

from cards.chart import Amount


@dataclass(frozen=True, slots=True)
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
    """The product of an RxNorm code; `None` where the table does not list it."""
    line = _lines().get(rxcui)
    return _row(line) if line else None


@cache
def product_codes() -> tuple[str, ...]:
    """Every code of the table."""
    return tuple(_lines())


@cache
def _lines() -> Mapping[str, list[str]]:
    text = (files("cards") / "drugs" / "products.csv").read_text(encoding="utf-8")
    rows = csv.reader(line for line in text.splitlines() if not line.startswith("#"))
    next(rows)  # the names of the columns
    return {row[0]: row for row in rows}


def _row(line: list[str]) -> ProductRow:
    _, kind, route, form, marks, count, held = line
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
