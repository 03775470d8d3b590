"""Laboratory analytes: names, canonical units, conversions and limits, read from analytes.toml once."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from cards.labs.unit_grammar import parse_unit, with_one_area
from cards.quantity import Quantity
from cards.values import frozen

#: Parts of a unit written out or cut short, `micrograms per litre`, and what UCUM writes, in lower case.
_WRITTEN_OUT = tuple(
    (re.compile(written), sign)
    for written, sign in (
        (r"mi[ck]ro(?=g|mol)|mc(?=g|mol)|\u03bc(?=g|mol)", "u"),
        (r"nano(?=g|mol)", "n"),
        (r"pi[ck]o(?=g|mol)", "p"),
        (r"milli(?=g|mol|l)", "m"),
        (r"gram(?:m|me)?s?\b", "g"),
        (r"mol(?:e|es|s)\b", "mol"),
        (r"lit(?:er|re)s?\b", "l"),
        (r"\bper\b", "/"),
    )
)


@frozen
class Conversion:
    """One accepted unit: the canonical value is `value * times / per`.

    up_to          the largest value that may stand in this unit (a fraction of a saturation); None is no such limit
    by_definition  the unit counts only under a code that defines the rest of it (mL/min under a LOINC code of an eGFR,
                   which is per 1.73 m²)
    """

    unit: str
    times: Decimal = Decimal(1)
    per: Decimal = Decimal(1)
    up_to: Decimal | None = None
    basis: str = ""
    by_definition: bool = False

    def means_the_same_as(self, other: Conversion) -> bool:
        """Return whether both units have one size, such as ng/mL and µg/L."""
        return self.times * other.per == other.times * self.per

    def apply(self, value: Decimal) -> Decimal:
        """Return `value` in the canonical unit."""
        return value * self.times / self.per

    @property
    def printed(self) -> str:
        """Return the unit as a card prints it: UCUM's `u` is a micro sign, a bare fraction has no unit."""
        if self.unit == "1":
            return ""
        return self.unit.replace("ug", "µg").replace("umol", "µmol")


@dataclass(frozen=True, slots=True, eq=False)
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
    #: laboratories report it in whole numbers, so that `>59` means 60 or more (clinical amendments 2, section 1)
    whole_numbers: bool = False
    #: units in which no laboratory reports the analyte: almost always an error
    never_reported_in: tuple[str, ...] = ()

    def conversion(self, unit: str) -> Conversion | None:
        """Return the conversion for a unit by its spelling or by the grammar of UCUM, or None for no such unit."""
        known = self.units.get(spelling_key(unit))
        if known is not None:
            return known
        meant = parse_unit(unit)
        return next((each for each in self._distinct if meant is not None and parse_unit(each.unit) == meant), None)

    def physical(self, unit: str) -> Conversion | None:
        """Return what a unit that is not accepted would be by its size: mg/L of a mass concentration.

        None where it measures another kind of thing than every accepted unit.
        """
        meant = parse_unit(unit)
        for each in self._distinct if meant else ():
            known = parse_unit(each.unit)
            if meant and known and meant.is_like(known):
                return Conversion(unit, each.times * meant.size, each.per * known.size)
        return None

    def is_never_reported_in(self, unit: str) -> bool:
        """Return whether the unit is one in which no laboratory reports this analyte."""
        meant = parse_unit(unit)
        key = spelling_key(unit)
        return any(
            spelling_key(each) == key or (meant and parse_unit(each) == meant) for each in self.never_reported_in
        )

    def fraction(self, quantity: Quantity) -> Quantity | None:
        """Return what a number would be if it were a fraction whose unit was written wrongly; None where it is none."""
        unit = next((each for each in self._distinct if each.up_to is not None), None)
        if unit is None or unit.up_to is None or not 0 < quantity.value <= unit.up_to:
            return None
        return replace(quantity, value=unit.apply(quantity.value))

    @property
    def _distinct(self) -> tuple[Conversion, ...]:
        return tuple(dict.fromkeys(self.units.values()))

    def quantity(self, value: Decimal | str | int, comparator: str = "") -> Quantity:
        """Return a quantity in the canonical unit, for limits and tests."""
        return Quantity(Decimal(value), self.unit, comparator)

    def shown(self, quantity: Quantity, *, converted: bool) -> Quantity:
        """Return the number that is compared and printed (clinical rationale 0.3, rule 7).

        Methylmalonic acid is not rounded; a converted value is cut to three decimals (one nmol/L), because a quotient
        has no natural end.
        """
        if self.decimals is None:
            return quantity.rounded(3) if converted else quantity
        rounded = quantity.rounded(self.decimals)
        if self.shown_up_to is not None and rounded.value > self.shown_up_to:
            return Quantity(self.shown_up_to, self.unit, ">")
        return rounded

    def is_too_low(self, quantity: Quantity) -> bool:
        """Return whether the value is too low to be true of a living patient."""
        value = quantity.value
        if self.implausible_at_or_below is not None and value <= self.implausible_at_or_below:
            return True
        if self.implausible_below is None:
            return False
        return value < self.implausible_below or (quantity.comparator == "<" and value == self.implausible_below)

    def rounds_to_nothing(self, shown: Quantity) -> bool:
        """Return whether a value that must lie above zero would be shown, and so compared, as zero."""
        return self.implausible_at_or_below is not None and shown.value <= self.implausible_at_or_below

    def is_too_high(self, quantity: Quantity) -> bool:
        """Return whether the value is too high to be true of a living patient."""
        return self.implausible_above is not None and quantity.value > self.implausible_above


