"""What became of every decision that fires: a card of its own, a share in one, or why it has none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from cards.card import Card
from cards.chart import Chart
from cards.decide import Verdict
from cards.draft_groups import grouped
from cards.finding import Finding, Outcome
from cards.present import CardProfile, present
from cds_service.call import Answered, Desk

_SILENCED = "No card: an earlier override silences it."
_NOT_ASKED = "No card: there was nothing to judge."
_MISSING = "No card: data that every answer needs is missing."


def without_card(
    verdict: Verdict, chart: Chart, answered: Answered, desk: Desk, profile: CardProfile
) -> tuple[str, ...]:
    """For each finding of the verdict, in its order: why it has no card of its own; empty where it has one, or does
    not fire."""
    fired = verdict.fired
    if len(fired) == len(answered.cards) and not answered.suppressed:
        return ("",) * len(verdict.findings)
    groups = grouped(fired, desk.rules.on(chart.today))
    told = [_fate(_card_of(group, verdict, chart, desk, profile), answered, profile) for group in groups]
    seen: dict[int, Finding] = {}
    return tuple(
        _words(finding, _place(finding, groups), told, seen) if finding.outcome is Outcome.FIRES else ""
        for finding in verdict.findings
    )


def _card_of(group: Finding, verdict: Verdict, chart: Chart, desk: Desk, profile: CardProfile) -> Card:
    alone = replace(verdict, findings=(group,))
    return present(alone, chart, desk.rules, profile=replace(profile, max_cards=0), new_uuid=desk.new_uuid)[0]


def _place(finding: Finding, groups: list[Finding]) -> int:
    """The group that the finding went into: the same card about its draft."""
    same = [n for n, each in enumerate(groups) if each.card == finding.card]
    return next((n for n in same if set(_numbers(finding)) <= set(_numbers(groups[n]))), same[0])


def _numbers(finding: Finding) -> Iterable[Any]:
    return (draft.number for draft in finding.drafts)


def _words(finding: Finding, place: int, told: list[str], seen: dict[int, Finding]) -> str:
    """The first finding of a shown card has it; the others share it."""
    if told[place]:
        return told[place]
    first = seen.setdefault(place, finding)
    if first is finding:
        return ""
    return f"On the same card as order {', '.join(map(str, _numbers(first)))}."


def _fate(card: Card, answered: Answered, profile: CardProfile) -> str:
    if any(_is_same(card, each) for each in answered.cards):
        return ""
    if any(_is_same(card, each) for each in answered.suppressed):
        return _SILENCED
    if answered.reason:
        return _NOT_ASKED
    if answered.missing or any(each.id == "NOTEVALUATED" for each in answered.cards):
        return _MISSING
    most = f"No card: left out, for at most {profile.max_cards} are shown (max_cards)."
    return f"{most} The last card names what was left out."


def _is_same(one: Card, shown: Card) -> bool:
    """Apart from the uuid, and the sentence that the last card ends with."""
    return (one.id, one.summary, one.inputs) == (shown.id, shown.summary, shown.inputs) and shown.detail.startswith(
        one.detail
    )
