"""The outcome of every decision that fires: its own card, a shared card, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from cards.decisions.decide import Verdict
from cards.facts.card import Card
from cards.facts.chart import Chart
from cards.facts.finding import Finding, Outcome
from cards.presenting.card_context import ClientCapabilities
from cards.presenting.draft_groups import grouped
from cards.presenting.present import present
from cds_service.calls.call import Answered, AppContext
from cds_service.store import Silence

_NOT_ASKED = "No card: there was nothing to judge."
_MISSING = "No card: data that every answer needs is missing."


#: What happened to a card that is silent.
_HAPPENED = {
    "shown": "shown to this user on {since} and not answered",
    "accepted": "its tests were accepted on {since}",
    "dismissed": "dismissed without a reason by this user on {since}",
    "overridden": "overridden on {since}",
}


def silence_reason(silence: Silence) -> str:
    """Return why a card is silent and until when, as a clause that a sentence may go on with."""
    happened = _HAPPENED[silence.reason].format(since=silence.since)
    whom = "for everybody" if silence.is_for_everybody else "for this user"
    return f"{happened}; silent {whom} until {silence.until}, unless it becomes news before."


def no_card_reasons(
    verdict: Verdict, chart: Chart, answered: Answered, context: AppContext, profile: ClientCapabilities
) -> tuple[str, ...]:
    """Return for each finding why it has no card of its own; empty if it has one or does not fire."""
    fired = verdict.fired
    if len(fired) == len(answered.cards) and not answered.suppressed:
        return ("",) * len(verdict.findings)
    groups = grouped(fired, context.rules.on(chart.today))
    reasons = [_group_reason(_card_of(group, verdict, chart, context, profile), answered, profile) for group in groups]
    seen: dict[int, Finding] = {}
    return tuple(
        _finding_reason(finding, _group_index(finding, groups), reasons, seen)
        if finding.outcome is Outcome.FIRES
        else ""
        for finding in verdict.findings
    )


def _card_of(group: Finding, verdict: Verdict, chart: Chart, context: AppContext, profile: ClientCapabilities) -> Card:
    alone = replace(verdict, findings=(group,))
    return present(alone, chart, context.rules, profile=replace(profile, max_cards=0), new_uuid=context.new_uuid)[0]


def _group_index(finding: Finding, groups: list[Finding]) -> int:
    """Return the index of the group that includes the finding: the same card about its drafts."""
    same = [n for n, each in enumerate(groups) if each.card == finding.card]
    return next((n for n in same if set(_numbers(finding)) <= set(_numbers(groups[n]))), same[0])


def _numbers(finding: Finding) -> Iterable[Any]:
    return (draft.number for draft in finding.drafts)


def _finding_reason(finding: Finding, index: int, reasons: list[str], seen: dict[int, Finding]) -> str:
    """Return why a finding has no card; the first finding of a shown card has it, and the others share it."""
    if reasons[index]:
        return reasons[index]
    first = seen.setdefault(index, finding)
    if first is finding:
        return ""
    return f"On the same card as order {', '.join(map(str, _numbers(first)))}."


def _group_reason(card: Card, answered: Answered, profile: ClientCapabilities) -> str:
    if any(_is_same(card, each) for each in answered.cards):
        return ""
    for each in answered.suppressed:
        if _is_same(card, each):
            return f"No card: {silence_reason(answered.silences[each.uuid])}"
    if answered.reason:
        return _NOT_ASKED
    if answered.missing or any(each.id == "NOTEVALUATED" for each in answered.cards):
        return _MISSING
    most = f"No card: left out, for at most {profile.max_cards} are shown (max_cards)."
    return f"{most} The last card names what was left out."


def _is_same(one: Card, shown: Card) -> bool:
    """Return whether two cards are equal apart from the uuid and a sentence appended to the last card."""
    return (one.id, one.summary, one.inputs) == (shown.id, shown.summary, shown.inputs) and shown.detail.startswith(
        one.detail
    )
