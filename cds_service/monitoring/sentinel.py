"""Notice that a rule, a client or its data has changed, though every call is answered.

Every stream of daily counts is looked at day after day. What it counts is compared with the 28 days before by a CUSUM
of likelihood ratios: it adds up what speaks for a changed rate, and begins anew where nothing does. Under an unchanged
rate it passes a height h on a given day with a probability of about exp(-h) at most, so that the height follows from
the budget of false alarms over all streams and days of a client. Rare cards need more days, never other limits; the
doubt about a short baseline is on the side of no alarm.

Counts vary more from day to day than chance alone would let them, since patients come again and wards differ. By how
much is taken from the days before, and every step is divided by that.

A change is told with its first day until it has ended, and for four weeks afterwards; its days are no part of later
comparisons. One that lasts is the usual state after eight weeks, but a client that is silent stays one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from math import exp, inf, log, sqrt
from typing import ClassVar, Protocol

from cds_service.monitoring.evidence import (
    AGES,
    BIRTH,
    CHARTS,
    CODES,
    FEEDBACK,
    LISTS_OF,
    MODES,
    SCOPE,
    SEX,
    UNITS,
    USABLE,
    VALUES,
)
from cds_service.store import CallCount, CardCount, EvidenceCount, Store

WATCHED_DAYS, BASELINE_DAYS = 28, 28
#: A change that stands so long is the usual state from then on, but for calls that are gone.
LASTING_DAYS = 56
#: So many days are looked at: what lies before a change that is still told must be among them, and no change whose
#: beginning lies before them may look like another. Of calls more, since a silent client is told as long as they reach.
HISTORY_DAYS, CALL_HISTORY_DAYS = 140, 182
#: At most so many false alarms of one client in a month, over all its streams.
FALSE_ALARMS = 1.0
#: The rates that are looked for, as multiples of the earlier one.
RATIOS = {"gone": 0.05, "fewer": 0.5, "more": 2.0}
#: By how much larger values are looked for to weigh more than before, and smaller ones less: the logarithm of that for
#: each standard deviation. With values as usual spread it means a mean that has moved by half a deviation.
TILTS = {"higher": 0.5, "lower": -0.5}
#: The kinds of counts that are compared per chart, and per usable result of their analyte.
_PER_CHART, _PER_RESULT = (USABLE, LISTS_OF, MODES, SCOPE, BIRTH, SEX), (UNITS, CODES)
#: So many standard errors of the baseline are given in favour of no alarm.
_DOUBT = 1.0
#: A value farther from the mean counts as one of so many standard deviations.
_FARTHEST = 2.5
#: Fewer days with calls are no baseline, but for fewer still with as many calls; nor are fewer values.
_LEAST_DAYS, _FEWEST_DAYS, _LEAST_CALLS, _LEAST_VALUES = 7, 4, 30, 30
#: A day of the week is known by so many of its kind.
_LEAST_WEEKS = 2
#: Days after which the baseline of a stream is renewed.
_RENEWED_AFTER = 7
#: One day alone, such as a bank holiday, adds at most this part of the height to what speaks for fewer calls.
_MOST_OF_ONE_DAY = 0.6


@dataclass(frozen=True, slots=True)
class Alarm:
    """What changed for a client, how (`cause`), since which day, until when, and how many calls it has touched.

    `subject` is a card by topic code, an analyte (its usable results, or its unit, code, value or age), a list, the
    patient, the mode of answers, `feedback`, or `calls`, of one service where it is named. `last_bad_day` is None while
    it stands; the calls touched are those that came from the first to the last bad day, or that were missing.
    """

    client: str
    subject: str
    cause: str
    first_bad_day: date
    calls: int
    last_bad_day: date | None = None


@dataclass(frozen=True, slots=True)
class Watched:
    """What has changed, and the clients that have too few calls as yet to be judged."""

    changes: tuple[Alarm, ...] = ()
    not_judged: tuple[str, ...] = ()


class _Usual(Protocol):
    """What a stream was like before, and what a day adds for one way of change."""

    def step(self, way: str, day: date) -> float: ...


class _Stream(Protocol):
    """What was counted of a client on each day; `ways` are the changes looked for."""

    client: str
    subject: str

    @property
    def ways(self) -> tuple[str, ...]: ...

    @property
    def begins(self) -> date | None: ...

    def usual(self, days: Sequence[date]) -> _Usual | None:
        """Return what it was like on these days, None where that is not known."""


@dataclass(slots=True)
class _Rates:
    """What was counted on each day, and out of how many."""

    client: str
    subject: str
    counts: dict[date, float] = field(default_factory=lambda: defaultdict(float))
    totals: Mapping[date, float] = field(default_factory=dict)
    ways: tuple[str, ...] = tuple(RATIOS)

    @property
    def begins(self) -> date | None:
        return min(self.totals, default=None)

    def usual(self, days: Sequence[date]) -> _UsualRate | None:
        counted = [(self.counts.get(day, 0.0), self.totals[day]) for day in days if self.totals.get(day)]
        count, of = sum(each for each, _ in counted), sum(total for _, total in counted)
        if len(counted) < _FEWEST_DAYS or (len(counted) < _LEAST_DAYS and of < _LEAST_CALLS):
            return None
        dispersion = _dispersion((each - count / of * total for each, total in counted), count, len(counted) - 1)
        doubt = _DOUBT * sqrt(dispersion * BASELINE_DAYS / len(days))
        down, up = max(0.0, count - doubt * sqrt(count)) / of, (count + 1 + doubt * sqrt(count + 1)) / of
        return _UsualRate(self, down, up, dispersion)


@dataclass(frozen=True, slots=True)
class _UsualRate:
    """The rate of a stream before, as it is doubted for fewer and for more."""

    stream: _Rates
    down: float
    up: float
    dispersion: float

    def step(self, way: str, day: date) -> float:
        """Return what a day's count adds for a rate that is `RATIOS[way]` times the earlier one."""
        ratio = RATIOS[way]
        expected = (self.up if ratio > 1 else self.down) * self.stream.totals.get(day, 0)
        return (self.stream.counts.get(day, 0) * log(ratio) - expected * (ratio - 1)) / self.dispersion


