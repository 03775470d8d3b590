"""One hook call, from the request to the cards: gather, read the chart, decide, present, record."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime
from functools import partial

from cards.card import Action
from cards.decide import decide, to_be_shown
from cards.present import CardProfile, not_evaluated, present, within_budget
from cards.reading import read_chart
from cards.revise import revise_draft
from cds_service.call import Answered, Call, Desk
from cds_service.drafts import has_draft_to_judge
from cds_service.fhir_version import version_of_lists
from cds_service.gather import Gathered, gather
from cds_service.recording import for_the_record, without_overridden
from cds_service.settings import Settings

__all__ = ["Answered", "Call", "Desk", "answer", "card_profile"]

#: Kept for deciding, recording and writing after the last read has ended.
_AFTER_READING = 0.03


def answer(call: Call, desk: Desk) -> Answered:
    """Answer a call and record what was answered. Raises the faults of the store, and nothing on account of data."""
    now = desk.clock()
    if not _has_something_to_judge(call, desk, now):
        answered = Answered(reason="nothing to judge")
    else:
        answered = _evaluated(call, desk, now)
    desk.store.record_answer(for_the_record(call, answered, now))
    return answered


def _has_something_to_judge(call: Call, desk: Desk, now: datetime) -> bool:
    if not call.service.judges_orders:
        return True
    site, zone = desk.site(call.client), desk.settings.time_zone
    return has_draft_to_judge(call.request, desk.rules, now=now, zone=zone, site=site)


def _evaluated(call: Call, desk: Desk, now: datetime) -> Answered:
    request, gathered = call.request, _gathered(call, desk)
    version = version_of_lists(request, call.client, gathered.lists)
    chart = read_chart(
        gathered.lists,
        patient_id=request.patient_id,
        now=now,
        zone=desk.settings.time_zone,
        drafts=request.draft_orders,
        selections=request.selections,
        fhir_version=version,
        site=desk.site(call.client),
    )
    verdict = decide(chart, desk.rules, request.hook)
    profile = card_profile(call, desk.settings, version)
    shown, missing = to_be_shown(verdict), verdict.missing
    every = present(shown, chart, desk.rules, profile=replace(profile, max_cards=0), new_uuid=desk.new_uuid)
    fresh, suppressed = without_overridden(every, call, desk, now)
    cards = within_budget(fresh, profile.max_cards)
    if missing and (shown.fired or call.client.missing_data == "card"):
        cards = (*cards, not_evaluated(missing, profile=profile, new_uuid=desk.new_uuid))
        missing = ()
    return Answered(
        status=412 if missing else 200,
        cards=cards,
        missing=missing,
        suppressed=suppressed,
        outcomes=Counter(finding.outcome.value for finding in verdict.findings),
        gathered=gathered,
        discarded=chart.discarded,
        reason=verdict.out_of_scope,
        findings=verdict.findings,
        unusable=chart.unusable,
    )


def _gathered(call: Call, desk: Desk) -> Gathered:
    reader = desk.fhir.reader_for(call.request, call.client, call.deadline.before(_AFTER_READING))
    try:
        return gather(call.request, call.service.keys, reader)
    finally:
        if reader:
            reader.close()


def card_profile(call: Call, settings: Settings, fhir_version: str) -> CardProfile:
    """What the cards of this call may hold."""
    client, base = call.client, (settings.public_base or "").rstrip("/")
    return CardProfile(
        patient_id=call.request.patient_id,
        source_url=f"{base}/cds-services/{call.service.id}/source-attributes" if base else "",
        selection_behavior=client.selection_behavior,
        knows_any=client.selection_behavior == "any",
        one_action_per_suggestion=client.one_action_per_suggestion,
        actions=client.actions,
        fhir_version=fhir_version,
        max_cards=settings.max_cards,
        site_orderables=client.site_orderables,
        revise=partial(_revise, call, fhir_version) if client.drug_orders else None,
    )


def _revise(call: Call, fhir_version: str, reference: str, revision: str, name: str) -> Action | None:
    """An update of the client's own draft, out of the text that it sent."""
    return revise_draft(call.request.raw, reference, revision, name, fhir_version)
