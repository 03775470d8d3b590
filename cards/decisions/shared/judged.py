"""Selection of the draft orders that a decision judges, as its file says (`judges`)."""

from __future__ import annotations

from collections.abc import Iterable

from cards.facts.chart import Draft
from cards.facts.drugs import Drug
from cards.knowledge.rules import Rules


def judged_drafts(decision: str, drafts: Iterable[Draft], rules: Rules) -> tuple[Draft, ...]:
    """Return the selected drafts of drugs that the decision judges."""
    selected = (draft for draft in drafts if draft.selected and draft.drug)
    return tuple(draft for draft in selected if draft.drug and _is_judged(draft.drug, decision, rules))


def judges_tests(decision: str, drafts: Iterable[Draft], rules: Rules) -> bool:
    """Return whether the selected drafts together hold a set of laboratory tests that the decision judges."""
    ordered = frozenset().union(*(draft.tests for draft in drafts if draft.selected))
    return any(tests <= ordered for tests in rules.decisions[decision].judges.tests)


def has_draft_to_judge(drafts: Iterable[Draft], rules: Rules, hook: str) -> bool:
    """Return whether any decision of the hook judges one of these drafts."""
    drafts = tuple(drafts)
    asked = (name for name, decision in rules.decisions.items() if hook in decision.hooks)
    return any(judged_drafts(name, drafts, rules) or judges_tests(name, drafts, rules) for name in asked)


def is_for_rls(drug: Drug) -> bool:
    """Return whether RLS is the stated reason, be it in words alone."""
    return drug.reasons.name_rls or drug.reasons.rls_in_words_only


def _is_judged(drug: Drug, decision: str, rules: Rules) -> bool:
    judges = rules.decisions[decision].judges
    switched = tuple(name for name in judges.switched if rules.is_on(name))
    named = drug.has(*judges.drugs, *switched) or (drug.has(*judges.drugs_for_rls) and is_for_rls(drug))
    return named and not drug.has(*judges.but_not)