@dataclass(slots=True)
class _Calls:
    """The calls of a client on each day, compared with the same day of the week; only their absence is a change."""

    client: str
    subject: str
    counts: Mapping[date, int]
    ways: ClassVar[tuple[str, ...]] = ("gone", "fewer")

    @property
    def begins(self) -> date | None:
        return min(self.counts, default=None)

    def usual(self, days: Sequence[date]) -> _UsualCalls | None:
        by_weekday: dict[int, list[int]] = defaultdict(list)
        for day in days:
            by_weekday[day.weekday()].append(self.counts.get(day, 0))
        known = {weekday: sum(each) / len(each) for weekday, each in by_weekday.items() if len(each) >= _LEAST_WEEKS}
        counted = [day for day in days if day.weekday() in known]
        count = sum(self.counts.get(day, 0) for day in counted)
        if count < _LEAST_CALLS:
            return None
        spread = (self.counts.get(day, 0) - known[day.weekday()] for day in counted)
        dispersion = _dispersion(spread, count, len(counted) - len(known))
        doubted = max(0.0, 1 - _DOUBT * sqrt(dispersion * BASELINE_DAYS / len(days) / count))
        return _UsualCalls(self, known, doubted, dispersion)


@dataclass(frozen=True, slots=True)
class _UsualCalls:
    """The calls that are usual on a day of the week."""

    stream: _Calls
    known: Mapping[int, float]
    doubted: float
    dispersion: float

    def step(self, way: str, day: date) -> float:
        """Return what the calls of a day add for `RATIOS[way]` times the usual ones."""
        ratio, expected = RATIOS[way], self.known.get(day.weekday(), 0.0) * self.doubted
        return (self.stream.counts.get(day, 0) * log(ratio) - expected * (ratio - 1)) / self.dispersion

    def missing(self, days: Iterable[date]) -> int:
        """Return how many calls were missing on these days."""
        return max(0, round(sum(self.known.get(day.weekday(), 0.0) - self.stream.counts.get(day, 0) for day in days)))


