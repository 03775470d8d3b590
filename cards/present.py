"""Findings to cards: words, order, budget, and what the client can show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from cards.card import Action, Card, CardSuggestion, Coding, Link
from cards.chart import Chart, Draft, Listing
from cards.codes_in_doubt import rests_on_a_code_in_doubt
from cards.decide import ORDER_HOOKS, Verdict
from cards.finding import Fact, Finding, Indicator, OrderTests, RemoveDraft, ReviseDraft, Suggestion
from cards.overrides import site_values
from cards.rules import CardText, Rules, Threshold
from cards.suggestions import order_in_words, order_test, removal_in_words, remove_draft, split
from cards.wording import (
    capitalised,
    draft_in_short,
    draft_in_words,
    fill,
    shorten,
    site_limit_in_words,
    why_line,
    wording,
)

CARD_SYSTEM = "https://rls-cds.example.org/CodeSystem/card"

#: How the key of a text block begins that is advice: it leads the recommendation, so that nobody reads past it.
ADVICE = "advice_"

#: Lists whose failure takes the suggestions away: an action without safety data is unsafe.
_SECONDARY = ("medications", "procedures", "orders")
_SEVERITY = {Indicator.CRITICAL: 0, Indicator.WARNING: 1, Indicator.INFO: 2}
#: Clinical page 0.4: which family is shown first among cards of one indicator.
_FAMILIES = ("OS-IRON-", "OS-IV-", "IRON-", "OS-FOL-B12", "OS-VITD", "OS-MG", "OS-VITC", "B12-", "FOL-", "VITD-",
             "MG-", "OS-DA", "DA-AUG", "OS-AGG", "AGG-")  # fmt: skip


@dataclass(frozen=True, slots=True)
class CardProfile:
    """What the calling EHR's cards support, and where the source-attributes page of the service lives."""

    patient_id: str
    source_url: str = ""
    selection_behavior: str = "at-most-one"
    #: clients of CDS Hooks 1.0 take a card that says `any` for an error
    knows_any: bool = True
    one_action_per_suggestion: bool = False
    actions: frozenset[str] = frozenset({"create", "delete"})
    fhir_version: str = "R4"
    max_cards: int = 5
    site_orderables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    #: (reference, revision, our name for the order) to an update of a draft; `None` where the request is not at hand
    revise: Callable[[str, str, str], Action | None] | None = None


@dataclass(frozen=True, slots=True)
class _Desk:
    """Everything needed to write one card."""

    chart: Chart
    rules: Rules
    profile: CardProfile
    hook: str
    new_uuid: Callable[[], str]

    @property
    def secondary(self) -> tuple[str, ...]:
        return (*_SECONDARY, "allergies") if self.hook in ORDER_HOOKS else _SECONDARY

    @property
    def unread(self) -> tuple[str, ...]:
        return tuple(name for name in self.secondary if self.chart.listing(name) is Listing.NOT_KNOWN)

    @property
    def cut(self) -> tuple[str, ...]:
        names = ("conditions", "labs", *self.secondary)
        return tuple(name for name in names if self.chart.listing(name) is Listing.CUT)

    @property
    def is_checked(self) -> bool:
        return not self.unread and not self.cut

    @property
    def may_suggest(self) -> bool:
        return self.is_checked and self.profile.fhir_version != "DSTU2"


def present(
    verdict: Verdict, chart: Chart, rules: Rules, *, profile: CardProfile, new_uuid: Callable[[], str]
) -> tuple[Card, ...]:
    """The cards of a verdict, most urgent first, at most `max_cards` (see `within_budget`)."""
    desk = _Desk(chart, rules.on(chart.today), profile, verdict.hook, new_uuid)
    cards = [_write(finding, desk) for finding in sorted(_grouped(verdict.fired, desk.rules), key=_urgency)]
    return within_budget(cards, profile.max_cards)


def within_budget(cards: Iterable[Card], most: int) -> tuple[Card, ...]:
    """The first `most` of the cards (0: all), never without a critical one; the last says what was left out.

    For a caller that takes cards out first (overridden ones): silent cards must not use up the places.
    """
    ordered = tuple(cards)
    critical = sum(card.indicator == Indicator.CRITICAL for card in ordered)
    places = max(most, critical) if most else len(ordered)
    kept, dropped = ordered[:places], ordered[places:]
    if not dropped:
        return kept
    names = ", ".join(dict.fromkeys(card.id for card in dropped))
    sentence = wording()["sentences"]["more"].format(count=len(dropped), ids=names)
    return (*kept[:-1], replace(kept[-1], detail=f"{kept[-1].detail}\n\n{sentence}"))


