"""Record feedback: each event once, matched to a card that this service issued to this client."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Table, func, select

from cds_service.store.audit import AuditEntry
from cds_service.store.databases.database import insert_into
from cds_service.store.databases.faults import QuotaReached
from cds_service.store.keys.encryption import FieldCipher
from cds_service.store.records import FeedbackEvent, FeedbackItem, FeedbackResult
from cds_service.store.schema import (
    card_issued,
    feedback_event,
    feedback_quota,
    feedback_unmatched,
    suggestion_issued,
    utc_text,
)
from cds_service.store.store_keys import check_keys
from cds_service.store.suppression import reason_hash

#: Most rows of one client in the quarantine; further items get the same response and are counted, but dropped.
QUARANTINE_CAP = 10_000
#: Most new events of one client in a day (UTC).
DAILY_QUOTA = 100_000
#: Rows in one statement; SQLite of old takes 999 parameters.
_ROWS_AT_ONCE = 100


def record_feedback(
    connection: Connection, cipher: FieldCipher, client: str, service: str, items: Sequence[FeedbackItem], now: datetime
) -> tuple[FeedbackResult, AuditEntry | None]:
    """Record a batch of feedback and return its audit event, None if nothing was new. Raises `QuotaReached`.

    The caller's transaction makes it all or nothing.
    """
    items = sorted(items, key=_lock_order)
    cards = _issued_cards(connection, client, service, {item.card for item in items})
    matched = [item for item in items if _matches(item, cards)]
    unmatched = [item for item in items if not _matches(item, cards)]
    recorded = _insert_new(connection, feedback_event, [(item, _event(cipher, client, item, now)) for item in matched])
    capacity = max(0, QUARANTINE_CAP - _count_quarantined(connection, client)) if unmatched else 0
    kept = [(item, _quarantine_row(cipher, client, service, item, now)) for item in unmatched[:capacity]]
    quarantined = _insert_new(connection, feedback_unmatched, kept)
    if quarantined and not recorded:
        check_keys(connection, cipher)  # as an audit event would
    if recorded or quarantined:
        _count_towards_quota(connection, client, len(recorded) + len(quarantined), now)
    dropped = len(unmatched[capacity:])
    repeated = len(items) - len(recorded) - len(quarantined) - dropped
    events = tuple(FeedbackEvent(item.card, cards[item.card].code, item.outcome, _code(item)) for item in recorded)
    entry = _audit_entry(client, service, recorded, now) if recorded else None
    return FeedbackResult(len(recorded), repeated, len(quarantined), dropped, events), entry


class _IssuedCard(NamedTuple):
    """The topic code and suggestion uuids of a card that was issued."""

    code: str
    suggestions: frozenset[str]


def _code(item: FeedbackItem) -> str:
    return item.reason.code if item.reason else ""


def _lock_order(item: FeedbackItem) -> tuple[str, str, datetime]:
    """Return a sort key, so that concurrent batches with the same events lock rows in one order and cannot deadlock."""
    return item.card, item.outcome, item.claimed_at or item.at


def _issued_cards(
    connection: Connection, client: str, service: str, uuids: Collection[str]
) -> Mapping[str, _IssuedCard]:
    """Return those of the cards that this service issued to this client, by uuid."""
    issued = connection.execute(
        select(card_issued.c.card_uuid, card_issued.c.card, suggestion_issued.c.suggestion_uuid)
        .outerjoin(suggestion_issued, suggestion_issued.c.card_uuid == card_issued.c.card_uuid)
        .where(card_issued.c.card_uuid.in_(uuids), card_issued.c.client == client, card_issued.c.service == service)
    ).all()
    cards: dict[str, _IssuedCard] = {}
    for uuid, code, suggestion in issued:
        known = cards[uuid].suggestions if uuid in cards else frozenset()
        cards[uuid] = _IssuedCard(code, known | ({suggestion} if suggestion else frozenset()))
    return cards


def _matches(item: FeedbackItem, cards: Mapping[str, _IssuedCard]) -> bool:
    return item.card in cards and cards[item.card].suggestions.issuperset(item.suggestions)


def idempotency_key(cipher: FieldCipher, client: str, item: FeedbackItem) -> str:
    """Return a key that is equal for two reports of the same event (reliability FB-3)."""
    return cipher.pseudonym(
        "feedback",
        client,
        item.card,
        item.outcome,
        utc_text(item.claimed_at or item.at),
        *sorted(set(item.suggestions)),
    )


def _insert_new(
    connection: Connection, table: Table, rows: Sequence[tuple[FeedbackItem, Mapping[str, object]]]
) -> list[FeedbackItem]:
    """Insert the rows whose `idem_key` is new, and return their items; a large batch takes few statements."""
    new: dict[object, FeedbackItem] = {}
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        some: dict[object, tuple[FeedbackItem, Mapping[str, object]]] = {}
        for item, row in rows[start : start + _ROWS_AT_ONCE]:
            some.setdefault(row["idem_key"], (item, row))
        insert = (
            insert_into(connection.dialect.name, table)
            .values([row for _, row in some.values()])
            .on_conflict_do_nothing()
        )
        inserted = set(connection.execute(insert.returning(table.c.idem_key)).scalars())
        new |= {key: item for key, (item, _) in some.items() if key in inserted}
    return list(new.values())


def _event(cipher: FieldCipher, client: str, item: FeedbackItem, now: datetime) -> Mapping[str, object]:
    key = idempotency_key(cipher, client, item)
    return {
        "idem_key": key,
        "card_uuid": item.card,
        "outcome": item.outcome,
        "outcome_at": item.at,
        "received_at": now,
        "late": item.late,
        "reason_hash": reason_hash(cipher, _code(item)),
        "detail_closed": cipher.encrypt(_detail(item), f"feedback:{key}"),
    }


def _detail(item: FeedbackItem) -> dict[str, object]:
    reason = item.reason
    return {
        "suggestions": item.suggestions,
        "reason": {"code": reason.code, "system": reason.system, "display": reason.display} if reason else None,
        "comment": item.comment,
        **({"claimed_at": utc_text(item.claimed_at)} if item.claimed_at else {}),
        **({"comment_cut": True} if item.is_comment_cut else {}),
    }


def _count_quarantined(connection: Connection, client: str) -> int:
    counted = select(func.count()).select_from(feedback_unmatched).where(feedback_unmatched.c.client == client)
    return connection.execute(counted).scalar_one()


def _quarantine_row(
    cipher: FieldCipher, client: str, service: str, item: FeedbackItem, now: datetime
) -> Mapping[str, object]:
    key = idempotency_key(cipher, client, item)
    content = {"service": service, "card": item.card, "outcome": item.outcome, "at": utc_text(item.at), **_detail(item)}
    return {
        "idem_key": key,
        "client": client,
        "received_at": now,
        "item_closed": cipher.encrypt(content, f"unmatched:{key}"),
    }


def _count_towards_quota(connection: Connection, client: str, events: int, now: datetime) -> None:
    day = utc_text(now)[:10]
    added = insert_into(connection.dialect.name, feedback_quota).values(client=client, day=day, events=events)
    counted = connection.execute(
        added.on_conflict_do_update(
            index_elements=["client", "day"], set_={"events": feedback_quota.c.events + events}
        ).returning(feedback_quota.c.events)
    ).scalar_one()
    if counted > DAILY_QUOTA:
        raise QuotaReached("this client has sent as much feedback today as it may")


def _audit_entry(client: str, service: str, recorded: Sequence[FeedbackItem], now: datetime) -> AuditEntry:
    events = [{"card": item.card, "outcome": item.outcome, "at": utc_text(item.at)} for item in recorded]
    return AuditEntry(now, "feedback", client, service, detail={"events": events})