@dataclass(slots=True)
class _Values:
    """How often each step of a value, or of its age, was counted on each day."""

    client: str
    subject: str
    values: dict[date, dict[int, int]] = field(default_factory=dict)
    ways: ClassVar[tuple[str, ...]] = tuple(TILTS)

    @property
    def begins(self) -> date | None:
        return min(self.values, default=None)

    def usual(self, days: Sequence[date]) -> _UsualValues | None:
        """Return how they were distributed, whatever the form: no normal distribution is assumed."""
        before: dict[int, int] = defaultdict(int)
        for day in days:
            for step, number in self.values.get(day, {}).items():
                before[step] += number
        whole = sum(before.values())
        if whole < _LEAST_VALUES:
            return None
        mean = sum(step * number for step, number in before.items()) / whole
        spread = max(1.0, sqrt(sum(number * (step - mean) ** 2 for step, number in before.items()) / whole))
        weights = {step: _weight(step, mean, spread) for step in before}
        central = sum(weights[step] * number for step, number in before.items()) / whole
        variance = sum(number * (weights[step] - central) ** 2 for step, number in before.items()) / whole
        by_day = (
            sum(number * (weights[step] - central) for step, number in self.values[day].items())
            for day in days
            if day in self.values
        )
        dispersion = _dispersion(by_day, variance * whole, sum(day in self.values for day in days) - 1)
        doubt = _DOUBT * sqrt(dispersion * BASELINE_DAYS / len(days) / whole)
        usual = {
            way: log(sum(number * exp(tilt * weights[step]) for step, number in before.items()) / whole)
            + abs(tilt) * doubt
            for way, tilt in TILTS.items()
        }
        return _UsualValues(self, mean, spread, usual, dispersion)


@dataclass(frozen=True, slots=True)
class _UsualValues:
    """How values were distributed before."""

    stream: _Values
    mean: float
    spread: float
    usual: Mapping[str, float]
    dispersion: float

    def step(self, way: str, day: date) -> float:
        """Return what the values of a day add for larger, or smaller, ones than before."""
        return (
            sum(
                number * (TILTS[way] * _weight(step, self.mean, self.spread) - self.usual[way])
                for step, number in self.stream.values.get(day, {}).items()
            )
            / self.dispersion
        )


def _weight(step: int, mean: float, spread: float) -> float:
    """Return how many standard deviations a step lies from the mean, at most so many as count."""
    return min(max((step - mean) / spread, -_FARTHEST), _FARTHEST)


def _dispersion(deviations: Iterable[float], variance: float, freedom: int) -> float:
    """Return how many times as much the days differ as chance would have them, at least 1."""
    if freedom < 1 or variance <= 0:
        return 1.0
    squares = [each**2 for each in deviations]
    return max(1.0, sum(squares) / variance * len(squares) / freedom)


