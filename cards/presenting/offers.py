"""The suggestions of a card: orders to place or to remove, for a client that takes them, else in words."""

from __future__ import annotations

from cards.facts.card import Action, CardSuggestion
from cards.facts.chart import DRAFTS
from cards.facts.finding import Finding, Indicator, OrderTests, RemoveDraft, ReviseDraft, Suggestion
from cards.presenting.card_context import CardContext, ClientCapabilities
from cards.presenting.orders import alone, order_test, remove_draft, render_order, render_removal, split
from cards.wording.render import render_draft


def suggestions(finding: Finding, context: CardContext) -> tuple[CardSuggestion, ...]:
    """Return deletes before creates (protocol G-07), recommended only on a critical card (contract section 4).

    What belongs together is one suggestion (G-06). A client that takes one action each gets several; where it lets only
    one of them be taken as well, each says what is needed besides.
    """
    made: list[CardSuggestion] = []
    for wanted in sorted(finding.suggestions, key=lambda each: not isinstance(each, RemoveDraft)):
        groups = _actions(wanted, finding, context)
        for actions in groups:
            label = _label(actions) if context.profile.knows_any else alone(_label(actions), _rest(groups, actions))
            recommended = _is_recommended(wanted) and finding.indicator is Indicator.CRITICAL and not made
            made.append(CardSuggestion(context.new_uuid(), label, actions, recommended))
    return tuple(made)


def _is_recommended(wanted: Suggestion) -> bool:
    return isinstance(wanted, RemoveDraft) and wanted.recommended


def _rest(groups: tuple[tuple[Action, ...], ...], taken: tuple[Action, ...]) -> tuple[str, ...]:
    """What the groups offer besides the one that is taken."""
    return tuple(action.description for group in groups if group is not taken for action in group)


def _label(actions: tuple[Action, ...]) -> str:
    return "; ".join(action.description for action in actions)


def _actions(wanted: Suggestion, finding: Finding, context: CardContext) -> tuple[tuple[Action, ...], ...]:
    profile = context.profile
    if isinstance(wanted, OrderTests) and "create" in profile.actions:
        may_be_drafted = DRAFTS in context.chart.gaps and not context.chart.has_untold_draft
        if may_be_drafted:  # the test may be among the drafts that were not read
            return ()
        sites, names = profile.site_orderables, [name for name in wanted.tests if _can_order(name, profile)]
        created = [
            order_test(name, profile.patient_id, profile.fhir_version, sites.get(name), wanted.due) for name in names
        ]
        return split(created, profile.one_action_per_suggestion) if created else ()
    if isinstance(wanted, RemoveDraft) and "delete" in profile.actions:
        named = next(draft for draft in finding.drafts if draft.reference == wanted.reference)
        return ((remove_draft(wanted.reference, render_draft(named)),),)
    if isinstance(wanted, ReviseDraft) and "update" in profile.actions and profile.revise:
        named = next(draft for draft in finding.drafts if draft.reference == wanted.reference)
        updated = profile.revise(wanted.reference, wanted.revision, render_draft(named))
        return ((updated,),) if updated else ()
    return ()


def _can_order(test: str, profile: ClientCapabilities) -> bool:
    return not profile.needs_site_codes or test in profile.site_orderables


def unmapped_orders(finding: Finding, profile: ClientCapabilities) -> tuple[str, ...]:
    """Return in words the orders for tests that the client would take, had the site named its codes for them."""
    if "create" not in profile.actions:
        return ()
    asked = (each for each in finding.suggestions if isinstance(each, OrderTests))
    wanted = dict.fromkeys((name, each.due) for each in asked for name in each.tests)
    return tuple(render_order(name, due) for name, due in wanted if not _can_order(name, profile))


def selection_behavior(suggestions: tuple[CardSuggestion, ...], profile: ClientCapabilities) -> str:
    """Return `any` where several independent suggestions may all be taken and the client knows it."""
    return "any" if len(suggestions) > 1 and profile.knows_any else profile.selection_behavior


def by_hand(wanted: Suggestion, finding: Finding) -> tuple[str, ...]:
    """Return what a suggestion would have done, in words, for clients that take none."""
    if isinstance(wanted, OrderTests):
        return tuple(render_order(name, wanted.due) for name in wanted.tests)
    if isinstance(wanted, RemoveDraft):
        named = next(draft for draft in finding.drafts if draft.reference == wanted.reference)
        return (render_removal(render_draft(named)),)
    return ()
