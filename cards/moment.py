"""FHIR dates and times of any precision, as an interval of days in the clinic's time zone."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

_FHIR_DATE_TIME = re.compile(
    r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ](\d{2}):?(\d{2})(?::?(\d{2})(?:[.,]\d+)?)?\s*(Z|z|[+-]\d{2}:?\d{2})?)?)?)?"
)


@dataclass(frozen=True, slots=True)
class Moment:
    """When something was: somewhere from `first` to `last` (days in the clinic's zone), or exactly at `at`.

    A year or a month alone is an interval (clinical page 7.5, case 6). `at` is set only where the source
    gave a time of day; it is in UTC.
    """

    first: date
    last: date
    at: datetime | None = None

    @property
    def text(self) -> str:
        """The date as ISO 8601, as precise as it was given: 2026, 2026-03 or 2026-03-09."""
        if self.first == self.last:
            return self.first.isoformat()
        if (self.first.year, self.first.month) == (self.last.year, self.last.month):
            return f"{self.first:%Y-%m}"
        return f"{self.first:%Y}"

    @property
    def is_exact_day(self) -> bool:
        return self.first == self.last

    @property
    def order(self) -> tuple[date, datetime]:
        """Sort key: the last possible day, then the time of day where it is known."""
        return self.last, self.at or datetime.min.replace(tzinfo=UTC)

    def is_after(self, day: date) -> bool:
        """Surely later than the end of `day`."""
        return self.first > day

    def within_days(self, days: int, before: date) -> bool:
        """Surely inside the window of `days` that ends with `before`; both ends count."""
        return before - timedelta(days=days) <= self.first and self.last <= before

    def same_time_as(self, other: Moment) -> bool:
        """Two results that cannot be put in order: the same instant, or the same day with a time missing."""
        if self.at and other.at:
            return self.at == other.at
        return (self.first, self.last) == (other.first, other.last)

    def pairs_within(self, other: Moment, days: int) -> bool:
        """Every day of this interval lies within `days` of every day of the other."""
        return abs(self.first - other.last).days <= days and abs(self.last - other.first).days <= days


def months_before(day: date, months: int) -> date:
    """The same day so many months earlier, or the last day of that month where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def on_day(day: date) -> Moment:
    return Moment(day, day)


def parse_moment(text: object, zone: tzinfo) -> Moment | None:
    """Read a FHIR `date`, `dateTime` or `instant`; `None` where it is not one.

    A time with an offset is turned into `zone`; a time without an offset (invalid R4, but sent) is taken as
    local to `zone`. Nothing is guessed: week dates, bare times and templates are not dates.
    """
    found = _FHIR_DATE_TIME.fullmatch(text.strip()) if isinstance(text, str) else None
    if not found:
        return None
    year, month, day, hour, minute, second, offset = found.groups()
    try:
        if month is None:
            return Moment(date(int(year), 1, 1), date(int(year), 12, 31))
        if day is None:
            last = monthrange(int(year), int(month))[1]
            return Moment(date(int(year), int(month), 1), date(int(year), int(month), last))
        if hour is None:
            return on_day(date(int(year), int(month), int(day)))
        clock = int(hour), int(minute), min(int(second or 0), 59)
        local = datetime(int(year), int(month), int(day), *clock, tzinfo=_zone_of(offset) or zone)
        at = local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return Moment(at.astimezone(zone).date(), at.astimezone(zone).date(), at)


def _zone_of(text: str | None) -> tzinfo | None:
    """The offset from UTC of a FHIR time; `None` where there is none."""
    if not text:
        return None
    if text in "Zz":
        return UTC
    digits = text[1:].replace(":", "")
    span = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-span if text[0] == "-" else span)


def cut_at(moment: Moment, today: date) -> Moment:
    """A year or month that has not ended yet lies between its first day and today."""
    if moment.first <= today < moment.last and not moment.is_exact_day:
        return Moment(moment.first, today)
    return moment


def lies_in_future(moment: Moment, today: date) -> bool:
    """Clinical page 1.6: a date without time may be one day ahead (time zones) and counts as today."""
    allowance = timedelta(days=1) if moment.at is None and moment.is_exact_day else timedelta()
    return moment.first > today + allowance
