"""Drafts that get the same card for the same reasons share one card."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cards.facts.finding import Finding
from cards.knowledge.rules import Rules


def grouped(fired: Iterable[Finding], rules: Rules) -> list[Finding]:
    """Merge drafts that get the same card for the same reasons into one finding that names them all."""
    groups: list[Finding] = []
    told: list[tuple[object, ...]] = []
    for finding in fired:
        said = _said(finding, rules)
        if finding.drafts and said in told:
            place = told.index(said)
            groups[place] = _together(groups[place], finding)
        else:
            groups.append(finding)
            told.append(said)
    return groups


def _said(finding: Finding, rules: Rules) -> tuple[object, ...]:
    """Return what must be the same in a group; a dose that only stands in the why may differ."""
    listed = _doses(finding, rules)
    facts = {name: fact for name, fact in finding.facts.items() if name not in listed}
    why = tuple(name for name in finding.why if name not in listed)
    return finding.card, finding.indicator, finding.texts, why, facts


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
