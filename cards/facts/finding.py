"""What a decision answers: fires, quiet or unknown, with the facts that say why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from cards.dates import PartialDate
from cards.facts.chart import Draft
from cards.facts.drugs import Drug
from cards.facts.results import LabResult, UnusableResult
from cards.knowledge.rules import Threshold
from cards.quantity import Quantity
from cards.values import frozen


class Outcome(StrEnum):
    FIRES = "fires"
    QUIET = "quiet"
    UNKNOWN = "unknown"


class Indicator(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Return how urgent it is: 0 for info, 2 for critical."""
        return list(Indicator).index(self)


#: What is put into words that stand for themselves.
NO_PARTS: Mapping[str, Fact] = {}


class Text(str):
    """Text from a knowledge file, with facts filled in.

    Only cards/wording creates one, so that no card prints text of a request, a FHIR resource or the program. It
    remembers what it was made of, so that what a card says can be compared apart from its words.

    key    where its words stand in a knowledge file; empty for a list of parts, and for a name
    parts  what stands in it, by name
    """

    __slots__ = ("key", "parts")

    key: str
    parts: Mapping[str, Fact]

    def __new__(cls, words: str = "", key: str = "", parts: Mapping[str, Fact] = NO_PARTS) -> Text:
        """Return these words, with what they were made of."""
        made = super().__new__(cls, words)
        made.key, made.parts = key, parts
        return made


#: What a wording may print. Each kind has exactly one way to be printed (cards/wording/render.py).
Fact = LabResult | UnusableResult | Quantity | Threshold | PartialDate | date | Drug | Draft | Decimal | int | Text


@frozen
class OrderTests:
    """Suggest laboratory orders: names of cards/presenting/orderables.toml, such as ferritin and iron-panel.

    `due` is the day for which they are ordered; None leaves the day to whoever signs.
    """

    tests: tuple[str, ...]
    due: date | None = None


@frozen
class RemoveDraft:
    """Suggest to remove a draft order of this call."""

    reference: str
    recommended: bool = False


@frozen
class ReviseDraft:
    """Suggest another timing for a draft order; only where a site switches drug suggestions on."""

    reference: str
    revision: str  # a name of cards/presenting/orderables.toml [revisions]


Suggestion = OrderTests | RemoveDraft | ReviseDraft


@frozen
class Finding:
    """The answer of one decision to one question.

    because     key of the sentence (TOML `because`) that says why it fired, is quiet or is unknown
    facts       values for that sentence and for the card's wording
    texts       keys of further text blocks of the card (`texts` in the TOML), in order; one that begins with `advice_`
                leads the recommendation, the others stand under the limits
    evidence    references of the resources used
    not_checked names of lists that were not read, or not to their end, and could change the answer
    open        what could not be excluded and speaks against what the card would offer, by keys of `[open_questions]`
    unread      results that the answer needed, that are there and may not be used (outcome unknown)
    missing     lists without which the question could not be answered (outcome unknown)
    source      the citation that the card rests on for this patient; empty means the first one of the card
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
    open: tuple[str, ...] = ()
    unread: tuple[UnusableResult, ...] = ()
    source: str = ""

    @property
    def incomplete(self) -> bool:
        """Return whether a contraindication could not be excluded: the card offers no iron, route or dose."""
        return bool(self.open)


def quiet(decision: str, because: str, **facts: Fact) -> Finding:
    """Return a finding that the decision has nothing to say, with the reason."""
    return Finding(decision, Outcome.QUIET, because, facts=facts)


def unknown(
    decision: str,
    because: str,
    missing: tuple[str, ...] = (),
    *,
    not_checked: tuple[str, ...] = (),
    unread: tuple[UnusableResult, ...] = (),
) -> Finding:
    """Return a finding that the question could not be answered, with the lists or results that would be needed."""
    return Finding(decision, Outcome.UNKNOWN, because, missing=missing, not_checked=not_checked, unread=unread)
