"""What the store is asked before cards are shown, and told once they are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from cards.card import Card
from cards.finding import Indicator
from cds_service.call import Answered, Call, Desk
from cds_service.store import Answer, Candidate, IssuedCard, SuppressionPolicy


def without_overridden(
    cards: tuple[Card, ...], call: Call, desk: Desk, now: datetime
) -> tuple[tuple[Card, ...], tuple[Card, ...]]:
    """The cards to show, and those that an override of the same card on the same facts keeps silent."""
    if not cards:
        return (), ()
    settings = desk.settings
    policy = SuppressionPolicy(settings.suppression_days, settings.suppression_by_reason)
    asked = {card.uuid: _candidate(card) for card in cards}
    silent = desk.store.suppressed(call.client.name, call.request.patient_id, asked.values(), now, policy)
    shown = tuple(card for card in cards if asked[card.uuid] not in silent)
    return shown, tuple(card for card in cards if asked[card.uuid] in silent)


def _candidate(card: Card) -> Candidate:
    return Candidate(card.topic.code, Indicator(card.indicator), card.inputs)


def for_the_record(call: Call, answered: Answered, now: datetime) -> Answer:
    request = call.request
    return Answer(
        client=call.client.name,
        service=call.service.id,
        hook=request.hook,
        hook_instance=request.instance,
        patient_id=request.patient_id,
        issued_at=now,
        cards=(*_issued(answered.cards, False), *_issued(answered.suppressed, True)),
        mode="shadow" if call.mode == "shadow" else "live",
        user=request.user,
        location=f"Encounter/{request.encounter_id}" if request.encounter_id else None,
        queries=answered.gathered.queries,
        status=answered.status,
    )


def _issued(cards: Iterable[Card], suppressed: bool) -> Iterable[IssuedCard]:
    for card in cards:
        suggestions = tuple(suggestion.uuid for suggestion in card.suggestions)
        asked = _candidate(card)
        yield IssuedCard(
            card.uuid, asked.card, card.version, asked.indicator, asked.inputs, suggestions, suppressed=suppressed
        )
