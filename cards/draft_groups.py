"""Drafts that get the same card for the same reasons share one card."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cards.finding import Finding
from cards.rules import Rules


def grouped(fired: Iterable[Finding], rules: Rules) -> list[Finding]:
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
