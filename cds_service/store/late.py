"""A store that need not be there when the service starts: calls are refused until it is, and can be opened."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime

from cds_service.store.databases.faults import StoreBusy, StoreError, StoreSlow, StoreUnavailable
from cds_service.store.interface import Store
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

#: Seconds that the start waits for a store, so that a worker which takes its first call can answer it even where the
#: machine is slow to open one; and seconds between two attempts, at the start and afterwards.
_AT_START = 10.0
_BETWEEN_AT_START, _BETWEEN = 0.1, 1.0


def _said(fault: Exception | None) -> str:
    """Return what is said of a fault, of which only the store's own hold nothing that must not be told."""
    if fault is None:
        return ""
    return str(fault) if isinstance(fault, StoreError) else f"the store cannot be opened ({type(fault).__name__})"


class LateStore:
    """A store that a thread opens, again and again until it succeeds; methods raise `StoreUnavailable` before that.

    Even a fault that an operator must mend ends no worker: the others go on answering, and /readyz tells why.
    """

    def __init__(self, open_store: Callable[[], Store], on_state: Callable[[str], None]) -> None:
        """Wait until the store is open, or known not to be there, for ten seconds at most.

        `on_state` is called with each new fault, and with "" at the end.
        `open_store` must not be called in a process that forks later.
        """
        self._open_store, self._on_state = open_store, on_state
        self._store: Store | None = None
        self._fault = "the store is being opened"
        self._told, self._closed = threading.Event(), threading.Event()
        self._keeps_or_closes = threading.Lock()
        threading.Thread(target=self._open, name="open store", daemon=True).start()
        self._told.wait(_AT_START)

    def _open(self) -> None:
        ends = time.monotonic() + _AT_START
        while not self._closed.is_set():
            fault = self._attempt()
            if self._closed.is_set():
                return
            said = _said(fault)
            if said != self._fault:
                self._fault = said
                self._on_state(said)
            may_be_there = isinstance(fault, StoreSlow | StoreBusy) and time.monotonic() < ends
            if not may_be_there:
                self._told.set()
            if fault is None:
                return
            self._closed.wait(_BETWEEN_AT_START if may_be_there else _BETWEEN)

    def _attempt(self) -> Exception | None:
        """Try to open the store, and return what is wrong. A store that nobody waits for any more is closed at once."""
        try:
            store = self._open_store()
        except Exception as fault:  # noqa: BLE001 - the outermost edge of this thread; the next attempt must come
            return fault
        with self._keeps_or_closes:
            if not self._closed.is_set():
                self._store = store
                return None
        store.close()
        return None

    def _opened(self) -> Store:
        if self._store is None:
            raise StoreUnavailable(self._fault)
        return self._store

    @property
    def records(self) -> bool:
        """Return True: only a store that keeps something is opened late."""
        return True

    def within(self, ends: float) -> Store:
        return self._opened().within(ends)

    def record_answer(self, answer: Answer) -> None:
        self._opened().record_answer(answer)

    def record_feedback(
        self, client: str, service: str, items: Iterable[FeedbackItem], now: datetime
    ) -> FeedbackResult:
        return self._opened().record_feedback(client, service, items, now)

    def suppressed(
        self, client: str, patient_id: str, candidates: Iterable[Candidate], now: datetime, policy: SilencePolicy
    ) -> Mapping[Candidate, Silence]:
        return self._opened().suppressed(client, patient_id, candidates, now, policy)

    def first_use(self, issuer: str, jti: str, expires: datetime, now: datetime) -> bool:
        return self._opened().first_use(issuer, jti, expires, now)

    def health(self, now: datetime) -> Health:
        return Health((self._fault,)) if self._store is None else self._store.health(now)

    def apply_retention(self, now: datetime, retention: Retention) -> int:
        return self._opened().apply_retention(now, retention)

    def verify_audit(self, on_progress: OnProgress = ignore_progress) -> AuditReport:
        return self._opened().verify_audit(on_progress)

    def audit_rows_since(self, head: str) -> int | None:
        return self._opened().audit_rows_since(head)

    def audit_rows(self) -> Iterator[AuditRow]:
        return self._opened().audit_rows()

    def export_feedback(
        self, since: datetime | None, actor: str, now: datetime, on_progress: OnProgress = ignore_progress
    ) -> tuple[FeedbackRow, ...]:
        return self._opened().export_feedback(since, actor, now, on_progress)

    def cards_by_day(self, since: datetime, until: datetime) -> tuple[CardCount, ...]:
        return self._opened().cards_by_day(since, until)

    def calls_by_day(self, since: datetime, until: datetime) -> tuple[CallCount, ...]:
        return self._opened().calls_by_day(since, until)

    def outcomes_by_card(self, since: datetime, until: datetime) -> tuple[OutcomeCount, ...]:
        return self._opened().outcomes_by_card(since, until)

    def reasons_by_card(self, since: datetime, until: datetime) -> tuple[ReasonCount, ...]:
        return self._opened().reasons_by_card(since, until)

    def follow_up(
        self, since: datetime, until: datetime, mature: datetime, compared: tuple[datetime, datetime] | None = None
    ) -> tuple[FollowUpCount, ...]:
        return self._opened().follow_up(since, until, mature, compared)

    def answers_by_card(self, since: datetime, until: datetime) -> tuple[AnswerCount, ...]:
        return self._opened().answers_by_card(since, until)

    def versions_by_day(self, since: datetime, until: datetime) -> tuple[VersionDay, ...]:
        return self._opened().versions_by_day(since, until)

    def dwell_times(self, since: datetime, until: datetime) -> tuple[DwellTime, ...]:
        return self._opened().dwell_times(since, until)

    def add_evidence(self, counts: Iterable[EvidenceCount]) -> None:
        self._opened().add_evidence(counts)

    def evidence(self, since: date, until: date, client: str | None = None) -> tuple[EvidenceCount, ...]:
        return self._opened().evidence(since, until, client)

    def arm_number(self, client: str, patient_id: str) -> int:
        return self._opened().arm_number(client, patient_id)

    def close(self) -> None:
        """Stop trying, and close the store if it was opened."""
        with self._keeps_or_closes:
            self._closed.set()
        if self._store is not None:
            self._store.close()
