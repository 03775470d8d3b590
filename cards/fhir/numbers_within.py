"""The numbers within a result that cannot be read as one value: what it may be, never what it is.

A text with a remark, a range, a ratio or a value of another shape is never compared, but it may be high (data
amendments 3). Left out are what is plainly no result: days, times of day, spans of time, and reference ranges.

No result holds hundreds of numbers. What stands behind the limits is not read, and may be any number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import chain, islice
from operator import attrgetter
from typing import TypeAlias

from cards.fhir.json_values import Json, first, items, text
from cards.labs.analytes import Analyte
from cards.labs.units import (
    WIDEST_EXPONENT,
    UnreadableQuantity,
    conversions_for,
    measurable,
    numbers_of,
    possible_values,
    with_signs,
)
from cards.values import frozen
from cards.written_numbers import readings

#: What is read of one value: so many texts, numbers and ratios (its parts), and so many numbers in all of them; of one
#: text so many characters; and how deep.
_MOST_PARTS, _MOST_NUMBERS, _LONGEST_TEXT, _DEEPEST = 50, 50, 1000, 6

_NUMBER = re.compile(
    r"(<=|>=|<|>)? ?(\d+(?:[., ]\d+)*|(?<![\w.,])[.,]\d+)"
    r"(?: ?e([+-]?\d{1,2})(?!\w)| ?[x*·×] ?10 ?(?:\^|\*\*?)? ?([+-]?[1-9]\d?)(?!\d))?"
    r" ?((?:[^\W\d_]|%)[^\s()\[\];,:]*)?",
    re.IGNORECASE,
)
_GROUPING = re.compile(r"(?<=\d)['’](?=\d{3})")
_SPAN = "hrs?|hours?|heures?|stunden?|std|uur|horas?|ore|days?|tagen?|tage?|jours?|weeks?|wochen?|minutes?|minuten"
_TIMES = re.compile(
    r"(?<![\d.,])(?:"
    r"(?:19|20)\d\d-(?:0[1-9]|1[0-2])(?:-\d\d)?(?:[t ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:z|[+-]\d\d:\d\d)?)?"
    r"|\d{1,2}[./]\d{1,2}[./](?:(?:19|20)\d\d|\d\d)|\d{1,2}-\d{1,2}-(?:19|20)\d\d|\d{1,2}:\d\d(?::\d\d)?"
    rf"|\d+(?: ?(?:-|–|to|bis|à) ?\d+)? ?-?(?:{_SPAN})\b"
    r")(?![\d.,]\d)(?!\d)",
    re.IGNORECASE,
)
_BETWEEN = r"[\d.,]+ ?(?:-|–|to|bis) ?[\d.,]+"
_MARKS = r"[ .:]{0,3}"
_REFERENCE = re.compile(
    rf"(?<![^\W\d_])(?:ref(?:erence|erenz|erentie|erens)?|norm){_MARKS}"
    rf"(?:(?:range|interval|bereich|values?|limits?){_MARKS})?(?:{_BETWEEN}|[<>]=? ?[\d.,]+)",
    re.IGNORECASE,
)
#: So are a range or an upper limit behind these words; but "above normal >800" is a result.
_NORMAL = re.compile(
    rf"(?<![^\W\d_])(?:normal|limits?){_MARKS}"
    rf"(?:(?:range|interval|values?|limits?){_MARKS})?(?:{_BETWEEN}|<=? ?[\d.,]+)",
    re.IGNORECASE,
)
#: A range in brackets behind a number is where the laboratory writes its reference range.
_BRACKETED = re.compile(rf"[(\[] ?{_BETWEEN}(?: ?[^\W\d_][^\s()\[\]]*| ?%)? ?[)\]]")

#: Types of values that hold no quantity.
_NO_QUANTITY = frozenset(f"value{kind}" for kind in ("Boolean", "DateTime", "Instant", "Period", "Reference", "Time"))
#: Members that say how a value is written, where it comes from or when, not what it is.
_NOT_THE_VALUE = frozenset(
    {
        *("unit", "code", "system", "version", "comparator", "id", "extension", "modifierExtension", "userSelected"),
        *("reference", "identifier", "url", "contentType", "language", "hash", "size", "creation", "start", "end"),
        *("period", "interval", "dimensions", "factor", "lowerLimit", "upperLimit", "denominator", "numerator", "data"),
    }
)


@frozen
class _Written:
    """A number as it was written, with the sign before it and the spellings of its unit."""

    number: Decimal
    sign: str = ""
    spelled: tuple[str, ...] = ()


#: The numbers of one part of a value, worked out when they are asked for; None stands for those that are not read.
_Part: TypeAlias = Iterator[_Written | None]

_BY_NUMBER = attrgetter("number")
#: What is not read may be as low, and as high, as any number.
_ANYTHING = tuple(_Written(Decimal(10) ** exponent) for exponent in (-WIDEST_EXPONENT, WIDEST_EXPONENT))
_DIGIT = re.compile(r"\d")


def with_numbers_within(analyte: Analyte, value: UnreadableQuantity, content: Mapping[str, Json]) -> UnreadableQuantity:
    """Return the unreadable value of an Observation with every further number that it holds among its `possible`.

    Of many the first, the highest and the lowest are taken: no limit needs the others.
    """
    # A number that was read keeps its values, but for one whose unit was not: that may be one that only its size tells.
    known = () if value.why == "unknown-unit" else value.numbers
    kept = _outermost(_parts_of(content), known)
    if not kept:
        return value
    possible = [
        quantity
        for each in kept
        for quantity in possible_values(analyte, (each.number,), each.sign, conversions_for(analyte, each.spelled))
    ]
    return replace(
        value,
        why="not-a-number" if value.why == "no-value" else value.why,
        possible=tuple(dict.fromkeys((*value.possible, *possible))),
        numbers=tuple(dict.fromkeys((*value.numbers, *(each.number for each in kept)))),
    )


def _outermost(parts: Iterator[_Part], known: Collection[Decimal] = ()) -> tuple[_Written, ...]:
    """Return the first, the highest and the lowest of the numbers that are not known, each once.

    Where not all are read, what the others may be as well.
    """
    numbers = chain.from_iterable(islice(parts, _MOST_PARTS))
    found = list(islice(numbers, _MOST_NUMBERS))
    is_whole = None not in found and not any(True for _ in numbers) and not any(True for _ in parts)
    read = [each for each in found if each and each.number not in known]
    kept = (read[0], max(read, key=_BY_NUMBER), min(read, key=_BY_NUMBER)) if read else ()
    return tuple(dict.fromkeys((*kept, *(() if is_whole else _ANYTHING))))


def _parts_of(content: Mapping[str, Json]) -> Iterator[_Part]:
    for key, value in content.items():
        if isinstance(key, str) and key.startswith("value") and key not in _NO_QUANTITY:
            yield from _within(value, (), _DEEPEST)


def _within(value: Json, spelled: tuple[str, ...], depth: int) -> Iterator[_Part]:
    if isinstance(value, str):
        yield _in_text(value, spelled)
    elif isinstance(value, Mapping):
        yield from _in_object(value, depth - 1) if depth else ()
    elif isinstance(value, list | tuple):
        for each in items(value) if depth else ():
            yield from _within(each, spelled, depth - 1)
    else:
        numbers = numbers_of(value)
        if not isinstance(numbers, UnreadableQuantity):
            yield iter([_Written(each, "", spelled) for each in numbers])


def _in_object(value: Mapping[str, Json], depth: int) -> Iterator[_Part]:
    spelled = (text(value.get("unit")), text(value.get("code")))
    if "numerator" in value:
        yield _in_ratio(first(value["numerator"]), first(value.get("denominator")))
    if "origin" in value:  # the numbers of sampled data stand in a text
        yield from _within(value.get("data"), spelled, depth)
    for key, member in value.items():
        if key not in _NOT_THE_VALUE and not key.startswith("_"):
            yield from _within(member, spelled if key == "value" else (), depth)


def _in_ratio(above: Mapping[str, Json], below: Mapping[str, Json]) -> _Part:
    """Yield the quotient of both numbers, in their outermost readings; the number above where there is none below."""
    unit, per = ((text(each.get("unit")) or text(each.get("code"))) for each in (above, below))
    # Long texts hold many numbers: all above by all below would grow with the square, and no limit needs the others.
    divisors = [each for each in _outermost(_within(below.get("value"), (), 1), (Decimal(0),)) if each.number]
    for each in _outermost(_within(above.get("value"), (), 1)):
        for divisor in divisors or (_Written(Decimal(1)),):
            number = measurable(each.number / divisor.number)
            yield _Written(number, "", (f"{unit}/{per}" if per else unit,)) if number is not None else None


def _in_text(written: str, spelled: tuple[str, ...]) -> _Part:
    """Yield every number of a text in all its readings, with the sign before it and the unit behind it."""
    whole = unicodedata.normalize("NFKC", written[:_LONGEST_TEXT])
    plain = " ".join(whole[:_LONGEST_TEXT].split())
    plain = plain if plain.isascii() else "".join(map(_in_ascii, plain))
    if _DIGIT.search(plain):
        yield from _in_plain_text(plain, spelled)
    if _DIGIT.search(written, _LONGEST_TEXT) or _DIGIT.search(whole, _LONGEST_TEXT):
        yield None


def _in_plain_text(plain: str, spelled: tuple[str, ...]) -> Iterator[_Written]:
    plain = with_signs(plain)
    for pattern in (_TIMES, _REFERENCE):
        plain = pattern.sub(" ", plain)
    outside = _NORMAL.sub(" ", _BRACKETED.sub(" ", plain))
    plain = _GROUPING.sub("", outside if _NUMBER.search(outside) else plain)
    for found in _NUMBER.finditer(" ".join(plain.split())):
        power = int(found[3] or found[4] or 0)
        for number in _read(found[2]):
            known = measurable(number.scaleb(power))
            if known is not None:
                yield _Written(known, found[1] or "", (*spelled, found[5] or ""))


def _in_ascii(sign: str) -> str:
    """A digit of any script as one of ours."""
    return str(unicodedata.digit(sign)) if sign.isdigit() and not sign.isascii() else sign


def _read(digits: str) -> Iterator[Decimal]:
    """Yield what digits with marks between them may be: one number, and each part that blanks set apart."""
    parts = digits.split(" ")
    if len(parts) > 1:
        yield from readings(digits)
    for part in parts:
        yield from readings(part) or _pieces(part)


def _pieces(part: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(each) for each in re.findall(r"\d+", part))
