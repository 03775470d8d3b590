"""The store in a database: every method is one transaction around the module that knows how."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from cds_service.store import answers, audit, export, feedback, suppression, watch
from cds_service.store.database import Database
from cds_service.store.fitness import examine
from cds_service.store.replay import ReplayGuard
from cds_service.store.retention import apply_retention
from cds_service.store.seal import Seal
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


class SqlStore:
    """SQLite or PostgreSQL, by one code path. Safe to share between threads, not between processes."""

    records = True

    def __init__(self, database: Database, tokens: Database, seal: Seal, path: Path | None) -> None:
        self._database, self._tokens, self._seal, self._path = database, tokens, seal, path
        self._guard = ReplayGuard(tokens, seal)

    def record_answer(self, answer: Answer) -> None:
        with self._database.writing() as connection:
            answers.record_answer(connection, self._seal, answer)

    def record_feedback(
        self, client: str, service: str, items: Iterable[FeedbackItem], now: datetime
    ) -> FeedbackResult:
        with self._database.writing() as connection:
            return feedback.record_feedback(connection, self._seal, client, service, tuple(items), now)

    def suppressed(
        self, client: str, patient_id: str, candidates: Iterable[Candidate], now: datetime, policy: SuppressionPolicy
    ) -> frozenset[Candidate]:
        with self._database.reading() as connection:
            return suppression.suppressed(connection, self._seal, client, patient_id, candidates, now, policy)

    def first_use(self, issuer: str, jti: str, expires: datetime, now: datetime) -> bool:
        return self._guard.first_use(issuer, jti, expires, now)

    def health(self, now: datetime) -> Health:
        return examine(self._database, self._tokens, self._path, now)

    def apply_retention(self, now: datetime, retention: Retention) -> int:
        return apply_retention(self._database, self._seal, now, retention)

    def verify_audit(self, told: Told = tell_nobody) -> AuditReport:
        with self._database.reading() as connection:
            return audit.verify(connection, self._seal, told)

    def audit_rows(self) -> Iterator[AuditRow]:
        with self._database.reading() as connection:
            yield from audit.rows(connection, self._seal)

    def export_feedback(
        self, since: datetime | None, actor: str, now: datetime, told: Told = tell_nobody
    ) -> tuple[FeedbackRow, ...]:
        with self._database.writing() as connection:
            return export.export_feedback(connection, self._seal, since, actor, now, told)

    def cards_by_day(self, since: datetime, until: datetime) -> tuple[CardCount, ...]:
        with self._database.reading() as connection:
            return watch.cards_by_day(connection, since, until)

    def calls_by_day(self, since: datetime, until: datetime) -> tuple[CallCount, ...]:
        with self._database.reading() as connection:
            return watch.calls_by_day(connection, since, until)

    def outcomes_by_card(self, since: datetime, until: datetime) -> tuple[OutcomeCount, ...]:
        with self._database.reading() as connection:
            return watch.outcomes_by_card(connection, since, until)

    def reasons_by_card(self, since: datetime, until: datetime) -> tuple[ReasonCount, ...]:
        with self._database.reading() as connection:
            return watch.reasons_by_card(connection, self._seal, since, until)

    def close(self) -> None:
        self._database.close()
        self._tokens.close()