def spelling_key(unit: str) -> str:
    """Return what two spellings of one unit have in common: NFKC, no spaces, no case, nothing written out.

    The key is to be looked up per analyte only, because two units may share one.
    """
    plain = unicodedata.normalize("NFKC", unit).casefold()
    for written, sign in _WRITTEN_OUT:
        plain = written.sub(sign, plain)
    return with_one_area("".join(plain.split()))


@cache
def analytes() -> Mapping[str, Analyte]:
    """Return all analytes by id (the value-set name without `lab-` or `measure-`)."""
    content = tomllib.loads((files("cards") / "labs" / "analytes.toml").read_text(encoding="utf-8"))
    spellings = content.pop("spellings")
    return {key: _analyte(key, entry, spellings) for key, entry in content.items()}


def analyte(name: str) -> Analyte:
    """Return one analyte. Raises `KeyError` for a name that is not in analytes.toml."""
    return analytes()[name]


def is_a_unit(unit: str) -> bool:
    """Return whether a text is a unit of anything: what can contradict another unit."""
    return spelling_key(unit) in _unit_keys() or parse_unit(unit) is not None


@cache
def _unit_keys() -> frozenset[str]:
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
        whole_numbers=entry.get("whole_numbers", False),
        never_reported_in=tuple(entry.get("never_reported_in", ())),
    )


def _conversion(entry: Mapping[str, Any]) -> Conversion:
    return Conversion(
        unit=entry["unit"],
        times=Decimal(entry.get("times", "1")),
        per=Decimal(entry.get("per", "1")),
        up_to=_decimal(entry.get("up_to")),
        basis=entry.get("basis", ""),
        by_definition=entry.get("by_definition", False),
    )


def by_spelling(conversions: Iterable[Conversion], spellings: Mapping[str, list[str]]) -> dict[str, Conversion]:
    """Return the units of one analyte by spelling key. Raises `ValueError` if one spelling means two of them."""
    found: dict[str, Conversion] = {}
    for conversion in conversions:
        for spelling in (conversion.unit, *spellings.get(conversion.unit, ())):
            if found.setdefault(spelling_key(spelling), conversion) is not conversion:
                raise ValueError(f"cards/labs/analytes.toml: {spelling} means two units of one analyte; keep one")
    return found


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
