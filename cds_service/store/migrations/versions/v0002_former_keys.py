"""Create the table of former keys, so that the keys can be changed (`rls-cds db rekey`)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_for_0001"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "former_key",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("key_closed", sa.LargeBinary, nullable=False),
    )
