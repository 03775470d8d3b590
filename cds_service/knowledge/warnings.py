"""Warnings about the rules in use, which are reported at start-up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from cards.knowledge.rules import Rules
from cards.quantity import plain
from cds_service.config.settings import Settings

_MEDICATIONS = "suggestions.medications"


def knowledge_warnings(rules: Rules, settings: Settings, today: date) -> tuple[str, ...]:
    """Return warnings about overdue reviews, coming changes of national values, and choices that are incomplete."""
    return (*_overdue(rules, today), *_about_to_change(rules, today), *_half_chosen(rules, settings))


def _overdue(rules: Rules, today: date) -> Iterator[str]:
    due: dict[date, list[str]] = {}
    for decision in rules.decisions.values():
        if decision.next_review is not None and decision.next_review < today:
            due.setdefault(decision.next_review, []).append(decision.name)
    for day, names in sorted(due.items()):
        yield f"review overdue since {day}: {', '.join(names)}; the rules go on as they are until somebody has looked"


def _about_to_change(rules: Rules, today: date) -> Iterator[str]:
    """Yield warnings about national values that a site has replaced and that change in the future."""
    for limit in rules.thresholds.values():
        for entry in limit.history if limit.national is not None else ():
            if entry.since > today:
                yield (
                    f"{limit.name}: the national value changes on {entry.since} to {plain(entry.value)}; from then on "
                    "nothing starts until somebody has looked again at the site's own"
                )


def _half_chosen(rules: Rules, settings: Settings) -> Iterator[str]:
    """Yield warnings where only one of the site's switch and the client's settings allows changes of drug orders."""
    is_on = rules.is_on(_MEDICATIONS)
    for client in settings.clients or (settings.profile,):
        lacking = [] if client.drug_orders else ["drug_orders = true"]
        lacking += [] if "update" in client.actions else ["update among its actions"]
        if is_on and lacking:
            yield (
                f"switch {_MEDICATIONS} is on, but client {client.name} is offered no change of a drug order; "
                f"it also needs {' and '.join(lacking)}"
            )
        if client.drug_orders and not is_on:
            yield (
                f"client {client.name} has drug_orders = true, but is offered no change of a drug order; "
                f"that also needs the switch {_MEDICATIONS} in the site's overrides"
            )
