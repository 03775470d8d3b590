"""Ask the store which cards are no news, and prepare the record of an answer."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial

from cards.facts.card import Card, PatientBasis
from cards.facts.finding import Indicator
from cards.fhir.references import address_of
from cards.patient.status import is_child
from cards.presenting.basis import patient_basis
from cards.presenting.expectations import settle
from cards.review import Review
from cds_service.calls.call import Answered, AppContext, Call
from cds_service.store import Answer, Candidate, IssuedCard, Silence, SilencePolicy, Store
from cds_service.store.records import MOST_ARM_NUMBER, Arm

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


def split_held_out(cards: tuple[Card, ...], call: Call, app: AppContext) -> tuple[tuple[Card, ...], tuple[Card, ...]]:
    """Return the cards to show, and those held back because this patient belongs to the hold-out share.

    Held back are cards that ask for something a chart would show. Nothing critical ever is, nor what tells of harm, nor
    anything on an order hook, nor in shadow, where nothing is shown at all.
    """
    share = app.settings.holdout_percent
    if not share or call.service.judges_orders or call.mode == "shadow" or not app.store.records:
        return cards, ()
    number = app.store.arm_number(call.client.name, call.request.patient_id)
    if number * 100 >= share * (MOST_ARM_NUMBER + 1):
        return cards, ()
    held = tuple(card for card in cards if _may_be_held_out(card, app))
    return tuple(card for card in cards if card not in held), held


def _may_be_held_out(card: Card, app: AppContext) -> bool:
    is_measured = card.expects is not None and card.indicator != Indicator.CRITICAL
    return is_measured and card.topic.code not in app.repetition.never_held_out


def silence_policy(reviewed: Review, call: Call, app: AppContext) -> SilencePolicy:
    """Return when the cards of this call are silent."""
    return SilencePolicy(
        rules=app.repetition,
        zone=app.settings.time_zone,
        user=identified_user(call),
        is_order_hook=call.service.judges_orders,
        counts_shown=counts_shown(call),
        is_child=is_child(reviewed.chart) or reviewed.chart.person.birth_is_unreadable,
        basis=basis_of_patient(reviewed, app),
    )


def counts_shown(call: Call) -> bool:
    """Return whether a card that was shown is silent for that user from the next day on."""
    return call.client.profile != _TRIED_AGAIN


def identified_user(call: Call) -> str | None:
    """Return the user of a call, or None where a site shares that user among several people."""
    user = call.request.user
    is_shared = any(_is_same_user(user, each) for each in call.client.shared_users)
    return None if not user or is_shared else user


def _is_same_user(user: str, listed: str) -> bool:
    """Return whether two spellings name one user: relative or absolute, of one version, or an id alone."""
    if user == listed:
        return True
    sent, known = address_of(user), address_of(listed)
    return bool(sent.id) and sent.id == known.id and (sent.type == known.type or not (sent.type and known.type))


def basis_of_patient(reviewed: Review, app: AppContext) -> PatientBasis:
    """Return what overrides of this call's cards rest on that are about the patient."""
    return patient_basis(reviewed.chart, app.rules.on(reviewed.chart.today))


def _candidate(card: Card) -> Candidate:
    return Candidate(card.topic.code, Indicator(card.indicator), card.basis.facts, card.basis.doses)


def answer_record(call: Call, answered: Answered, now: datetime, app: AppContext) -> Answer:
    """Return the record of an answer for the store."""
    request = call.request
    is_late = call.mode != "shadow" and time.monotonic() > call.deadline.ends
    reviewed = answered.review
    return Answer(
        client=call.client.name,
        service=call.service.id,
        hook=request.hook,
        hook_instance=request.instance,
        patient_id=request.patient_id,
        issued_at=now,
        cards=(
            *_issued(answered.cards, arm="late" if is_late else None, asks=not is_late),
            *_issued(answered.suppressed, suppressed=True),
            *_issued(answered.held, arm="holdout", asks=not is_late),
        ),
        mode="shadow" if call.mode == "shadow" else "live",
        user=request.user,
        location=f"Encounter/{request.encounter_id}" if request.encounter_id else None,
        queries=answered.gathered.queries,
        server=answered.gathered.server,
        host=app.host,
        status=answered.status,
        shown_to=None if is_late or call.mode == "shadow" else identified_user(call),
        basis=basis_of_patient(reviewed, app) if reviewed and (answered.cards or answered.held) else PatientBasis(),
        settle=partial(settle, chart=reviewed.chart) if reviewed else None,
    )


def _issued(
    cards: Iterable[Card], *, suppressed: bool = False, arm: Arm | None = None, asks: bool = True
) -> Iterable[IssuedCard]:
    """Yield the records of cards; an answer after the deadline asks for nothing, in either arm of a comparison."""
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
            expects=card.expects if asks else None,
            arm=arm,
        )
