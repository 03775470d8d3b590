"""Draft orders: whether rules apply to them, what came before them, and findings about them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from cards.chart import Allergy, Chart, Diagnosis, Draft, Drug, LabResult, Listing, Procedure, references
from cards.definitions import whole
from cards.finding import Fact, Finding, Indicator, OrderTests, Outcome, Suggestion
from cards.scope import Rls, rls_status

_OVER = frozenset({"completed", "stopped"})


def scope_of(chart: Chart, draft: Draft) -> bool | None:
    """Whether order rules apply (clinical page 0.2); `None` where the list of diagnoses is cut and shows no RLS."""
    reasons = draft.drug.reasons if draft.drug else None
    if reasons and (reasons.name_rls or reasons.rls_in_words_only):
        return True
    if rls_status(chart) is not Rls.NO:
        return True
    return None if chart.listing("conditions") is Listing.CUT else False


def earlier_orders(chart: Chart, draft: Draft) -> tuple[Drug, ...]:
    """Orders of the same ingredient that are active or ended within 90 days, under another id (clinical page 4.8)."""
    if draft.drug is None:
        return ()
    names = draft.drug.product.ingredient_names()
    since = chart.today - timedelta(days=whole("drug.renewal_days"))
    return tuple(
        drug
        for drug in chart.drugs
        if not is_same_order(drug, draft)
        and not names.isdisjoint(drug.product.ingredient_names())
        and (drug.active or _ended_since(drug, since))
    )


def _ended_since(drug: Drug, since: date) -> bool:
    """Its end lies on or after that day; a course that began then and is over cannot have ended before.

    A single dose is no course that another order would renew.
    """
    is_over = drug.status in _OVER and not drug.one_dose
    told = drug.end or (drug.start if is_over else None)
    return told is not None and told.last >= since


def is_same_order(drug: Drug, draft: Draft) -> bool:
    """The draft's own id, or an order that it replaces."""
    replaced = draft.drug.replaces if draft.drug else frozenset()
    return bool(drug.reference) and (drug.reference == draft.reference or drug.reference in replaced)


def about_drafts(
    decision: str,
    drafts: tuple[Draft, ...],
    card: str,
    indicator: Indicator,
    facts: dict[str, Fact],
    *,
    why: tuple[str, ...],
    texts: tuple[str, ...] = (),
    suggest: tuple[Suggestion, ...] = (),
    without_labs: bool = False,
    not_checked: tuple[str, ...] = (),
) -> Finding:
    """A finding about draft orders. Suggestions to change a draft stand only where that draft can be changed."""
    own = {id(draft.drug) for draft in drafts}
    used = [fact for fact in facts.values() if isinstance(fact, LabResult | Drug) and id(fact) not in own]
    changeable = {draft.reference for draft in drafts if draft.can_be_removed and draft.reference}
    return Finding(
        decision=decision,
        outcome=Outcome.FIRES,
        because="fires",
        card=card,
        indicator=indicator,
        facts=facts,
        why=why,
        texts=texts,
        evidence=references(used),
        suggestions=tuple(s for s in suggest if isinstance(s, OrderTests) or s.reference in changeable),
        drafts=drafts,
        safety_without_labs=without_labs,
        not_checked=not_checked,
    )


def with_evidence(finding: Finding, facts: tuple[Diagnosis | Drug | Procedure | Allergy | LabResult, ...]) -> Finding:
    """The finding with further facts among its evidence."""
    return replace(finding, evidence=tuple(dict.fromkeys((*references(facts), *finding.evidence))))
