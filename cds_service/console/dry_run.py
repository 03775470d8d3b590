"""Run one call from the console through the same code as an EHR's call, and explain its answer.

Like every call it is recorded, unless the context has a store that keeps nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson

from cards.decisions.decide import Verdict
from cards.facts.card import Card
from cards.facts.chart import Chart, Gap
from cards.facts.finding import Finding, Indicator
from cards.fhir.bundles import Listed
from cards.presenting.detail import list_names
from cards.presenting.explain import Explanation, explain
from cards.wording.render import render_draft, render_gap
from cds_service.calls.answer import answer, card_profile, review_call
from cds_service.calls.call import Answered, AppContext, Call
from cds_service.calls.gather import gather
from cds_service.calls.recording import counts_shown
from cds_service.console.outcomes import no_card_reasons, silence_reason
from cds_service.hooks.prefetch import sent_lists
from cds_service.hooks.request import HookRequest
from cds_service.hooks.services import Service
from cds_service.web.deadline import CpuBudget, Deadline
from cds_service.web.errors import DataMissing, Refusal, issue


@dataclass(frozen=True, slots=True)
class Explained:
    """The explanation of one finding. `about` names its draft orders; `no_card` says why it fires without a card."""

    answer: Explanation
    about: str
    no_card: str = ""


@dataclass(frozen=True, slots=True)
class DryRun:
    """The result of a call. `response` is the JSON the service sends; `cards` are cards as sent.

    `suppressed` are those that are no news, each with the reason. `repeats` says by uuid when a shown card comes again.

    `reason` says why no decision was asked (deceased, no RLS, nothing to judge). `chart` is None if the request was
    refused. `lists` has the data by prefetch key; `asked` is for the metrics.
    """

    status: int
    response: dict[str, Any]
    cards: tuple[dict[str, Any], ...] = ()
    suppressed: tuple[tuple[dict[str, Any], str], ...] = ()
    repeats: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    reason: str = ""
    chart: Chart | None = None
    lists: Mapping[str, Listed] = field(default_factory=dict)
    decisions: tuple[Explained, ...] = ()
    milliseconds: int = 0
    asked: tuple[Call, Answered] | None = None


def dry_run(body: dict[str, Any], service: Service, context: AppContext) -> DryRun:
    """Call the service with `body`. A refused request gives a result as well; raises only `StoreError`."""
    started, began = time.monotonic(), context.cpu_clock()
    client = context.settings.profile
    seconds = client.deadline_ms / 1000
    try:
        request = HookRequest.parse(orjson.dumps(body), service)
        budget = CpuBudget.of(began, seconds, context.cpu_clock)
        call = Call(service, client, "live", request, Deadline.of(started, seconds), budget)
        answered = answer(call, context)
    except Refusal as fault:
        return DryRun(fault.status, _outcome(fault), faults=fault.details or (fault.text,))
    return _result(call, answered, context, round((time.monotonic() - started) * 1000))


def _in_words(key: str, gaps: Mapping[str, Gap]) -> str:
    """Return what is missing and why, in the clinic's words."""
    return f"{list_names((key,))}: {render_gap(gaps[key]) if key in gaps else 'not sent, and nowhere to be read'}"


def _outcome(fault: Refusal) -> dict[str, Any]:
    issues = fault.issues() or [issue(fault.code, fault.text)]
    return {"resourceType": "OperationOutcome", "issue": issues}


def _result(call: Call, answered: Answered, context: AppContext, milliseconds: int) -> DryRun:
    cards = tuple(card.as_json() for card in answered.cards)
    missing = answered.missing if answered.status == 412 else ()
    sent = sent_lists(call.request.prefetch, call.service.keys)
    lists = answered.gathered.lists or gather(call.request, sent, None).lists
    reviewed = answered.review or review_call(call, context, lists, context.clock())
    chart, verdict = reviewed.chart, reviewed.verdict
    outcomes = no_card_reasons(verdict, chart, answered, context, card_profile(call, context, lists))
    return DryRun(
        status=answered.status,
        response=_outcome(DataMissing(missing, answered.gaps)) if missing else {"cards": list(cards)},
        cards=cards,
        suppressed=tuple(
            (each.as_json(), silence_reason(answered.silences[each.uuid])) for each in answered.suppressed
        ),
        repeats={card.uuid: _repeat(card, call, context) for card in answered.cards},
        missing=tuple(_in_words(key, answered.gaps) for key in missing),
        reason=answered.reason,
        chart=chart,
        lists=lists,
        decisions=_explained(verdict, chart, context, outcomes),
        milliseconds=milliseconds,
        asked=(call, answered),
    )


def _repeat(card: Card, call: Call, context: AppContext) -> str:
    """Return when the card comes again if nobody answers it."""
    if call.service.judges_orders or card.indicator == Indicator.CRITICAL or card.id == "NOTEVALUATED":
        return "Comes every time."
    days = context.repetition.days_shown(card.topic.code, card.indicator)
    if not days:
        return "Comes every time, by the settings of this site."
    today = context.clock().astimezone(context.settings.time_zone).date()
    until = today + timedelta(days=days)
    said = f"If nobody answers it: silent for this user from tomorrow until {until}, unless it becomes news."
    return said if counts_shown(call) else f"{said} The profile sandbox is shown it every time."


def _explained(verdict: Verdict, chart: Chart, context: AppContext, reasons: tuple[str, ...]) -> tuple[Explained, ...]:
    answers = explain(verdict, chart, context.rules)
    together = zip(verdict.findings, answers, reasons, strict=True)
    found = [Explained(answer, _about(finding), reason) for finding, answer, reason in together]
    order = ("fires", "unknown", "quiet")
    return tuple(sorted(found, key=lambda each: order.index(each.answer.outcome)))


def _about(finding: Finding) -> str:
    return ", ".join(f"order {draft.number}: {render_draft(draft) or 'not one of ours'}" for draft in finding.drafts)
