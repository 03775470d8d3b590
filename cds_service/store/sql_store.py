"""The store in a database: every method runs one module's function in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from cds_service.store import answers, audit, export, feedback, statistics, suppression
from cds_service.store.databases.database import NOT_IN_TIME, UNHURRIED, ChainMoved, Database
from cds_service.store.databases.faults import StoreUnavailable
from cds_service.store.group_commit import GroupCommit
from cds_service.store.health import check_health
from cds_service.store.keys.encryption import FieldCipher
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
from cds_service.store.replay import SqlReplayGuard
from cds_service.store.retention import apply_retention

_Result = TypeVar("_Result")


class SqlStore:
    """A store in SQLite or PostgreSQL. Threads may share it, processes may not."""

    records = True

    def __init__(
        self,
        database: Database,
        tokens: Database,
        cipher: FieldCipher,
        path: Path | None,
        guard: SqlReplayGuard | None = None,
        answers_to_write: GroupCommit[Answer] | None = None,
        ends: float | None = None,
    ) -> None:
        self._database, self._tokens, self._cipher, self._path = database, tokens, cipher, path
        self._guard, self._ends = guard or SqlReplayGuard(tokens, cipher), ends
        self._answers = answers_to_write or GroupCommit(self._write_answers)

    def within(self, ends: float) -> SqlStore:
        return SqlStore(self._database, self._tokens, self._cipher, self._path, self._guard, self._answers, ends)

    def record_answer(self, answer: Answer) -> None:
        self._answers.add(answer, self._ends)

    def _write_answers(self, batch: Sequence[Answer], ends: float) -> None:
        with self._database.writing(ends) as connection:
            entries = answers.record_answers(connection, self._cipher, batch)
            self._append(connection, entries, ends)

    def record_feedback(
        self, client: str, service: str, items: Iterable[FeedbackItem], now: datetime
    ) -> FeedbackResult:
        batch = tuple(items)
        return self._record(
            lambda connection: feedback.record_feedback(connection, self._cipher, client, service, batch, now)
        )

    def _record(self, work: Callable[[Connection], tuple[_Result, audit.AuditEntry | None]]) -> _Result:
        """Run `work` and append the audit event that it returns, in one transaction."""
        ends = time.monotonic() + UNHURRIED if self._ends is None else self._ends
        with self._database.writing(ends) as connection:
            result, entry = work(connection)
            if entry is not None:
                self._append(connection, [entry], ends)
        return result

    def _append(self, connection: Connection, entries: Sequence[audit.AuditEntry], ends: float) -> None:
        """Append audit events and commit, again and again while other processes are first and time is left."""
        with self._database.turn(ends):
            while True:
                try:
                    audit.append(connection, self._cipher, entries, self._database.committing)
                except ChainMoved:
                    if ends <= time.monotonic():
                        raise StoreUnavailable(NOT_IN_TIME) from None
                else:
                    return

    def suppressed(
        self, client: str, patient_id: str, candidates: Iterable[Candidate], now: datetime, policy: SilencePolicy
    ) -> Mapping[Candidate, Silence]:
        with self._database.reading(self._ends) as connection:
            return suppression.suppressed(connection, self._cipher, client, patient_id, candidates, now, policy)

    def first_use(self, issuer: str, jti: str, expires: datetime, now: datetime) -> bool:
        return self._guard.first_use(issuer, jti, expires, now, self._ends)

    def health(self, now: datetime) -> Health:
        return check_health(self._database, self._tokens, self._cipher, self._path, now)

    def apply_retention(self, now: datetime, retention: Retention) -> int:
        return apply_retention(self._database, self._cipher, now, retention)

    def verify_audit(self, on_progress: OnProgress = ignore_progress) -> AuditReport:
        with self._database.reading() as connection:
            return audit.verify(connection, self._cipher, on_progress)

    def audit_rows_since(self, head: str) -> int | None:
        with self._database.reading() as connection:
            return audit.rows_since(connection, self._cipher, head)

    def audit_rows(self) -> Iterator[AuditRow]:
        with self._database.reading() as connection:
            yield from audit.rows(connection, self._cipher)

    def export_feedback(
        self, since: datetime | None, actor: str, now: datetime, on_progress: OnProgress = ignore_progress
    ) -> tuple[FeedbackRow, ...]:
        with self._database.reading() as connection:
            rows = export.export_feedback(connection, self._cipher, since, on_progress)
        self._record(lambda connection: (None, export.export_entry(rows, since, actor, now)))
        return rows

    def cards_by_day(self, since: datetime, until: datetime) -> tuple[CardCount, ...]:
        with self._database.reading() as connection:
            return statistics.cards_by_day(connection, since, until)

    def calls_by_day(self, since: datetime, until: datetime) -> tuple[CallCount, ...]:
        with self._database.reading() as connection:
            return statistics.calls_by_day(connection, since, until)

    def outcomes_by_card(self, since: datetime, until: datetime) -> tuple[OutcomeCount, ...]:
        with self._database.reading() as connection:
            return statistics.outcomes_by_card(connection, since, until)

    def reasons_by_card(self, since: datetime, until: datetime) -> tuple[ReasonCount, ...]:
        with self._database.reading() as connection:
            return statistics.reasons_by_card(connection, self._cipher, since, until)

    def parts(self) -> tuple[Database, Database, FieldCipher]:
        """Return the database, that of used tokens, and the cipher, for work on the store as a whole."""
        return self._database, self._tokens, self._cipher

    def follow_up(
        self, since: datetime, until: datetime, mature: datetime, compared: tuple[datetime, datetime] | None = None
    ) -> tuple[FollowUpCount, ...]:
        with self._database.reading() as connection:
            return statistics.follow_up(connection, since, until, mature, compared)

    def answers_by_card(self, since: datetime, until: datetime) -> tuple[AnswerCount, ...]:
        with self._database.reading() as connection:
            return statistics.answers_by_card(connection, since, until)

    def versions_by_day(self, since: datetime, until: datetime) -> tuple[VersionDay, ...]:
        with self._database.reading() as connection:
            return statistics.versions_by_day(connection, since, until)

    def dwell_times(self, since: datetime, until: datetime) -> tuple[DwellTime, ...]:
        with self._database.reading() as connection:
            return statistics.dwell_times(connection, since, until)

    def add_evidence(self, counts: Iterable[EvidenceCount]) -> None:
        with self._database.writing(time.monotonic() + UNHURRIED) as connection:
            statistics.add_evidence(connection, counts)

    def evidence(self, since: date, until: date, client: str | None = None) -> tuple[EvidenceCount, ...]:
        with self._database.reading() as connection:
            return statistics.read_evidence(connection, since, until, client)

    def arm_number(self, client: str, patient_id: str) -> int:
        return int(self._cipher.pseudonym("arm", client, patient_id).origin[:12], 16) % (MOST_ARM_NUMBER + 1)

    def close(self) -> None:
        self._answers.close()
        self._database.close()
        self._tokens.close()
