"""From a reported number and its unit to the canonical quantity, or to the reason why there is none.

Nothing is inferred: not from the size of the number, not from the code of the test, not from a reference range
(clinical page 0.3, rule 4; section 5).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal

from cards.analytes import Analyte, Conversion, spelling_key, unit_keys
from cards.code_systems import UCUM, system_of
from cards.quantity import LOWER_BOUNDS, UPPER_BOUNDS, Quantity

#: A longer text is prose, not a unit; a longer number is not a measurement.
LONGEST_UNIT = 32
MOST_DIGITS = 30
WIDEST_EXPONENT = 12

_SIGNS = {"≤": "<=", "≥": ">=", "＜": "<", "＞": ">"}
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")
_RESULT_TEXT = re.compile(r"(<=|>=|<|>)?\s*([+-]?\d+(?:[.,]\d+)?)(?:\s*((?:[^\W\d_]|[%\[{µ]).*))?")
#: `1,234` is a thousand or a decimal; `0,412` can only be a decimal.
_TWO_READINGS = re.compile(r"[+-]?0*[1-9]\d*,\d{3}")


@dataclass(frozen=True, slots=True)
class Readable:
    """A quantity in the canonical unit, as shown; `exact` is the same before rounding.

    `reported` is what the laboratory gave, where it had to be converted; ng/mL and µg/L are one size.
    """

    quantity: Quantity
    exact: Quantity
    how: str
    reported: Quantity | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why there is no quantity (a key of cards/reading/reasons.toml); an implausible one can still be named."""

    why: str
    quantity: Quantity | None = None


def canonical(
    analyte: Analyte,
    value: object,
    comparator: object = None,
    *,
    unit: object = None,
    code: object = None,
    system: object = None,
) -> Readable | Unreadable:
    """Read a FHIR Quantity's members. Any JSON value may stand in any of them; nothing is raised."""
    sign = _comparator(comparator)
    if sign is None:
        return Unreadable("unknown-comparator")
    number = number_of(value)
    if isinstance(number, Unreadable):
        return number
    conversion = _conversion(analyte, _text(unit), _text(code), _text(system))
    if isinstance(conversion, Unreadable):
        return conversion
    return _converted(analyte, Quantity(number, conversion.printed, sign), conversion)


def canonical_text(analyte: Analyte, text: str) -> Readable | Unreadable:
    """Read a result given in words: `38`, `<5 ng/mL`, `38,5 ug/L` (clinical page 0.3, rule 3)."""
    if len(text) > LONGEST_UNIT + MOST_DIGITS:
        return Unreadable("not-a-number")
    plain = unicodedata.normalize("NFKC", text).strip()
    for sign, ours in _SIGNS.items():
        plain = plain.replace(sign, ours)
    found = _RESULT_TEXT.fullmatch(plain)
    if not found:
        return Unreadable("not-a-number")
    return canonical(analyte, found[2], found[1], unit=found[3])


def number_of(value: object) -> Decimal | Unreadable:
    """A JSON number or a numeric string as a Decimal; floats by their shortest decimal form.

    A comma is a decimal comma, except where three digits follow it and it might group thousands.
    """
    if isinstance(value, str):
        return _number_of_text(value)
    if value is None:
        return Unreadable("no-value")
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return Unreadable("not-a-number")
    if isinstance(value, int) and value.bit_length() > 4 * MOST_DIGITS:
        return Unreadable("not-a-number")
    return _measurable(Decimal(repr(value)) if isinstance(value, float) else Decimal(value))


def _number_of_text(text: str) -> Decimal | Unreadable:
    if len(text) > LONGEST_UNIT + MOST_DIGITS:
        return Unreadable("not-a-number")
    plain = unicodedata.normalize("NFKC", text).strip()
    if not plain:
        return Unreadable("no-value")
    if not _NUMBER.fullmatch(plain) or not plain.isascii():
        return Unreadable("not-a-number")
    if _TWO_READINGS.fullmatch(plain):
        return Unreadable("two-readings")
    return _measurable(Decimal(plain.replace(",", ".")))


def _measurable(number: Decimal) -> Decimal | Unreadable:
    if not number.is_finite() or len(number.as_tuple().digits) > MOST_DIGITS:
        return Unreadable("not-a-number")
    if number and abs(number.adjusted()) > WIDEST_EXPONENT:
        return Unreadable("not-a-number")
    return number if number else Decimal(0)


def _comparator(value: object) -> str | None:
    if value is None:
        return ""
    sign = value.strip() if isinstance(value, str) else "?"
    sign = _SIGNS.get(sign, sign)
    return sign if sign in ("", *LOWER_BOUNDS, *UPPER_BOUNDS) else None


def _conversion(analyte: Analyte, unit: str, code: str, system: str) -> Conversion | Unreadable:
    """`code` wins where its system is UCUM; it is ignored where the system is another one (clinical page 5.2)."""
    if code and system and system_of(system) != UCUM:
        code = ""
    deciding = code if code and system else unit
    if not deciding:
        return Unreadable("no-unit")
    if unit and code and _contradict(analyte, unit, code):
        return Unreadable("unit-contradicts-itself")
    found = _known(analyte, deciding)
    return Unreadable("unknown-unit") if found is None else found


def _contradict(analyte: Analyte, unit: str, code: str) -> bool:
    """Both are units we know, and they mean different sizes. Which of them is right is never guessed."""
    if not (_is_any_unit(unit) and _is_any_unit(code)) or spelling_key(unit) == spelling_key(code):
        return False
    one, other = _known(analyte, unit), _known(analyte, code)
    if one is None or other is None:
        return one is not other
    return not one.means_the_same_as(other)


def _known(analyte: Analyte, unit: str) -> Conversion | None:
    return analyte.conversion(unit) if len(unit) <= LONGEST_UNIT else None


def _is_any_unit(unit: str) -> bool:
    return len(unit) <= LONGEST_UNIT and spelling_key(unit) in unit_keys()


def _converted(analyte: Analyte, reported: Quantity, conversion: Conversion) -> Readable | Unreadable:
    if conversion.up_to is not None and reported.value > conversion.up_to:
        return Unreadable("number-does-not-fit-unit")
    exact = Quantity(conversion.apply(reported.value), analyte.unit, reported.comparator)
    converted = conversion.times != conversion.per
    shown = analyte.shown(exact, converted=converted)
    if analyte.is_too_high(exact):
        return Unreadable("implausibly-high", exact.rounded(analyte.decimals or 3))
    if analyte.is_too_low(exact):
        return Unreadable("implausible", exact.rounded(analyte.decimals or 3))
    if not converted:
        return Readable(shown, exact, "reported")
    return Readable(shown, exact, "converted", reported)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
