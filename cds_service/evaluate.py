"""Answers for the patients of files on disk, offline, by the same decisions as the service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any

from cards.card import Card
from cards.chart import Chart, Diagnosis, Listing
from cards.decide import ORDER_HOOKS, Verdict, decide, to_be_shown
from cards.explain import Explanation, explain
from cards.present import CardProfile, not_evaluated, present
from cards.reading import Site, read_chart
from cards.rules import Rules
from cds_service.belonging import KEY_OF_TYPE
from cds_service.patient_files import Question, Unreadable, hook_fault, questions

__all__ = ["KEY_OF_TYPE", "Evaluation", "Question", "Unreadable", "evaluate", "hook_fault", "questions"]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The answer to one question, with every decision explained; `note` says what had to be assumed."""

    place: str
    patient_id: str
    hook: str
    verdict: Verdict
    cards: tuple[Card, ...]
    explanations: tuple[Explanation, ...]
    note: str = ""


def evaluate(
    question: Question,
    rules: Rules,
    *,
    now: datetime,
    zone: tzinfo,
    new_uuid: Callable[[], str],
    hook: str = "",
    assume_rls: bool = False,
    site: Site | None = None,
) -> Evaluation:
    """Answer one question as the service would; `hook` overrides the one of the file, `site` holds local codes.

    Raises `Unreadable` for a hook that no service answers.
    """
    asked = hook or question.hook
    fault = hook_fault(asked)
    if fault:
        raise Unreadable(f"{question.place}: {fault}")
    chart = read_chart(
        question.gathered,
        patient_id=question.patient_id,
        now=now,
        zone=zone,
        drafts=_drafts(question, asked),
        selections=question.selections,
        site=site,
    )
    chart = _with_rls(chart) if assume_rls else chart
    verdict = decide(chart, rules, asked)
    profile = CardProfile(question.patient_id)
    cards = present(to_be_shown(verdict), chart, rules, profile=profile, new_uuid=new_uuid)
    if cards and verdict.missing:
        cards = (*cards, not_evaluated(verdict.missing, profile=profile, new_uuid=new_uuid))
    reasons = explain(verdict, chart, rules)
    return Evaluation(question.place, question.patient_id, asked, verdict, cards, reasons, question.note)


def _drafts(question: Question, hook: str) -> Any:
    """The drafts of a request; of a Bundle on an order hook, its resources of status draft."""
    if question.drafts is not None or hook not in ORDER_HOOKS:
        return question.drafts
    drafts = [each for each in question.resources if each.get("status") == "draft"]
    return {"resourceType": "Bundle", "entry": [{"resource": each} for each in drafts]}


def _with_rls(chart: Chart) -> Chart:
    """The same chart with restless legs syndrome confirmed, for data that never carry it."""
    assumed = Diagnosis(frozenset({"rls"}), counts=True)
    listings = {**chart.listings, "conditions": Listing.COMPLETE}
    return replace(chart, diagnoses=(*chart.diagnoses, assumed), listings=listings)
