"""Notice that a rule, a client or its data has changed, though every call is answered.

Every stream of daily counts is compared, day after day, with the 28 days before those that are watched. The comparison
is a CUSUM of likelihood ratios: it adds up what speaks for a changed rate, and begins anew where nothing does. Under an
unchanged rate it passes a height h on a given day with a probability of about exp(-h) at most, so that the height
follows from the budget of false alarms over all streams and days of a client. Rare cards need more days, never other
limits; the doubt about a short baseline is on the side of no alarm.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from math import exp, log, sqrt

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
#: Fewer than these days with calls, or values, are no baseline.
_LEAST_DAYS, _LEAST_VALUES = 7, 30


@dataclass(frozen=True, slots=True)
class Alarm:
    """What changed for a client, how (`cause`), since which day, and how many calls it has touched.

    `subject` is a card by topic code, an analyte (its usable results, or its unit, code, value or age), a list, the
    patient, the mode of answers, `feedback`, or `calls`, of one service where it is named.
    """

    client: str
    subject: str
    cause: str
    first_bad_day: date
    calls: int


@dataclass(slots=True)
class _Stream:
    """What was counted on each day, and out of how many; `ways` are the changes looked for."""

    client: str
    subject: str
    counts: dict[date, float] = field(default_factory=lambda: defaultdict(float))
    totals: Mapping[date, float] = field(default_factory=dict)
    ways: tuple[str, ...] = tuple(RATIOS)
    values: dict[date, dict[int, int]] = field(default_factory=dict)


def changes(store: Store, now: datetime) -> tuple[Alarm, ...]:
    """Return what has changed in the last four weeks, without today, which is incomplete. Raises `StoreError`."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    since = midnight - timedelta(days=WATCHED_DAYS + BASELINE_DAYS)
    return alarms(
        store.cards_by_day(since, midnight),
        store.calls_by_day(since, midnight),
        store.evidence(since.date(), midnight.date()),
        midnight.date(),
    )


def alarms(
    cards: Iterable[CardCount], calls: Iterable[CallCount], evidence: Iterable[EvidenceCount], today: date
) -> tuple[Alarm, ...]:
    """Return what has changed in the 28 days before `today`; of each stream the change that most speaks for."""
    calls = tuple(calls)
    called = _calls(calls)
    cards, evidence = tuple(cards), tuple(evidence)
    streams = [*_card_streams(cards, called), *_call_streams(_by_service(calls), today), *_evidence_streams(evidence)]
    streams += _feedback_streams(cards, evidence)
    looked_for: dict[str, int] = defaultdict(int)
    for stream in streams:
        looked_for[stream.client] += len(stream.ways)
    found = []
    for stream in streams:
        height = log(looked_for[stream.client] * WATCHED_DAYS / FALSE_ALARMS)
        raised = [each for way in stream.ways if (each := _raised(stream, way, height, today, called))]
        found += [alarm for _, alarm in sorted(raised, key=lambda each: -each[0])[:1]]
    return tuple(sorted(found, key=lambda alarm: (alarm.first_bad_day, alarm.client, alarm.subject)))


def _days(until: date, number: int) -> Iterator[date]:
    return (until - timedelta(days=back) for back in range(number, 0, -1))


def _calls(calls: Iterable[CallCount]) -> dict[str, dict[date, int]]:
    """Return the calls by client and day."""
    found: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for each in calls:
        found[each.client][each.day] += each.calls
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


def _card_streams(cards: Iterable[CardCount], called: Mapping[str, Mapping[date, int]]) -> Iterator[_Stream]:
    """Return the cards per call, shown, silent, in shadow or held out: the rule is watched, not the clinician."""
    found: dict[tuple[str, str], _Stream] = {}
    for each in cards:
        key = each.client, each.card
        stream = found.setdefault(key, _Stream(*key, totals=called.get(each.client, {})))
        stream.counts[each.day] += each.cards
    yield from found.values()


def _call_streams(called: Mapping[tuple[str, str], Mapping[date, int]], today: date) -> Iterator[_Stream]:
    """Return the calls of each client against the same day of the week before; only their absence is an alarm."""
    before = list(_days(today - timedelta(days=WATCHED_DAYS), BASELINE_DAYS))
    for (client, subject), days in called.items():
        usual = {weekday: sum(days.get(day, 0) for day in before if day.weekday() == weekday) for weekday in range(7)}
        totals = {day: float(usual[day.weekday()]) for day in (*before, *_days(today, WATCHED_DAYS))}
        yield _Stream(client, subject, defaultdict(float, days), totals, ("gone",))


