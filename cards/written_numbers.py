"""Numbers as people write them, with every value that a writing may have (data amendments 3).

A dot, comma or blank before exactly three digits may group thousands or begin the decimals: `1.500` is 1.5 or 1500.
It is decided by a leading 0 (`0.350`), by more than three digits before the mark (`1234.567`), and by a second mark:
a different one (`1.234,5`) or the same again (`1.234.567`).
"""

from __future__ import annotations

import re
from decimal import Decimal

_PLAIN = re.compile(r"[+-]?(?:\d+|\d*[.,]\d+)")
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?:([., ])\d{3})(?:\1\d{3})*(?:(?!\1)[.,]\d+)?")
_AMBIGUOUS = re.compile(r"([+-]?[1-9]\d{0,2})([., ])(\d{3})")
_BLANKS = re.compile("[\u00a0\u2007\u2009\u202f]")


def readings(written: str) -> tuple[Decimal, ...]:
    """Return the values that a written number may have, the highest first; none where it is not one number."""
    plain = _BLANKS.sub(" ", written)
    ambiguous = _AMBIGUOUS.fullmatch(plain)
    if ambiguous:
        whole, _, three = ambiguous.groups()
        grouped, parted = Decimal(whole + three), Decimal(f"{whole}.{three}")
        return (grouped, parted)
    grouped_form = _GROUPED.fullmatch(plain)
    if grouped_form:
        return (_ungrouped(plain, grouped_form[1]),)
    return (Decimal(plain.replace(",", ".")),) if _PLAIN.fullmatch(plain) else ()


def one_reading(written: str) -> Decimal | None:
    """Return the value of a written number; None where it is not one number or may be two."""
    found = readings(written)
    return found[0] if len(found) == 1 else None


def _ungrouped(plain: str, mark: str) -> Decimal:
    return Decimal(plain.replace(mark, "").replace(",", "."))
