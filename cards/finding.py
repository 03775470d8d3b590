"""What a decision answers: fires, quiet or unknown, with the facts that say why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from cards.chart import Draft, Drug, LabResult, UnusableResult
from cards.moment import Moment
from cards.quantity import Quantity
from cards.rules import Threshold


class Outcome(StrEnum):
    FIRES = "fires"
    QUIET = "quiet"
    UNKNOWN = "unknown"


class Indicator(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


#: What a wording may print. Each kind has exactly one way to be printed (cards/wording.py); a str must come
#: from our own tables, never from a request or a FHIR resource.
Fact = LabResult | UnusableResult | Quantity | Threshold | Moment | date | Drug | Draft | Decimal | int | str


@dataclass(frozen=True, slots=True)
class OrderTests:
    """Suggest laboratory orders: names of cards/orderables.toml, such as ferritin and iron-panel."""

    tests: tuple[str, ...]
    recommended: bool = False


@dataclass(frozen=True, slots=True)
class RemoveDraft:
    """Suggest to remove a draft order of this call."""

    reference: str
    recommended: bool = False


@dataclass(frozen=True, slots=True)
class ReviseDraft:
    """Suggest another timing for a draft order; only where a site switches drug suggestions on."""

    reference: str
    revision: str  # a name of cards/orderables.toml [revisions]


Suggestion = OrderTests | RemoveDraft | ReviseDraft


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of one decision to one question.

    because     key of the sentence (TOML `because`) that says why it fired, is quiet or is unknown
    facts       values for that sentence and for the card's wording
    texts       keys of further text blocks of the card (`texts` in the TOML), in order; one that begins with `advice_`
                leads the recommendation, the others stand under the limits
    evidence    references of the resources used
    not_checked names of lists or analytes that could not be looked at (keys of cards/wording.toml)
    missing     lists without which the question could not be answered (outcome unknown)
    draft       the order the finding is about, as its reference; `about` where several drafts share a card
    """

    decision: str
    outcome: Outcome
    because: str
    card: str = ""
    indicator: Indicator = Indicator.INFO
    facts: Mapping[str, Fact] = field(default_factory=dict)
    texts: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    drafts: tuple[Draft, ...] = ()
    safety_without_labs: bool = False


def quiet(decision: str, because: str, **facts: Fact) -> Finding:
    return Finding(decision, Outcome.QUIET, because, facts=facts)


def unknown(decision: str, because: str, missing: tuple[str, ...]) -> Finding:
    return Finding(decision, Outcome.UNKNOWN, because, missing=missing)
