"""What the shell may ask of a store: frozen values in, frozen values out (values.py).

`Store` is the port; `SqlStore` and `NoStore` stand behind it. Every method that touches the database raises the
faults of faults.py and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Protocol

from cds_service.store.values import (
    Answer,
    AuditReport,
    AuditRow,
    CallCount,
    Candidate,
    CardCount,
    FeedbackItem,
    FeedbackResult,
    FeedbackRow,
    Health,
    OutcomeCount,
    ReasonCount,
    Retention,
    SuppressionPolicy,
    Told,
    tell_nobody,
)


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

    def verify_audit(self, told: Told = tell_nobody) -> AuditReport:
        """Walk the whole chain."""

    def audit_rows(self) -> Iterator[AuditRow]:
        """All audit events, oldest first."""

    def export_feedback(
        self, since: datetime | None, actor: str, now: datetime, told: Told = tell_nobody
    ) -> tuple[FeedbackRow, ...]:
        """Feedback that came at or after `since`; the export itself is audited under `actor`."""

    def cards_by_day(self, since: datetime, until: datetime) -> tuple[CardCount, ...]:
        """Cards issued from `since` up to, not including, `until`."""

    def calls_by_day(self, since: datetime, until: datetime) -> tuple[CallCount, ...]:
        """Hook calls answered from `since` up to, not including, `until`, cards or none."""

    def outcomes_by_card(self, since: datetime, until: datetime) -> tuple[OutcomeCount, ...]:
        """Of the live cards shown in the period, what became of them."""

    def reasons_by_card(self, since: datetime, until: datetime) -> tuple[ReasonCount, ...]:
        """Reasons given in the period."""

    def close(self) -> None:
        """Let go of all connections."""