def _feedback_streams(cards: Iterable[CardCount], evidence: Iterable[EvidenceCount]) -> Iterator[_Stream]:
    """Return the answers to cards per card shown; only their absence is an alarm."""
    shown: dict[str, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    for each in cards:
        if each.mode == "live" and not each.suppressed:
            shown[each.client][each.day] += each.cards
    found: dict[str, _Stream] = {}
    for count in evidence:
        if count.subject == FEEDBACK:
            new = _Stream(count.client, FEEDBACK, totals=shown[count.client], ways=("gone",))
            found.setdefault(count.client, new).counts[count.day] += count.number
    yield from found.values()


def _evidence_streams(evidence: Iterable[EvidenceCount]) -> Iterator[_Stream]:
    """Return what charts held, per chart; units and codes of results, per usable result; values and ages."""
    charts: dict[str, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    found: dict[tuple[str, str], _Stream] = {}
    for each in evidence:
        if each.client and each.kind == CHARTS:
            charts[each.client][each.day] += each.number
        elif each.client and each.kind.startswith((VALUES, AGES)):
            word, _, step = each.kind.partition(" ")
            name = f"{each.subject} {word}"
            stream = found.setdefault((each.client, name), _Stream(each.client, name, ways=tuple(TILTS)))
            bins = stream.values.setdefault(each.day, {})
            bins[int(step)] = bins.get(int(step), 0) + each.number
        elif each.client and each.kind.startswith(_PER_CHART + _PER_RESULT):
            name = each.subject if each.kind == USABLE else f"{each.subject} {each.kind}"
            found.setdefault((each.client, name), _Stream(each.client, name)).counts[each.day] += each.number
    for (client, name), stream in found.items():
        analyte, _, kind = name.partition(" ")
        usable = found.get((client, analyte), stream)
        stream.totals = usable.counts if kind.startswith(_PER_RESULT) else charts[client]
        yield stream


def _raised(
    stream: _Stream, way: str, height: float, today: date, called: Mapping[str, Mapping[date, int]]
) -> tuple[float, Alarm] | None:
    """Return the alarm of a stream for one way of change, with its largest sum, if that ever stood above the height."""
    steps = _tilted_steps(stream, way, today) if way in TILTS else _rate_steps(stream, way, today)
    total, most, begun, first = 0.0, 0.0, today, today
    for day, step in steps:
        if total <= 0:
            total, begun = 0.0, day
        total += step
        first = begun if most <= height < total else first
        most = max(most, total)
    if most <= height:
        return None
    calls = called.get(stream.client, {})
    touched = sum(calls.get(day, 0) for day in _since(first, today))
    return most, Alarm(stream.client, stream.subject, way, first, touched)


def _since(first: date, today: date) -> Iterator[date]:
    return _days(today, (today - first).days)


def _rate_steps(stream: _Stream, way: str, today: date) -> Iterator[tuple[date, float]]:
    """Return for each watched day what its count adds for a rate that is `RATIOS[way]` times the earlier one."""
    begin = today - timedelta(days=WATCHED_DAYS)
    before = [day for day in _days(begin, BASELINE_DAYS) if stream.totals.get(day)]
    count, of = sum(stream.counts.get(day, 0) for day in before), sum(stream.totals[day] for day in before)
    if len(before) < _LEAST_DAYS or not of:
        return
    ratio, is_more = RATIOS[way], RATIOS[way] > 1
    doubtful = count + 1 + _DOUBT * sqrt(count + 1) if is_more else max(0.0, count - _DOUBT * sqrt(count))
    for day in _days(today, WATCHED_DAYS):
        expected = doubtful / of * stream.totals.get(day, 0)
        yield day, stream.counts.get(day, 0) * log(ratio) - expected * (ratio - 1)


def _tilted_steps(stream: _Stream, way: str, today: date) -> Iterator[tuple[date, float]]:
    """Return for each watched day what its values add for larger, or smaller, ones than before.

    The earlier values are the distribution, whatever its form: no normal one is assumed.
    """
    begin = today - timedelta(days=WATCHED_DAYS)
    before: dict[int, int] = defaultdict(int)
    for day in _days(begin, BASELINE_DAYS):
        for step, number in stream.values.get(day, {}).items():
            before[step] += number
    whole = sum(before.values())
    if whole < _LEAST_VALUES:
        return
    mean = sum(step * number for step, number in before.items()) / whole
    spread = max(1.0, sqrt(sum(number * (step - mean) ** 2 for step, number in before.items()) / whole))

    def weight(step: int) -> float:
        return TILTS[way] * min(max((step - mean) / spread, -_FARTHEST), _FARTHEST)

    usual = log(sum(number * exp(weight(step)) for step, number in before.items()) / whole)
    usual += abs(TILTS[way]) * _DOUBT / sqrt(whole)
    for day in _days(today, WATCHED_DAYS):
        yield day, sum(number * (weight(step) - usual) for step, number in stream.values.get(day, {}).items())
