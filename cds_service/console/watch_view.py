"""Counts of the store as the watch page shows them: every number on it is one of these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import sqrt

from cds_service.store import CardCount, OutcomeCount, ReasonCount, Store

#: Periods that the page offers, in days that end with today (UTC).
PERIODS = (7, 30, 90, 365)
_Z = 1.959964  # 95 %
#: Cards that were shown, kept silent by an override, or only recorded.
STATES = ("shown", "silenced", "shadow")


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `total`, with the Wilson interval of the share in percent; all None where the total is none."""

    count: int
    total: int
    percent: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def text(self) -> str:
        if self.percent is None:
            return "–"
        return f"{self.percent:.0f} % ({self.low:.0f}–{self.high:.0f})"


def share(count: int, total: int) -> Share:
    """The share with its 95 % interval after Wilson, which holds for small counts and near 0 and 1."""
    if not total:
        return Share(count, total)
    rate, square = count / total, _Z * _Z
    middle = (rate + square / (2 * total)) / (1 + square / total)
    half = _Z * sqrt(rate * (1 - rate) / total + square / (4 * total * total)) / (1 + square / total)
    return Share(count, total, 100 * rate, max(0.0, 100 * (middle - half)), min(100.0, 100 * (middle + half)))


@dataclass(frozen=True, slots=True)
class CardLine:
    """One card over the period. `daily` counts all its cards by day, oldest first."""

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
        """The path of its bars in a field of 160 by 28."""
        most, wide = max(self.daily, default=0) or 1, 160 / max(1, len(self.daily))
        bars = ((n * wide, 28 * count / most) for n, count in enumerate(self.daily) if count)
        return " ".join(f"M{x:.1f} 28v-{high:.1f}h{max(wide * 0.8, 0.8):.1f}v{high:.1f}z" for x, high in bars)


@dataclass(frozen=True, slots=True)
class DayBar:
    """One day: cards by state."""

    day: date
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class ClientLine:
    client: str
    shown: int
    silenced: int
    shadow: int


@dataclass(frozen=True, slots=True)
class Watch:
    """The page. `records` is false where the service keeps nothing."""

    days: int
    since: datetime
    until: datetime
    records: bool
    totals: Mapping[str, int]
    accepted: Share
    overridden: Share
    bars: tuple[DayBar, ...] = ()
    cards: tuple[CardLine, ...] = ()
    clients: tuple[ClientLine, ...] = ()

    @property
    def most_a_day(self) -> int:
        return max((bar.total for bar in self.bars), default=0)


def watch(store: Store, days: int, now: datetime) -> Watch:
    """Counts of the last `days` whole days in UTC, the last of them today. Raises the faults of the store."""
    until = datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), tzinfo=UTC)
    since = until - timedelta(days=days)
    counted = store.cards_by_day(since, until)
    outcomes = store.outcomes_by_card(since, until)
    totals = _by_state(counted)
    shown = sum(each.shown for each in outcomes)
    span = [since.date() + timedelta(days=n) for n in range(days)]
    return Watch(
        days=days,
        since=since,
        until=until,
        records=store.records,
        totals=totals,
        accepted=share(sum(each.accepted for each in outcomes), shown),
        overridden=share(sum(each.overridden for each in outcomes), shown),
        bars=tuple(DayBar(day, _by_state(each for each in counted if each.day == day)) for day in span),
        cards=_cards(counted, outcomes, store.reasons_by_card(since, until), span),
        clients=_clients(counted),
    )


def state(count: CardCount) -> str:
    if count.mode == "shadow":
        return "shadow"
    return "silenced" if count.suppressed else "shown"


def _by_state(counts: Iterable[CardCount]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for each in counts:
        found[state(each)] += each.cards
    return {name: found[name] for name in STATES}


def _cards(
    counted: tuple[CardCount, ...],
    outcomes: tuple[OutcomeCount, ...],
    reasons: tuple[ReasonCount, ...],
    span: list[date],
) -> tuple[CardLine, ...]:
    """One line for each card, the commonest first."""
    by_card = {each.card: each for each in outcomes}
    by_number, lines = sorted(reasons, key=lambda each: -each.events), []
    for card in sorted({each.card for each in counted}):
        own = [each for each in counted if each.card == card]
        outcome = by_card.get(card, OutcomeCount(card, 0, 0, 0))
        states, daily = _by_state(own), Counter[date]()
        for each in own:
            daily[each.day] += each.cards
        lines.append(
            CardLine(
                card=card,
                daily=tuple(daily[day] for day in span),
                shown=states["shown"],
                silenced=states["silenced"],
                shadow=states["shadow"],
                accepted=share(outcome.accepted, outcome.shown),
                overridden=share(outcome.overridden, outcome.shown),
                reasons=tuple((each.code, each.events) for each in by_number if each.card == card),
            )
        )
    return tuple(sorted(lines, key=lambda line: (-sum(line.daily), line.card)))


def _clients(counted: tuple[CardCount, ...]) -> tuple[ClientLine, ...]:
    names = sorted({each.client for each in counted})
    return tuple(ClientLine(name, **_by_state(each for each in counted if each.client == name)) for name in names)
