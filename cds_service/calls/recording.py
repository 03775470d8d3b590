"""Ask the store which cards are no news, and prepare the record of an answer."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import datetime

from cards.facts.card import Card, PatientBasis
from cards.facts.finding import Indicator
from cards.patient.status import is_child
from cards.presenting.basis import patient_basis
from cards.review import Review
from cds_service.calls.call import Answered, AppContext, Call
from cds_service.store import Answer, Candidate, IssuedCard, Silence, SilencePolicy, Store

#: The profile of a page where the same chart is tried again and again: having been shown silences nothing there.
_TRIED_AGAIN = "sandbox"


def split_suppressed(
    reviewed: Review, call: Call, app: AppContext, store: Store, now: datetime
) -> tuple[tuple[Card, ...], Mapping[str, Silence]]:
    """Return the cards of a review to show, and why the others are silent, by uuid."""
    if not reviewed.cards:
        return reviewed.cards, {}
    asked = {card.uuid: _candidate(card) for card in reviewed.cards}
    policy = silence_policy(reviewed, call, app)
    found = store.suppressed(call.client.name, call.request.patient_id, asked.values(), now, policy)
    if not found:
        return reviewed.cards, {}
    silent = {uuid: found[candidate] for uuid, candidate in asked.items() if candidate in found}
    return tuple(card for card in reviewed.cards if card.uuid not in silent), silent


def silence_policy(reviewed: Review, call: Call, app: AppContext) -> SilencePolicy:
    """Return when the cards of this call are silent."""
    return SilencePolicy(
        rules=app.repetition,
        zone=app.settings.time_zone,
        user=identified_user(call),
        is_order_hook=call.service.judges_orders,
        counts_shown=counts_shown(call),
        is_child=is_child(reviewed.chart),
        basis=basis_of_patient(reviewed, app),
    )


def counts_shown(call: Call) -> bool:
    """Return whether a card that was shown is silent for that user from the next day on."""
    return call.client.profile != _TRIED_AGAIN


def identified_user(call: Call) -> str | None:
    """Return the user of a call, or None where a site shares that user among several people."""
    user = call.request.user
    return None if not user or user in call.client.shared_users else user


def basis_of_patient(reviewed: Review, app: AppContext) -> PatientBasis:
    """Return what overrides of this call's cards rest on that are about the patient."""
    return patient_basis(reviewed.chart, app.rules.on(reviewed.chart.today))


def _candidate(card: Card) -> Candidate:
    return Candidate(card.topic.code, Indicator(card.indicator), card.basis.facts, card.basis.doses)


def answer_record(call: Call, answered: Answered, now: datetime, app: AppContext) -> Answer:
    """Return the record of an answer for the store."""
    request = call.request
    is_shown = call.mode != "shadow" and time.monotonic() <= call.deadline.ends
    reviewed = answered.review
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
        host=app.host,
        status=answered.status,
        shown_to=identified_user(call) if is_shown else None,
        basis=basis_of_patient(reviewed, app) if reviewed and answered.cards else PatientBasis(),
    )


def _issued(cards: Iterable[Card], suppressed: bool) -> Iterable[IssuedCard]:
    for card in cards:
        suggestions = tuple(suggestion.uuid for suggestion in card.suggestions)
        yield IssuedCard(
            card.uuid,
            card.topic.code,
            card.version,
            Indicator(card.indicator),
            card.basis.facts,
            suggestions,
            suppressed=suppressed,
            due=card.basis.due,
            doses=card.basis.doses,
        )