def not_evaluated(
    missing: Iterable[str], *, profile: CardProfile, new_uuid: Callable[[], str], version: str = ""
) -> Card:
    """The one card that says no review was possible, for clients that show an error as an all-clear."""
    words = wording()["not_evaluated"]
    lists = _names(missing)
    unread = wording()["sentences"]["not_read"].format(lists=lists)
    detail = _sections(words["recommendation"], [], words["rule"], words["grade"], [unread], "")
    return Card(
        id="NOTEVALUATED",
        uuid=new_uuid(),
        summary=shorten(words["summary"].format(lists=lists)),
        indicator=Indicator.INFO,
        detail=detail,
        source_label="rls-cds",
        source_url=profile.source_url,
        topic=Coding("NOTEVALUATED", CARD_SYSTEM, words["title"]),
        version=version,
    )


def _urgency(finding: Finding) -> tuple[int, int, str]:
    rank = next((place for place, family in enumerate(_FAMILIES) if finding.card.startswith(family)), len(_FAMILIES))
    return _SEVERITY[finding.indicator], rank, finding.card


def _grouped(fired: Iterable[Finding], rules: Rules) -> list[Finding]:
    """Several drafts that get the same card for the same reasons share one card that names them and their doses."""
    groups: list[Finding] = []
    for finding in fired:
        place = next(
            (n for n, one in enumerate(groups) if finding.drafts and _says_the_same(one, finding, rules)), None
        )
        if place is None:
            groups.append(finding)
        else:
            groups[place] = _together(groups[place], finding)
    return groups


def _says_the_same(first: Finding, second: Finding, rules: Rules) -> bool:
    """A dose that only stands in the why may differ."""

    def said(finding: Finding) -> tuple[object, ...]:
        listed = _doses(finding, rules)
        facts = {name: fact for name, fact in finding.facts.items() if name not in listed}
        why = tuple(name for name in finding.why if name not in listed)
        return finding.card, finding.indicator, finding.texts, why, facts

    return said(first) == said(second)


def _doses(finding: Finding, rules: Rules) -> tuple[str, ...]:
    """The facts that are doses, where no sentence of the card speaks of one."""
    text = rules.decisions[finding.decision].cards[finding.card]
    spoken = "{dose" in text.summary + text.recommendation
    return () if spoken else tuple(name for name in finding.facts if name.rstrip("0123456789") == "dose")


def _together(first: Finding, second: Finding) -> Finding:
    known = {str(fact) for name, fact in first.facts.items() if name.startswith("dose")}
    more = {
        f"{name}{len(first.drafts)}": fact
        for name, fact in second.facts.items()
        if name == "dose" and str(fact) not in known
    }
    place = first.why.index("dose") + len(first.drafts) if "dose" in first.why else len(first.why)
    return replace(
        first,
        facts={**first.facts, **more},
        why=(*first.why[:place], *more, *first.why[place:]) if more else first.why,
        drafts=first.drafts + second.drafts,
        evidence=tuple(dict.fromkeys(first.evidence + second.evidence)),
        suggestions=tuple(dict.fromkeys(first.suggestions + second.suggestions)),
    )


def _write(finding: Finding, desk: _Desk) -> Card:
    decision = desk.rules.decisions[finding.decision]
    text = decision.cards[finding.card]
    short = _drafts_in_words(finding.drafts, draft_in_short)
    facts = {**finding.facts, **({"draft": short} if finding.drafts else {})}
    why = [why_line(name, finding.facts[name]) for name in finding.why]
    suggestions = _suggestions(finding, desk) if desk.may_suggest else ()
    blocks = {name: fill(decision.texts[name], facts, desk.rules) for name in finding.texts}
    advice = [f"- {said}" for name, said in blocks.items() if name.startswith(ADVICE)]
    detail = _sections(
        "\n".join([*advice, fill(text.recommendation, facts, desk.rules)]),
        why,
        f"{fill(text.rule, facts, desk.rules)} ({decision.title}, version {decision.version} of {decision.changed})",
        _sources(text, desk.rules),
        _limits(finding, text, desk, [said for name, said in blocks.items() if not name.startswith(ADVICE)], facts),
        fill(text.not_for, facts, desk.rules),
        about=_drafts_in_words(finding.drafts) if finding.drafts else "",
    )
    first = desk.rules.citations[text.citations[0]]
    return Card(
        id=finding.card,
        uuid=desk.new_uuid(),
        summary=shorten(fill(text.summary, facts, desk.rules)),
        indicator=finding.indicator,
        detail=detail,
        source_label=first.label,
        source_url=desk.profile.source_url,
        topic=Coding(text.topic, CARD_SYSTEM, text.title),
        suggestions=suggestions,
        selection_behavior=_selection_behavior(suggestions, desk.profile),
        override_reasons=_override_reasons(),
        links=tuple(Link(desk.rules.citations[name].label, desk.rules.citations[name].url) for name in text.citations),
        inputs=tuple(why),
        version=decision.version,
        evidence=finding.evidence,
    )


def _drafts_in_words(drafts: tuple[Draft, ...], in_words: Callable[[Draft], str] = draft_in_words) -> str:
    names = list(dict.fromkeys(in_words(draft) for draft in drafts))
    joined = " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} and {names[-1]}"
    return capitalised(joined)


