"""What the shell may ask of a store: frozen values in, frozen values out.

`Store` is the port; `SqlStore` and `NoStore` stand behind it. Times are aware datetimes. Every method that
touches the database raises the faults of `faults.py` and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, Protocol

from cards.finding import Indicator

Outcome = Literal["accepted", "overridden"]
Mode = Literal["live", "shadow"]


@dataclass(frozen=True, slots=True)
class IssuedCard:
    """One card of an answer. `card` is the topic code (IRONLOW); `inputs` the canonical text of the facts in its
    *why* (kept as a keyed digest only); `suggestions` the uuids in order; `suppressed` where it was not shown."""

    uuid: str
    card: str
    rule_version: str
    indicator: Indicator
    inputs: str
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
class FeedbackResult:
    """What became of a batch; for counters and tests only, since an answer that shows it would tell
    which cards exist. `turned_away` came when the quarantine of the client was full."""

    recorded: int = 0
    repeated: int = 0
    unmatched: int = 0
    turned_away: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A card that is about to be shown: asked about before it is. Same meanings as in `IssuedCard`."""

    card: str
    indicator: Indicator
    inputs: str


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


class Store(Protocol):
    """The service's memory."""

    @property
    def records(self) -> bool:
        """False for the store that keeps nothing."""

    def record_answer(self, answer: Answer) -> None:
        """Keep the cards, their suggestions and one audit event, all or nothing, before the answer is sent."""

    def record_feedback(
        self, client: str, service: str, items: Iterable[FeedbackItem], now: datetime
    ) -> FeedbackResult:
        """Keep a batch, all or nothing; durable on return. Repeating it changes nothing (B-09, FB-2, FB-3, FB-5)."""

    def suppressed(
        self, client: str, patient_id: str, candidates: Iterable[Candidate], now: datetime, policy: SuppressionPolicy
    ) -> frozenset[Candidate]:
        """Those that stay silent because the same card with the same inputs was overridden (product page 6)."""

    def first_use(self, issuer: str, jti: str, expires: datetime, now: datetime) -> bool:
        """True once per issuer and jti over all workers; to be asked after signature and claims are checked.
        A fault means that the token must not be accepted (JWT-7, JWT-8)."""

    def health(self, now: datetime) -> Health:
        """Writes and reads a row, checks schema and room on the disk. Never raises for a fault of the store."""

    def apply_retention(self, now: datetime, retention: Retention) -> int:
        """Remove what is older than it may be; rows removed."""

    def verify_audit(self) -> AuditReport:
        """Walk the whole chain."""

    def audit_rows(self) -> Iterator[AuditRow]:
        """All audit events, oldest first."""

    def export_feedback(self, since: datetime | None, actor: str, now: datetime) -> tuple[FeedbackRow, ...]:
        """Feedback that came at or after `since`; the export itself is audited under `actor`."""

    def cards_by_day(self, since: datetime, until: datetime) -> tuple[CardCount, ...]:
        """Cards issued from `since` up to, not including, `until`."""

    def outcomes_by_card(self, since: datetime, until: datetime) -> tuple[OutcomeCount, ...]:
        """Of the live cards shown in the period, what became of them."""

    def reasons_by_card(self, since: datetime, until: datetime) -> tuple[ReasonCount, ...]:
        """Reasons given in the period."""

    def close(self) -> None:
        """Let go of all connections."""
