"""The tables. Alembic makes them (migrations/); this is how the program sees them.

In clear stand only our own words (card codes, services, versions), names of client profiles, uuids, times and
keyed hashes. Everything else a client or a patient could have put there is encrypted.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    TypeDecorator,
)

#: Schema versions this program can bring up to date, oldest first; the last is the one it works with.
VERSIONS = ("0001",)


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime, kept as ISO 8601 text in UTC of fixed width, so that text order is time order."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else utc_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


def utc_text(moment: datetime) -> str:
    """2026-03-01T10:15:30.520000Z"""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


#: 64-bit on PostgreSQL; SQLite numbers rows by itself only in a column declared INTEGER.
RowNumber = BigInteger().with_variant(Integer, "sqlite")

#: A row of a query; each field has the type of its column.
AnyRow = Row[*tuple[Any, ...]]

metadata = MetaData()

#: One row: which keys the store was written with.
store_key = Table("store_key", metadata, Column("id", Integer, primary_key=True), Column("key_check", String(64)))

#: One row, rewritten by every health check.
probe = Table("probe", metadata, Column("id", Integer, primary_key=True), Column("at", UtcTime, nullable=False))

card_issued = Table(
    "card_issued",
    metadata,
    Column("card_uuid", String(36), primary_key=True),
    Column("client", String(200), nullable=False),
    Column("service", String(100), nullable=False),
    Column("hook", String(50), nullable=False),
    Column("hook_instance", String(36), nullable=False),
    Column("card", String(100), nullable=False),
    Column("rule_version", String(100), nullable=False),
    Column("indicator", String(10), nullable=False),
    Column("patient_hash", String(64), nullable=False),
    Column("inputs_digest", String(64), nullable=False),
    Column("mode", String(10), nullable=False),
    Column("suppressed", Boolean, nullable=False),
    Column("user_closed", LargeBinary),
    Column("location_closed", LargeBinary),
    Column("issued_at", UtcTime, nullable=False),
    Index("card_issued_patient", "client", "patient_hash", "card"),
    Index("card_issued_time", "issued_at"),
)

suggestion_issued = Table(
    "suggestion_issued",
    metadata,
    Column("suggestion_uuid", String(36), primary_key=True),
    Column("card_uuid", String(36), nullable=False),
    Column("position", Integer, nullable=False),
    Index("suggestion_issued_card", "card_uuid"),
)

feedback_event = Table(
    "feedback_event",
    metadata,
    Column("id", RowNumber, primary_key=True, autoincrement=True),
    Column("idem_key", String(64), nullable=False, unique=True),
    Column("card_uuid", String(36), nullable=False),
    Column("outcome", String(10), nullable=False),
    Column("outcome_at", UtcTime, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("reason_hash", String(64), nullable=False),
    Column("detail_closed", LargeBinary, nullable=False),
    Index("feedback_event_card", "card_uuid"),
    Index("feedback_event_received", "received_at"),
)

#: Feedback on cards that this client was not given.
feedback_unmatched = Table(
    "feedback_unmatched",
    metadata,
    Column("id", RowNumber, primary_key=True, autoincrement=True),
    Column("idem_key", String(64), nullable=False, unique=True),
    Column("client", String(200), nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("item_closed", LargeBinary, nullable=False),
    Index("feedback_unmatched_client", "client"),
)

feedback_quota = Table(
    "feedback_quota",
    metadata,
    Column("client", String(200), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("events", Integer, nullable=False),
)

audit_event = Table(
    "audit_event",
    metadata,
    Column("seq", RowNumber, primary_key=True, autoincrement=False),
    Column("recorded", UtcTime, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("client", String(200), nullable=False),
    Column("service", String(100), nullable=False),
    Column("patient_hash", String(64), nullable=False),
    Column("detail_closed", LargeBinary, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("audit_event_patient", "patient_hash"),
)

#: One row, signed: from which row to which row the chain reaches, so that no end can be cut off unseen.
audit_anchor = Table(
    "audit_anchor",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("first_seq", BigInteger, nullable=False),
    Column("before_first", String(64), nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("last_hash", String(64), nullable=False),
    Column("signature", String(64), nullable=False),
)

#: Token ids already used. On SQLite in a file of its own; on PostgreSQL beside the rest.
token_used = Table(
    "token_used",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("expires", UtcTime, nullable=False),
    Index("token_used_expires", "expires"),
)
