"""The days of silence as the site set them."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from cards.knowledge.repetition import Repetition, repetition, topic
from cds_service.config.settings import Settings


def site_repetition(settings: Settings) -> Repetition:
    """Return the days of silence as the site set them."""
    rules = repetition()
    own = {topic(card): days for card, days in settings.repeat_days.items()}
    return replace(
        rules,
        shown_cards=MappingProxyType({**rules.shown_cards, **own}),
        overridden=settings.suppression_days,
        site_reasons=settings.suppression_by_reason,
    )
