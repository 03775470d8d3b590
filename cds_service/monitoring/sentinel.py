"""Notice that a rule, a client or its data has changed, though every call is answered.

Every stream of daily counts is looked at day after day. What it counts is compared with the 28 days before by a CUSUM
of likelihood ratios: it adds up what speaks for a changed rate, and begins anew where nothing does. Under an unchanged
rate it passes a height h on a given day with a probability of about exp(-h) at most, so that the height follows from
the budget of false alarms over all streams and days of a client. A rare card needs more days, not another limit.

A change is told with its first day while it stands and for four weeks after its end; its days are not part of later
comparisons. One that lasts eight weeks is the usual state, unless calls have ceased.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import log

from cds_service.monitoring.change_search import WATCHED_DAYS, Change, changes_of, days_until
from cds_service.monitoring.daily_counts import BASELINE_DAYS, Calls, Rates, Stream, UsualCalls, Values
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

#: Days that are looked at: what lies before a change that is still told must be among them, and no change that began
#: before them may look like another. More of calls, since a silent client is told for as long as they reach.
HISTORY_DAYS, CALL_HISTORY_DAYS = 140, 182
#: False alarms of one client that are expected in a month at most, over all its streams.
FALSE_ALARMS = 1.0
#: The kinds of counts that are compared per chart, and per usable result of their analyte.
_PER_CHART, _PER_RESULT = (USABLE, LISTS_OF, MODES, SCOPE, BIRTH, SEX), (UNITS, CODES)


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
    last = list(days_until(today, BASELINE_DAYS))
    return tuple(
        sorted(
            client
            for client, days in called.items()
            if any(days.get(day) for day in last)
            and Calls(client, "calls", days).usual([day for day in last if day >= min(days)]) is None
        )
    )


def alarms(
    cards: Iterable[CardCount], calls: Iterable[CallCount], evidence: Iterable[EvidenceCount], today: date
) -> tuple[Alarm, ...]:
    """Return the changes that stand, or ended in the last 28 days before `today`; of each stream the last one."""
    calls = tuple(calls)
    called, seen = _calls(calls), _patients(calls)
    cards, evidence = tuple(cards), tuple(evidence)
    streams: list[Stream] = [*_card_streams(cards, seen), *_evidence_streams(evidence)]
    streams += [*_feedback_streams(cards, evidence), *_call_streams(_by_service(calls))]
    looked_for: dict[str, int] = defaultdict(int)
    for stream in streams:
        looked_for[stream.client] += len(stream.ways)
    found = []
    for stream in streams:
        height = log(looked_for[stream.client] * WATCHED_DAYS / FALSE_ALARMS)
        changed = [each for each in changes_of(stream, height, today) if each.is_told(today)]
        found += [_alarm(stream, each, today, called.get(stream.client, {})) for each in changed[-1:]]
    return tuple(sorted(found, key=lambda alarm: (alarm.first_bad_day, alarm.client, alarm.subject)))


def _alarm(stream: Stream, change: Change, today: date, called: Mapping[date, int]) -> Alarm:
    last = change.last or today - timedelta(days=1)
    days = [day for day in change.days if day <= last]
    usual = change.usual
    touched = usual.missing(days) if isinstance(usual, UsualCalls) else sum(called.get(day, 0) for day in days)
    return Alarm(stream.client, stream.subject, change.way, change.first, touched, change.last)


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


def _card_streams(cards: Iterable[CardCount], seen: Mapping[str, Mapping[date, float]]) -> Iterator[Rates]:
    """Return the patients with each card, shown, silent, in shadow or held out, each once, of those seen that day.

    The rule is watched, not the clinician.
    """
    found: dict[tuple[str, str], Rates] = {}
    for each in cards:
        key = each.client, each.card
        stream = found.setdefault(key, Rates(*key, totals=seen.get(each.client, {})))
        stream.counts[each.day] = each.patients
    yield from found.values()


def _call_streams(called: Mapping[tuple[str, str], Mapping[date, int]]) -> Iterator[Calls]:
    for (client, subject), days in called.items():
        yield Calls(client, subject, days)


def _feedback_streams(cards: Iterable[CardCount], evidence: Iterable[EvidenceCount]) -> Iterator[Rates]:
    """Return the answers to cards per card shown; only their absence is an alarm."""
    shown: dict[str, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    for each in cards:
        if each.mode == "live" and not each.suppressed:
            shown[each.client][each.day] += each.cards
    found: dict[str, Rates] = {}
    for count in evidence:
        if count.subject == FEEDBACK:
            new = Rates(count.client, FEEDBACK, totals=shown[count.client], ways=("gone",))
            found.setdefault(count.client, new).counts[count.day] += count.number
    yield from found.values()


def _evidence_streams(evidence: Iterable[EvidenceCount]) -> Iterator[Stream]:
    """Return what charts held, per chart; units and codes of results, per usable result; values and ages."""
    charts: dict[str, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    rates: dict[tuple[str, str], Rates] = {}
    values: dict[tuple[str, str], Values] = {}
    for each in evidence:
        if each.client and each.kind == CHARTS:
            charts[each.client][each.day] += each.number
        elif each.client and each.kind.startswith((VALUES, AGES)):
            word, _, bin = each.kind.partition(" ")
            name = f"{each.subject} {word}"
            bins = values.setdefault((each.client, name), Values(each.client, name)).values.setdefault(each.day, {})
            bins[int(bin)] = bins.get(int(bin), 0) + each.number
        elif each.client and each.kind.startswith(_PER_CHART + _PER_RESULT):
            name = each.subject if each.kind == USABLE else f"{each.subject} {each.kind}"
            rates.setdefault((each.client, name), Rates(each.client, name)).counts[each.day] += each.number
    for (client, name), stream in rates.items():
        analyte, _, kind = name.partition(" ")
        usable = rates.get((client, analyte), stream)
        stream.totals = usable.counts if kind.startswith(_PER_RESULT) else charts[client]
    yield from rates.values()
    yield from values.values()
