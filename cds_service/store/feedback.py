"""Keeping feedback: each event once, bound to a card that this client was given by this service."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects import postgresql, sqlite

from cds_service.store.audit import AuditEntry, append
from cds_service.store.faults import QuotaReached
from cds_service.store.replay import insert_once
from cds_service.store.schema import (
    card_issued,
    feedback_event,
    feedback_quota,
    feedback_unmatched,
    suggestion_issued,
    utc_text,
)
from cds_service.store.seal import Seal
from cds_service.store.suppression import reason_hash
from cds_service.store.values import FeedbackEvent, FeedbackItem, FeedbackResult

#: Rows of a client in the quarantine; what comes beyond is answered alike and counted, but not kept.
QUARANTINE_CAP = 10_000
#: New events a client may send in a day (UTC).
DAILY_QUOTA = 100_000


def record_feedback(
    connection: Connection, seal: Seal, client: str, service: str, items: Sequence[FeedbackItem], now: datetime
) -> FeedbackResult:
    """All or nothing, by the transaction it runs in. Raises `QuotaReached`."""
    items = sorted(items, key=_order)
    cards = _cards_given(connection, client, service, {item.card for item in items})
    matched = [item for item in items if _belongs(item, cards)]
    unmatched = [item for item in items if not _belongs(item, cards)]
    recorded = [item for item in matched if _keep(connection, seal, client, item, now)]
    room = max(0, QUARANTINE_CAP - _quarantined(connection, client)) if unmatched else 0
    aside = [item for item in unmatched[:room] if _put_aside(connection, seal, client, service, item, now)]
    if recorded or aside:
        _count_towards_quota(connection, client, len(recorded) + len(aside), now)
    if recorded:
        append(connection, seal, _audit_entry(client, service, recorded, now))
    turned_away = len(unmatched[room:])
    repeated = len(items) - len(recorded) - len(aside) - turned_away
    events = tuple(FeedbackEvent(item.card, cards[item.card].code, item.outcome, _code(item)) for item in recorded)
    return FeedbackResult(len(recorded), repeated, len(aside), turned_away, events)


class _Given(NamedTuple):
    code: str
    suggestions: frozenset[str]


def _code(item: FeedbackItem) -> str:
    return item.reason.code if item.reason else ""


def _order(item: FeedbackItem) -> tuple[str, str, datetime]:
    """Two batches with the same events take their rows in the same order, so that neither waits for the other."""
    return item.card, item.outcome, item.at


def _cards_given(connection: Connection, client: str, service: str, uuids: Collection[str]) -> Mapping[str, _Given]:
    """Of these cards, the ones that this service gave to this client, each with its code and suggestions."""
    given = connection.execute(
        select(card_issued.c.card_uuid, card_issued.c.card, suggestion_issued.c.suggestion_uuid)
        .outerjoin(suggestion_issued, suggestion_issued.c.card_uuid == card_issued.c.card_uuid)
        .where(card_issued.c.card_uuid.in_(uuids), card_issued.c.client == client, card_issued.c.service == service)
    ).all()
    cards: dict[str, _Given] = {}
    for uuid, code, suggestion in given:
        known = cards[uuid].suggestions if uuid in cards else frozenset()
        cards[uuid] = _Given(code, known | ({suggestion} if suggestion else frozenset()))
    return cards


def _belongs(item: FeedbackItem, cards: Mapping[str, _Given]) -> bool:
    return item.card in cards and cards[item.card].suggestions.issuperset(item.suggestions)


def idempotency_key(seal: Seal, client: str, item: FeedbackItem) -> str:
    """Equal for two reports of the same event (FB-3)."""
    return seal.pseudonym(
        "feedback", client, item.card, item.outcome, utc_text(item.at), *sorted(set(item.suggestions))
    )


def _keep(connection: Connection, seal: Seal, client: str, item: FeedbackItem, now: datetime) -> bool:
    key = idempotency_key(seal, client, item)
    row: dict[str, object] = {
        "idem_key": key,
        "card_uuid": item.card,
        "outcome": item.outcome,
        "outcome_at": item.at,
        "received_at": now,
        "late": item.late,
        "reason_hash": reason_hash(seal, _code(item)),
        "detail_closed": seal.close(_detail(item), f"feedback:{key}"),
    }
    return insert_once(connection, feedback_event, row)


def _detail(item: FeedbackItem) -> dict[str, object]:
    reason = item.reason
    return {
        "suggestions": item.suggestions,
        "reason": {"code": reason.code, "system": reason.system, "display": reason.display} if reason else None,
        "comment": item.comment,
    }


def _quarantined(connection: Connection, client: str) -> int:
    counted = select(func.count()).select_from(feedback_unmatched).where(feedback_unmatched.c.client == client)
    return connection.execute(counted).scalar_one()


def _put_aside(
    connection: Connection, seal: Seal, client: str, service: str, item: FeedbackItem, now: datetime
) -> bool:
    key = idempotency_key(seal, client, item)
    content = {"service": service, "card": item.card, "outcome": item.outcome, "at": utc_text(item.at), **_detail(item)}
    row: dict[str, object] = {
        "idem_key": key,
        "client": client,
        "received_at": now,
        "item_closed": seal.close(content, f"unmatched:{key}"),
    }
    return insert_once(connection, feedback_unmatched, row)


def _count_towards_quota(connection: Connection, client: str, events: int, now: datetime) -> None:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    day = utc_text(now)[:10]
    added = dialect.insert(feedback_quota).values(client=client, day=day, events=events)
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
