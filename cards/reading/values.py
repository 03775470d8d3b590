"""The value of one measurement, and why it may not be used (clinical page 0.3, rules 1 to 6)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from cards.analytes import Analyte
from cards.chart import UnusableResult
from cards.moment import Moment, cut_at, lies_in_future, on_day
from cards.reading.observations import Measurement
from cards.reading.shapes import Json, first, items, text
from cards.units import Readable, Unreadable, canonical, canonical_text

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
    {"preliminary", "status-not-known", "no-date", "dated-in-the-future", "implausible", "implausibly-high"}
)


def read_value(analyte: Analyte, content: Mapping[str, Json]) -> Readable | Unreadable:
    """The value of an Observation or component; anything but a quantity, a number or a result in words is none."""
    if items(content.get("dataAbsentReason")):
        return Unreadable("no-value")
    quantity = first(content.get("valueQuantity"))
    if quantity:
        members = {key: quantity.get(key) for key in ("unit", "code", "system")}
        return canonical(analyte, quantity.get("value"), quantity.get("comparator"), **members)
    words = text(content.get("valueString"))
    if words:
        return canonical_text(analyte, words)
    for key in ("valueInteger", "valueDecimal"):
        if content.get(key) is not None:
            return canonical(analyte, content[key])
    return Unreadable("not-a-number" if any(key.startswith("value") for key in content) else "no-value")


def why_not_final(measurement: Measurement) -> str:
    """Key of the reason why its status forbids to use it; empty where it is final, amended or corrected."""
    if measurement.status in FINAL:
        return ""
    return _OTHER_STATUS.get(measurement.status, "status-not-known")


def why_undated(measurement: Measurement, today: date) -> str:
    """Key of the reason why its date forbids to use it; empty where the date is past or today."""
    if measurement.when is None:
        return "no-date"
    return "dated-in-the-future" if lies_in_future(measurement.when, today) else ""


def dated(when: Moment, today: date) -> Moment:
    """A date one day ahead (time zones) counts as today; a month or year ends today at the latest."""
    if when.is_exact_day and when.at is None and when.first > today and not lies_in_future(when, today):
        return on_day(today)
    return cut_at(when, today)


def unusable(
    measurement: Measurement, analyte: str, why: str, value: Readable | Unreadable, today: date
) -> UnusableResult:
    """The result as it is listed: with its date where it has one, with its number where that is in no doubt."""
    when = dated(measurement.when, today) if measurement.when else None
    quantity = value.quantity if why in _NAMED else None
    return UnusableResult(analyte, why, when, quantity, measurement.reference)
