"""Shift every date of a FHIR resource by whole days, so that a demo chart stays up to date."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

#: The day that the dates in the fixture files relate to.
ANCHOR = date(2026, 6, 15)

#: Members with a date in the resources used here, besides those that end in DateTime.
DATE_KEYS = frozenset(
    {"birthDate", "authoredOn", "issued", "recordedDate", "date", "start", "end", "lastUpdated", "timestamp",
     "effectiveInstant", "lastOccurrence", "dateAsserted", "assertedDate", "performedDate"}
)  # fmt: skip

_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(T.*)?)?)?\Z")
_MID_YEAR, _MID_MONTH = (7, 1), 15


def shift_date(written: str, days: int) -> str:
    """Shift a FHIR date by `days`, keeping its precision and its time of day.

    A text that is no FHIR date is returned unchanged.
    """
    found = _DATE.match(written)
    if found is None:
        return written
    year, month, day, time = found.groups()
    moved = date(int(year), int(month or _MID_YEAR[0]), int(day or (_MID_MONTH if month else 1))) + timedelta(days)
    if day is not None:
        return moved.isoformat() + (time or "")
    return moved.strftime("%Y-%m" if month is not None else "%Y")


def shift_birth(written: str, anchor: date, today: date) -> str:
    """Return the birth date that gives the same age and the same days since the last birthday on `today`."""
    if len(written) < len("2000-01-01"):
        return shift_date(written, (today - anchor).days)
    born = date.fromisoformat(written)
    age = anchor.year - born.year - ((anchor.month, anchor.day) < (born.month, born.day))
    since = anchor - _years_after(born, age)
    return _years_after(today - since, -age).isoformat()


def shift_resource(resource: Any, today: date, anchor: date = ANCHOR) -> Any:
    """Return a copy of a resource (or a part of one) with dates shifted from `anchor` to `today`; ages stay."""
    days = (today - anchor).days

    def moved(key: str, value: Any) -> Any:
        if not isinstance(value, str) or not _holds_date(key):
            return _walk(value, moved)
        return shift_birth(value, anchor, today) if key == "birthDate" else shift_date(value, days)

    return _walk(resource, moved)


def _walk(value: Any, moved: Callable[[str, Any], Any]) -> Any:
    if isinstance(value, dict):
        return {key: moved(key, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_walk(inner, moved) for inner in value]
    return value


def _holds_date(key: str) -> bool:
    return key in DATE_KEYS or key.endswith("DateTime")


def _years_after(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February in a year without one
        return day.replace(year=day.year + years, day=28)
