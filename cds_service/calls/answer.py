"""Answer one hook call: gather data, review it, suppress overridden cards, record the answer."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache

from cards.decisions.shared.judged import has_draft_to_judge
from cards.facts.card import Action
from cards.fhir.bundles import Listed
from cards.fhir.references import address_of
from cards.presenting.card_context import ClientCapabilities
from cards.presenting.draft_update import drafts_as_written, revise_draft
from cards.reading import read_orders
from cards.reading.drafts import Drafts
from cards.reading.resource_types import MORE_DRUGS
from cards.review import Review, ReviewContext, review
from cds_service.calls.call import Answered, AppContext, Call
from cds_service.calls.gather import Gathered, gather
from cds_service.calls.recording import answer_record, split_held_out, split_suppressed
from cds_service.fhir.access import REFUSED_SERVERS
from cds_service.hooks.fhir_version import version_of_lists
from cds_service.hooks.prefetch import sent_lists
from cds_service.store import Store

#: What is reserved of a call for deciding, recording and responding after the last read: a share, and its bounds in
#: seconds.
_SHARE_AFTER_READING = 0.12
_LEAST_AFTER_READING, _MOST_AFTER_READING = 0.04, 0.15
#: Seconds that the store has at least, where deciding took longer than that.
_LEAST_FOR_STORE = 0.03
#: Types of users for whom no card of patient-view is meant (clinical amendments 2, section 6).
_PORTAL_USERS = ("patient", "relatedperson")


def answer(call: Call, app: AppContext) -> Answered:
    """Answer a call and record the answer; raises only errors of the store, and `TooCostly`, whatever the data."""
    now = app.clock()
    if _is_the_patient(call):
        answered = Answered(reason="opened by the patient or a relative")
    else:
        sent = sent_lists(call.request.prefetch, call.service.keys)
        orders = _read_orders(call, app, sent, now) if call.service.judges_orders else None
        is_judged = orders is None or _has_something_to_judge(orders, call, app, now)
        call.budget.check("reading the draft orders")
        if is_judged:
            answered = _gather_and_review(call, app, sent, orders, now)
        else:
            answered = Answered(reason="nothing to judge", foreign_drafts=orders.discarded if orders else 0)
    _store_in_time(call, app).record_answer(answer_record(call, answered, now, app))
    return answered


def _is_the_patient(call: Call) -> bool:
    """Return whether a patient or a relative opens the chart in a portal: the cards are for clinicians."""
    return not call.service.judges_orders and address_of(call.request.user).type in _PORTAL_USERS


def _store_in_time(call: Call, app: AppContext) -> Store:
    """Return the store for work that is over at the deadline of the call."""
    return app.store.within(max(call.deadline.ends, time.monotonic() + _LEAST_FOR_STORE))


def _read_orders(call: Call, app: AppContext, sent: Mapping[str, Listed], now: datetime) -> Drafts:
    """Return the draft orders of a call, by what the client sent along."""
    request = call.request
    return read_orders(
        request.draft_orders,
        patient_id=request.patient_id,
        now=now,
        zone=app.settings.time_zone,
        selections=request.selections,
        site=app.site(call.client),
        gathered=sent,
    )


def _has_something_to_judge(orders: Drafts, call: Call, app: AppContext, now: datetime) -> bool:
    """Return whether some decision judges a selected draft, or may do so once it or its medication has been read.

    See contract section 5, item 1.
    """
    dated = app.rules.on(now.astimezone(app.settings.time_zone).date())
    if orders.unknown or orders.elsewhere or orders.gap:
        return True
    return has_draft_to_judge(orders.drafts, dated, call.request.hook)


def review_call(
    call: Call, app: AppContext, lists: Mapping[str, Listed], now: datetime, orders: Drafts | None = None
) -> Review:
    """Review the lists that were gathered for a call; raises `TooCostly`.

    `orders` is what was read of the drafts, if that was with these lists.
    """
    request = call.request
    context = ReviewContext(
        hook=request.hook,
        patient_id=request.patient_id,
        now=now,
        zone=app.settings.time_zone,
        new_uuid=app.new_uuid,
        site=app.site(call.client),
        selections=request.selections,
        orders=orders,
        after_stage=call.budget.check,
    )
    return review(lists, request.draft_orders, context, app.rules, card_profile(call, app, lists))


def _gather_and_review(
    call: Call, app: AppContext, sent: Mapping[str, Listed], orders: Drafts | None, now: datetime
) -> Answered:
    gathered = _gather_lists(call, app, sent)
    call.budget.check("gathering the data")
    reusable = orders if _hold_same_resources(gathered.lists, sent) else None
    reviewed = review_call(call, app, gathered.lists, now, reusable)
    fresh, silent = split_suppressed(reviewed, call, app, _store_in_time(call, app), now)
    fresh, held = split_held_out(fresh, call, app)
    verdict = reviewed.verdict
    return Answered(
        status=412 if reviewed.missing else 200,
        cards=reviewed.shown(fresh, app.settings.max_cards),
        missing=reviewed.missing,
        suppressed=tuple(card for card in reviewed.cards if card.uuid in silent),
        silences=silent,
        held=held,
        outcomes=Counter([str(finding.outcome) for finding in verdict.findings]),
        gathered=gathered,
        reason="; ".join(filter(None, (verdict.out_of_scope, REFUSED_SERVERS.get(gathered.not_read)))),
        review=reviewed,
    )


def _hold_same_resources(lists: Mapping[str, Listed], sent: Mapping[str, Listed]) -> bool:
    """Return whether the lists hold the resources that the client sent, under the same addresses, and no others."""
    return lists.keys() == sent.keys() and all(
        listed.resources == sent[key].resources and listed.addresses == sent[key].addresses
        for key, listed in lists.items()
    )


def _gather_lists(call: Call, app: AppContext, sent: Mapping[str, Listed]) -> Gathered:
    share = (call.deadline.ends - call.deadline.started) * _SHARE_AFTER_READING
    reserved = min(max(share, _LEAST_AFTER_READING), _MOST_AFTER_READING)
    reader = app.fhir.reader_for(call.request, call.client, call.deadline.before(reserved))
    try:
        more_drugs = [key for key in MORE_DRUGS if key not in call.client.cannot_send]
        return gather(call.request, sent, reader, more_drugs)
    finally:
        if reader:
            reader.close()


def card_profile(call: Call, app: AppContext, lists: Mapping[str, Listed]) -> ClientCapabilities:
    """Return what the cards of this call may contain, in the FHIR version of its lists."""
    client, settings = call.client, app.settings
    fhir_version = version_of_lists(call.request, client, lists)
    base = (settings.public_base or "").rstrip("/")
    return ClientCapabilities(
        patient_id=call.request.patient_id,
        source_url=f"{base}/cds-services/{call.service.id}/source-attributes" if base else "",
        selection_behavior=client.selection_behavior,
        knows_any=client.selection_behavior == "any",
        one_action_per_suggestion=client.one_action_per_suggestion,
        actions=client.actions,
        fhir_version=fhir_version,
        max_cards=settings.max_cards,
        says_what_is_missing=client.missing_data == "card",
        cannot_send=client.cannot_send,
        site_orderables=client.site_orderables,
        needs_site_codes=client.order_codes == "site",
        revise=_reviser(call, fhir_version) if client.drug_orders else None,
    )


def _reviser(call: Call, fhir_version: str) -> Callable[[str, str, str], Action | None]:
    """Return what makes an update of the client's own draft out of the text of the request, which it reads once."""
    drafts = cache(lambda: drafts_as_written(call.request.raw))
    return lambda reference, revision, name: revise_draft(drafts(), reference, revision, name, fhir_version)
