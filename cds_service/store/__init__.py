"""The service's memory: cards issued, feedback, replay guard, audit. port.py says what may be asked of it."""

from __future__ import annotations

from cds_service.store.faults import (
    BadStore,
    MissingKeys,
    NetworkFileSystem,
    QuotaReached,
    SchemaBehind,
    SchemaNewer,
    StoreError,
    StoreFull,
    StoreReadOnly,
    StoreUnavailable,
    WrongKeys,
)
from cds_service.store.nothing import NoStore
from cds_service.store.opening import StoreSettings, open_store, upgrade
from cds_service.store.port import Store
from cds_service.store.values import (
    Answer,
    AuditReport,
    AuditRow,
    Candidate,
    CardCount,
    FeedbackItem,
    FeedbackResult,
    FeedbackRow,
    Health,
    IssuedCard,
    OutcomeCount,
    Reason,
    ReasonCount,
    Retention,
    SuppressionPolicy,
)

__all__ = [
    "Answer",
    "AuditReport",
    "AuditRow",
    "BadStore",
    "Candidate",
    "CardCount",
    "FeedbackItem",
    "FeedbackResult",
    "FeedbackRow",
    "Health",
    "IssuedCard",
    "MissingKeys",
    "NetworkFileSystem",
    "NoStore",
    "OutcomeCount",
    "QuotaReached",
    "Reason",
    "ReasonCount",
    "Retention",
    "SchemaBehind",
    "SchemaNewer",
    "Store",
    "StoreError",
    "StoreFull",
    "StoreReadOnly",
    "StoreSettings",
    "StoreUnavailable",
    "SuppressionPolicy",
    "WrongKeys",
    "open_store",
    "upgrade",
]