def watched(store: Store, now: datetime) -> Watched:
    """Return what has changed, without today, which is incomplete, and who is not judged. Raises `StoreError`."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    since = midnight - timedelta(days=HISTORY_DAYS)
    cards, evidence = store.cards_by_day(since, midnight), store.evidence(since.date(), midnight.date())
    calls = store.calls_by_day(midnight - timedelta(days=CALL_HISTORY_DAYS), midnight)
    found = alarms(cards, calls, evidence, midnight.date())
    return Watched(found, _not_judged(calls, midnight.date()))


def changes(store: Store, now: datetime) -> tuple[Alarm, ...]:
    """Return what has changed and whether that has ended, without today. Raises `StoreError`."""
    return watched(store, now).changes


def _not_judged(calls: Iterable[CallCount], today: date) -> tuple[str, ...]:
    """Return the clients that call, of which too little is known as yet to miss their calls."""
    called = _calls(calls)
    last = list(_days(today, BASELINE_DAYS))
    return tuple(
        sorted(
            client
            for client, days in called.items()
            if any(days.get(day) for day in last)
            and _Calls(client, "calls", days).usual([day for day in last if day >= min(days)]) is None
        )
    )


def alarms(
    cards: Iterable[CardCount], calls: Iterable[CallCount], evidence: Iterable[EvidenceCount], today: date
) -> tuple[Alarm, ...]:
    """Return the changes that stand, or ended in the last 28 days before `today`; of each stream the last one."""
    calls = tuple(calls)
    called, seen = _calls(calls), _patients(calls)
    cards, evidence = tuple(cards), tuple(evidence)
    streams: list[_Stream] = [*_card_streams(cards, seen), *_evidence_streams(evidence)]
    streams += [*_feedback_streams(cards, evidence), *_call_streams(_by_service(calls))]
    looked_for: dict[str, int] = defaultdict(int)
    for stream in streams:
        looked_for[stream.client] += len(stream.ways)
    found = []
    for stream in streams:
        height = log(looked_for[stream.client] * WATCHED_DAYS / FALSE_ALARMS)
        changed = [each for each in _changes_of(stream, height, today) if each.is_told(today)]
        found += [_alarm(stream, each, today, called.get(stream.client, {})) for each in changed[-1:]]
    return tuple(sorted(found, key=lambda alarm: (alarm.first_bad_day, alarm.client, alarm.subject)))


def _alarm(stream: _Stream, change: _Change, today: date, called: Mapping[date, int]) -> Alarm:
    last = change.last or today - timedelta(days=1)
    days = [day for day in change.days if day <= last]
    usual = change.usual
    touched = usual.missing(days) if isinstance(usual, _UsualCalls) else sum(called.get(day, 0) for day in days)
    return Alarm(stream.client, stream.subject, change.way, change.first, touched, change.last)


def _days(until: date, number: int) -> Iterator[date]:
    return (until - timedelta(days=back) for back in range(number, 0, -1))


def _calls(calls: Iterable[CallCount]) -> dict[str, dict[date, int]]:
    """Return the calls by client and day."""
    found: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for each in calls:
        found[each.client][each.day] += each.calls
    return found


def _patients(calls: Iterable[CallCount]) -> dict[str, dict[date, float]]:
    """Return the patients by client and day, once for each service: an open chart is opened again and again."""
    found: dict[str, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    for each in calls:
        found[each.client][each.day] += each.patients
    return found


def _by_service(calls: Iterable[CallCount]) -> dict[tuple[str, str], dict[date, int]]:
    """Return the calls by client and day, of all services together, and of each where a client uses several."""
    found: dict[tuple[str, str], dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for each in calls:
        for subject in ("calls", f"calls {each.service}"):
            found[each.client, subject][each.day] += each.calls
    used = Counter(client for client, _ in found)
    return {
        (client, subject): days for (client, subject), days in found.items() if subject == "calls" or used[client] > 2
    }


def _card_streams(cards: Iterable[CardCount], seen: Mapping[str, Mapping[date, float]]) -> Iterator[_Rates]:
    """Return the patients with each card, shown, silent, in shadow or held out, of those seen that day.

    The rule is watched, not the clinician.
    """
    found: dict[tuple[str, str], _Rates] = {}
    for each in cards:
        key = each.client, each.card
        stream = found.setdefault(key, _Rates(*key, totals=seen.get(each.client, {})))
        stream.counts[each.day] += each.patients
    yield from found.values()


def _call_streams(called: Mapping[tuple[str, str], Mapping[date, int]]) -> Iterator[_Calls]:
    for (client, subject), days in called.items():
        yield _Calls(client, subject, days)


def _feedback_streams(cards: Iterable[CardCount], evidence: Iterable[EvidenceCount]) -> Iterator[_Rates]:
    """Return the answers to cards per card shown; only their absence is an alarm."""
    shown: dict[str, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    for each in cards:
        if each.mode == "live" and not each.suppressed:
            shown[each.client][each.day] += each.cards
    found: dict[str, _Rates] = {}
    for count in evidence:
        if count.subject == FEEDBACK:
            new = _Rates(count.client, FEEDBACK, totals=shown[count.client], ways=("gone",))
            found.setdefault(count.client, new).counts[count.day] += count.number
    yield from found.values()


def _evidence_streams(evidence: Iterable[EvidenceCount]) -> Iterator[_Stream]:
    """Return what charts held, per chart; units and codes of results, per usable result; values and ages."""
    charts: dict[str, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    rates: dict[tuple[str, str], _Rates] = {}
    values: dict[tuple[str, str], _Values] = {}
    for each in evidence:
        if each.client and each.kind == CHARTS:
            charts[each.client][each.day] += each.number
        elif each.client and each.kind.startswith((VALUES, AGES)):
            word, _, step = each.kind.partition(" ")
            name = f"{each.subject} {word}"
            bins = values.setdefault((each.client, name), _Values(each.client, name)).values.setdefault(each.day, {})
            bins[int(step)] = bins.get(int(step), 0) + each.number
        elif each.client and each.kind.startswith(_PER_CHART + _PER_RESULT):
            name = each.subject if each.kind == USABLE else f"{each.subject} {each.kind}"
            rates.setdefault((each.client, name), _Rates(each.client, name)).counts[each.day] += each.number
    for (client, name), stream in rates.items():
        analyte, _, kind = name.partition(" ")
        usable = rates.get((client, analyte), stream)
        stream.totals = usable.counts if kind.startswith(_PER_RESULT) else charts[client]
    yield from rates.values()
    yield from values.values()


@dataclass(slots=True)
class _Change:
    """A change as it goes on: how and since when, its days, what speaks for each way, and what for its end."""

    way: str
    first: date
    usual: _Usual
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
        self.for_end -= self.usual.step("fewer" if self.way == "gone" else self.way, day)
        for way in self.sums:
            self.sums[way] += self.usual.step(way, day)
        if self.for_end <= 0:
            self.way = max(self.sums, key=lambda way: self.sums[way])

    def end(self) -> list[date]:
        """Set the last bad day, and return the days after it."""
        self.last = self.well_since - timedelta(days=1)
        return [day for day in self.days if day >= self.well_since]

    @property
    def is_silence(self) -> bool:
        """Return whether calls have ceased, which is never the usual state."""
        return self.way == "gone" and isinstance(self.usual, _UsualCalls)

    def is_told(self, today: date) -> bool:
        """Return whether it stands or has ended lately."""
        return self.last is None or self.last >= today - timedelta(days=WATCHED_DAYS)


def _changes_of(stream: _Stream, height: float, today: date) -> Iterator[_Change]:
    """Yield the changes of a stream that ended, and the one that stands."""
    begins = stream.begins or today
    normal: list[date] = []
    change, search = None, _Search(stream, begins)
    for day in _days(today, (today - begins).days):
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

    def __init__(self, stream: _Stream, begins: date) -> None:
        self._stream, self._renewed = stream, date.min
        self._newest: _Usual | None = None
        self._sums = dict.fromkeys(stream.ways, 0.0)
        self._begun = dict.fromkeys(stream.ways, begins)
        self._usual: dict[str, _Usual | None] = dict.fromkeys(stream.ways)

    def look(self, day: date, normal: list[date], height: float) -> _Change | None:
        """Add a day to the sums and to those that are normal, or return the change that it brings to light."""
        if self._newest is None or (day - self._renewed).days >= _RENEWED_AFTER:
            self._newest, self._renewed = self._stream.usual(normal[-BASELINE_DAYS:]), day
        for way in self._stream.ways:
            if self._sums[way] <= 0:
                self._sums[way], self._begun[way], self._usual[way] = 0.0, day, self._newest
            known = self._usual[way]
            most = _MOST_OF_ONE_DAY * height if isinstance(known, _UsualCalls) else inf
            self._sums[way] += min(known.step(way, day), most) if known else 0.0
        normal.append(day)
        way = max(self._sums, key=lambda each: self._sums[each])
        known, first = self._usual[way], self._begun[way]
        if known is None or self._sums[way] <= height:
            return None
        changed = [each for each in normal if each >= first]
        del normal[len(normal) - len(changed) :]
        return _Change(way, first, known, dict(self._sums), changed)
