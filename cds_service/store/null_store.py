"""The store used where RLS_CDS_DATABASE_URL is empty."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta

from cds_service.store.databases.faults import StoreUnavailable
from cds_service.store.records import (
    MOST_ARM_NUMBER,
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

_MAX_TOKENS = 100_000


class NullStore:
    """A store that keeps nothing except used token ids, in the memory of this process.

    A token can therefore be replayed against another worker; a service with clients should have a database.
    """

    records = False

    def __init__(self) -> None:
        self._seen: dict[bytes, datetime] = {}
        self._lock = threading.Lock()

    def within(self, ends: float) -> NullStore:
        return self

    def record_answer(self, answer: Answer) -> None:
        """Record nothing."""

    def record_feedback(
        self, client: str, service: str, items: Iterable[FeedbackItem], now: datetime
    ) -> FeedbackResult:
        return FeedbackResult()

    def suppressed(
        self, client: str, patient_id: str, candidates: Iterable[Candidate], now: datetime, policy: SilencePolicy
    ) -> Mapping[Candidate, Silence]:
        return {}

    def first_use(self, issuer: str, jti: str, expires: datetime, now: datetime) -> bool:
        token = hashlib.sha256(f"{issuer}\0{jti}".encode()).digest()
        with self._lock:
            if token in self._seen:
                return False
            if len(self._seen) >= _MAX_TOKENS:
                self._forget_before(now - timedelta(seconds=60))
            self._seen[token] = expires
        return True

    def _forget_before(self, cutoff: datetime) -> None:
        self._seen = {token: expires for token, expires in self._seen.items() if expires >= cutoff}
        if len(self._seen) >= _MAX_TOKENS:
            raise StoreUnavailable("too many tokens are in use to remember them without a store")

    def health(self, now: datetime) -> Health:
        return Health()

    def apply_retention(self, now: datetime, retention: Retention) -> int:
        return 0

    def verify_audit(self, on_progress: OnProgress = ignore_progress) -> AuditReport:
        return AuditReport(rows=0, head="")

    def audit_rows_since(self, head: str) -> int | None:
        return None

    def audit_rows(self) -> Iterator[AuditRow]:
        return iter(())

    def export_feedback(
        self, since: datetime | None, actor: str, now: datetime, on_progress: OnProgress = ignore_progress
    ) -> tuple[FeedbackRow, ...]:
        return ()

    def cards_by_day(self, since: datetime, until: datetime) -> tuple[CardCount, ...]:
        return ()

    def calls_by_day(self, since: datetime, until: datetime) -> tuple[CallCount, ...]:
        return ()

    def outcomes_by_card(self, since: datetime, until: datetime) -> tuple[OutcomeCount, ...]:
        return ()

    def reasons_by_card(self, since: datetime, until: datetime) -> tuple[ReasonCount, ...]:
        return ()

    def follow_up(
        self, since: datetime, until: datetime, mature: datetime, compared: tuple[datetime, datetime] | None = None
    ) -> tuple[FollowUpCount, ...]:
        return ()

    def answers_by_card(self, since: datetime, until: datetime) -> tuple[AnswerCount, ...]:
        return ()

    def versions_by_day(self, since: datetime, until: datetime) -> tuple[VersionDay, ...]:
        return ()

    def dwell_times(self, since: datetime, until: datetime) -> tuple[DwellTime, ...]:
        return ()

    def add_evidence(self, counts: Iterable[EvidenceCount]) -> None:
        """Keep nothing."""

    def evidence(self, since: date, until: date, client: str | None = None) -> tuple[EvidenceCount, ...]:
        return ()

    def arm_number(self, client: str, patient_id: str) -> int:
        return MOST_ARM_NUMBER

    def close(self) -> None:
        """Do nothing: no connection is open."""
