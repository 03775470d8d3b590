"""A CDS Hooks card. An illegal card cannot be built."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

from cards.values import frozen

#: CDS Hooks wants fewer than 140 characters (C-01), counted as a JavaScript client counts them.
SUMMARY_LIMIT = 139
_INDICATORS = ("info", "warning", "critical")
_ACTIONS = ("create", "update", "delete")
#: The id is the client's own, whatever its length: one EHR's drafts have 194 characters (X-05).
_RELATIVE_REFERENCE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9._~:\-]{1,512}")


class IllegalCard(ValueError):
    """A card would break CDS Hooks: an error of this program, never of the request."""


def utf16_length(text: str) -> int:
    """Return the number of characters that a client counting UTF-16 units sees."""
    return len(text.encode("utf-16-le")) // 2


@frozen
class Coding:
    """A code with its system and words; CDS Hooks requires the first two, and on override reasons all three."""

    code: str
    system: str
    display: str

    def as_json(self) -> dict[str, str]:
        """Return the coding as CDS Hooks writes it."""
        return {"code": self.code, "system": self.system, "display": self.display}


@frozen
class Action:
    """A change to draft orders: create or update with a whole resource, or delete by relative reference."""

    type: str
    description: str
    resource: dict[str, Any] | None = None
    resource_id: str = ""

    def __post_init__(self) -> None:
        if self.type not in _ACTIONS or not self.description:
            raise IllegalCard(f"action {self.type!r} without description or of unknown type")
        if (self.type == "delete") != bool(self.resource_id) or (self.type == "delete") == bool(self.resource):
            raise IllegalCard("delete takes a reference and nothing else; create and update take a resource")
        if self.resource_id and not _RELATIVE_REFERENCE.fullmatch(self.resource_id):
            raise IllegalCard("delete takes a relative reference of the form Type/id")

    def as_json(self) -> dict[str, Any]:
        """Return the action as CDS Hooks writes it, with a resource or the reference of what to delete."""
        target = {"resourceId": self.resource_id} if self.resource_id else {"resource": self.resource}
        return {"type": self.type, "description": self.description, **target}


@frozen
class CardSuggestion:
    """A suggestion of a card; its actions are taken together."""

    uuid: str
    label: str
    actions: tuple[Action, ...]
    is_recommended: bool = False

    def __post_init__(self) -> None:
        if not (self.label and self.uuid and self.actions):
            raise IllegalCard("a suggestion needs label, uuid and at least one action")

    def as_json(self) -> dict[str, Any]:
        """Return the suggestion as CDS Hooks writes it; `isRecommended` is sent only where it is true."""
        recommended = {"isRecommended": True} if self.is_recommended else {}
        actions = [action.as_json() for action in self.actions]
        return {"label": self.label, "uuid": self.uuid, **recommended, "actions": actions}


@frozen
class Link:
    """An absolute link to a guideline."""

    label: str
    url: str

    def as_json(self) -> dict[str, str]:
        """Return the link as CDS Hooks writes it."""
        return {"label": self.label, "url": self.url, "type": "absolute"}


@frozen
class Basis:
    """What a card rests on; a card whose basis was shown before is no news.

    facts   values, dates, statuses, drugs and diagnoses as text, in any order
    due     the day for which the card suggests laboratory tests
    doses   what each draft brings of an ingredient by a route, in mg on its fullest day; None where not known
    """

    facts: tuple[str, ...] = ()
    due: date | None = None
    doses: tuple[tuple[str, Decimal | None], ...] = ()


@frozen
class Expectation:
    """What a card asks for.

    kind    result, started, ended, withheld or dose
    of      analytes, drug classes, or the ingredients of drugs
    since   the first day on which it may happen
    doses   what the drafts bring of each ingredient, in mg on their fullest day
    drafts  references of the drafts, under which a record system may keep them once they are signed
    """

    kind: str
    of: tuple[str, ...]
    since: date
    doses: tuple[tuple[str, Decimal], ...] = ()
    drafts: tuple[str, ...] = ()


@frozen
class Settled:
    """How an expectation ended: whether it was followed, and on which day that happened or was seen.

    `is_final` is false where the time for it is not over, or the chart could not have told that it was not followed:
    of who is seen to follow is then not known yet whether not following would have been seen as well.
    """

    followed: bool
    on: date
    is_final: bool = True


@frozen
class PatientBasis:
    """What an override rests on that is about the patient.

    symptoms    pregnancy, anaemia and the drugs for restless legs syndrome, for "symptoms not significant"
    diagnosis   the entries of restless legs syndrome and the orders for it, for "diagnosis is wrong"
    """

    symptoms: tuple[str, ...] = ()
    diagnosis: tuple[str, ...] = ()


@frozen
class Card:
    """One card. `id` is the card id of the clinical rationale; `inputs` the facts printed in its why."""

    id: str
    uuid: str
    summary: str
    indicator: str
    detail: str
    source_label: str
    source_url: str
    topic: Coding
    suggestions: tuple[CardSuggestion, ...] = ()
    selection_behavior: str = "at-most-one"
    override_reasons: tuple[Coding, ...] = ()
    links: tuple[Link, ...] = ()
    inputs: tuple[str, ...] = ()
    version: str = ""
    basis: Basis = Basis()
    expects: Expectation | None = None

    def __post_init__(self) -> None:
        if not self.summary or utf16_length(self.summary) > SUMMARY_LIMIT or "\n" in self.summary:
            raise IllegalCard(f"{self.id}: the summary must be one line of 1 to {SUMMARY_LIMIT} characters")
        if self.indicator not in _INDICATORS:
            raise IllegalCard(f"{self.id}: indicator {self.indicator!r}")
        if self.selection_behavior not in ("at-most-one", "any"):
            raise IllegalCard(f"{self.id}: selectionBehavior {self.selection_behavior!r}")
        if not (self.uuid and self.detail and self.source_label):
            raise IllegalCard(f"{self.id}: uuid, detail and source are always sent")
        if self.selection_behavior == "at-most-one" and sum(s.is_recommended for s in self.suggestions) > 1:
            raise IllegalCard(f"{self.id}: at most one suggestion may be recommended")

    def as_json(self) -> dict[str, Any]:
        """Return the card as CDS Hooks writes it, in the order a reader wants; nothing empty is sent (T-03)."""
        source = {"label": self.source_label, "url": self.source_url, "topic": self.topic.as_json()}
        card: dict[str, Any] = {
            "uuid": self.uuid,
            "summary": self.summary,
            "indicator": self.indicator,
            "detail": self.detail,
            "source": {key: value for key, value in source.items() if value},
        }
        if self.suggestions:
            card["selectionBehavior"] = self.selection_behavior
            card["suggestions"] = [suggestion.as_json() for suggestion in self.suggestions]
        if self.override_reasons:
            card["overrideReasons"] = [reason.as_json() for reason in self.override_reasons]
        if self.links:
            card["links"] = [link.as_json() for link in self.links]
        return card
