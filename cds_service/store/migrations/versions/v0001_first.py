"""Create the tables: issued cards, feedback, quarantine, audit chain and used tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _service_tables()
    _cards()
    _feedback()
    _audit()
    if op.get_bind().dialect.name != "sqlite":  # which keeps used tokens in a separate file
        _token_used()


def _service_tables() -> None:
    op.create_table(
        "store_key",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key_check", sa.String(64)),
    )
    op.create_table(
        "probe",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.String(27), nullable=False),
    )


def _cards() -> None:
    op.create_table(
        "card_issued",
        sa.Column("card_uuid", sa.String(36), primary_key=True),
        sa.Column("client", sa.String(200), nullable=False),
        sa.Column("service", sa.String(100), nullable=False),
        sa.Column("hook", sa.String(50), nullable=False),
        sa.Column("hook_instance", sa.String(36), nullable=False),
        sa.Column("card", sa.String(100), nullable=False),
        sa.Column("rule_version", sa.String(100), nullable=False),
        sa.Column("indicator", sa.String(10), nullable=False),
        sa.Column("patient_hash", sa.String(64), nullable=False),
        sa.Column("inputs_digest", sa.String(64), nullable=False),
        sa.Column("mode", sa.String(10), nullable=False),
        sa.Column("suppressed", sa.Boolean, nullable=False),
        sa.Column("user_closed", sa.LargeBinary),
        sa.Column("location_closed", sa.LargeBinary),
        sa.Column("issued_at", sa.String(27), nullable=False),
    )
    op.create_index("card_issued_patient", "card_issued", ["client", "patient_hash", "card"])
    op.create_index("card_issued_time", "card_issued", ["issued_at"])
    op.create_table(
        "suggestion_issued",
        sa.Column("suggestion_uuid", sa.String(36), primary_key=True),
        sa.Column("card_uuid", sa.String(36), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
    )
    op.create_index("suggestion_issued_card", "suggestion_issued", ["card_uuid"])


def _feedback() -> None:
    op.create_table(
        "feedback_event",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("idem_key", sa.String(64), nullable=False, unique=True),
        sa.Column("card_uuid", sa.String(36), nullable=False),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("outcome_at", sa.String(27), nullable=False),
        sa.Column("received_at", sa.String(27), nullable=False),
        sa.Column("late", sa.Boolean, nullable=False),
        sa.Column("reason_hash", sa.String(64), nullable=False),
        sa.Column("detail_closed", sa.LargeBinary, nullable=False),
    )
    op.create_index("feedback_event_card", "feedback_event", ["card_uuid"])
    op.create_index("feedback_event_received", "feedback_event", ["received_at"])
    op.create_table(
        "feedback_unmatched",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("idem_key", sa.String(64), nullable=False, unique=True),
        sa.Column("client", sa.String(200), nullable=False),
        sa.Column("received_at", sa.String(27), nullable=False),
        sa.Column("item_closed", sa.LargeBinary, nullable=False),
    )
    op.create_index("feedback_unmatched_client", "feedback_unmatched", ["client"])
    op.create_table(
        "feedback_quota",
        sa.Column("client", sa.String(200), primary_key=True),
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("events", sa.Integer, nullable=False),
    )


def _audit() -> None:
    op.create_table(
        "audit_event",
        sa.Column("seq", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("recorded", sa.String(27), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("client", sa.String(200), nullable=False),
        sa.Column("service", sa.String(100), nullable=False),
        sa.Column("patient_hash", sa.String(64), nullable=False),
        sa.Column("detail_closed", sa.LargeBinary, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("audit_event_patient", "audit_event", ["patient_hash"])
    op.create_table(
        "audit_anchor",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("first_seq", sa.BigInteger, nullable=False),
        sa.Column("before_first", sa.String(64), nullable=False),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.Column("last_hash", sa.String(64), nullable=False),
        sa.Column("signature", sa.String(64), nullable=False),
    )


def _token_used() -> None:
    op.create_table(
        "token_used",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        sa.Column("expires", sa.String(27), nullable=False),
    )
    op.create_index("token_used_expires", "token_used", ["expires"])
