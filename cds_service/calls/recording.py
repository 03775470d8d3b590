"""Ask the store which cards are suppressed, and prepare the record of an answer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from cards.facts.card import Card
from cards.facts.finding import Indicator
from cds_service.calls.call import Answered, Call
from cds_service.config.settings import Settings
from cds_service.store import Answer, Candidate, IssuedCard, Store, SuppressionPolicy


def split_suppressed(
    cards: tuple[Card, ...], call: Call, settings: Settings, store: Store, now: datetime
) -> tuple[tuple[Card, ...], tuple[Card, ...]]:
    """Split cards into those to show and those suppressed by an override of the same card on the same facts."""
    if not cards:
        return (), ()
    policy = SuppressionPolicy(settings.suppression_days, settings.suppression_by_reason)
    asked = {card.uuid: _candidate(card) for card in cards}
    silent = store.suppressed(call.client.name, call.request.patient_id, asked.values(), now, policy)
    shown = tuple(card for card in cards if asked[card.uuid] not in silent)
    return shown, tuple(card for card in cards if asked[card.uuid] in silent)


def _candidate(card: Card) -> Candidate:
    return Candidate(card.topic.code, Indicator(card.indicator), card.inputs)


def answer_record(call: Call, answered: Answered, now: datetime, host: str) -> Answer:
    """Return the record of an answer for the store; `host` is this machine."""
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
        server=answered.gathered.server,
        host=host,
        status=answered.status,
    )


def _issued(cards: Iterable[Card], suppressed: bool) -> Iterable[IssuedCard]:
    for card in cards:
        suggestions = tuple(suggestion.uuid for suggestion in card.suggestions)
        asked = _candidate(card)
        yield IssuedCard(
            card.uuid, asked.card, card.version, asked.indicator, asked.inputs, suggestions, suppressed=suppressed
        )
