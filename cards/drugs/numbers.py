"""Numbers and units as labels and prescriptions write them."""

from __future__ import annotations

from decimal import Decimal

from cards.written_numbers import one_reading

#: A number in groups of three, with blanks between them: a strength alone is written so.
GROUPED = r"(?<![\d.,])\d{1,3}(?: \d{3}){1,4}(?![\d.,])"
NUMBER = r"(?<!\d)\d{1,9}(?:[.,]\d{1,9}){0,3}|\.\d{1,9}"
_MG = {"mg": "1", "milligram": "1", "milligrams": "1", "mcg": "0.001", "ug": "0.001", "microgram": "0.001"}
_MG |= {"micrograms": "0.001", "g": "1000", "gram": "1000", "grams": "1000", "gm": "1000", "ng": "0.000001"}
MG_PER_UNIT = {unit: Decimal(factor) for unit, factor in _MG.items()}
#: mg of the iron itself, not of its salt: `65 mg elemental iron`, `65 mg Fe`, `65 mg of iron`.
MG_OF_IRON = r"mg\s*+(?:(?:of\s++)?elemental(?:\s++iron)?|fe|of\s++iron)"
#: How such a dose is named among the base units.
IRON_MG = "mg iron"
IU_UNITS = frozenset({"iu", "unt", "unit", "units", "[iu]", "i.u.", "[usp'u]", "international units", "u"})


#: Whatever lies outside is no strength, dose or frequency. Inside, products and quotients of a few stay exact enough.
_SMALLEST, _LARGEST = Decimal("1e-9"), Decimal("1e9")


def measurable(value: Decimal) -> Decimal | None:
    """Return the number as it is, zero too; `None` where no label or prescription means one of that size."""
    return value if not value or _SMALLEST <= value < _LARGEST else None


def number_of(written: str) -> Decimal | None:
    """Read a written number; `None` where it is not one number, or may be two: `1,000` is 1000 or 1."""
    return one_reading(written)
