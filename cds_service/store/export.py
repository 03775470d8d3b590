"""The export of feedback that 45 CFR 170.315(b)(11)(ii)(C) asks for: intervention, action taken, feedback, user,
date, location; and the rule version and card uuid, so that each row can be traced."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Literal, TextIO

import orjson
from sqlalchemy import Connection, select

from cds_service.store.audit import AuditEntry, append
from cds_service.store.schema import AnyRow, card_issued, feedback_event, utc_text
from cds_service.store.seal import Seal
from cds_service.store.values import FeedbackRow, Told, tell_nobody

_UNKNOWN = "unknown"
_NONE_GIVEN = "none given"
#: A cell that begins so is run as a formula by spreadsheet programs (FB-4).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")

_EVENTS = (
    select(
        feedback_event.c.idem_key,
        feedback_event.c.outcome,
        feedback_event.c.outcome_at,
        feedback_event.c.detail_closed,
        card_issued.c.card_uuid,
        card_issued.c.card,
        card_issued.c.rule_version,
        card_issued.c.user_closed,
        card_issued.c.location_closed,
    )
    .join(card_issued, card_issued.c.card_uuid == feedback_event.c.card_uuid)
    .order_by(feedback_event.c.id)
)


def export_feedback(
    connection: Connection, seal: Seal, since: datetime | None, actor: str, now: datetime, told: Told = tell_nobody
) -> tuple[FeedbackRow, ...]:
    events = connection.execute(_EVENTS if since is None else _EVENTS.where(feedback_event.c.received_at >= since))
    rows = tuple(_rows(seal, events.all(), told))
    detail = {"actor": actor, "since": since and utc_text(since), "rows": len(rows)}
    append(connection, seal, AuditEntry(now, "export", client="", detail=detail))
    return rows


def _rows(seal: Seal, events: Sequence[AnyRow], told: Told) -> Iterator[FeedbackRow]:
    for done, event in enumerate(events, 1):
        yield _row(seal, event)
        told(done, len(events))


def _row(seal: Seal, event: AnyRow) -> FeedbackRow:
    return FeedbackRow(
        intervention=event.card,
        action=event.outcome,
        feedback=_said(seal.open(event.detail_closed, f"feedback:{event.idem_key}")),
        user=_opened(seal, event.user_closed, f"user:{event.card_uuid}"),
        date=utc_text(event.outcome_at),
        location=_opened(seal, event.location_closed, f"location:{event.card_uuid}"),
        rule_version=event.rule_version,
        card_uuid=event.card_uuid,
    )


def _opened(seal: Seal, closed: bytes | None, where: str) -> str:
    return _UNKNOWN if closed is None else str(seal.open(closed, where))


def _said(detail: object) -> str:
    """Reason and comment in one cell: `code (display): comment`, whatever of it there is."""
    if not isinstance(detail, dict):
        return _UNKNOWN
    reason, comment = detail.get("reason") or {}, detail.get("comment") or ""
    display = f"({reason['display']})" if reason.get("display") else ""
    named = " ".join(part for part in (reason.get("code"), display) if part)
    return ": ".join(part for part in (named, comment) if part) or _NONE_GIVEN


def write_feedback(rows: Iterable[FeedbackRow], form: Literal["csv", "ndjson"], out: TextIO) -> None:
    """One row per line after a line of column names (csv), or one JSON object per line (ndjson)."""
    if form == "ndjson":
        out.writelines(orjson.dumps(asdict(row)).decode() + "\n" for row in rows)
        return
    table = csv.writer(out)
    table.writerow(field.name for field in fields(FeedbackRow))
    table.writerows([inert(cell) for cell in asdict(row).values()] for row in rows)


def inert(cell: str) -> str:
    """The cell as text that no spreadsheet program takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) or cell.lstrip().startswith(_FORMULA_STARTS) else cell
