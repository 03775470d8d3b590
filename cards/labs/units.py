"""Conversion of a reported number and its unit to the canonical quantity, or to the reason why there is none.

Nothing is inferred: not from the size of the number, not from a reference range (clinical rationale 0.3, rule 4, and
5); from the code of the test only what that code defines. What cannot be compared still says which values it may have
(`possible`), so that a result that may be too high for iron is not passed over (data amendments 3).
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache
from importlib.resources import files

from cards.knowledge.code_systems import UCUM, system_of
from cards.labs.analytes import Analyte, Conversion, is_a_unit, spelling_key
from cards.labs.unit_grammar import LONGEST_UNIT
from cards.quantity import LOWER_BOUNDS, UPPER_BOUNDS, Quantity
from cards.remembered import remembered
from cards.values import frozen
from cards.written_numbers import readings

#: A longer number is not a measurement.
MOST_DIGITS = 30
WIDEST_EXPONENT = 12

_SIGNS = {"≤": "<=", "≥": ">=", "＜": "<", "＞": ">"}
_RESULT_TEXT = re.compile(r"(<=|>=|<|>)?\s*([+-]?(?:\d[\d.,' ]*|\.\d+))(?:((?:[^\W\d_]|[%\[{]).*))?")


@frozen
class ReadableQuantity:
    """A quantity in the canonical unit, as shown; `exact` is the same before rounding.

    `reported` is what the laboratory gave, where it had to be converted; ng/mL and µg/L are one size.
    """

    quantity: Quantity
    exact: Quantity
    how: str
    reported: Quantity | None = None

    @property
    def possible(self) -> tuple[Quantity, ...]:
        """Return the one value it has."""
        return (self.exact,)

    @property
    def numbers(self) -> tuple[Decimal, ...]:
        """Return the number as it was written."""
        return ((self.reported or self.exact).value,)


@frozen
class UnreadableQuantity:
    """Why there is no quantity (a key of cards/wording/reasons.toml); an implausible one can still be named.

    possible  every value, in the canonical unit, that it may have: as written, converted, either reading of thousands
    numbers   the readings of its number as it was written
    """

    why: str
    quantity: Quantity | None = None
    possible: tuple[Quantity, ...] = ()
    numbers: tuple[Decimal, ...] = ()


def canonical(
    analyte: Analyte,
    value: object,
    comparator: object = None,
    *,
    unit: object = None,
    code: object = None,
    system: object = None,
    by_definition: bool = False,
) -> ReadableQuantity | UnreadableQuantity:
    """Read a FHIR Quantity's members. Any JSON value may stand in any of them; nothing is raised.

    `by_definition`: the code of the test defines what the unit leaves open (`Conversion.by_definition`).
    """
    sign = _comparator(comparator)
    numbers = numbers_of(value)
    if isinstance(numbers, UnreadableQuantity):
        return numbers
    spelled = (_text(unit), _text(code))
    conversion = _conversion(analyte, *spelled, _text(system), by_definition)
    if sign is not None and len(numbers) == 1 and isinstance(conversion, Conversion):
        return _converted(analyte, Quantity(numbers[0], conversion.printed, sign), conversion)
    why = "unknown-comparator" if sign is None else "two-readings" if len(numbers) > 1 else ""
    if isinstance(conversion, UnreadableQuantity):
        why = why or conversion.why
        conversions = conversions_for(analyte, spelled)
    else:
        conversions = (conversion,)
    return UnreadableQuantity(why, None, possible_values(analyte, numbers, sign or "", conversions), numbers)


def canonical_text(
    analyte: Analyte, text: str, *, by_definition: bool = False
) -> ReadableQuantity | UnreadableQuantity:
    """Read a result given as text: `38`, `<5 ng/mL`, `less than 5`, `38,5 ug/L` (clinical rationale 0.3, rule 3)."""
    if len(text) > LONGEST_UNIT + MOST_DIGITS:
        return UnreadableQuantity("not-a-number")
    found = _RESULT_TEXT.fullmatch(with_signs(unicodedata.normalize("NFKC", text).strip()))
    if not found:
        return UnreadableQuantity("not-a-number")
    return canonical(analyte, found[2].strip(), found[1], unit=found[3], by_definition=by_definition)


def numbers_of(value: object) -> tuple[Decimal, ...] | UnreadableQuantity:
    """Return a JSON number, or every reading of a written one; floats by their shortest decimal form."""
    if isinstance(value, str):
        return _numbers_of_text(value)
    if value is None:
        return UnreadableQuantity("no-value")
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return UnreadableQuantity("not-a-number")
    if isinstance(value, int) and value.bit_length() > 4 * MOST_DIGITS:
        return UnreadableQuantity("not-a-number")
    number = measurable(Decimal(repr(value)) if isinstance(value, float) else Decimal(value))
    return UnreadableQuantity("not-a-number") if number is None else (number,)


def _numbers_of_text(text: str) -> tuple[Decimal, ...] | UnreadableQuantity:
    if len(text) > LONGEST_UNIT + MOST_DIGITS:
        return UnreadableQuantity("not-a-number")
    plain = unicodedata.normalize("NFKC", text).strip()
    if not plain:
        return UnreadableQuantity("no-value")
    found = tuple(measurable(each) for each in readings(plain)) if plain.isascii() else ()
    known = tuple(each for each in found if each is not None)
    return known if known and len(known) == len(found) else UnreadableQuantity("not-a-number")


def measurable(number: Decimal) -> Decimal | None:
    """Return the number if it is one that a measurement may have, else None."""
    if not number.is_finite() or len(number.as_tuple().digits) > MOST_DIGITS:
        return None
    if number and abs(number.adjusted()) > WIDEST_EXPONENT:
        return None
    return number if number else Decimal(0)


@cache
def signs_in_words() -> Mapping[str, str]:
    """Return the comparators that laboratories write in letters, in lower case, each with its sign."""
    return tomllib.loads((files("cards") / "labs" / "comparators.toml").read_text(encoding="utf-8"))


@cache
def _in_words() -> re.Pattern[str]:
    longest_first = sorted(signs_in_words(), key=len, reverse=True)
    return re.compile(rf"\b({'|'.join(map(re.escape, longest_first))})\b\.?\s*(?=[\d.,])", re.IGNORECASE)


def with_signs(text: str) -> str:
    """Return a text with every comparator, in letters or as another sign, as ours."""
    for sign, ours in _SIGNS.items():
        text = text.replace(sign, ours)
    return _in_words().sub(lambda named: signs_in_words()[named[1].lower()], text)


def _comparator(value: object) -> str | None:
    if value is None:
        return ""
    sign = value.strip() if isinstance(value, str) else "?"
    sign = _SIGNS.get(sign, signs_in_words().get(sign.lower(), sign))
    return sign if sign in ("", *LOWER_BOUNDS, *UPPER_BOUNDS) else None


def _conversion(
    analyte: Analyte, unit: str, code: str, system: str, by_definition: bool
) -> Conversion | UnreadableQuantity:
    """Return the conversion for the reported unit, or why there is none (clinical rationale 5.2)."""
    return _conversion_of([unit, code, system], analyte, by_definition)


@remembered
def _conversion_of(named: Sequence[str], analyte: Analyte, by_definition: bool) -> Conversion | UnreadableQuantity:
    """The conversion for the unit, code and system of a quantity.

    The coded unit takes precedence where its system is UCUM. Under another system, or none, it is the unit where the
    text is none (data amendments 3).
    """
    unit, code, system = named
    deciding = code if code and (system_of(system) == UCUM or not _is_any_unit(unit)) else unit
    if not deciding:
        return UnreadableQuantity("no-unit")
    if unit and code and _contradict(analyte, unit, code):
        return UnreadableQuantity("unit-contradicts-itself")
    found = _known(analyte, deciding)
    if found is not None and (by_definition or not found.by_definition):
        return found
    never = len(deciding) <= LONGEST_UNIT and analyte.is_never_reported_in(deciding)
    return UnreadableQuantity("unit-never-reported" if never else "unknown-unit")


def conversions_for(analyte: Analyte, spelled: Iterable[str]) -> tuple[Conversion, ...]:
    """Return what the unit may be where it is not understood: any that is accepted, or the one it is by its size."""
    by_size = [analyte.physical(each) for each in spelled if each and len(each) <= LONGEST_UNIT]
    accepted = (each for each in dict.fromkeys(analyte.units.values()) if not each.by_definition)
    return tuple(dict.fromkeys((*accepted, *(each for each in by_size if each))))


def possible_values(
    analyte: Analyte, numbers: Iterable[Decimal], sign: str, conversions: Iterable[Conversion]
) -> tuple[Quantity, ...]:
    """Return every value, in the canonical unit, that numbers may have in these units."""
    held = tuple(conversions)
    return tuple(
        dict.fromkeys(
            Quantity(each.apply(number), analyte.unit, sign)
            for number in numbers
            for each in held
            if each.up_to is None or number <= each.up_to
        )
    )


def _contradict(analyte: Analyte, unit: str, code: str) -> bool:
    """Return whether both texts are known units of different sizes; which one is right is never guessed."""
    if not (_is_any_unit(unit) and _is_any_unit(code)) or spelling_key(unit) == spelling_key(code):
        return False
    one, other = _known(analyte, unit), _known(analyte, code)
    if one is None or other is None:
        return one is not other
    return not one.means_the_same_as(other)


def _known(analyte: Analyte, unit: str) -> Conversion | None:
    return analyte.conversion(unit) if len(unit) <= LONGEST_UNIT else None


def _is_any_unit(unit: str) -> bool:
    return bool(unit) and len(unit) <= LONGEST_UNIT and is_a_unit(unit)


def _converted(analyte: Analyte, reported: Quantity, conversion: Conversion) -> ReadableQuantity | UnreadableQuantity:
    numbers = (reported.value,)
    if analyte.whole_numbers and reported.comparator == ">" and not (reported.value + 1) % 10:
        reported = replace(reported, value=reported.value + 1, comparator=">=")
    exact = Quantity(conversion.apply(reported.value), analyte.unit, reported.comparator)
    if conversion.up_to is not None and reported.value > conversion.up_to:
        written = replace(exact, value=reported.value)
        return UnreadableQuantity("number-does-not-fit-unit", None, (written,), numbers)
    converted = conversion.times != conversion.per
    shown = analyte.shown(exact, converted=converted)
    if analyte.is_too_high(exact):
        return UnreadableQuantity("implausibly-high", exact.rounded(analyte.decimals or 3), (exact,), numbers)
    if analyte.is_too_low(exact) or analyte.rounds_to_nothing(shown):
        return UnreadableQuantity("implausible", exact.rounded(analyte.decimals or 3), (exact,), numbers)
    if not converted:
        return ReadableQuantity(shown, exact, "reported")
    return ReadableQuantity(shown, exact, "converted", reported)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
