"""Statistics for operators: cards and calls by day, and what became of the cards."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, case, distinct, func, select, type_coerce
from sqlalchemy.types import String

from cds_service.store.encryption import FieldCipher
from cds_service.store.records import CallCount, CardCount, OutcomeCount, ReasonCount
from cds_service.store.schema import audit_event, card_issued, feedback_event, utc_text

_DAY = func.substr(type_coerce(card_issued.c.issued_at, String), 1, 10)
_CALL_DAY = func.substr(type_coerce(audit_event.c.recorded, String), 1, 10)


def cards_by_day(connection: Connection, since: datetime, until: datetime) -> tuple[CardCount, ...]:
    """Count the issued cards by day, client, topic code, mode and suppression."""
    kind = (card_issued.c.client, card_issued.c.card, card_issued.c.mode, card_issued.c.suppressed)
    counted = (
        select(_DAY.label("day"), *kind, func.count().label("cards"))
        .where(card_issued.c.issued_at >= since, card_issued.c.issued_at < until)
        .group_by(_DAY, *kind)
        .order_by(_DAY, *kind)
    )
    return tuple(
        CardCount(date.fromisoformat(row.day), row.client, row.card, row.mode, bool(row.suppressed), row.cards)
        for row in connection.execute(counted)
    )


def calls_by_day(connection: Connection, since: datetime, until: datetime) -> tuple[CallCount, ...]:
    """Count the answered calls by day, client and service."""
    kind = (audit_event.c.client, audit_event.c.service)
    counted = (
        select(_CALL_DAY.label("day"), *kind, func.count().label("calls"))
        .where(
            audit_event.c.seq >= _first_since(connection, since),
            audit_event.c.recorded >= since,
            audit_event.c.recorded < until,
            audit_event.c.kind == "decision",
        )
        .group_by(_CALL_DAY, *kind)
        .order_by(_CALL_DAY, *kind)
    )
    return tuple(
        CallCount(date.fromisoformat(row.day), row.client, row.service, row.calls)
        for row in connection.execute(counted)
    )


def _first_since(connection: Connection, since: datetime) -> int:
    """Return a row number at or before the first row of that time.

    Row numbers follow the time, so a binary search finds it without an index on the time; an hour is allowed for
    clocks that were set back.
    """
    bounds = connection.execute(select(func.min(audit_event.c.seq), func.max(audit_event.c.seq))).one()
    if bounds[0] is None:
        return 0
    low, high = bounds
    mark = utc_text(since - timedelta(hours=1))
    while low < high:
        middle = (low + high) // 2
        next_row = select(audit_event.c.seq, type_coerce(audit_event.c.recorded, String).label("at"))
        found = connection.execute(next_row.where(audit_event.c.seq >= middle).order_by(audit_event.c.seq).limit(1))
        if found.one().at < mark:
            low = middle + 1
        else:
            high = middle
    return int(low)


def outcomes_by_card(connection: Connection, since: datetime, until: datetime) -> tuple[OutcomeCount, ...]:
    """Count the live cards shown, accepted and overridden, by topic code."""

    def cards_with(outcome: str) -> ColumnElement[int]:
        return func.count(distinct(case((feedback_event.c.outcome == outcome, card_issued.c.card_uuid))))

    counted = (
        select(
            card_issued.c.card,
            func.count(distinct(card_issued.c.card_uuid)),
            cards_with("accepted"),
            cards_with("overridden"),
        )
        .outerjoin(feedback_event, feedback_event.c.card_uuid == card_issued.c.card_uuid)
        .where(
            card_issued.c.issued_at >= since,
            card_issued.c.issued_at < until,
            card_issued.c.mode == "live",
            card_issued.c.suppressed.is_(False),
        )
        .group_by(card_issued.c.card)
        .order_by(card_issued.c.card)
    )
    return tuple(OutcomeCount(*row) for row in connection.execute(counted))


def reasons_by_card(
    connection: Connection, cipher: FieldCipher, since: datetime, until: datetime
) -> tuple[ReasonCount, ...]:
    """Count the override reasons by card.

    The reason is encrypted and its hash is not, so events are counted by hash and one event of each group is decrypted.
    """
    alike = (
        select(card_issued.c.card, func.count().label("events"), func.min(feedback_event.c.idem_key).label("one"))
        .join(card_issued, card_issued.c.card_uuid == feedback_event.c.card_uuid)
        .where(
            feedback_event.c.outcome == "overridden",
            feedback_event.c.received_at >= since,
            feedback_event.c.received_at < until,
        )
        .group_by(card_issued.c.card, feedback_event.c.reason_hash)
        .subquery()
    )
    encrypted = select(alike.c.card, alike.c.events, feedback_event.c.idem_key, feedback_event.c.detail_closed)
    counts: Counter[tuple[str, str]] = Counter()
    for row in connection.execute(encrypted.join(feedback_event, feedback_event.c.idem_key == alike.c.one)):
        counts[row.card, _code(cipher.decrypt(row.detail_closed, f"feedback:{row.idem_key}"))] += row.events
    return tuple(ReasonCount(card, code, events) for (card, code), events in sorted(counts.items()))


def _code(detail: object) -> str:
    reason = detail.get("reason") if isinstance(detail, dict) else None
    return str(reason["code"]) if reason else ""
