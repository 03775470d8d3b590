"""Read an instant in every spelling that can mean only one (reliability FB-6; protocol B-08).

The standard is RFC 3339 in UTC. Programs write their own defaults instead: Java `2026-07-01T09:29:15.250+0000` and
`2026-07-01T11:29:15.25+02:00[Europe/Paris]`, Python no offset, .NET seven digits and `/Date(1782898155250)/`,
JavaScript milliseconds since 1970 or `Wed Jul 01 2026 11:29:15 GMT+0200 (CEST)`, mail and HTTP libraries
`Wed, 01 Jul 2026 09:29:15 GMT`. Without an offset it is UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_ISO = re.compile(
    r"(?P<year>\d{4})(?P<dash>-?)(?P<month>\d{2})(?P=dash)(?P<day>\d{2})"
    r"(?: ?[Tt] ?| +)"
    r"(?P<hour>\d{2})(?P<colon>:?)(?P<minute>\d{2})(?:(?P=colon)(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,20}))?)?"
    r" ?(?P<zone>.*)",
    re.ASCII,
)
_MAIL = re.compile(
    r"(?:[A-Z][a-z]{2}, ?)?(?P<day>\d{1,2})[ -](?P<month>[A-Z][a-z]{2})[ -](?P<year>\d{4})"
    r" (?P<hour>\d{2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))? ?(?P<zone>.*)",
    re.ASCII,
)
_SCRIPT = re.compile(
    r"[A-Z][a-z]{2} (?P<month>[A-Z][a-z]{2}) (?P<day>\d{2}) (?P<year>\d{4})"
    r" (?P<hour>\d{2}):(?P<minute>\d{2}):(?P<second>\d{2}) (?P<zone>.*)",
    re.ASCII,
)
#: Names of UTC, or an offset, perhaps after such a name; then what says the same again, such as `[Europe/Paris]`.
_ZONE = re.compile(
    r"(?:(?:Z|UTC?|GMT)(?: ?(?:UTC|GMT))?|(?:UTC?|GMT)?(?P<sign>[+\-−])(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?)"
    r" ?(?:\[[^\]]*\]|\([^)]*\))?",
    re.ASCII | re.IGNORECASE,
)
_DOT_NET = re.compile(r"/Date\((-?\d{1,16})(?:[+-]\d{4})?\)/", re.ASCII)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LONGEST = 100
#: Whole numbers are seconds or milliseconds since 1970, told apart by their length: 2001 to 2286 in both.
_SECONDS, _MILLISECONDS = range(10**9, 10**10), range(10**12, 10**13)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def read_instant(value: object) -> datetime | None:
    """Return the instant in UTC, to the microsecond, or None if anything would have to be guessed.

    A leap second is read as the second before it, and 24:00 as the beginning of the next day. An instant that lies
    beyond the calendar in UTC is its first or last one.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _since_1970(value)
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    text = value.strip()
    if found := _DOT_NET.fullmatch(text):
        return _after_1970(int(found[1]))
    found = _ISO.fullmatch(text) or _MAIL.fullmatch(text) or _SCRIPT.fullmatch(text)
    zone = _zone(found["zone"].strip()) if found else None
    return _in_utc(found, zone) if found and zone else None


def _since_1970(number: int | float) -> datetime | None:
    if _SECONDS.start <= number < _SECONDS.stop:
        return _after_1970(round(number * 1000))
    return _after_1970(round(number)) if _MILLISECONDS.start <= number < _MILLISECONDS.stop else None


def _after_1970(milliseconds: int) -> datetime | None:
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None


def _zone(text: str) -> timezone | None:
    if not text:
        return UTC
    found = _ZONE.fullmatch(text)
    if found is None:
        return None
    offset = timedelta(hours=int(found["hours"] or 0), minutes=int(found["minutes"] or 0))
    if offset >= timedelta(days=1) or int(found["minutes"] or 0) > 59:
        return None
    return timezone(-offset if found["sign"] in ("-", "−") else offset)


def _in_utc(found: re.Match[str], zone: timezone) -> datetime | None:
    parts = found.groupdict()
    month = _MONTHS.index(parts["month"]) + 1 if parts["month"] in _MONTHS else parts["month"]
    second = 59 if parts["second"] == "60" else int(parts["second"] or 0)
    is_midnight = (parts["hour"], parts["minute"], second) == ("24", "00", 0)
    microsecond = int(f"{parts.get('fraction') or '':0<6}"[:6])
    try:
        local = datetime(
            int(parts["year"]), int(month), int(parts["day"]), 0 if is_midnight else int(parts["hour"]),
            int(parts["minute"]), second, microsecond, zone,
        )  # fmt: skip
    except ValueError:
        return None
    try:
        return (local + timedelta(days=is_midnight)).astimezone(UTC)
    except OverflowError:
        return _FIRST if local.year == 1 else _LAST
