"""The detail of a card, in the order of product.md section 4."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from cards.chart import Draft
from cards.codes_in_doubt import rests_on_a_code_in_doubt
from cards.desk import Desk
from cards.finding import Fact, Finding
from cards.offers import by_hand
from cards.overrides import site_values
from cards.rules import CardText, Rules, Threshold
from cards.wording import capitalised, draft_in_words, fill, site_limit_in_words, wording


def sections(
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


def sources(text: CardText, rules: Rules) -> str:
    """What the card cites, each with where to find it, and the grade of the evidence."""
    cited = "; ".join(f"{rules.citations[name].label} ({rules.citations[name].reference})" for name in text.citations)
    return f"{cited}. Grade: {text.grade}."


def limits(finding: Finding, text: CardText, desk: Desk, blocks: list[str], facts: Mapping[str, Fact]) -> list[str]:
    """What was not or only partly read, the limits of the rule, the site's own numbers, and whose decision it is."""
    sentences = wording()["sentences"]
    lines = list(blocks)
    unread = tuple(dict.fromkeys((*finding.not_checked, *desk.unread)))
    if unread:
        lines.append(sentences["not_read"].format(lists=list_names(unread)))
    if desk.cut:
        lines.append(sentences["cut"].format(lists=list_names(desk.cut)))
    if finding.suggestions and not desk.is_checked:
        lines.append(sentences["no_suggestions"])
    elif not desk.may_suggest and (steps := [step for each in finding.suggestions for step in by_hand(each, finding)]):
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


def list_names(lists: Iterable[str]) -> str:
    """Names of lists (labs, medications ...) in the clinic's words, each once."""
    names = wording()["not_checked"]
    return ", ".join(names[name] for name in dict.fromkeys(lists))


def drafts_in_words(drafts: tuple[Draft, ...], in_words: Callable[[Draft], str] = draft_in_words) -> str:
    """The orders of a card by our own names, joined as a sentence begins."""
    names = list(dict.fromkeys(in_words(draft) for draft in drafts))
    joined = " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} and {names[-1]}"
    return capitalised(joined)
