"""Search a stream of daily counts for changes: a CUSUM of likelihood ratios, and what follows until a change ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from math import inf

from cds_service.monitoring.daily_counts import BASELINE_DAYS, Stream, Usual, UsualCalls

#: Days after its end for which a change is still told.
WATCHED_DAYS = 28
#: Days after which a change that stands is the usual state, unless calls have ceased.
LASTING_DAYS = 56
#: Days after which the baseline of a stream is renewed.
_RENEWED_AFTER = 7
#: The largest part of the height that one day, such as a bank holiday, adds to what speaks for fewer calls.
_MOST_OF_ONE_DAY = 0.6


def days_until(until: date, number: int) -> Iterator[date]:
    """Return so many days before a day, the earliest first."""
    return (until - timedelta(days=back) for back in range(number, 0, -1))


@dataclass(slots=True)
class Change:
    """A change as it goes on: how and since when, its days, what speaks for each way, and what for its end."""

    way: str
    first: date
    usual: Usual
    sums: dict[str, float]
    days: list[date]
    for_end: float = 0.0
    well_since: date = date.max
    last: date | None = None

    def go_on(self, day: date) -> None:
        """Add what one more day tells; of the end, the smallest change in its direction does."""
        self.days.append(day)
        if self.for_end <= 0:
            self.for_end, self.well_since = 0.0, day
        self.for_end -= self.usual.log_likelihood_ratio("fewer" if self.way == "gone" else self.way, day)
        for way in self.sums:
            self.sums[way] += self.usual.log_likelihood_ratio(way, day)
        if self.for_end <= 0:
            self.way = max(self.sums, key=lambda way: self.sums[way])

    def end(self) -> list[date]:
        """Set the last bad day, and return the days after it."""
        self.last = self.well_since - timedelta(days=1)
        return [day for day in self.days if day >= self.well_since]

    @property
    def is_silence(self) -> bool:
        """Return whether calls have ceased, which is never the usual state."""
        return self.way == "gone" and isinstance(self.usual, UsualCalls)

    def is_told(self, today: date) -> bool:
        """Return whether it stands or has ended lately."""
        return self.last is None or self.last >= today - timedelta(days=WATCHED_DAYS)


def changes_of(stream: Stream, height: float, today: date) -> Iterator[Change]:
    """Yield the changes of a stream that ended, and the one that stands."""
    begins = stream.begins or today
    normal: list[date] = []
    change, search = None, _Search(stream, begins)
    for day in days_until(today, (today - begins).days):
        if change is None:
            change = search.look(day, normal, height)
        else:
            change.go_on(day)
            if change.for_end > height / 2:
                normal += change.end()
                yield change
                change, search = None, _Search(stream, day)
            elif (day - change.first).days >= LASTING_DAYS and not change.is_silence:
                normal = change.days
                change, search = None, _Search(stream, day)
    if change:
        yield change


class _Search:
    """The sums of a stream in which no change stands; each is compared with the days before it began."""

    def __init__(self, stream: Stream, begins: date) -> None:
        self._stream, self._renewed = stream, date.min
        self._newest: Usual | None = None
        self._sums = dict.fromkeys(stream.ways, 0.0)
        self._begun = dict.fromkeys(stream.ways, begins)
        self._usual: dict[str, Usual | None] = dict.fromkeys(stream.ways)

    def look(self, day: date, normal: list[date], height: float) -> Change | None:
        """Add a day to the sums and to those that are normal, or return the change that it brings to light."""
        if self._newest is None or (day - self._renewed).days >= _RENEWED_AFTER:
            self._newest, self._renewed = self._stream.usual(normal[-BASELINE_DAYS:]), day
        for way in self._stream.ways:
            if self._sums[way] <= 0:
                self._sums[way], self._begun[way], self._usual[way] = 0.0, day, self._newest
            known = self._usual[way]
            most = _MOST_OF_ONE_DAY * height if isinstance(known, UsualCalls) else inf
            self._sums[way] += min(known.log_likelihood_ratio(way, day), most) if known else 0.0
        normal.append(day)
        way = max(self._sums, key=lambda each: self._sums[each])
        known, first = self._usual[way], self._begun[way]
        if known is None or self._sums[way] <= height:
            return None
        changed = [each for each in normal if each >= first]
        del normal[len(normal) - len(changed) :]
        return Change(way, first, known, dict(self._sums), changed)
