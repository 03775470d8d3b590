"""The page Rules: the decisions as clinical tables, from the rules in use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cards.knowledge.definitions import Definition, definitions
from cards.knowledge.rules import CardText, Citation, DecisionText, Rules, Switch, Threshold
from cards.quantity import plain
from cds_service.console.cases import Case, cases_of

_DAYS = {"d": "days", "mo": "months", "a": "years"}
#: Explanations of the grades of certainty.
CERTAINTY = {
    "retrieved": "source read",
    "quoted": "seen only as quoted elsewhere",
    "unverified": "from memory, to be checked before release",
    "ours": "a default of this service, no outside evidence",
}


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One threshold as text.

    `national` is the value replaced by a site's override, with its `reason` and the day `since` when, or empty; the two
    units may differ. `owner` is the decision whose file defines it.
    """

    name: str
    value: str
    side: str
    meaning: str
    range: str
    source: Citation
    certainty: str
    reviewer: str
    review_by: str
    history: tuple[str, ...]
    national: str
    reason: str
    since: str
    owner: str


@dataclass(frozen=True, slots=True)
class DecisionView:
    """One decision; `limits` and `switches` are those its own file defines, then those it reads from others."""

    text: DecisionText
    limits: tuple[LimitRow, ...]
    switches: tuple[Switch, ...]
    cards: tuple[tuple[CardText, tuple[Citation, ...]], ...]
    cases: tuple[Case, ...] | None


def decisions_by_hook(rules: Rules) -> tuple[tuple[str, tuple[DecisionText, ...]], ...]:
    """Return the decisions in two groups: on opening a chart, and on orders."""
    texts = tuple(rules.decisions.values())
    chart = tuple(each for each in texts if "patient-view" in each.hooks)
    orders = tuple(each for each in texts if "patient-view" not in each.hooks)
    return ("When a chart is opened", chart), ("When an order is chosen or signed", orders)


def shared_numbers(rules: Rules) -> tuple[tuple[Definition, str, Citation], ...]:
    """Return the numbers that several decisions share, each with its value as text and its source."""
    return tuple(
        (each, _with_unit(plain(each.value), each.unit), rules.citations[each.citation])
        for each in definitions().values()
    )


def cards_by_topic(rules: Rules) -> dict[str, tuple[str, CardText]]:
    """Return every card by topic code, with the name of its decision."""
    return {card.topic: (name, card) for name, text in rules.decisions.items() for card in text.cards.values()}


def decision_view(name: str, rules: Rules) -> DecisionView:
    """Build the view of one decision. Raises `KeyError` for an unknown name."""
    text = rules.decisions[name]
    return DecisionView(
        text=text,
        limits=tuple(limit_row(each, rules) for each in rules.limits_of(text)),
        switches=rules.switches_of(text),
        cards=tuple((card, tuple(rules.citations[each] for each in card.citations)) for card in text.cards.values()),
        cases=cases_of(name),
    )


def limit_row(threshold: Threshold, rules: Rules) -> LimitRow:
    """Build the view of one threshold; without a reviewer of its own it has that of its decision."""
    owner = rules.owner(threshold.name)
    low, high = threshold.range
    national_unit = threshold.national_unit or threshold.unit
    text = rules.decisions[owner]
    review = threshold.next_review or text.next_review
    return LimitRow(
        name=threshold.name,
        value=_with_unit(plain(threshold.value), threshold.unit),
        side=threshold.side,
        meaning=threshold.meaning,
        range="fixed" if low == high else f"{plain(low)} to {_with_unit(plain(high), national_unit)}",
        source=rules.citations[threshold.citation],
        certainty=threshold.certainty,
        reviewer=threshold.reviewer or text.reviewer,
        review_by=review.isoformat() if review else "",
        history=tuple(_histories(threshold, national_unit, rules)),
        national="" if threshold.national is None else _with_unit(plain(threshold.national), national_unit),
        reason=threshold.site_reason,
        since=threshold.site_date.isoformat() if threshold.site_date else "",
        owner=owner,
    )


def _histories(threshold: Threshold, unit: str, rules: Rules) -> Iterable[str]:
    for entry in threshold.history:
        label = rules.citations[entry.citation].label
        yield f"{_with_unit(plain(entry.value), unit)} since {entry.since.isoformat()} ({label})"


def _with_unit(number: str, unit: str) -> str:
    return f"{number} {_DAYS.get(unit, unit)}".strip()
