"""The detail of a card, in the order of contract section 4."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cards.facts.chart import Chart, Draft
from cards.facts.finding import Finding, Text
from cards.knowledge.rules import CardText, Rules, Threshold
from cards.presenting.card_context import CardContext
from cards.presenting.offers import by_hand, unmapped_orders
from cards.site.overrides import site_values
from cards.wording.phrases import names
from cards.wording.render import (
    at_most_listed,
    in_full_once,
    render_draft,
    render_gap,
    render_orders,
    render_site_limit,
    wording,
)


def sections(
    recommendation: str,
    why: list[str],
    rule: str,
    limits: list[str],
    about: str = "",
    unread: str = "",
) -> str:
    """Return the detail in the order of clinical amendments 2, section 4; what was not read comes before everything.

    Sources, grade, general limits and whom the rule is not for stand on the page of the card (*Why this card*).
    """
    headings = wording()["headings"]
    parts = [unread] if unread else []
    parts += [f"**{headings['about']}:** {about}"] if about else []
    parts += [recommendation] if recommendation else []
    if why:
        parts.append(f"**{headings['why']}**\n\n" + "\n".join(f"- {line}" for line in why))
    parts.append(f"**{headings['rule']}:** {rule}")
    if limits:
        parts.append("\n".join(f"- {line}" for line in limits))
    return in_full_once("\n\n".join(part.strip() for part in parts))


def limits(finding: Finding, text: CardText, context: CardContext, blocks: list[str]) -> list[str]:
    """Return the limits that concern this patient, and the site's own numbers."""
    sentences = wording()["sentences"]
    lines = list(blocks)
    if finding.suggestions and not context.is_checked:
        lines.append(sentences["no_suggestions"])
    elif not context.may_suggest and (
        steps := [step for each in finding.suggestions for step in by_hand(each, finding)]
    ):
        lines.append(sentences["by_hand"].format(steps="; ".join(at_most_listed(steps))))
    elif unmapped := unmapped_orders(finding, context.profile):
        lines.append(sentences["unmapped_orders"].format(steps="; ".join(at_most_listed(unmapped))))
    lines += [render_site_limit(limit) for limit in _site_limits(finding, text, context.rules)]
    if context.chart.laboratory_only:
        lines.append(sentences["laboratory_only"])
    return lines


def unread_line(finding: Finding, context: CardContext) -> str:
    """Return what was not read to its end and why, and what could not be excluded for it; empty where all was read."""
    sentences = wording()["sentences"]
    lists = tuple(dict.fromkeys((*context.incomplete, *finding.not_checked)))
    said = [sentences["unread"].format(lists=render_incomplete(lists, context.chart))] if lists else []
    if finding.open:  # also where the client can never send the list, which no line names then
        named = (wording()["open_questions"][name] for name in finding.open)
        said.append(sentences["open_questions"].format(questions=", ".join(named)))
    return " ".join(said)


def render_incomplete(lists: Iterable[str], chart: Chart) -> str:
    """Return these lists in the clinic's words, each with why it was not read to its end where that is known."""
    called, gaps = wording()["not_checked"], chart.gaps
    return ", ".join(f"{called[name]} ({render_gap(gaps[name])})" if name in gaps else called[name] for name in lists)


def _site_limits(finding: Finding, text: CardText, rules: Rules) -> tuple[Threshold, ...]:
    """The limits this card speaks of that are the site's own."""
    blocks = [rules.decisions[finding.decision].texts[name] for name in finding.texts]
    named = site_values((text.summary, text.recommendation, text.rule, text.limits, text.not_for, *blocks), rules)
    compared = (fact for fact in finding.facts.values() if isinstance(fact, Threshold) and fact.national is not None)
    return tuple({limit.name: limit for limit in (*named, *compared)}.values())


def list_names(lists: Iterable[str]) -> str:
    """Return names of lists (labs, medications ...) in the clinic's words, each once."""
    called = wording()["not_checked"]
    return ", ".join(called[name] for name in dict.fromkeys(lists))


def render_drafts(drafts: tuple[Draft, ...], render: Callable[[Draft], str] = render_draft) -> Text:
    """Return the orders of a card by our own names, as a sentence begins, or counted where they are many."""
    (said,) = names([render_orders(tuple(dict.fromkeys(render(draft) for draft in drafts)))])
    return said
