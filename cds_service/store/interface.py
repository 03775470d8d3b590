"""The interface of a store, which takes and returns frozen values (records.py).

`SqlStore`, `LateStore` and `NullStore` implement it. Methods that touch the database raise only the exceptions of
databases/faults.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Protocol

from cds_service.store.records import (
    Answer,
    AnswerCount,
    AuditReport,
    AuditRow,
    CallCount,
    Candidate,
    CardCount,
    DwellTime,
    EvidenceCount,
    FeedbackItem,
    FeedbackResult,
    FeedbackRow,
    FollowUpCount,
    Health,
    OnProgress,
    OutcomeCount,
    ReasonCount,
    Retention,
    Silence,
    SilencePolicy,
    VersionDay,
    ignore_progress,
)


class Store(Protocol):
    """The service's persistent storage."""

    @property
    def records(self) -> bool:
        """Return False for the store that keeps nothing."""

    def within(self, ends: float) -> Store:
        """Return this store for the work of one call, which is over at `ends` (seconds of the monotonic clock).

        Without it work is given some seconds, and exports and statistics as long as they take.
        """

    def record_answer(self, answer: Answer) -> None:
        """Record the cards, their suggestions and one audit event, all or nothing, before the answer is sent."""

    def record_feedback(
        self, client: str, service: str, items: Iterable[FeedbackItem], now: datetime
    ) -> FeedbackResult:
        """Record a batch of feedback, all or nothing and durable on return; repeating it changes nothing.

        Source: protocol B-09, reliability FB-2, FB-3 and FB-5.
        """

    def suppressed(
        self, client: str, patient_id: str, candidates: Iterable[Candidate], now: datetime, policy: SilencePolicy
    ) -> Mapping[Candidate, Silence]:
        """Return the candidates that are silent, and why: the card is no news (contract section 6)."""

    def first_use(self, issuer: str, jti: str, expires: datetime, now: datetime) -> bool:
        """Record a token id and return whether this is its first use, over all workers.

        Call it after signature and claims were verified. If it raises, the token must not be accepted (reliability
        JWT-7, JWT-8).
        """

    def health(self, now: datetime) -> Health:
        """Try what calls need, and check schema and disk space, within a second; faults are returned, never raised."""

    def apply_retention(self, now: datetime, retention: Retention) -> int:
        """Delete rows past their retention period and return how many were deleted."""

    def verify_audit(self, on_progress: OnProgress = ignore_progress) -> AuditReport:
        """Verify the whole audit chain."""

    def audit_rows_since(self, head: str) -> int | None:
        """Return how many audit events follow a head that was noted, None if it is not in the chain."""

    def audit_rows(self) -> Iterator[AuditRow]:
        """Yield all audit events, oldest first."""

    def export_feedback(
        self, since: datetime | None, actor: str, now: datetime, on_progress: OnProgress = ignore_progress
    ) -> tuple[FeedbackRow, ...]:
        """Return the feedback received at or after `since`, and audit the export under `actor`."""

    def cards_by_day(self, since: datetime, until: datetime) -> tuple[CardCount, ...]:
        """Count the cards issued from `since` up to, but not including, `until`."""

    def calls_by_day(self, since: datetime, until: datetime) -> tuple[CallCount, ...]:
        """Count the hook calls answered from `since` up to, but not including, `until`, with or without cards."""

    def outcomes_by_card(self, since: datetime, until: datetime) -> tuple[OutcomeCount, ...]:
        """Count the live cards shown in the period, and how many were accepted or overridden."""

    def reasons_by_card(self, since: datetime, until: datetime) -> tuple[ReasonCount, ...]:
        """Count the override reasons received in the period."""

    def follow_up(
        self, since: datetime, until: datetime, mature: datetime, compared: tuple[datetime, datetime] | None = None
    ) -> tuple[FollowUpCount, ...]:
        """Count what became of what cards of the period asked for; what was asked before `mature` is over by now.

        `compared` is the time in which one hold-out share was set.
        """

    def answers_by_card(self, since: datetime, until: datetime) -> tuple[AnswerCount, ...]:
        """Count the live cards shown in the period, and how many were answered, by client, card and version."""

    def versions_by_day(self, since: datetime, until: datetime) -> tuple[VersionDay, ...]:
        """Return the versions of each card by day of the period, and those of its last day in the year before it."""

    def dwell_times(self, since: datetime, until: datetime) -> tuple[DwellTime, ...]:
        """Return how long after their issue cards were answered in the period, by the clock of the client."""

    def add_evidence(self, counts: Iterable[EvidenceCount]) -> None:
        """Add to the counts of what charts held."""

    def evidence(self, since: date, until: date, client: str | None = None) -> tuple[EvidenceCount, ...]:
        """Return what charts held on the days from `since` up to, but not including, `until`; of one client if named.

        What no call brought, such as configurations, has the client "".
        """

    def arm_number(self, client: str, patient_id: str) -> int:
        """Return a number from 0 to 9,999 for a patient of a client, the same for ever under the same keys."""

    def close(self) -> None:
        """Close all connections."""
