"""One call of a service from the console, by the same path as an EHR's call, with everything that led to the answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from cards.chart import Chart
from cards.decide import Verdict, decide
from cards.explain import Explanation, explain
from cards.finding import Finding
from cards.reading import Listed, read_chart
from cards.wording import draft_in_words
from cds_service.answer import answer, card_profile
from cds_service.call import Answered, Call, Desk
from cds_service.console.fates import without_card
from cds_service.deadline import Deadline
from cds_service.errors import DataMissing, Refusal, issue
from cds_service.fhir_version import version_of_lists
from cds_service.gather import gather
from cds_service.hook_request import HookRequest
from cds_service.services import Service


@dataclass(frozen=True, slots=True)
class Explained:
    """One answer of one decision; `about` names the draft orders in our own words. `no_card` says why a decision that
    fires has no card of its own."""

    answer: Explanation
    about: str
    no_card: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a call gave. `response` is the JSON the service sends; `cards` and `suppressed` are cards as sent.

    `reason` says in a word why nothing was asked (deceased, no RLS, nothing to judge); `chart` is None where the
    request itself was refused. `lists` is what was gathered, by prefetch key; `asked` is for counting.
    """

    status: int
    response: dict[str, Any]
    cards: tuple[dict[str, Any], ...] = ()
    suppressed: tuple[dict[str, Any], ...] = ()
    missing: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    reason: str = ""
    chart: Chart | None = None
    lists: Mapping[str, Listed] = field(default_factory=dict)
    decisions: tuple[Explained, ...] = ()
    milliseconds: int = 0
    asked: tuple[Call, Answered] | None = None


def try_service(body: dict[str, Any], service: Service, desk: Desk) -> Trial:
    """Call the service with `body`. The answer is recorded as every answer is, unless the desk has no store.

    Raises the faults of the store; a refused request is an answer.
    """
    started = time.monotonic()
    client = desk.settings.profile
    try:
        request = HookRequest.parse(orjson.dumps(body), service)
        call = Call(service, client, "live", request, Deadline.of(started, client.deadline_ms / 1000))
        answered = answer(call, desk)
    except Refusal as fault:
        return Trial(fault.status, _outcome(fault), faults=fault.details or (fault.text,))
    return _answered(call, answered, desk, round((time.monotonic() - started) * 1000))


def _outcome(fault: Refusal) -> dict[str, Any]:
    issues = fault.issues() or [issue(fault.code, fault.text)]
    return {"resourceType": "OperationOutcome", "issue": issues}


def _answered(call: Call, answered: Answered, desk: Desk, took: int) -> Trial:
    cards = tuple(card.as_json() for card in answered.cards)
    missing = answered.missing if answered.status == 412 else ()
    lists = answered.gathered.lists or gather(call.request, call.service.keys, None).lists
    chart = _chart(call, lists, desk)
    verdict = decide(chart, desk.rules, call.request.hook)
    return Trial(
        status=answered.status,
        response=_outcome(DataMissing(missing)) if missing else {"cards": list(cards)},
        cards=cards,
        suppressed=tuple(card.as_json() for card in answered.suppressed),
        missing=missing,
        reason=answered.reason,
        chart=chart,
        lists=lists,
        decisions=_explained(verdict, chart, desk, _fates(call, verdict, chart, answered, desk)),
        milliseconds=took,
        asked=(call, answered),
    )


def _chart(call: Call, lists: Mapping[str, Listed], desk: Desk) -> Chart:
    """The chart that was judged; where the call had nothing to judge, what was sent with it."""
    return read_chart(
        lists,
        patient_id=call.request.patient_id,
        now=desk.clock(),
        zone=desk.settings.time_zone,
        drafts=call.request.draft_orders,
        selections=call.request.selections,
        fhir_version=version_of_lists(call.request, call.client, lists),
        site=desk.site(call.client),
    )


def _fates(call: Call, verdict: Verdict, chart: Chart, answered: Answered, desk: Desk) -> tuple[str, ...]:
    version = version_of_lists(call.request, call.client, answered.gathered.lists)
    return without_card(verdict, chart, answered, desk, card_profile(call, desk.settings, version))


def _explained(verdict: Verdict, chart: Chart, desk: Desk, fates: tuple[str, ...]) -> tuple[Explained, ...]:
    answers = explain(verdict, chart, desk.rules)
    together = zip(verdict.findings, answers, fates, strict=True)
    found = [Explained(answer, _about(finding), fate) for finding, answer, fate in together]
    order = ("fires", "unknown", "quiet")
    return tuple(sorted(found, key=lambda each: order.index(each.answer.outcome)))


def _about(finding: Finding) -> str:
    return ", ".join(f"order {draft.number}: {draft_in_words(draft) or 'not one of ours'}" for draft in finding.drafts)
