"""Removing what is older than it may be, a few hundred rows at a time so that nobody waits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Column, ColumnElement, Connection, Table, delete, exists, select

from cds_service.store import audit
from cds_service.store.database import Database
from cds_service.store.schema import (
    card_issued,
    feedback_event,
    feedback_quota,
    feedback_unmatched,
    suggestion_issued,
    utc_text,
)
from cds_service.store.seal import Seal
from cds_service.store.values import Retention

_BATCH = 500


def apply_retention(database: Database, seal: Seal, now: datetime, retention: Retention) -> int:
    """Rows removed. Each batch is a transaction, so that breaking off loses nothing but the rest of the work."""
    steps: tuple[Callable[[Connection], int], ...] = (
        lambda connection: _drop_feedback(connection, now - timedelta(days=retention.feedback)),
        lambda connection: _drop_cards(connection, now - timedelta(days=retention.cards)),
        lambda connection: _drop_unmatched(connection, now - timedelta(days=retention.quarantine)),
        lambda connection: _drop_quota(connection, now - timedelta(days=1)),
        lambda connection: audit.drop_before(connection, seal, now - timedelta(days=retention.audit), _BATCH),
    )
    return sum(_until_done(database, step) for step in steps)


def _until_done(database: Database, step: Callable[[Connection], int]) -> int:
    removed = 0
    while True:
        with database.writing() as connection:
            batch = step(connection)
        removed += batch
        if batch < _BATCH:
            return removed


def _drop(connection: Connection, table: Table, key: Column[int] | Column[str], where: ColumnElement[bool]) -> int:
    batch = select(key).where(where).limit(_BATCH)
    return connection.execute(delete(table).where(key.in_(batch.scalar_subquery()))).rowcount


def _drop_feedback(connection: Connection, moment: datetime) -> int:
    return _drop(connection, feedback_event, feedback_event.c.id, feedback_event.c.received_at < moment)


def _drop_cards(connection: Connection, moment: datetime) -> int:
    """Cards without feedback; their suggestions go with them."""
    has_feedback = exists().where(feedback_event.c.card_uuid == card_issued.c.card_uuid)
    old = (
        connection.execute(
            select(card_issued.c.card_uuid).where(card_issued.c.issued_at < moment, ~has_feedback).limit(_BATCH)
        )
        .scalars()
        .all()
    )
    connection.execute(delete(suggestion_issued).where(suggestion_issued.c.card_uuid.in_(old)))
    return connection.execute(delete(card_issued).where(card_issued.c.card_uuid.in_(old))).rowcount


def _drop_unmatched(connection: Connection, moment: datetime) -> int:
    return _drop(connection, feedback_unmatched, feedback_unmatched.c.id, feedback_unmatched.c.received_at < moment)


def _drop_quota(connection: Connection, moment: datetime) -> int:
    return connection.execute(delete(feedback_quota).where(feedback_quota.c.day < utc_text(moment)[:10])).rowcount
