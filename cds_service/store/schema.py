"""The tables of the store as SQLAlchemy definitions; Alembic creates them (migrations/).

Only card codes, services, versions, names of client profiles, uuids, times and keyed hashes are stored in clear.
Everything else that comes from a client or a patient is encrypted.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

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

#: Schema versions this program can migrate from, oldest first; the last is the current one. A migration that programs
#: of an older version survive says so: `0002_for_0001` (see migrate.py).
VERSIONS = ("0001", "0002_for_0001", "0003_for_0001")
#: The oldest schema that this program works with before it is migrated.
WORKS_FROM = "0003"
_WIDTH = len("2026-03-01T10:15:30.520000Z")


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime, stored as fixed-width ISO 8601 text in UTC, so that text order is time order."""

    impl = String(_WIDTH)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Convert a datetime for the database."""
        return None if value is None else utc_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """Convert text from the database; stored years once lost their leading zeros."""
        return None if value is None else datetime.fromisoformat(value.zfill(_WIDTH))


def utc_text(moment: datetime) -> str:
    """Return the time in UTC with microseconds, such as 2026-03-01T10:15:30.520000Z; the year has four digits."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


#: 64 bits on PostgreSQL; SQLite assigns row numbers only to a column declared INTEGER.
RowNumber = BigInteger().with_variant(Integer, "sqlite")

#: A row of a query; each field has the type of its column.
AnyRow = Row[*tuple[Any, ...]]

#: What a column holds that depends on the keys of the store, so that `rls-cds db rekey` writes it anew: a pseudonym
#: ("" and NULL stand for none), or a value encrypted under a context, which may name columns of its row.
PSEUDONYM: Final[dict[Any, Any]] = {"pseudonym": True}


def encrypted(context: str) -> dict[Any, Any]:
    """Return what a column with encrypted values says of itself."""
    return {"encrypted": context}


metadata = MetaData()

#: One row that identifies the keys the store was encrypted with.
store_key = Table("store_key", metadata, Column("id", Integer, primary_key=True), Column("key_check", String(64)))

#: The pseudonym keys before the present one, oldest first, encrypted with the present encryption key.
former_key = Table(
    "former_key",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("key_closed", LargeBinary, nullable=False, info=encrypted("former key:{number}")),
)

#: Empty: each health check writes a row and takes it out again.
probe = Table("probe", metadata, Column("id", Integer, primary_key=True), Column("at", UtcTime, nullable=False))

#: Cards of answers, shown or not. `shown_to` is the keyed hash of the user who saw it, NULL where nobody did or it is
#: not known who; the digests say what overrides rest on that are about the patient. Rows of older programs have NULL.
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
    Column("patient_hash", String(64), nullable=False, info=PSEUDONYM),
    Column("inputs_digest", String(64), nullable=False, info=PSEUDONYM),
    Column("mode", String(10), nullable=False),
    Column("suppressed", Boolean, nullable=False),
    Column("user_closed", LargeBinary, info=encrypted("user:{card_uuid}")),
    Column("location_closed", LargeBinary, info=encrypted("location:{card_uuid}")),
    Column("issued_at", UtcTime, nullable=False),
    Column("shown_to", String(64), info=PSEUDONYM),
    Column("symptoms_digest", String(64), info=PSEUDONYM),
    Column("diagnosis_digest", String(64), info=PSEUDONYM),
    Column("due", String(10)),
    Column("doses_closed", LargeBinary, info=encrypted("doses:{card_uuid}")),
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

#: What issued cards ask for, once for a patient and card while it is open; what it is in particular is encrypted.
#: `open_key` is NULL once it is closed; `days` is the time to action of one that was followed.
expectation = Table(
    "expectation",
    metadata,
    Column("card_uuid", String(36), primary_key=True),
    Column("open_key", String(64), unique=True, info=PSEUDONYM),
    Column("client", String(200), nullable=False),
    Column("patient_hash", String(64), nullable=False, info=PSEUDONYM),
    Column("card", String(100), nullable=False),
    Column("rule_version", String(100), nullable=False),
    Column("arm", String(10), nullable=False),
    Column("asked_at", UtcTime, nullable=False),
    Column("state", String(10), nullable=False),
    Column("days", Integer),
    Column("closed_at", UtcTime),
    Column("asked_closed", LargeBinary, nullable=False, info=encrypted("expectation:{card_uuid}")),
    Index("expectation_patient", "patient_hash", "state"),
    Index("expectation_asked", "asked_at"),
)

#: How many charts of a client had what on one day (UTC): usable results by analyte, their units, codes, values and
#: ages, lists by source, what is known of the patient; and how many cards were answered. A code is one of our tables
#: or of the map of the site.
evidence_count = Table(
    "evidence_count",
    metadata,
    Column("client", String(200), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("subject", String(100), primary_key=True),
    Column("kind", String(100), primary_key=True),
    Column("number", Integer, nullable=False),
)

feedback_event = Table(
    "feedback_event",
    metadata,
    Column("id", RowNumber, primary_key=True, autoincrement=True),
    Column("idem_key", String(64), nullable=False, unique=True, info=PSEUDONYM),
    Column("card_uuid", String(36), nullable=False),
    Column("outcome", String(10), nullable=False),
    Column("outcome_at", UtcTime, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("reason_hash", String(64), nullable=False, info=PSEUDONYM),
    Column("detail_closed", LargeBinary, nullable=False, info=encrypted("feedback:{idem_key}")),
    Index("feedback_event_card", "card_uuid"),
    Index("feedback_event_received", "received_at"),
)

#: Feedback on cards that were not issued to this client (the quarantine).
feedback_unmatched = Table(
    "feedback_unmatched",
    metadata,
    Column("id", RowNumber, primary_key=True, autoincrement=True),
    Column("idem_key", String(64), nullable=False, unique=True, info=PSEUDONYM),
    Column("client", String(200), nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("item_closed", LargeBinary, nullable=False, info=encrypted("unmatched:{idem_key}")),
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
    Column("patient_hash", String(64), nullable=False, info=PSEUDONYM),
    Column("detail_closed", LargeBinary, nullable=False, info=encrypted("audit:{seq}")),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("audit_event_patient", "patient_hash"),
)

#: One signed row with the first and last row of the chain, which reveals a truncation at either end.
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

#: Hashes of used token ids; on SQLite in a separate file, on PostgreSQL in the same database.
token_used = Table(
    "token_used",
    metadata,
    Column("token_hash", String(64), primary_key=True, info=PSEUDONYM),
    Column("expires", UtcTime, nullable=False),
    Index("token_used_expires", "expires"),
)
