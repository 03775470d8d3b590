"""Notice that a rule, a client or its data has changed, though every call is answered.

Every stream of daily counts is compared, day after day, with the 28 days before those that are watched. The comparison
is a CUSUM of likelihood ratios: it adds up what speaks for a changed rate, and begins anew where nothing does. Under an
unchanged rate it passes a height h on a given day with a probability of about exp(-h) at most, so that the height
follows from the budget of false alarms over all streams and days of a client. Rare cards need more days, never other
limits; the doubt about a short baseline is on the side of no alarm.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from math import log, sqrt

from cds_service.monitoring.evidence import CHARTS, LISTS_OF, UNITS, USABLE, VALUES
from cds_service.store import CallCount, CardCount, EvidenceCount, Store

WATCHED_DAYS, BASELINE_DAYS = 28, 28
#: At most so many false alarms of one client in a month, over all its streams.
FALSE_ALARMS = 1.0
#: The rates that are looked for, as multiples of the earlier one.
RATIOS = {"gone": 0.05, "fewer": 0.5, "more": 2.0}
#: The odds, as multiples of the earlier ones, of a value above the earlier median.
ODDS = {"higher": 3.0, "lower": 1 / 3.0}
#: So many standard errors of the baseline are given in favour of no alarm.
_DOUBT = 1.0
#: Fewer than these days with calls, or values, are no baseline.
_LEAST_DAYS, _LEAST_VALUES = 7, 30


@dataclass(frozen=True, slots=True)
class Alarm:
    """What changed for a client, how (`cause`), since which day, and how many calls it has touched.

    `subject` is a card by topic code, an analyte, a list, or `calls`.
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
    median: dict[date, dict[int, int]] = field(default_factory=dict)


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
    called = _calls(calls)
    streams = [*_card_streams(cards, called), *_call_streams(called, today), *_evidence_streams(tuple(evidence), today)]
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


def _card_streams(cards: Iterable[CardCount], called: Mapping[str, Mapping[date, int]]) -> Iterator[_Stream]:
    """Return the cards per call, shown, silent, in shadow or held out: the rule is watched, not the clinician."""
    found: dict[tuple[str, str], _Stream] = {}
    for each in cards:
        key = each.client, each.card
        stream = found.setdefault(key, _Stream(*key, totals=called.get(each.client, {})))
        stream.counts[each.day] += each.cards
    yield from found.values()


def _call_streams(called: Mapping[str, Mapping[date, int]], today: date) -> Iterator[_Stream]:
    """Return the calls of each client against the same day of the week before; only their absence is an alarm."""
    before = list(_days(today - timedelta(days=WATCHED_DAYS), BASELINE_DAYS))
    for client, days in called.items():
        usual = {weekday: sum(days.get(day, 0) for day in before if day.weekday() == weekday) for weekday in range(7)}
        totals = {day: float(usual[day.weekday()]) for day in (*before, *_days(today, WATCHED_DAYS))}
        yield _Stream(client, "calls", defaultdict(float, days), totals, ("gone",))


def _evidence_streams(evidence: tuple[EvidenceCount, ...], today: date) -> Iterator[_Stream]:
    """Return usable results, units and values by analyte, and lists by how they came, per chart."""
    charts: dict[str, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    usable: dict[tuple[str, str], dict[date, float]] = defaultdict(lambda: defaultdict(float))
    found: dict[tuple[str, str], _Stream] = {}
    values: dict[tuple[str, str], _Stream] = {}
    for each in evidence:
        if not each.client:
            continue
        if each.kind == CHARTS:
            charts[each.client][each.day] += each.number
        elif each.kind.startswith(VALUES):
            key = each.client, each.subject
            stream = values.setdefault(key, _Stream(each.client, f"{each.subject} value", ways=tuple(ODDS)))
            bins = stream.median.setdefault(each.day, {})
            step = int(each.kind.removeprefix(VALUES))
            bins[step] = bins.get(step, 0) + each.number
        elif each.kind == USABLE or each.kind.startswith((UNITS, LISTS_OF)):
            name = each.subject if each.kind == USABLE else f"{each.subject} {each.kind}"
            stream = found.setdefault((each.client, name), _Stream(each.client, name))
            stream.counts[each.day] += each.number
            if each.kind == USABLE:
                usable[each.client, each.subject][each.day] += each.number
    for (client, name), stream in found.items():
        is_unit = UNITS in name
        stream.totals = usable[client, name.partition(" ")[0]] if is_unit else charts[client]
        yield stream
    yield from values.values()


def _raised(
    stream: _Stream, way: str, height: float, today: date, called: Mapping[str, Mapping[date, int]]
) -> tuple[float, Alarm] | None:
    """Return the alarm of a stream for one way of change, with its largest sum, if that ever stood above the height."""
    steps = _odds_steps(stream, way, today) if way in ODDS else _rate_steps(stream, way, today)
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


def _odds_steps(stream: _Stream, way: str, today: date) -> Iterator[tuple[date, float]]:
    """Return for each watched day what its values add for other odds of lying above the earlier median."""
    begin = today - timedelta(days=WATCHED_DAYS)
    before: dict[int, int] = defaultdict(int)
    for day in _days(begin, BASELINE_DAYS):
        for step, number in stream.median.get(day, {}).items():
            before[step] += number
    whole = sum(before.values())
    if whole < _LEAST_VALUES:
        return
    middle = next(step for step in sorted(before) if 2 * sum(n for at, n in before.items() if at <= step) >= whole)
    above = sum(number for step, number in before.items() if step > middle) / whole
    error = _DOUBT * sqrt(0.25 / whole)
    usual = min(max(above + (error if ODDS[way] > 1 else -error), 0.01), 0.99)
    odds = usual / (1 - usual) * ODDS[way]
    other = odds / (1 + odds)
    for day in _days(today, WATCHED_DAYS):
        bins = stream.median.get(day, {})
        over = sum(number for step, number in bins.items() if step > middle)
        under = sum(bins.values()) - over
        yield day, over * log(other / usual) + under * log((1 - other) / (1 - usual))
