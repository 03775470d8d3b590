"""What goes into a store and what comes out of it. Times are aware datetimes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from cards.finding import Indicator

Outcome = Literal["accepted", "overridden"]
Mode = Literal["live", "shadow"]
#: Told while long work goes on: rows done, rows in all.
Told = Callable[[int, int], None]


def tell_nobody(done: int, of: int) -> None:
    """For work that nobody watches."""


@dataclass(frozen=True, slots=True)
class IssuedCard:
    """One card of an answer. `card` is the topic code (IRONLOW); `inputs` the facts of its *why* as text, in any
    order (kept as a keyed digest only); `suggestions` the uuids in order; `suppressed` where it was not shown."""

    uuid: str
    card: str
    rule_version: str
    indicator: Indicator
    inputs: tuple[str, ...]
    suggestions: tuple[str, ...] = ()
    suppressed: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """One call of a service and what it was told.

    `client` is the name of the client profile. `user` and `location` are references from the hook context.
    `queries` are the prefetch templates that were read from the FHIR server, placeholders and all, so that no
    patient identifier is in them. `status` is the HTTP status of the answer.
    """

    client: str
    service: str
    hook: str
    hook_instance: str
    patient_id: str
    issued_at: datetime
    cards: tuple[IssuedCard, ...] = ()
    mode: Mode = "live"
    user: str | None = None
    location: str | None = None
    queries: tuple[str, ...] = ()
    status: int = 200


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a card was overridden: a coding as the client sent it, each part possibly empty."""

    code: str = ""
    system: str = ""
    display: str = ""


@dataclass(frozen=True, slots=True)
class FeedbackItem:
    """One checked entry of a feedback body (feedback_request.py). `late`: older than 90 days when it came."""

    card: str
    outcome: Outcome
    at: datetime
    suggestions: tuple[str, ...] = ()
    reason: Reason | None = None
    comment: str | None = None
    late: bool = False


@dataclass(frozen=True, slots=True)
class FeedbackEvent:
    """A new event on a card we gave: the card's uuid and topic code (both ours), and the reason code as sent."""

    uuid: str
    card: str
    outcome: Outcome
    reason: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class FeedbackResult:
    """What became of a batch; for counters and tests only, since an answer that shows it would tell
    which cards exist. `turned_away` came when the quarantine of the client was full. `events` are those recorded."""

    recorded: int = 0
    repeated: int = 0
    unmatched: int = 0
    turned_away: int = 0
    events: tuple[FeedbackEvent, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A card that is about to be shown: asked about before it is. Same meanings as in `IssuedCard`."""

    card: str
    indicator: Indicator
    inputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SuppressionPolicy:
    """How many days an override silences a card; `by_reason` (reason code to days) wins. 0 silences nothing."""

    days: int = 90
    by_reason: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Retention:
    """Days that rows are kept. A card is kept as long as feedback on it is."""

    cards: int = 2192
    feedback: int = 2192
    quarantine: int = 90
    audit: int = 2192


@dataclass(frozen=True, slots=True)
class Health:
    """Fit for use where `faults` is empty; a fault is a short sentence of ours."""

    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What a check of the audit chain found. `head` is the last hash: note it elsewhere to prove a later cut."""

    rows: int
    head: str
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One audit event, opened: `kind` is decision, feedback or export; `detail` what it was about."""

    number: int
    recorded: datetime
    kind: str
    client: str
    service: str
    patient_hash: str
    detail: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class FeedbackRow:
    """One row of the HTI-1 export, 45 CFR 170.315(b)(11)(ii)(C). What is not known reads `unknown`."""

    intervention: str
    action: str
    feedback: str
    user: str
    date: str
    location: str
    rule_version: str
    card_uuid: str


@dataclass(frozen=True, slots=True)
class CardCount:
    """Cards of one kind on one day (UTC)."""

    day: date
    client: str
    card: str
    mode: str
    suppressed: bool
    cards: int


@dataclass(frozen=True, slots=True)
class CallCount:
    """Hook calls that were answered on one day (UTC), by the audit trail."""

    day: date
    client: str
    service: str
    calls: int


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """Over a period: cards of one kind shown, and how many of them were accepted or overridden at least once."""

    card: str
    shown: int
    accepted: int
    overridden: int


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How often a reason was given for overriding a card; `code` is empty for a plain dismissal."""

    card: str
    code: str
    events: int
