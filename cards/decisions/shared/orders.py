"""Draft orders: whether rules apply to them, what came before them, and findings about them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from cards.facts.chart import Allergy, Chart, Diagnosis, Draft, Procedure, references
from cards.facts.drugs import Drug
from cards.facts.finding import Finding
from cards.facts.results import LabResult
from cards.knowledge.definitions import defined
from cards.knowledge.limits import misses
from cards.patient.status import Rls, excludes_rls, rls_status

_OVER = frozenset({"completed", "stopped"})


def scope_of(chart: Chart, draft: Draft) -> bool | None:
    """Return whether order rules apply, or None if RLS was neither found nor excluded (clinical rationale 0.2)."""
    reasons = draft.drug.reasons if draft.drug else None
    if reasons and (reasons.name_rls or reasons.rls_in_words_only):
        return True
    if rls_status(chart) is not Rls.NO:
        return True
    return False if excludes_rls(chart) else None


def earlier_orders(chart: Chart, draft: Draft) -> tuple[Drug, ...]:
    """Return other orders of the same ingredient, active or ended within 90 days (clinical rationale 4.8)."""
    if draft.drug is None:
        return ()
    names = draft.drug.product.ingredient_names()
    return tuple(
        drug
        for drug in chart.drugs
        if not is_same_order(drug, draft)
        and not names.isdisjoint(drug.product.ingredient_names())
        and (drug.active or _ended_lately(drug, chart.today))
    )


def _ended_lately(drug: Drug, today: date) -> bool:
    """Return whether an order may have ended so lately that a new one renews it.

    A course that is over without an end date ended no earlier than it began. A single dose is not renewed.
    """
    is_over = drug.status in _OVER and not drug.one_dose
    told = drug.end or (drug.start if is_over else None)
    return told is not None and not misses(told.days_before(today), defined("drug.renewal_days"))


def is_same_order(drug: Drug, draft: Draft) -> bool:
    """Return whether this is the draft's own order, or one that it replaces."""
    replaced = draft.drug.replaces if draft.drug else frozenset()
    return bool(drug.reference) and (drug.reference == draft.reference or drug.reference in replaced)


def drafts_beside(chart: Chart, own: Draft) -> tuple[Draft, ...]:
    """Return the other drafts of drugs that are taken beside this one, so that what is one order counts once.

    Left out is a draft that another one of the basket replaces, or is an instance of; and what is one order with `own`.
    """
    replaced = own.drug.replaces if own.drug else frozenset()
    beside = [
        draft
        for draft, drug in chart.once(_drafts_that_stand)
        if draft.number != own.number and draft.reference not in replaced and own.reference not in drug.replaces
    ]
    return tuple(beside)


def drugs_taken_beside(chart: Chart, own: Draft) -> list[Drug]:
    """Return the drugs that are taken beside a draft: those that go on, and those of the other drafts."""
    taken = [drug for drug in chart.drugs if drug.goes_on and not is_same_order(drug, own)]
    return [*taken, *[draft.drug for draft in drafts_beside(chart, own) if draft.drug]]


def _drafts_that_stand(chart: Chart) -> tuple[tuple[Draft, Drug], ...]:
    return tuple((draft, draft.drug) for draft in chart.drafts if draft.drug and not draft.drug.set_aside)


def with_evidence(finding: Finding, facts: tuple[Diagnosis | Drug | Procedure | Allergy | LabResult, ...]) -> Finding:
    """Return the finding with further facts among its evidence."""
    return replace(finding, evidence=tuple(dict.fromkeys((*references(facts), *finding.evidence))))
