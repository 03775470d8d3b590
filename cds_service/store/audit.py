"""The audit chain: every row holds the hash of the row before it, and a signed anchor holds both ends.

    hash(n) = SHA-256( hash(n-1) || canonical JSON of row n )

An edit, an insertion, a reordering or a gap breaks the chain. Whoever can write to the database could compute
it anew, or cut rows off its end; the anchor (numbers and hashes of both ends, signed with the store's key)
shows that. Putting back an older anchor with an older chain cannot be seen from inside: note `AuditReport.head`
elsewhere and compare.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile

import orjson
from sqlalchemy import Connection, String, delete, insert, select, type_coerce, update
from sqlalchemy.exc import NoResultFound

from cds_service.store.faults import StoreUnavailable
from cds_service.store.schema import AnyRow, audit_anchor, audit_event, utc_text
from cds_service.store.seal import Seal
from cds_service.store.values import AuditReport, AuditRow, Told, tell_nobody

_START = "0" * 64
_MOST_FAULTS = 100
_FIELDS = ("seq", "recorded", "kind", "client", "service", "patient_hash", "detail_closed")
#: as they lie in the database, so that a value which nobody of ours wrote does not stop the check
_AS_STORED = select(
    type_coerce(audit_event.c.recorded, String).label("recorded"),
    *(audit_event.c[name] for name in (*_FIELDS, "previous", "hash") if name != "recorded"),
).order_by(audit_event.c.seq)
_ALL = select(audit_event).order_by(audit_event.c.seq)
_OLDEST = select(audit_event.c.seq, audit_event.c.hash, audit_event.c.recorded).order_by(audit_event.c.seq)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What is to be remembered. `detail` is encrypted; the rest stands in clear."""

    recorded: datetime
    kind: str
    client: str
    service: str = ""
    patient_hash: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)


def begin_chain(connection: Connection, seal: Seal) -> None:
    connection.execute(insert(audit_anchor).values(id=1, **_signed(seal, 1, _START, 0, _START)))


def append(connection: Connection, seal: Seal, entry: AuditEntry) -> None:
    """Add one row. Call it last in a transaction: it makes all other writers wait until that has ended."""
    try:
        anchor = connection.execute(select(audit_anchor).with_for_update()).one()
    except NoResultFound:
        raise StoreUnavailable("the audit chain has lost its anchor: run rls-cds audit verify") from None
    number = anchor.last_seq + 1
    row: dict[str, object] = {
        "seq": number,
        "recorded": entry.recorded,
        "kind": entry.kind,
        "client": entry.client,
        "service": entry.service,
        "patient_hash": entry.patient_hash,
        "detail_closed": seal.close(dict(entry.detail), f"audit:{number}"),
    }
    digest = _hash(anchor.last_hash, row | {"recorded": utc_text(entry.recorded)})
    connection.execute(insert(audit_event), row | {"previous": anchor.last_hash, "hash": digest})
    _move(connection, seal, anchor.first_seq, anchor.before_first, number, digest)


def _move(connection: Connection, seal: Seal, first: int, before: str, last: int, digest: str) -> None:
    connection.execute(update(audit_anchor), _signed(seal, first, before, last, digest))


def _signed(seal: Seal, first: int, before: str, last: int, digest: str) -> dict[str, object]:
    return {
        "first_seq": first,
        "before_first": before,
        "last_seq": last,
        "last_hash": digest,
        "signature": seal.signature(first, before, last, digest),
    }


def _hash(previous: str, row: Mapping[str, object]) -> str:
    canonical = orjson.dumps([row[name] for name in _FIELDS], default=_plain)
    return hashlib.sha256(str(previous).encode() + canonical).hexdigest()


def _plain(value: object) -> str:
    return b64encode(value).decode() if isinstance(value, bytes) else repr(value)


def verify(connection: Connection, seal: Seal, told: Told = tell_nobody) -> AuditReport:
    """Walk the chain from end to end; at most about 100 faults are named, each by its row number."""
    anchors = connection.execute(select(audit_anchor)).all()
    if len(anchors) != 1:
        return AuditReport(rows=0, head="", faults=("the anchor of the chain is missing",))
    anchor = anchors[0]
    faults = list(_anchor_faults(seal, anchor))
    walk = _Walk(anchor.first_seq, anchor.before_first)
    with connection.execute(_AS_STORED.execution_options(yield_per=1000)) as found:
        for row in found:
            faults += walk.step(row)[: _MOST_FAULTS - len(faults)]
            told(walk.rows, anchor.last_seq - anchor.first_seq + 1)
    faults += walk.end_faults(anchor.last_seq, anchor.last_hash)
    return AuditReport(rows=walk.rows, head=walk.previous, faults=tuple(faults))


def _anchor_faults(seal: Seal, anchor: AnyRow) -> Iterator[str]:
    if anchor.signature != seal.signature(anchor.first_seq, anchor.before_first, anchor.last_seq, anchor.last_hash):
        yield "the anchor of the chain was changed"


class _Walk:
    """One pass over the rows in order of their numbers."""

    def __init__(self, first: int, before_first: str) -> None:
        self.expected, self.previous, self.rows = first, before_first, 0

    def step(self, row: AnyRow) -> list[str]:
        faults = list(self._faults(row))
        self.rows += 1
        self.previous, self.expected = row.hash, row.seq + 1
        return faults

    def _faults(self, row: AnyRow) -> Iterator[str]:
        if row.seq > self.expected:
            yield f"rows {self.expected} to {row.seq - 1} are missing"
        elif row.seq < self.expected:
            yield f"row {row.seq} lies before the beginning of the chain"
        if row.previous != self.previous:
            yield f"row {row.seq} does not follow the row before it"
        if row.hash != _hash(row.previous, row._asdict()):
            yield f"row {row.seq} was changed"

    def end_faults(self, last: int, digest: str) -> Iterable[str]:
        if self.expected - 1 < last:
            yield f"rows {self.expected} to {last} are missing at the end"
        elif self.expected - 1 > last:
            yield f"rows after {last} were added from outside"
        elif self.previous != digest:
            yield "the last row is not the one the anchor names"


def rows(connection: Connection, seal: Seal) -> Iterator[AuditRow]:
    with connection.execute(_ALL.execution_options(yield_per=1000)) as found:
        yield from (_opened(row, seal) for row in found)


def _opened(row: AnyRow, seal: Seal) -> AuditRow:
    detail = seal.open(row.detail_closed, f"audit:{row.seq}")
    return AuditRow(
        row.seq,
        row.recorded,
        row.kind,
        row.client,
        row.service,
        row.patient_hash,
        detail if isinstance(detail, dict) else {},
    )


def drop_before(connection: Connection, seal: Seal, moment: datetime, most: int) -> int:
    """Shorten the chain at its old end, and sign the new beginning; at most `most` rows."""
    anchor = connection.execute(select(audit_anchor).with_for_update()).one()
    old = connection.execute(_OLDEST.limit(most)).all()
    gone = list(takewhile(lambda row: row.recorded < moment, old))
    if not gone:
        return 0
    connection.execute(delete(audit_event).where(audit_event.c.seq <= gone[-1].seq))
    _move(connection, seal, gone[-1].seq + 1, gone[-1].hash, anchor.last_seq, anchor.last_hash)
    return len(gone)
