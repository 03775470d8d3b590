"""What the laboratory measures: names, canonical units, conversions and limits, read from analytes.toml once."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from cards.quantity import Quantity


@dataclass(frozen=True, slots=True)
class Conversion:
    """One accepted unit: the canonical value is `value * times / per`.

    `up_to` is the largest value that may stand in this unit (a fraction of a saturation); `None` is no such limit.
    """

    unit: str
    times: Decimal = Decimal(1)
    per: Decimal = Decimal(1)
    up_to: Decimal | None = None
    basis: str = ""

    def means_the_same_as(self, other: Conversion) -> bool:
        """Two spellings of one size, such as ng/mL and µg/L."""
        return self.times * other.per == other.times * self.per

    def apply(self, value: Decimal) -> Decimal:
        return value * self.times / self.per

    @property
    def printed(self) -> str:
        """The unit as a card prints it: UCUM's `u` is a micro sign, a bare fraction has no unit."""
        if self.unit == "1":
            return ""
        return self.unit.replace("ug", "µg").replace("umol", "µmol")


@dataclass(frozen=True, slots=True)
class Analyte:
    """One analyte. `unit` is canonical and printed; `decimals` None means: as reported (see `shown`)."""

    id: str
    name: str
    unit: str
    decimals: int | None
    implausible_at_or_below: Decimal | None
    implausible_below: Decimal | None
    implausible_above: Decimal | None
    shown_up_to: Decimal | None  # above it the number itself means nothing: shown as "above" it
    units: Mapping[str, Conversion]  # by spelling key

    def conversion(self, unit: str) -> Conversion | None:
        """The conversion for a unit as it was spelled, or `None` where this analyte has no such unit."""
        return self.units.get(spelling_key(unit))

    def quantity(self, value: Decimal | str | int, comparator: str = "") -> Quantity:
        """A quantity in the canonical unit, for limits and tests."""
        return Quantity(Decimal(value), self.unit, comparator)

    def shown(self, quantity: Quantity, *, converted: bool) -> Quantity:
        """The number that is compared and printed (clinical page 0.3, rule 7).

        Methylmalonic acid is not rounded; a converted value is cut to three decimals (one nmol/L), because a
        quotient has no natural end.
        """
        if self.decimals is None:
            return quantity.rounded(3) if converted else quantity
        rounded = quantity.rounded(self.decimals)
        if self.shown_up_to is not None and rounded.value > self.shown_up_to:
            return Quantity(self.shown_up_to, self.unit, ">")
        return rounded

    def is_too_low(self, quantity: Quantity) -> bool:
        """Below what can be true of a living patient."""
        value = quantity.value
        if self.implausible_at_or_below is not None and value <= self.implausible_at_or_below:
            return True
        if self.implausible_below is None:
            return False
        return value < self.implausible_below or (quantity.comparator == "<" and value == self.implausible_below)

    def is_too_high(self, quantity: Quantity) -> bool:
        return self.implausible_above is not None and quantity.value > self.implausible_above


def spelling_key(unit: str) -> str:
    """What two spellings of one unit have in common: NFKC, no spaces, no case. Only to be looked up per analyte."""
    return "".join(unicodedata.normalize("NFKC", unit).split()).casefold()


@cache
def analytes() -> Mapping[str, Analyte]:
    """All analytes by id (the value-set name without `lab-` or `measure-`)."""
    content = tomllib.loads((files("cards") / "analytes.toml").read_text(encoding="utf-8"))
    spellings = content.pop("spellings")
    return {key: _analyte(key, entry, spellings) for key, entry in content.items()}


def analyte(name: str) -> Analyte:
    """One analyte. Raises `KeyError` for a name that is not in analytes.toml."""
    return analytes()[name]


def display_name(name: str) -> str:
    """The analyte in the clinic's words, with a capital letter. Raises `KeyError` for an unknown one."""
    words = analyte(name).name
    return words[0].upper() + words[1:]


@cache
def unit_keys() -> frozenset[str]:
    """Every unit spelling that any analyte knows: what can contradict another unit."""
    return frozenset(key for one in analytes().values() for key in one.units)


def _analyte(key: str, entry: Mapping[str, Any], spellings: Mapping[str, list[str]]) -> Analyte:
    return Analyte(
        id=key,
        name=entry["name"],
        unit=entry["unit"],
        decimals=entry.get("decimals"),
        implausible_at_or_below=_decimal(entry.get("implausible_at_or_below")),
        implausible_below=_decimal(entry.get("implausible_below")),
        implausible_above=_decimal(entry.get("implausible_above")),
        shown_up_to=_decimal(entry.get("shown_up_to")),
        units=by_spelling([_conversion(unit) for unit in entry["units"]], spellings),
    )


def _conversion(entry: Mapping[str, str]) -> Conversion:
    return Conversion(
        unit=entry["unit"],
        times=Decimal(entry.get("times", "1")),
        per=Decimal(entry.get("per", "1")),
        up_to=_decimal(entry.get("up_to")),
        basis=entry.get("basis", ""),
    )


def by_spelling(conversions: Iterable[Conversion], spellings: Mapping[str, list[str]]) -> dict[str, Conversion]:
    """The units of one analyte by spelling key; `ValueError` where one spelling would mean two of them."""
    found: dict[str, Conversion] = {}
    for conversion in conversions:
        for spelling in (conversion.unit, *spellings.get(conversion.unit, ())):
            if found.setdefault(spelling_key(spelling), conversion) is not conversion:
                raise ValueError(f"cards/analytes.toml: {spelling} means two units of one analyte; keep one")
    return found


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
