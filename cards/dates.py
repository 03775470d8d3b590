"""FHIR dates and times of any precision, as an interval of days in the clinic's time zone.

Programs write a placeholder where they have no date. In the years 0 and 1 it means "not set" (.NET's MinValue, MySQL's
zero date) and is read as no date at all; in the year 9999 it means "no end" (MaxValue, SQL's infinity) and is read as
`ENDLESS`.
Neither parsing nor arithmetic fails for any text or zone: days stop at the first and the last of the calendar.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import field
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import NamedTuple

from cards.values import frozen

_FHIR_DATE_TIME = re.compile(
    r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ](\d{2}):?(\d{2})(?::?(\d{2})(?:[.,]\d+)?)?\s*(Z|z|[+-]\d{2}:?\d{2})?)?)?)?"
)
#: Signs of a date that is remembered: all that `instant` needs.
_LONGEST_REMEMBERED = 40
_LAST_YEAR_NOT_SET = 1
_BEFORE_ANY_TIME = datetime.min.replace(tzinfo=UTC)
_YEAR_WITHOUT_END = 9999
_MONTHS = 12


class Days(NamedTuple):
    """The days between two moments, at least and at most; negative where the second comes first."""

    least: int
    most: int


@frozen
class PartialDate:
    """A moment between `first` and `last` (days in the clinic's zone), or exactly at `at`.

    A year or a month alone is an interval (clinical rationale 7.5, case 6). `at` is set only where the source
    gave a time of day; it is in UTC. `written_last` is the last day of a year or month that `last` cuts at today.
    """

    first: date
    last: date
    at: datetime | None = None
    written_last: date | None = field(default=None, compare=False)

    @property
    def text(self) -> str:
        """Return the date as ISO 8601, as precise as it was given: 2026, 2026-03 or 2026-03-09.

        Any other time that takes days, such as the period of a statement, is said by its first and last day.
        """
        first, last = self.first, self.written_last or self.last
        if first == last:
            return first.isoformat()
        if first.day == 1 and last == _end_of_month(first):
            return first.isoformat()[: len("2026-03")]
        if (first.month, first.day, last) == (1, 1, date(first.year, _MONTHS, 31)):
            return first.isoformat()[: len("2026")]
        return f"{first.isoformat()} to {self.last.isoformat()}"

    @property
    def is_exact_day(self) -> bool:
        return self.first == self.last

    @property
    def is_endless(self) -> bool:
        """Return whether the date stands for "no end"; as an end it is then none, as any other day not known."""
        return self.first.year >= _YEAR_WITHOUT_END

    @property
    def order(self) -> tuple[date, datetime]:
        """Sort key: the last possible day, then the time of day where it is known."""
        return self.last, self.at or _BEFORE_ANY_TIME

    def days_before(self, day: date) -> Days:
        """Return the days from this moment to `day`."""
        return Days((day - self.last).days, (day - self.first).days)

    def days_since(self, day: date) -> Days:
        """Return the days from `day` to this moment."""
        return Days((self.first - day).days, (self.last - day).days)

    def same_time_as(self, other: PartialDate) -> bool:
        """Return whether two moments cannot be put in order: one instant, or one day with a time missing."""
        if self.at and other.at:
            return self.at == other.at
        return (self.first, self.last) == (other.first, other.last)

    def days_apart(self, other: PartialDate) -> Days:
        """Return the days between the two, whichever comes first."""
        gap = max((self.first - other.last).days, (other.first - self.last).days, 0)
        return Days(gap, max(abs((self.first - other.last).days), abs((self.last - other.first).days)))


def months_before(day: date, months: int) -> date:
    """Return the same day so many months earlier, or the last day of that month where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def days_after(day: date, days: int) -> date:
    """Return the day so many days later (earlier, if negative), never past either end of the calendar."""
    return date.fromordinal(min(max(day.toordinal() + days, date.min.toordinal()), date.max.toordinal()))


def _end_of_month(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def on_day(day: date) -> PartialDate:
    """Return the date of a whole day."""
    return PartialDate(day, day)


#: The date that "no end" is read as, in every zone and precision.
ENDLESS = on_day(date.max)


def names_no_day(text: object) -> bool:
    """Return whether a text is a date that programs write for "not set" or "no end"."""
    found = _match(text)
    return found is not None and not _LAST_YEAR_NOT_SET < int(found[1]) < _YEAR_WITHOUT_END


def parse_known(text: object, zone: tzinfo) -> PartialDate | None:
    """Read the date of something that has one, as `parse_partial_date` does; `None` also where it says "no end".

    For births, onsets, starts and ends: an end that is "no end" is as if absent.
    """
    found = parse_partial_date(text, zone) if text else None
    return None if found is None or found.is_endless else found


def parse_partial_date(text: object, zone: tzinfo) -> PartialDate | None:
    """Read a FHIR `date`, `dateTime` or `instant`; `None` where it is not one or not set, `ENDLESS` for "no end".

    A time with an offset is turned into `zone`; a time without an offset (invalid R4, but sent) is taken as
    local to `zone`. Nothing is guessed: week dates, bare times and templates are not dates.
    """
    if not isinstance(text, str):
        return None
    return _parse(text, zone) if len(text) <= _LONGEST_REMEMBERED else _parse.__wrapped__(text, zone)


@lru_cache(maxsize=4096)
def _parse(text: str, zone: tzinfo) -> PartialDate | None:
    found = _match(text)
    if found is None or int(found[1]) <= _LAST_YEAR_NOT_SET:
        return None
    year, month, day, hour, minute, second, offset = found.groups()
    try:
        first = date(int(year), int(month or 1), int(day or 1))
        if first.year == _YEAR_WITHOUT_END:
            return ENDLESS
        if month is None:
            return PartialDate(first, first.replace(month=12, day=31))
        if day is None:
            return PartialDate(first, _end_of_month(first))
        if hour is None:
            return on_day(first)
        clock = time(int(hour), int(minute), min(int(second or 0), 59), tzinfo=_zone_of(offset) or zone)
        at = datetime.combine(first, clock).astimezone(UTC)
        day_there = at.astimezone(zone).date()
    except ValueError:
        return None
    return PartialDate(day_there, day_there, at)


def _match(text: object) -> re.Match[str] | None:
    return _FHIR_DATE_TIME.fullmatch(text.strip()) if isinstance(text, str) else None


def _zone_of(text: str | None) -> tzinfo | None:
    """Return the offset from UTC of a FHIR time, or None where there is none."""
    if not text:
        return None
    if text in "Zz":
        return UTC
    digits = text[1:].replace(":", "")
    span = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-span if text[0] == "-" else span)


def cut_at(moment: PartialDate, today: date) -> PartialDate:
    """Return a year or month that has not ended yet as the time from its first day to today; others unchanged."""
    if moment.first <= today < moment.last and not moment.is_exact_day:
        return PartialDate(moment.first, today, written_last=moment.written_last or moment.last)
    return moment


def lies_in_future(moment: PartialDate, today: date) -> bool:
    """Return whether a date lies after today.

    A date without time may be one day ahead (time zones) and counts as today (clinical rationale 1.6).
    """
    if moment.first <= today:
        return False
    allowance = timedelta(days=1) if moment.at is None and moment.is_exact_day else timedelta()
    return moment.first > today + allowance
