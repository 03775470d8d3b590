"""How often a day a FHIR Timing says, in the shapes of R4, STU3 and DSTU2."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from math import ceil

from cards.drugs.numbers import measurable
from cards.fhir.json_values import Json, codings, first, items, text
from cards.written_numbers import one_reading

_WITH_EXPONENT = re.compile(r"\d+(?:\.\d+)?[eE][+-]?\d{1,4}")
_DAYS = {"s": Decimal(1) / 86400, "min": Decimal(1) / 1440, "h": Decimal(1) / 24, "d": Decimal(1)}
_DAYS |= {"wk": Decimal(7), "mo": Decimal(30), "a": Decimal(365)}
_SPELLED = {"day": "d", "days": "d", "week": "wk", "weeks": "wk", "hour": "h", "hours": "h", "month": "mo", "year": "a"}
_TIMES = {
    "1": "QD DAILY AM PM QAM QPM QHS BED Q24H",
    "2": "BID BD Q12H",
    "3": "TID TDS Q8H",
    "4": "QID QDS Q6H",
    "6": "Q4H",
    "8": "Q3H",
    "12": "Q2H",
    "24": "Q1H",
    "0.5": "QOD",
}
_CODES = {code: times for times, codes in _TIMES.items() for code in codes.split()}
_PER_DAYS = {"WK": 7, "QW": 7, "WEEKLY": 7, "MO": 30, "Q2W": 14, "Q4W": 28}


def times_a_day(timing: Json) -> Decimal | None:
    """Return doses a day; `None` where the timing does not tell. Of a range the upper end."""
    repeat = first(first(timing).get("repeat"))
    return _by_repeat(repeat) or _by_code(first(timing).get("code"))


def times_on_a_full_day(timing: Json) -> Decimal | None:
    """Return doses on a day on which it is taken at all: one for three times a week; None where that is not told."""
    rate = times_a_day(timing)
    if rate is None:
        return None
    repeat = first(first(timing).get("repeat"))
    at_times = len(items(repeat.get("timeOfDay"))) or len(items(repeat.get("when")))
    every_day = _by_repeat({**repeat, "dayOfWeek": None}) or rate
    return Decimal(max(ceil(every_day), at_times, 1))


def is_one_dose(timing: Json) -> bool:
    """Return whether the timing itself is of a single dose: a count of one, or one event that does not repeat."""
    repeat = first(first(timing).get("repeat"))
    if number(repeat.get("count")) == 1:
        return True
    return not repeat and len(items(first(timing).get("event"))) == 1


def is_stat(timing: Json) -> bool:
    return any(code.upper() == "STAT" for _, code in codings(first(timing).get("code")))


def _by_repeat(repeat: Mapping[str, Json]) -> Decimal | None:
    frequency = number(repeat.get("frequencyMax")) or number(repeat.get("frequency"))
    at_times = len(items(repeat.get("timeOfDay"))) or len(items(repeat.get("when")))
    of_week = Decimal(min(len(items(repeat.get("dayOfWeek"))) or 7, 7)) / 7
    period = number(repeat.get("period"))
    unit = text(repeat.get("periodUnit") or repeat.get("periodUnits")).lower()
    length = _DAYS.get(_SPELLED.get(unit, unit))
    if at_times and (not frequency or frequency == 1) and (unit in ("", "d", "day")) and (period or 1) == 1:
        return at_times * of_week
    if not length or not period:
        return None
    times = frequency or Decimal(1)
    rate = times / (period * length)
    return rate * of_week if of_week < 1 and rate >= 1 else rate


def _by_code(code: Json) -> Decimal | None:
    for _, each in codings(code):
        spelled = each.upper()
        if spelled in _CODES:
            return Decimal(_CODES[spelled])
        if spelled in _PER_DAYS:
            return Decimal(1) / _PER_DAYS[spelled]
    return None


def number(value: Json) -> Decimal | None:
    """Return a positive number of JSON, also where it was sent as text; `None` where it is none that anybody would
    order.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    if isinstance(value, str) and not _WITH_EXPONENT.fullmatch(value.strip()):
        found = one_reading(value.strip())
    else:
        found = Decimal(value) if isinstance(value, int | Decimal) else Decimal(str(value).strip())
    return measurable(found) if found is not None and found.is_finite() and found > 0 else None
