"""The suggestions of a card: orders to place or to remove, for a client that takes them, else in words."""

from __future__ import annotations

from cards.card import Action, CardSuggestion
from cards.desk import CardProfile, Desk
from cards.finding import Finding, Indicator, OrderTests, RemoveDraft, ReviseDraft, Suggestion
from cards.suggestions import alone, order_in_words, order_test, removal_in_words, remove_draft, split
from cards.wording import draft_in_words


def suggestions(finding: Finding, desk: Desk) -> tuple[CardSuggestion, ...]:
    """Deletes before creates (CDS Hooks G-07); a recommended one only on a critical card (product.md section 4).

    What belongs together is one suggestion (G-06). A client that takes one action each gets several; where it lets only
    one of them be taken as well, each says what is needed besides.
    """
    made: list[CardSuggestion] = []
    for wanted in sorted(finding.suggestions, key=lambda each: not isinstance(each, RemoveDraft)):
        groups = _actions(wanted, finding, desk)
        for actions in groups:
            label = _label(actions) if desk.profile.knows_any else alone(_label(actions), _rest(groups, actions))
            recommended = _is_recommended(wanted) and finding.indicator is Indicator.CRITICAL and not made
            made.append(CardSuggestion(desk.new_uuid(), label, actions, recommended))
    return tuple(made)


def _is_recommended(wanted: Suggestion) -> bool:
    return isinstance(wanted, OrderTests | RemoveDraft) and wanted.recommended


def _rest(groups: tuple[tuple[Action, ...], ...], taken: tuple[Action, ...]) -> tuple[str, ...]:
    """What the groups offer besides the one that is taken."""
    return tuple(action.description for group in groups if group is not taken for action in group)


def _label(actions: tuple[Action, ...]) -> str:
    return "; ".join(action.description for action in actions)


def _actions(wanted: Suggestion, finding: Finding, desk: Desk) -> tuple[tuple[Action, ...], ...]:
    profile = desk.profile
    if isinstance(wanted, OrderTests) and "create" in profile.actions:
        sites = profile.site_orderables
        created = [order_test(name, profile.patient_id, profile.fhir_version, sites.get(name)) for name in wanted.tests]
        return split(created, profile.one_action_per_suggestion)
    if isinstance(wanted, RemoveDraft) and "delete" in profile.actions:
        named = next(draft for draft in finding.drafts if draft.reference == wanted.reference)
        return ((remove_draft(wanted.reference, draft_in_words(named)),),)
    if isinstance(wanted, ReviseDraft) and "update" in profile.actions and profile.revise:
        named = next(draft for draft in finding.drafts if draft.reference == wanted.reference)
        updated = profile.revise(wanted.reference, wanted.revision, draft_in_words(named))
        return ((updated,),) if updated else ()
    return ()


def selection_behavior(suggestions: tuple[CardSuggestion, ...], profile: CardProfile) -> str:
    """Several independent suggestions may all be taken, where the client knows `any`."""
    return "any" if len(suggestions) > 1 and profile.knows_any else profile.selection_behavior


def by_hand(wanted: Suggestion, finding: Finding) -> tuple[str, ...]:
    """What a suggestion would have done, in words, for clients that take none."""
    if isinstance(wanted, OrderTests):
        return tuple(order_in_words(name) for name in wanted.tests)
    if isinstance(wanted, RemoveDraft):
        named = next(draft for draft in finding.drafts if draft.reference == wanted.reference)
        return (removal_in_words(draft_in_words(named)),)
    return ()
