"""Answer for patients in files, without a server but with the decisions of the service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from cards.decisions.decide import ORDER_HOOKS, Verdict
from cards.facts.card import Card
from cards.fhir.bundles import unwrap
from cards.knowledge.rules import Rules
from cards.presenting.card_context import ClientCapabilities
from cards.presenting.explain import Explanation, explain
from cards.reading import Site
from cards.reading.unknown import UntoldDrugs, untold_drugs
from cards.reading.untold import Untold, untold_codes
from cards.review import ReviewContext, review
from cds_service.offline.bundles import UnreadableFile
from cds_service.offline.patient_files import Question, hook_fault


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The answer to one question, with every decision explained.

    note          an assumption that was made
    untold        the drugs, of the list and of the drafts, that could not be told
    untold_codes  how many diagnoses and results bear codes that tell nothing
    """

    place: str
    patient_id: str
    hook: str
    verdict: Verdict
    cards: tuple[Card, ...]
    explanations: tuple[Explanation, ...]
    note: str = ""
    untold: UntoldDrugs = field(default_factory=UntoldDrugs)
    untold_codes: Untold = field(default_factory=dict)


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
    """Answer one question as the service would; `hook` overrides that of the file, `site` holds local codes.

    Raises `UnreadableFile` for a hook that no service answers.
    """
    asked = hook or question.hook
    fault = hook_fault(asked)
    if fault:
        raise UnreadableFile(f"{question.place}: {fault}")
    profile = ClientCapabilities(question.patient_id)
    context = ReviewContext(
        hook=asked,
        patient_id=question.patient_id,
        now=now,
        zone=zone,
        new_uuid=new_uuid,
        site=site or Site(),
        selections=question.selections,
        assume_rls=assume_rls,
    )
    reviewed = review(question.gathered, _drafts(question, asked), context, rules, profile)
    cards = reviewed.shown(reviewed.cards, profile.max_cards)
    reasons = explain(reviewed.verdict, reviewed.chart, rules)
    listed = question.gathered["medications"].resources if "medications" in question.gathered else ()
    drafts = unwrap(_drafts(question, asked))
    own = (*listed, *(each for each in drafts.resources if each not in listed))
    untold = untold_drugs(own, site, (*question.gathered.values(), drafts))
    return Evaluation(
        place=question.place,
        patient_id=question.patient_id,
        hook=asked,
        verdict=reviewed.verdict,
        cards=cards,
        explanations=reasons,
        note=question.note,
        untold=untold,
        untold_codes=untold_codes(question.gathered, site),
    )


def _drafts(question: Question, hook: str) -> Any:
    """Return the drafts of a request, or on an order hook the resources of a Bundle that have status draft."""
    if question.drafts is not None or hook not in ORDER_HOOKS:
        return question.drafts
    drafts = [each for each in question.resources if each.get("status") == "draft"]
    return {"resourceType": "Bundle", "entry": [{"resource": each} for each in drafts]}
