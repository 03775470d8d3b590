"""The page Watch: statistics of the store over a period."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar

from cds_service.monitoring.coverage import Coverage, coverage
from cds_service.monitoring.follow_up import LATE, Report, report
from cds_service.monitoring.intervals import wilson
from cds_service.monitoring.sentinel import Watched, watched
from cds_service.store import CardCount, OutcomeCount, ReasonCount, Store

T = TypeVar("T")

#: Periods that the page offers, in days up to and including today (UTC).
PERIODS = (7, 30, 90, 365)
#: The days of which the page says what charts held, up to and including today: those that changes are judged by.
CHART_DAYS = 28
#: Cards that were shown, no news, or only recorded; and beside these, in the totals alone, those that were held out
#: of a comparison, and those that were sent after the deadline.
STATES, BESIDE = ("shown", "silenced", "shadow"), ("held", "late")


@dataclass(frozen=True, slots=True)
class Share:
    """A count with its share and Wilson interval in percent, which are None if the total is 0."""

    count: int
    percent: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def text(self) -> str:
        """Return the share and its interval as text."""
        if self.percent is None:
            return "–"
        return f"{self.percent:.0f} % ({self.low:.0f}–{self.high:.0f})"


def share(count: int, total: int) -> Share:
    """Compute a share with its 95 % Wilson interval, which is valid for small counts and near 0 and 1."""
    interval = wilson(count, total)
    if interval is None:
        return Share(count)
    return Share(count, *(100 * bound for bound in interval))


@dataclass(frozen=True, slots=True)
class CardLine:
    """The statistics of one card; `daily` counts it by day, oldest first."""

    card: str
    daily: tuple[int, ...]
    shown: int
    silenced: int
    shadow: int
    accepted: Share
    overridden: Share
    reasons: tuple[tuple[str, int], ...]

    @property
    def spark(self) -> str:
        """Return the SVG path of its bars in a field of 160 by 28."""
        most, wide = max(self.daily, default=0) or 1, 160 / max(1, len(self.daily))
        bars = ((n * wide, 28 * count / most) for n, count in enumerate(self.daily) if count)
        return " ".join(f"M{x:.1f} 28v-{high:.1f}h{max(wide * 0.8, 0.8):.1f}v{high:.1f}z" for x, high in bars)


@dataclass(frozen=True, slots=True)
class DayBar:
    """The cards of one day by state; `index` is its position in the period."""

    index: int
    day: date
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """Return the number of cards."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class ClientLine:
    """The cards of one client by state."""

    client: str
    shown: int
    silenced: int
    shadow: int


@dataclass(frozen=True, slots=True)
class Watch:
    """The content of the page; `records` is false if the store keeps nothing."""

    days: int
    records: bool
    totals: Mapping[str, int]
    accepted: Share
    overridden: Share
    bars: tuple[DayBar, ...] = ()
    cards: tuple[CardLine, ...] = ()
    clients: tuple[ClientLine, ...] = ()
    follow_up: Report | None = None
    watched: Watched = field(default_factory=Watched)
    coverage: tuple[Coverage, ...] = ()

    @property
    def most_a_day(self) -> int:
        """Return the largest number of cards on one day."""
        return max((bar.total for bar in self.bars), default=0)


def watch(store: Store, days: int, now: datetime) -> Watch:
    """Count the cards of the last `days` days in UTC, including today. Raises `StoreError`."""
    until = datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), tzinfo=UTC)
    since = until - timedelta(days=days)
    counted = store.cards_by_day(since, until)
    outcomes = store.outcomes_by_card(since, until)
    shown = sum(each.shown for each in outcomes)
    span = [since.date() + timedelta(days=n) for n in range(days)]
    by_day = _grouped(counted, lambda each: each.day)
    by_client = _grouped(counted, lambda each: each.client)
    return Watch(
        days=days,
        records=store.records,
        totals=_by_state(counted, STATES + BESIDE),
        accepted=share(sum(each.accepted for each in outcomes), shown),
        overridden=share(sum(each.overridden for each in outcomes), shown),
        bars=tuple(DayBar(n, day, _by_state(by_day.get(day, ()))) for n, day in enumerate(span)),
        cards=_cards(counted, outcomes, store.reasons_by_card(since, until), span),
        clients=tuple(ClientLine(name, **_by_state(by_client[name])) for name in sorted(by_client)),
        watched=watched(store, now),
        follow_up=report(store, since - timedelta(days=LATE), until),
        coverage=coverage(store.evidence((until - timedelta(days=CHART_DAYS)).date(), until.date())),
    )


def _grouped(counts: Iterable[CardCount], key: Callable[[CardCount], T]) -> dict[T, list[CardCount]]:
    found: dict[T, list[CardCount]] = {}
    for each in counts:
        found.setdefault(key(each), []).append(each)
    return found


def state(count: CardCount) -> str:
    """Return whether the cards were shown, silenced, in shadow, held out or late."""
    if count.mode != "live":
        return "held" if count.mode == "holdout" else count.mode
    return "silenced" if count.suppressed else "shown"


def _by_state(counts: Iterable[CardCount], names: tuple[str, ...] = STATES) -> dict[str, int]:
    found: Counter[str] = Counter()
    for each in counts:
        found[state(each)] += each.cards
    return {name: found[name] for name in names}


def _cards(
    counted: tuple[CardCount, ...],
    outcomes: tuple[OutcomeCount, ...],
    reasons: tuple[ReasonCount, ...],
    span: list[date],
) -> tuple[CardLine, ...]:
    """Return one line for each card, the most frequent first."""
    answered = {each.card: each for each in outcomes}
    by_number = sorted(reasons, key=lambda each: -each.events)
    lines = [
        _card(card, own, answered.get(card, OutcomeCount(card, 0, 0, 0)), by_number, span)
        for card, own in _grouped(counted, lambda each: each.card).items()
    ]
    return tuple(sorted(lines, key=lambda line: (-sum(line.daily), line.card)))


def _card(
    card: str, own: list[CardCount], outcome: OutcomeCount, reasons: list[ReasonCount], span: list[date]
) -> CardLine:
    states, daily = _by_state(own), Counter[date]()
    for each in own:
        daily[each.day] += each.cards if state(each) in STATES else 0
    return CardLine(
        card=card,
        daily=tuple(daily[day] for day in span),
        shown=states["shown"],
        silenced=states["silenced"],
        shadow=states["shadow"],
        accepted=share(outcome.accepted, outcome.shown),
        overridden=share(outcome.overridden, outcome.shown),
        reasons=tuple((each.code, each.events) for each in reasons if each.card == card),
    )
