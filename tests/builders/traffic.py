"""Record a scripted month of cards and feedback in a store."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from uuid import UUID

from cards.facts.finding import Indicator
from cds_service.store import Answer, FeedbackItem, IssuedCard, Reason, Store

CARDS = ("IRONLOW", "IRONTEST", "IRONMID", "AGGACTIVE", "B12BORDER", "VITDLOW", "MGLOW", "DAAUG", "FOLLOW")
REASONS = ("patient-refuses", "action-completed", "specialist-plan", "", "a-reason-of-their-own")
_A_CALL = 4


def record_traffic(store: Store, cards: int, until: datetime, *, days: int = 30, seed: int = 7) -> None:
    """Record about `cards` cards, at most four per call, over the `days` before `until`, reproducibly by seed."""
    dice, made = random.Random(seed), 0  # noqa: S311 - a script, not a secret
    while made < cards:
        count = min(dice.randint(1, _A_CALL), cards - made)
        made += count
        _one_call(store, dice, count, until - timedelta(minutes=dice.randrange(1, days * 24 * 60 - 24 * 60)))


def _one_call(store: Store, dice: random.Random, count: int, at: datetime) -> None:
    client, mode = dice.choice((("north", "live"), ("north", "live"), ("south", "shadow"), ("open", "live")))
    kinds = dice.sample(CARDS, count, counts=(9, 6, 4, 3, 3, 2, 2, 1, 1))
    issued = tuple(_card(dice, kind) for kind in dict.fromkeys(kinds))
    store.record_answer(
        Answer(client, "rls-patient-view", "patient-view", _uuid(dice), f"pat-{dice.randrange(400)}", at, issued,
               mode=mode)  # type: ignore[arg-type]
    )  # fmt: skip
    if mode == "live":
        items = [item for card in issued if not card.suppressed for item in _feedback(dice, card, at)]
        store.record_feedback(client, "rls-patient-view", items, at + timedelta(minutes=1))


def _card(dice: random.Random, kind: str) -> IssuedCard:
    silent = dice.random() < 0.12
    return IssuedCard(_uuid(dice), kind, "1.0.0", Indicator.INFO, (f"fact {dice.random()}",), (_uuid(dice),), silent)


def _feedback(dice: random.Random, card: IssuedCard, at: datetime) -> list[FeedbackItem]:
    chance = dice.random()
    if chance < 0.25:
        return [FeedbackItem(card.uuid, "accepted", at, card.suggestions)]
    if chance < 0.55:
        code = dice.choice(REASONS)
        return [FeedbackItem(card.uuid, "overridden", at, (), Reason(code) if code else None)]
    return []


def _uuid(dice: random.Random) -> str:
    return str(UUID(int=dice.getrandbits(128), version=4))
