"""The value of one measurement, and why it may not be used (clinical rationale 0.3, rules 1 to 6)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from cards.dates import PartialDate, cut_at, lies_in_future, on_day
from cards.facts.chart import UnusableResult
from cards.fhir.json_values import Json, first, items, text
from cards.labs.analytes import Analyte, analytes
from cards.labs.units import ReadableQuantity, UnreadableQuantity, canonical, canonical_text
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

    `by_definition`: the code defines what the unit leaves open (`cards.labs.units.canonical`).
    """
    if "dataAbsentReason" in content and items(content["dataAbsentReason"]):
        return UnreadableQuantity("no-value")
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
    return UnusableResult(analyte, why, when, quantity, measurement.reference, possible, value.numbers, known_by)
