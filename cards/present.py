"""Findings to cards: words, order, budget, and what the client can show."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from cards.card import Card, Coding, Link
from cards.chart import Chart
from cards.decide import Verdict
from cards.desk import CardProfile, Desk
from cards.detail import drafts_in_words, limits, list_names, sections, sources
from cards.draft_groups import grouped
from cards.finding import Finding, Indicator
from cards.offers import selection_behavior, suggestions
from cards.rules import CardText, Rules
from cards.wording import draft_in_short, fill, shorten, why_line, wording

__all__ = ["ADVICE", "CARD_SYSTEM", "CardProfile", "not_evaluated", "present", "within_budget"]

CARD_SYSTEM = "https://rls-cds.example.org/CodeSystem/card"

#: How the key of a text block begins that is advice: it leads the recommendation, so that nobody reads past it.
ADVICE = "advice_"

_SEVERITY = {Indicator.CRITICAL: 0, Indicator.WARNING: 1, Indicator.INFO: 2}
#: Clinical page 0.4: which family is shown first among cards of one indicator.
_FAMILIES = ("OS-IRON-", "OS-IV-", "IRON-", "OS-FOL-B12", "OS-VITD", "OS-MG", "OS-VITC", "B12-", "FOL-", "VITD-",
             "MG-", "OS-DA", "DA-AUG", "OS-AGG", "AGG-")  # fmt: skip


def present(
    verdict: Verdict, chart: Chart, rules: Rules, *, profile: CardProfile, new_uuid: Callable[[], str]
) -> tuple[Card, ...]:
    """The cards of a verdict, most urgent first, at most `max_cards` (see `within_budget`)."""
    desk = Desk(chart, rules.on(chart.today), profile, verdict.hook, new_uuid)
    cards = [_write(finding, desk) for finding in sorted(grouped(verdict.fired, desk.rules), key=_urgency)]
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
    lists = list_names(missing)
    unread = wording()["sentences"]["not_read"].format(lists=lists)
    detail = sections(words["recommendation"], [], words["rule"], words["grade"], [unread], "")
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


def _write(finding: Finding, desk: Desk) -> Card:
    decision = desk.rules.decisions[finding.decision]
    text = decision.cards[finding.card]
    short = drafts_in_words(finding.drafts, draft_in_short)
    facts = {**finding.facts, **({"draft": short} if finding.drafts else {})}
    why = [why_line(name, finding.facts[name]) for name in finding.why]
    offered = suggestions(finding, desk) if desk.may_suggest else ()
    blocks = {name: fill(decision.texts[name], facts, desk.rules) for name in finding.texts}
    advice = [f"- {said}" for name, said in blocks.items() if name.startswith(ADVICE)]
    detail = sections(
        "\n".join([*advice, fill(text.recommendation, facts, desk.rules)]),
        why,
        f"{fill(text.rule, facts, desk.rules)} ({decision.title}, version {decision.version} of {decision.changed})",
        sources(text, desk.rules),
        limits(finding, text, desk, [said for name, said in blocks.items() if not name.startswith(ADVICE)], facts),
        fill(text.not_for, facts, desk.rules),
        about=drafts_in_words(finding.drafts) if finding.drafts else "",
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
        suggestions=offered,
        selection_behavior=selection_behavior(offered, desk.profile),
        override_reasons=_override_reasons(),
        links=_links(text, desk.rules),
        inputs=tuple(why),
        version=decision.version,
        evidence=finding.evidence,
    )


def _links(text: CardText, rules: Rules) -> tuple[Link, ...]:
    """The pages of the sources; a default of our own has none but the one that the card's source leads to."""
    cited = (rules.citations[name] for name in text.citations)
    return tuple(Link(each.label, each.url) for each in cited if each.url)


def _override_reasons() -> tuple[Coding, ...]:
    return tuple(
        Coding(code, entry["system"], entry["display"]) for code, entry in wording()["override_reasons"].items()
    )