def _sections(
    recommendation: str, why: list[str], rule: str, source: str, limits: list[str], not_for: str, about: str = ""
) -> str:
    """The detail in the order of product.md section 4."""
    headings = wording()["headings"]
    parts = [f"**{headings['about']}:** {about}"] if about else []
    parts.append(recommendation)
    if why:
        parts.append(f"**{headings['why']}**\n\n" + "\n".join(f"- {line}" for line in why))
    parts.append(f"**{headings['rule']}:** {rule}")
    parts.append(f"**{headings['source']}:** {source}")
    parts.append(f"**{headings['limits']}**\n\n" + "\n".join(f"- {line}" for line in limits))
    if not_for:
        parts.append(f"**{headings['not_for']}:** {not_for}")
    return "\n\n".join(part.strip() for part in parts)


def _sources(text: CardText, rules: Rules) -> str:
    cited = "; ".join(f"{rules.citations[name].label} ({rules.citations[name].reference})" for name in text.citations)
    return f"{cited}. Grade: {text.grade}."


def _limits(finding: Finding, text: CardText, desk: _Desk, blocks: list[str], facts: Mapping[str, Fact]) -> list[str]:
    sentences = wording()["sentences"]
    lines = list(blocks)
    unread = tuple(dict.fromkeys((*finding.not_checked, *desk.unread)))
    if unread:
        lines.append(sentences["not_read"].format(lists=_names(unread)))
    if desk.cut:
        lines.append(sentences["cut"].format(lists=_names(desk.cut)))
    if finding.suggestions and not desk.is_checked:
        lines.append(sentences["no_suggestions"])
    elif not desk.may_suggest and (steps := [step for each in finding.suggestions for step in _by_hand(each, finding)]):
        lines.append(sentences["by_hand"].format(steps="; ".join(steps)))
    if text.limits:
        lines.append(fill(text.limits, facts, desk.rules))
    lines += [site_limit_in_words(limit) for limit in _site_limits(finding, text, desk.rules)]
    if rests_on_a_code_in_doubt(finding, desk.chart):
        lines.append(sentences["code_in_doubt"])
    return [*lines, sentences["physician"]]


def _site_limits(finding: Finding, text: CardText, rules: Rules) -> tuple[Threshold, ...]:
    """The limits this card speaks of that are the site's own."""
    blocks = [rules.decisions[finding.decision].texts[name] for name in finding.texts]
    named = site_values((text.summary, text.recommendation, text.rule, text.limits, text.not_for, *blocks), rules)
    compared = (fact for fact in finding.facts.values() if isinstance(fact, Threshold) and fact.national is not None)
    return tuple({limit.name: limit for limit in (*named, *compared)}.values())


def _names(lists: Iterable[str]) -> str:
    names = wording()["not_checked"]
    return ", ".join(names[name] for name in dict.fromkeys(lists))


def _by_hand(wanted: Suggestion, finding: Finding) -> tuple[str, ...]:
    """What a suggestion would have done, in words, for clients that take none."""
    if isinstance(wanted, OrderTests):
        return tuple(order_in_words(name) for name in wanted.tests)
    if isinstance(wanted, RemoveDraft):
        named = next(draft for draft in finding.drafts if draft.reference == wanted.reference)
        return (removal_in_words(draft_in_words(named)),)
    return ()


def _suggestions(finding: Finding, desk: _Desk) -> tuple[CardSuggestion, ...]:
    """Deletes before creates (CDS Hooks G-07); a recommended one only on a critical card (product.md section 4)."""
    made: list[CardSuggestion] = []
    for wanted in sorted(finding.suggestions, key=lambda each: not isinstance(each, RemoveDraft)):
        for actions in _actions(wanted, finding, desk):
            label = actions[0].description if len(actions) == 1 else _label(actions)
            recommended = _is_recommended(wanted) and finding.indicator is Indicator.CRITICAL and not made
            made.append(CardSuggestion(desk.new_uuid(), label, actions, recommended))
    return tuple(made)


def _is_recommended(wanted: Suggestion) -> bool:
    return isinstance(wanted, OrderTests | RemoveDraft) and wanted.recommended


def _label(actions: tuple[Action, ...]) -> str:
    return "; ".join(action.description for action in actions)


def _actions(wanted: Suggestion, finding: Finding, desk: _Desk) -> tuple[tuple[Action, ...], ...]:
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


def _selection_behavior(suggestions: tuple[CardSuggestion, ...], profile: CardProfile) -> str:
    """Several independent suggestions may all be taken, where the client knows `any`."""
    return "any" if len(suggestions) > 1 and profile.knows_any else profile.selection_behavior


def _override_reasons() -> tuple[Coding, ...]:
    return tuple(
        Coding(code, entry["system"], entry["display"]) for code, entry in wording()["override_reasons"].items()
    )
