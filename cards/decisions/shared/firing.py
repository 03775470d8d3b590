"""The one way from what a decision found to the finding of a card."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cards.facts.chart import Chart, Diagnosis, Draft, Procedure, references
from cards.facts.drugs import Drug
from cards.facts.finding import Fact, Finding, Indicator, OrderTests, Outcome, Suggestion
from cards.facts.results import LabResult
from cards.knowledge.rules import Rules
from cards.patient.status import is_child
from cards.wording.person import render_person

Evidence = LabResult | Diagnosis | Drug | Procedure


def fires(
    decision: str,
    card: str,
    chart: Chart,
    rules: Rules,
    facts: Mapping[str, Fact],
    *,
    indicator: Indicator = Indicator.INFO,
    why: tuple[str, ...] | None = None,
    texts: tuple[str, ...] = (),
    evidence: Iterable[Evidence] = (),
    suggestions: tuple[Suggestion, ...] = (),
    drafts: tuple[Draft, ...] = (),
    not_checked: tuple[str, ...] = (),
    safety_without_labs: bool = False,
    open_questions: tuple[str, ...] = (),
) -> Finding:
    """Return the finding of one card, with the patient in words before the facts.

    why           names the facts that the card prints after the patient; None prints all of them
    evidence      what the answer rests on besides the results and drugs among the facts
    suggestions   a suggestion to change a draft is kept only if that draft can be changed
    drafts        the draft orders the card is about; their own drugs are no evidence
    open_questions        what could not be excluded: the card offers no iron, route or dose
    safety_without_labs   the card warns even if no laboratory result could be read
    """
    drafted = {id(draft.drug) for draft in drafts}
    used = [fact for fact in facts.values() if isinstance(fact, LabResult | Drug) and id(fact) not in drafted]
    changeable = {draft.reference for draft in drafts if draft.can_be_removed and draft.reference}
    child = ("child",) if is_child(chart) and "child" in rules.decisions[decision].texts else ()
    return Finding(
        decision=decision,
        outcome=Outcome.FIRES,
        because="fires",
        card=card,
        indicator=indicator,
        facts={"person": render_person(chart), **facts},
        why=("person", *(tuple(facts) if why is None else why)),
        texts=(*texts, *child),
        evidence=references((*used, *evidence)),
        suggestions=tuple(each for each in suggestions if isinstance(each, OrderTests) or each.reference in changeable),
        drafts=drafts,
        safety_without_labs=safety_without_labs,
        not_checked=not_checked,
        open=open_questions,
    )
