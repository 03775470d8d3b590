"""Delete expired rows in batches of a few hundred, so that other writers do not wait long."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Column, ColumnElement, Connection, Table, delete, exists, select

from cds_service.store import audit
from cds_service.store.databases.database import ChainMoved, Database
from cds_service.store.keys.encryption import FieldCipher
from cds_service.store.records import Retention
from cds_service.store.schema import (
    card_issued,
    evidence_count,
    expectation,
    feedback_event,
    feedback_quota,
    feedback_unmatched,
    suggestion_issued,
    utc_text,
)

_BATCH = 500


def apply_retention(database: Database, cipher: FieldCipher, now: datetime, retention: Retention) -> int:
    """Delete expired rows and return how many; each batch is a transaction, so an interrupted run can be resumed."""
    steps: tuple[Callable[[Connection], int], ...] = (
        lambda connection: _drop_feedback(connection, now - timedelta(days=retention.feedback)),
        lambda connection: _drop_cards(connection, now - timedelta(days=retention.cards)),
        lambda connection: _drop(
            connection,
            expectation,
            expectation.c.card_uuid,
            expectation.c.asked_at < now - timedelta(days=retention.cards),
        ),
        lambda connection: _drop_evidence(connection, now - timedelta(days=retention.evidence)),
        lambda connection: _drop_unmatched(connection, now - timedelta(days=retention.unmatched_feedback)),
        lambda connection: _drop_quota(connection, now - timedelta(days=1)),
        lambda connection: audit.drop_before(
            connection, cipher, now - timedelta(days=retention.audit), _BATCH, database.committing
        ),
    )
    return sum(_repeat(database, step) for step in steps)


def _repeat(database: Database, step: Callable[[Connection], int]) -> int:
    removed = 0
    while True:
        try:
            with database.writing() as connection:
                batch = step(connection)
        except ChainMoved:  # somebody appended meanwhile
            continue
        removed += batch
        if batch < _BATCH:
            return removed


def _drop(connection: Connection, table: Table, key: Column[int] | Column[str], where: ColumnElement[bool]) -> int:
    batch = select(key).where(where).limit(_BATCH)
    return connection.execute(delete(table).where(key.in_(batch.scalar_subquery()))).rowcount


def _drop_feedback(connection: Connection, moment: datetime) -> int:
    return _drop(connection, feedback_event, feedback_event.c.id, feedback_event.c.received_at < moment)


def _drop_cards(connection: Connection, moment: datetime) -> int:
    """Delete cards without feedback, and their suggestions."""
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


def _drop_evidence(connection: Connection, moment: datetime) -> int:
    return connection.execute(delete(evidence_count).where(evidence_count.c.day < utc_text(moment)[:10])).rowcount


def _drop_quota(connection: Connection, moment: datetime) -> int:
    return connection.execute(delete(feedback_quota).where(feedback_quota.c.day < utc_text(moment)[:10])).rowcount
