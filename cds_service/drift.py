"""Does each card still come as often as it did? A card that falls silent is the fault nobody reports.

The last seven days are held against the 28 before them, per call, since a quiet week has fewer calls; and the days
since a card last came against the gap between its days, which for most cards is one day. Shown, shadowed and silenced
cards all count: it is the rule that is watched, not the clinician.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from statistics import median

from cds_service.store import CallCount, CardCount, Store

RECENT_DAYS = 7
BASELINE_DAYS = 28
#: Fewer expected cards than this in the recent days say nothing: chance alone halves them.
LEAST_EXPECTED = 10.0
#: ± 50 % (reliability page 2.5).
WIDEST = (0.5, 1.5)
#: A card is silent when it has been away for so many of its usual gaps.
SILENT_GAPS = 5.0


@dataclass(frozen=True, slots=True)
class Drift:
    """How one card does. `ratio`: recent cards per call over earlier ones, None where too few were to be expected.
    `silence`: whole days without the card over its usual gap, None where it came on fewer than three days."""

    card: str
    ratio: float | None
    silence: float | None

    @property
    def is_odd(self) -> bool:
        strays = self.ratio is not None and not WIDEST[0] <= self.ratio <= WIDEST[1]
        return strays or (self.silence is not None and self.silence > SILENT_GAPS)


def firing_drift(store: Store, now: datetime) -> tuple[Drift, ...]:
    """Every card of the last five weeks. Today is left out: it is not over."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    since = midnight - timedelta(days=RECENT_DAYS + BASELINE_DAYS)
    return drifts(store.cards_by_day(since, midnight), store.calls_by_day(since, midnight), midnight.date())


def drifts(cards: Iterable[CardCount], calls: Iterable[CallCount], today: date) -> tuple[Drift, ...]:
    """By card, in order of their codes; days are days of UTC."""
    recent_from = today - timedelta(days=RECENT_DAYS)
    by_card: dict[str, dict[date, int]] = {}
    for count in cards:
        days = by_card.setdefault(count.card, {})
        days[count.day] = days.get(count.day, 0) + count.cards
    calls = tuple(calls)
    recent_calls = sum(count.calls for count in calls if count.day >= recent_from)
    earlier_calls = sum(count.calls for count in calls if count.day < recent_from)
    return tuple(
        Drift(card, _ratio(days, recent_from, recent_calls, earlier_calls), _silence(sorted(days), today))
        for card, days in sorted(by_card.items())
    )


def _ratio(days: dict[date, int], recent_from: date, recent_calls: int, earlier_calls: int) -> float | None:
    recent = sum(cards for day, cards in days.items() if day >= recent_from)
    earlier = sum(cards for day, cards in days.items() if day < recent_from)
    expected = earlier * recent_calls / earlier_calls if earlier_calls else 0.0
    return recent / expected if expected >= LEAST_EXPECTED else None


def _silence(days: Sequence[date], today: date) -> float | None:
    """Days between the last day with the card and yesterday, over the usual gap."""
    if len(days) < 3:
        return None
    gaps = [(later - sooner).days for sooner, later in pairwise(days)]
    return ((today - days[-1]).days - 1) / median(gaps)
