"""Cards, answers and feedback for the tests of the store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from cards.facts.finding import Indicator
from cards.knowledge.repetition import repetition
from cds_service.store import Answer, FeedbackItem, IssuedCard, Reason, SilencePolicy

PSEUDONYM_KEY = bytes(range(32))
ENCRYPTION_KEY = bytes(range(100, 132))
NOW = datetime(2026, 3, 29, 0, 59, 30, 250_000, tzinfo=UTC)  # half a minute before clocks go forward in Europe
CLIENT, SERVICE, USER = "north", "rls-patient-view", "Practitioner/clinician-1"


def a_card(
    card: str = "IRONLOW",
    inputs: str = "ferritin=38 ng/mL on 2026-03-20",
    indicator: Indicator = Indicator.WARNING,
    suggestions: int = 1,
    **others: object,
) -> IssuedCard:
    uuids = tuple(str(uuid4()) for _ in range(suggestions))
    return IssuedCard(str(uuid4()), card, "2026.1", indicator, (inputs,), uuids, **others)  # type: ignore[arg-type]


def an_answer(*cards: IssuedCard, **others: object) -> Answer:
    members = {
        "client": CLIENT,
        "service": SERVICE,
        "hook": "patient-view",
        "patient_id": "pat-1",
        "issued_at": NOW,
        "shown_to": USER,
    }
    return Answer(hook_instance=str(uuid4()), cards=cards, **(members | others))  # type: ignore[arg-type]


def accepted(card: IssuedCard, at: datetime = NOW) -> FeedbackItem:
    return FeedbackItem(card.uuid, "accepted", at, card.suggestions)


def overridden(card: IssuedCard, at: datetime = NOW, reason: str = "", comment: str | None = None) -> FeedbackItem:
    return FeedbackItem(card.uuid, "overridden", at, (), Reason(reason) if reason else None, comment)


def days(count: float) -> timedelta:
    return timedelta(days=count)


def a_policy(**others: Any) -> SilencePolicy:
    """Return when cards of patient-view are silent for `USER`, on calendar days of UTC."""
    return SilencePolicy(**({"rules": repetition(), "zone": ZoneInfo("UTC"), "user": USER} | others))
