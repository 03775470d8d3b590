"""Detect cards that fire much more or less often than before; nobody reports a card that falls silent.

The last 7 days are compared with the 28 before, per call, since a quiet week has fewer calls. The days since a card
last fired are compared with the usual gap between its days, which is one day for most cards. Shown, shadow and
suppressed cards all count, since the rule is monitored, not the clinician. The limits are those of the alerts
(deploy/prometheus-rules.yml).
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
#: Below this number of expected cards no ratio is computed, since chance alone could halve it.
LEAST_EXPECTED = 10.0


@dataclass(frozen=True, slots=True)
class Drift:
    """How the firing of one card changed.

    ratio     recent cards per call over earlier ones, None if too few were expected
    silence   whole days without the card over its usual gap, None if it fired on fewer than three days
    """

    card: str
    ratio: float | None
    silence: float | None


def measure_drift(store: Store, now: datetime) -> tuple[Drift, ...]:
    """Measure the drift of every card of the last five weeks, without today, which is incomplete."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    since = midnight - timedelta(days=RECENT_DAYS + BASELINE_DAYS)
    return drifts(store.cards_by_day(since, midnight), store.calls_by_day(since, midnight), midnight.date())


def drifts(cards: Iterable[CardCount], calls: Iterable[CallCount], today: date) -> tuple[Drift, ...]:
    """Compute the drift of each card, ordered by code; days are UTC days."""
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
    """Return the days from the last day with the card to yesterday, divided by the usual gap."""
    if len(days) < 3:
        return None
    gaps = [(later - sooner).days for sooner, later in pairwise(days)]
    return ((today - days[-1]).days - 1) / median(gaps)
