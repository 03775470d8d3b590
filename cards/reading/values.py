"""The value of one measurement, and why it may not be used (clinical rationale 0.3, rules 1 to 6)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date

from cards.dates import PartialDate, cut_at, lies_in_future, on_day
from cards.facts.results import UnusableResult
from cards.fhir.json_values import Json, first, items, objects, text
from cards.fhir.numbers_within import with_numbers_within
from cards.labs.analytes import Analyte, analytes
from cards.labs.unit_grammar import LONGEST_UNIT
from cards.labs.units import ReadableQuantity, UnreadableQuantity, canonical, canonical_text
from cards.quantity import Quantity
from cards.reading.observations import Measurement
from cards.remembered import remembered

#: From the lowest to the highest: of two results of one time the higher one is the later word.
FINAL = ("final", "amended", "corrected")
_OTHER_STATUS = {
    "preliminary": "preliminary",
    "registered": "not-reported-yet",
    "cancelled": "cancelled",
    "entered-in-error": "entered-in-error",
}
#: A unit directly behind a number.
_UNIT_IN_TEXT = re.compile(r"\d ?((?:[^\W\d_]|%)[^\s()\[\];,]*)")
_LONGEST_WORDS, _MOST_RANGES = 200, 5
#: Reasons that leave the number itself in no doubt, so that a card may name it.
_NAMED = frozenset(
    {
        *("preliminary", "status-not-known", "no-date", "date-not-readable", "dated-in-the-future"),
        *("implausible", "implausibly-high", "code-not-mapped"),
    }
)


def read_value(
    analyte: Analyte, content: Mapping[str, Json], *, by_definition: bool = False
) -> ReadableQuantity | UnreadableQuantity:
    """Return the value of an Observation or component: a quantity, a number, or a result in words.

    What cannot be read keeps every number in it as one that it may be. `by_definition`: the code defines what the unit
    leaves open (`cards.labs.units.canonical`).
    """
    value = _read_value(analyte, content, by_definition)
    if isinstance(value, UnreadableQuantity):
        value = with_numbers_within(analyte, value, content)
    if "dataAbsentReason" in content and items(content["dataAbsentReason"]):
        if any(each.value for each in value.possible):  # a zero beside it fills the place of a value
            return UnreadableQuantity("said-to-be-absent", None, value.possible, value.numbers)
        return UnreadableQuantity("no-value")
    return value


def _read_value(
    analyte: Analyte, content: Mapping[str, Json], by_definition: bool
) -> ReadableQuantity | UnreadableQuantity:
    quantity = first(content.get("valueQuantity"))
    if quantity:
        return _read_quantity(quantity, analyte, by_definition)
    words = text(content.get("valueString")) or text(first(content.get("valueCodeableConcept")).get("text"))
    if words:
        return canonical_text(analyte, words, by_definition=by_definition)
    for key in ("valueInteger", "valueDecimal"):
        if content.get(key) is not None:
            return canonical(analyte, content[key])
    return UnreadableQuantity("not-a-number" if any(key.startswith("value") for key in content) else "no-value")


@remembered
def _read_quantity(
    quantity: Mapping[str, Json], analyte: Analyte, by_definition: bool
) -> ReadableQuantity | UnreadableQuantity:
    members = {key: quantity.get(key) for key in ("unit", "code", "system")}
    return canonical(analyte, quantity.get("value"), quantity.get("comparator"), **members, by_definition=by_definition)


def why_not_final(measurement: Measurement) -> str:
    """Return key of the reason why its status forbids to use it; empty where it is final, amended or corrected."""
    if measurement.status in FINAL:
        return ""
    return _OTHER_STATUS.get(measurement.status, "status-not-known")


def why_undated(measurement: Measurement, today: date) -> str:
    """Return key of the reason why its date forbids to use it; empty where the date is past or today."""
    if measurement.when is None:
        return "date-not-readable" if measurement.is_dated else "no-date"
    return "dated-in-the-future" if lies_in_future(measurement.when, today) else ""


def dated(when: PartialDate, today: date) -> PartialDate:
    """Return the date of a result; one day ahead counts as today, a month or year ends today at the latest."""
    if when.last <= today:
        return when
    if when.is_exact_day and when.at is None and when.first > today and not lies_in_future(when, today):
        return on_day(today)
    return cut_at(when, today)


def unusable(
    measurement: Measurement, analyte: str, why: str, value: ReadableQuantity | UnreadableQuantity, today: date
) -> UnusableResult:
    """Return the result as it is listed: with its date where it has one, with its number where that is in no doubt."""
    when = dated(measurement.when, today) if measurement.when else None
    quantity = value.quantity if why in _NAMED else None
    in_the_past = measurement.when is not None and not lies_in_future(measurement.when, today)
    known_by = None if in_the_past or measurement.known_by is None else cut_at(measurement.known_by, today)
    known = analytes().get(analyte)
    fractions = (known.fraction(each) for each in value.possible) if known else ()
    decimals = known.decimals if known and known.decimals is not None else 3
    possible = tuple(each.rounded(decimals) for each in (*value.possible, *fractions) if each)
    likely = _stated(known, value, measurement.content) if known and isinstance(value, UnreadableQuantity) else ()
    return UnusableResult(
        analyte,
        why,
        when,
        quantity,
        measurement.reference,
        possible,
        value.numbers,
        known_by,
        tuple(each.rounded(decimals) for each in likely),
    )


def _stated(analyte: Analyte, value: UnreadableQuantity, content: Mapping[str, Json]) -> Iterator[Quantity]:
    """Yield what an unreadable value is in the one unit that stands beside it."""
    conversions = {analyte.conversion(each) for each in _units_beside(value, content) if len(each) <= LONGEST_UNIT}
    if len(conversions) == 1 and (conversion := conversions.pop()):
        values = [conversion.apply(number) for number in value.numbers]
        yield from (each for each in value.possible if each.value in values)


def _units_beside(value: UnreadableQuantity, content: Mapping[str, Json]) -> Iterator[str]:
    """Yield the unit behind each number of a text; where the value has no unit, those of its reference ranges."""
    if words := text(content.get("valueString")):
        yield from _UNIT_IN_TEXT.findall(words[:_LONGEST_WORDS])
    if value.why == "no-unit":
        for each in objects(content.get("referenceRange"))[:_MOST_RANGES]:
            yield from _UNIT_IN_TEXT.findall(text(each.get("text"))[:_LONGEST_WORDS])
            for bound in (first(each.get("low")), first(each.get("high"))):
                yield from filter(None, (text(bound.get("unit")) or text(bound.get("code")),))
