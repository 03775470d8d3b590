"""Add who was shown a card, what cards ask for, and what charts hold. Programs of schema 0001 go on with it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_for_0001"
down_revision = "0002_for_0001"


def upgrade() -> None:
    _shown()
    _expectations()
    op.create_table(
        "evidence_count",
        sa.Column("client", sa.String(200), primary_key=True),
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("subject", sa.String(100), primary_key=True),
        sa.Column("kind", sa.String(100), primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
    )


def _shown() -> None:
    for name, kind in (
        ("shown_to", sa.String(64)),
        ("symptoms_digest", sa.String(64)),
        ("diagnosis_digest", sa.String(64)),
        ("due", sa.String(10)),
        ("doses_closed", sa.LargeBinary),
    ):
        op.add_column("card_issued", sa.Column(name, kind))


def _expectations() -> None:
    op.create_table(
        "expectation",
        sa.Column("card_uuid", sa.String(36), primary_key=True),
        sa.Column("open_key", sa.String(64), unique=True),
        sa.Column("client", sa.String(200), nullable=False),
        sa.Column("patient_hash", sa.String(64), nullable=False),
        sa.Column("card", sa.String(100), nullable=False),
        sa.Column("rule_version", sa.String(100), nullable=False),
        sa.Column("arm", sa.String(10), nullable=False),
        sa.Column("asked_at", sa.String(27), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("days", sa.Integer),
        sa.Column("closed_at", sa.String(27)),
        sa.Column("asked_closed", sa.LargeBinary, nullable=False),
    )
    op.create_index("expectation_patient", "expectation", ["patient_hash", "state"])
    op.create_index("expectation_asked", "expectation", ["asked_at"])
