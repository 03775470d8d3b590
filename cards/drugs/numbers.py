"""Numbers and units as labels and prescriptions write them."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

NUMBER = r"(?<!\d)\d{1,9}(?:[.,]\d{1,9}){0,3}|\.\d{1,9}"
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?")
_MG = {"mg": "1", "milligram": "1", "milligrams": "1", "mcg": "0.001", "ug": "0.001", "microgram": "0.001"}
_MG |= {"micrograms": "0.001", "g": "1000", "gram": "1000", "grams": "1000", "gm": "1000", "ng": "0.000001"}
MG_PER_UNIT = {unit: Decimal(factor) for unit, factor in _MG.items()}
#: mg of the iron itself, not of its salt: `65 mg elemental iron`, `65 mg Fe`, `65 mg of iron`.
MG_OF_IRON = r"mg\s*(?:(?:of\s+)?elemental(?:\s+iron)?|fe|of\s+iron)"
#: How such a dose is named among the base units.
IRON_MG = "mg iron"
IU_UNITS = frozenset({"iu", "unt", "unit", "units", "[iu]", "i.u.", "[usp'u]", "international units", "u"})


def number_of(written: str) -> Decimal | None:
    """`1,000` is a thousand, `0,125` and `38,5` are decimals; `None` where it is not one number."""
    cleaned = written.replace(",", "") if _THOUSANDS.fullmatch(written) else written.replace(",", ".")
    try:
        return Decimal(cleaned)
    except InvalidOperation:
        return None
