"""Findings to cards: words, order, budget, and what the client can show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from cards.decisions.decide import ORDER_HOOKS, Verdict, decide
from cards.facts.card import Basis, Card, Coding, Link
from cards.facts.chart import REQUIRED, Chart, Listing
from cards.facts.finding import Fact, Finding, Indicator
from cards.facts.results import UnusableResult
from cards.knowledge.rules import CardText, Rules
from cards.labs.analytes import analyte
from cards.presenting.basis import as_if_complete, basis_of
from cards.presenting.card_context import CardContext, ClientCapabilities, without_never_sent
from cards.presenting.detail import (
    limits,
    list_names,
    render_drafts,
    render_incomplete,
    sections,
    unread_line,
)
from cards.presenting.draft_groups import grouped
from cards.presenting.expectations import expectation_of
from cards.presenting.offers import selection_behavior, suggestions
from cards.presenting.override_reasons import offered_reasons
from cards.values import frozen
from cards.wording.person import render_person_without_age
from cards.wording.render import (
    at_most_listed,
    draft_in_short,
    fill,
    joined,
    render_unusable,
    shorten,
    why_line,
    why_lines,
    wording,
)

CARD_SYSTEM = "https://rls-cds.example.org/CodeSystem/card"

#: How the key of a text block begins that is advice: it leads the recommendation, so that nobody reads past it.
ADVICE = "advice_"
#: So many lines of what to consider come first; more of them follow the rule (clinical amendments 2, section 4).
MOST_CONSIDERED = 3

#: Orders that bring iron, be it to bind phosphate.
_IRON = ("iron-oral", "iron-iv", "iron-binder")
#: Which family is shown first among cards of one indicator (clinical amendments 2, section 4): what keeps from harm,
#: then iron, aggravating and dopaminergic drugs, B12, folate, vitamin D, magnesium and B6, then the rest by id.
_SAFETY = ("OS-IV-", "OS-IRON-OVL", "OS-IRON-PV", "OS-IRON-TSAT45", "OS-IRON-F300", "OS-IRON-ESRD-HOLD", "OS-FOL-B12",
           "OS-VITD", "OS-MG", "OS-VITC", "OS-GABA-", "OS-B6")  # fmt: skip
_FAMILIES = (*_SAFETY, "OS-IRON-", "IRON-", "OS-AGG", "AGG-", "OS-DA", "DA-AUG", "B12-", "FOL-", "VITD-", "MG-", "B6-")


@frozen
class CardInShort:
    """What a card is about, and how urgent it is."""

    topic: str
    indicator: Indicator


#: The card that says what was not read, in short.
NOT_EVALUATED_IN_SHORT = CardInShort("NOTEVALUATED", Indicator.INFO)


def present(
    verdict: Verdict, chart: Chart, rules: Rules, *, profile: ClientCapabilities, new_uuid: Callable[[], str]
) -> tuple[Card, ...]:
    """Return the cards of a verdict, most urgent first, at most `max_cards` (see `within_budget`)."""
    context = CardContext(chart, rules.on(chart.today), profile, verdict.hook, new_uuid)
    found = _most_urgent_first(verdict, context.rules)
    complete = as_if_complete(chart, context.rules) if found else chart
    told = [] if complete is chart else grouped(decide(complete, rules, verdict.hook).fired, context.rules)
    cards = [_write(finding, context, _basis(finding, told, context)) for finding in found]
    return within_budget(cards, profile.max_cards)


def _basis(finding: Finding, told: Iterable[Finding], context: CardContext) -> Basis:
    """Return what a card rests on: as it is `told` of the complete chart, where that has the card (`as_if_complete`).

    The day for which it suggests tests is that of the card as it is sent.
    """
    own = basis_of(finding, context.chart, context.rules)
    drafts = {draft.number for draft in finding.drafts}
    same = [each for each in told if each.card == finding.card and _is_about(each, drafts)]
    facts = {fact for each in same for fact in basis_of(each, context.chart, context.rules).facts}
    return replace(own, facts=tuple(sorted(facts))) if facts else own


def _is_about(finding: Finding, drafts: set[int]) -> bool:
    return not (drafts or finding.drafts) or any(draft.number in drafts for draft in finding.drafts)


def in_short(verdict: Verdict, chart: Chart, rules: Rules, *, most: int) -> tuple[CardInShort, ...]:
    """Return what `present` would write cards about, without a word of them: for who counts cards and shows none."""
    dated = rules.on(chart.today)
    told = [
        CardInShort(dated.decisions[finding.decision].cards[finding.card].topic, finding.indicator)
        for finding in _most_urgent_first(verdict, dated)
    ]
    return tuple(told[: _places(told, most)])


def _most_urgent_first(verdict: Verdict, rules: Rules) -> list[Finding]:
    """One finding for each card; `rules` must be those of the day."""
    return sorted(grouped(verdict.fired, rules), key=_urgency)


def _places(cards: Sequence[Card | CardInShort], most: int) -> int:
    """So many cards are shown: at most these (0: all), but every critical one."""
    critical = sum(card.indicator == Indicator.CRITICAL for card in cards)
    return max(most, critical) if most else len(cards)


def within_budget(cards: Iterable[Card], most: int) -> tuple[Card, ...]:
    """Return the first `most` of the cards (0: all), never without a critical one; the last says what was left out.

    For a caller that takes cards out first (overridden ones): silent cards must not use up the places.
    """
    ordered = tuple(cards)
    places = _places(ordered, most)
    kept, dropped = ordered[:places], ordered[places:]
    if not dropped:
        return kept
    names = "; ".join(dict.fromkeys(card.topic.display for card in dropped))
    sentence = wording()["sentences"]["more"].format(count=len(dropped), names=names)
    return (*kept[:-1], replace(kept[-1], detail=f"{kept[-1].detail}\n\n{sentence}"))


def lists_not_evaluated(verdict: Verdict, shown: Verdict, chart: Chart, profile: ClientCapabilities) -> tuple[str, ...]:
    """Return the lists that a NOTEVALUATED card has to name although the call can be answered; `shown` is what fires.

    On patient-view every card names them itself, so that one is needed only where none fires. A list that the client
    can never send is left out, but for the allergies that an infusion of iron depends on.
    """
    if verdict.hook not in ORDER_HOOKS and shown.fired:
        return ()
    return lists_that_can_come(verdict, chart, profile)


def lists_that_can_come(verdict: Verdict, chart: Chart, profile: ClientCapabilities) -> tuple[str, ...]:
    """Return the lists that were not read to their end, but for those that the client can never send."""
    return without_never_sent(verdict.incomplete, chart, profile.cannot_send - {"allergies"})


def not_evaluated(
    lists: Iterable[str],
    chart: Chart,
    *,
    profile: ClientCapabilities,
    new_uuid: Callable[[], str],
    results: Iterable[UnusableResult] = (),
) -> Card:
    """Return the one card that says what could not be reviewed: lists, and results that are there and may not be used.

    Some clients show an error, or an answer without cards, as an all-clear.
    """
    words, asked = wording()["not_evaluated"], tuple(lists)
    named = list_names(asked)
    nothing_read = any(chart.listing(name) is Listing.NOT_KNOWN for name in asked if name in REQUIRED)
    unused = tuple(results)
    sentences = wording()["sentences"]
    said = [sentences["unread"].format(lists=render_incomplete(asked, chart))] if asked else []
    if unused:
        said.append(
            sentences["unread_results"].format(results="; ".join(at_most_listed(tuple(map(render_unusable, unused)))))
        )
    detail = sections(
        "\n".join((*_before_iron(asked, chart), words["recommendation"])),
        [],
        words["rule"],
        [],
        unread="\n\n".join(said),
    )
    about = NOT_EVALUATED_IN_SHORT
    return Card(
        id=about.topic,
        uuid=new_uuid(),
        summary=shorten(
            words["summary" if nothing_read else "summary_incomplete"].format(lists=named)
            if asked
            else words["summary_results"].format(results=_names_of(unused))
        ),
        indicator=about.indicator,
        detail=detail,
        source_label="rls-cds",
        source_url=profile.source_url,
        topic=Coding(about.topic, CARD_SYSTEM, words["title"]),
    )


def _before_iron(asked: Iterable[str], chart: Chart) -> tuple[str, ...]:
    """Return what to look for by hand before iron is signed, as an item of a list; nothing where none is ordered."""
    iron = [draft.drug for draft in chart.drafts if draft.selected and draft.drug and draft.drug.has(*_IRON)]
    look_for = wording()["look_for_before_iron"]
    by_vein = any(drug.has("iron-iv") for drug in iron)
    questions = [look_for[name] for name in asked if name in look_for and (by_vein or name != "allergies")]
    if not iron or not questions:
        return ()
    said: str = wording()["not_evaluated"]["before_iron"]
    return (f"- {said.format(questions='; '.join(questions))}",)


def _names_of(results: Iterable[UnusableResult]) -> str:
    return joined(dict.fromkeys(analyte(each.analyte).name for each in results))


def _urgency(finding: Finding) -> tuple[int, int, str]:
    rank = next((place for place, family in enumerate(_FAMILIES) if finding.card.startswith(family)), len(_FAMILIES))
    return -finding.indicator.rank, rank, finding.card


def _write(finding: Finding, context: CardContext, basis: Basis) -> Card:
    decision = context.rules.decisions[finding.decision]
    text = decision.cards[finding.card]
    short = render_drafts(finding.drafts, draft_in_short)
    facts: dict[str, Fact] = {**finding.facts, **({"draft": short} if finding.drafts else {})}
    why = {name: finding.facts[name] for name in finding.why}
    offered = suggestions(finding, context) if context.may_suggest else ()
    blocks = {name: fill(decision.texts[name], facts, context.rules) for name in finding.texts}
    incomplete = finding.incomplete
    recommendation = (incomplete and text.recommendation_incomplete) or text.recommendation
    advice = (said for name, said in blocks.items() if name.startswith(ADVICE))
    considered = [*advice, *_lines(fill(recommendation, facts, context.rules))]
    first = len(considered) if finding.indicator is Indicator.CRITICAL else MOST_CONSIDERED
    notes = [*considered[first:], *(said for name, said in blocks.items() if not name.startswith(ADVICE))]
    summary = (incomplete and text.summary_incomplete) or text.summary
    detail = sections(
        "\n".join(f"- {line}" for line in considered[:first]),
        list(why_lines(why)),
        fill(text.rule_in_short or text.rule, facts, context.rules),
        limits(finding, text, context, notes),
        about=render_drafts(finding.drafts) if finding.drafts else "",
        unread=unread_line(finding, context),
    )
    source = context.rules.citations[finding.source or text.citations[0]]
    return Card(
        id=finding.card,
        uuid=context.new_uuid(),
        summary=shorten(fill(summary, facts, context.rules)),
        indicator=finding.indicator,
        detail=detail,
        source_label=source.label,
        source_url=context.profile.source_url,
        topic=Coding(text.topic, CARD_SYSTEM, text.title),
        suggestions=offered,
        selection_behavior=selection_behavior(offered, context.profile),
        override_reasons=offered_reasons(context.hook, text.topic),
        links=_links(text, context.profile.source_url),
        inputs=(
            render_person_without_age(context.chart),
            *(why_line(name, fact) for name, fact in why.items() if name != "person"),
        ),
        version=decision.version,
        basis=basis,
        expects=expectation_of(finding, text, context.chart),
    )


def _lines(items: str) -> list[str]:
    """Return the items of a list in Markdown, but for those that say nothing."""
    return [said for line in items.splitlines() if (said := line.strip().removeprefix("-").strip())]


def _links(text: CardText, source_url: str) -> tuple[Link, ...]:
    """The page of the card, with its sources, grade and general limits; without a base address there is none."""
    return (Link(wording()["headings"]["page"], f"{source_url}/{text.topic}"),) if source_url else ()
