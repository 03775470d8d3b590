"""Export of feedback as 45 CFR 170.315(b)(11)(ii)(C) requires.

Each row holds intervention, action taken, feedback, user, date and location, and can be traced by rule version and
card uuid.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Literal, TextIO

import orjson
from sqlalchemy import Connection, select

from cds_service.store.audit import AuditEntry
from cds_service.store.keys.encryption import FieldCipher
from cds_service.store.records import FeedbackRow, OnProgress, ignore_progress
from cds_service.store.schema import AnyRow, card_issued, feedback_event, utc_text

_UNKNOWN = "unknown"
_NONE_GIVEN = "none given"
_CUT = " [cut]"
#: Spreadsheet programs run a cell with one of these at its start as a formula (reliability FB-4).
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
    connection: Connection, cipher: FieldCipher, since: datetime | None, on_progress: OnProgress = ignore_progress
) -> tuple[FeedbackRow, ...]:
    """Return the feedback received since a time (None: all)."""
    events = connection.execute(_EVENTS if since is None else _EVENTS.where(feedback_event.c.received_at >= since))
    return tuple(_rows(cipher, events.all(), on_progress))


def export_entry(rows: Sequence[FeedbackRow], since: datetime | None, actor: str, now: datetime) -> AuditEntry:
    """Return the audit event of an export."""
    detail = {"actor": actor, "since": since and utc_text(since), "rows": len(rows)}
    return AuditEntry(now, "export", client="", detail=detail)


def _rows(cipher: FieldCipher, events: Sequence[AnyRow], on_progress: OnProgress) -> Iterator[FeedbackRow]:
    for done, event in enumerate(events, 1):
        yield _row(cipher, event)
        on_progress(done, len(events))


def _row(cipher: FieldCipher, event: AnyRow) -> FeedbackRow:
    return FeedbackRow(
        intervention=event.card,
        action=event.outcome,
        feedback=_feedback_text(cipher.decrypt(event.detail_closed, f"feedback:{event.idem_key}")),
        user=_decrypted(cipher, event.user_closed, f"user:{event.card_uuid}"),
        date=utc_text(event.outcome_at),
        location=_decrypted(cipher, event.location_closed, f"location:{event.card_uuid}"),
        rule_version=event.rule_version,
        card_uuid=event.card_uuid,
    )


def _decrypted(cipher: FieldCipher, ciphertext: bytes | None, context: str) -> str:
    return _UNKNOWN if ciphertext is None else str(cipher.decrypt(ciphertext, context))


def _feedback_text(detail: object) -> str:
    """Render reason and comment as `code (display): comment`, leaving out what is absent.

    A comment that was longer than is kept ends in `[cut]`.
    """
    if not isinstance(detail, dict):
        return _UNKNOWN
    reason, comment = detail.get("reason") or {}, detail.get("comment") or ""
    comment += _CUT if detail.get("comment_cut") else ""
    display = f"({reason['display']})" if reason.get("display") else ""
    named = " ".join(part for part in (reason.get("code"), display) if part)
    return ": ".join(part for part in (named, comment) if part) or _NONE_GIVEN


def write_feedback(rows: Iterable[FeedbackRow], form: Literal["csv", "ndjson"], out: TextIO) -> None:
    """Write the rows as CSV with a header line, or as one JSON object per line (ndjson)."""
    if form == "ndjson":
        out.writelines(orjson.dumps(asdict(row)).decode() + "\n" for row in rows)
        return
    table = csv.writer(out)
    table.writerow(field.name for field in fields(FeedbackRow))
    table.writerows([escape_formula(cell) for cell in asdict(row).values()] for row in rows)


def escape_formula(cell: str) -> str:
    """Return the cell as text that no spreadsheet program runs as a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) or cell.lstrip().startswith(_FORMULA_STARTS) else cell
