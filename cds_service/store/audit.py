"""The audit chain: every row holds the hash of the row before it, and a signed anchor holds both ends.

    hash(n) = SHA-256( hash(n-1) || canonical JSON of row n )

An edit, an insertion, a reordering or a gap breaks the chain. Anyone who can write to the database could recompute
the chain or truncate it; the anchor (row numbers and hashes of both ends, signed with the store's key) reveals that.
Restoring an older anchor together with its older chain cannot be detected from inside: keep `AuditReport.head`
elsewhere and compare.

A row is encrypted, hashed and signed before anything is locked. The write then states which end of the chain it
follows, and fails where another process was first (`ChainMoved`); it is sent together with the commit. So the lock of
the anchor never waits for a process, however slow that is.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile
from typing import Any

import orjson
from sqlalchemy import Connection, String, bindparam, case, delete, insert, select, type_coerce, update

from cds_service.store.databases.faults import StoreUnavailable
from cds_service.store.databases.statement import Statement
from cds_service.store.keys.encryption import FieldCipher
from cds_service.store.records import AuditReport, AuditRow, OnProgress, ignore_progress
from cds_service.store.schema import AnyRow, audit_anchor, audit_event, utc_text
from cds_service.store.store_keys import check_keys

_START = "0" * 64
_MAX_FAULTS = 100
_BATCH = 500
_FIELDS = ("seq", "recorded", "kind", "client", "service", "patient_hash", "detail_closed")
# Times are read as text, so that a value this program never wrote does not stop the verification.
_AS_STORED = select(
    type_coerce(audit_event.c.recorded, String).label("recorded"),
    *(audit_event.c[name] for name in (*_FIELDS, "previous", "hash") if name != "recorded"),
).order_by(audit_event.c.seq)
_ALL = select(audit_event).order_by(audit_event.c.seq)
_ANCHOR = Statement(lambda _: select(audit_anchor))
_INSERT = Statement(lambda _: insert(audit_event))
_UNMOVED = (
    (audit_anchor.c.first_seq == bindparam("found_first"))
    & (audit_anchor.c.last_seq == bindparam("found_last"))
    & (audit_anchor.c.last_hash == bindparam("found_hash"))
)
_RENEWED = ("patient_hash", "detail_closed", "previous", "hash")
_RENEW = (
    update(audit_event)
    .where(audit_event.c.seq == bindparam("of_seq"))
    .values({name: bindparam(f"new_{name}") for name in _RENEWED})
)
_MOVE = Statement(
    lambda _: update(audit_anchor).values(
        first_seq=bindparam("first_seq"),
        before_first=bindparam("before_first"),
        last_seq=bindparam("last_seq"),
        last_hash=bindparam("last_hash"),
        signature=case((_UNMOVED, bindparam("signed")), else_=None),
    )
)
_OLDEST = select(audit_event.c.seq, audit_event.c.hash, audit_event.c.recorded).order_by(audit_event.c.seq)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One event to append to the audit trail. `detail` is encrypted; the other members are stored in clear."""

    recorded: datetime
    kind: str
    client: str
    service: str = ""
    patient_hash: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)


#: Commits at the end of its block and sends the block's statements with the commit: `Database.committing`.
Committing = Callable[[Connection], AbstractContextManager[None]]


def begin_chain(connection: Connection, cipher: FieldCipher) -> None:
    """Insert the anchor of an empty chain."""
    ends = _Ends(1, _START, 0, _START)
    connection.execute(insert(audit_anchor).values(id=1, **ends.columns(), signature=ends.signature(cipher)))


def append(connection: Connection, cipher: FieldCipher, entries: Iterable[AuditEntry], committing: Committing) -> None:
    """Append one row for each entry to the chain, and commit.

    Raises `StoreUnavailable` if the anchor is missing, `WrongKeys` if the store was given other keys, and `ChainMoved`
    if another process appended meanwhile.
    """
    anchor = _anchor(connection, cipher)
    number, digest = anchor.last_seq, anchor.last_hash
    rows = []
    for entry in entries:
        number += 1
        row = _row(cipher, number, entry)
        previous, digest = digest, _hash(digest, row | {"recorded": utc_text(entry.recorded)})
        rows.append(row | {"previous": previous, "hash": digest})
    with committing(connection):
        _move(connection, cipher, anchor, _Ends(anchor.first_seq, anchor.before_first, number, digest))
        _INSERT.run(connection, *rows)


def write_anew(
    connection: Connection, cipher: FieldCipher, batches: Iterable[Sequence[Mapping[str, Any]]], entry: AuditEntry
) -> None:
    """Write all rows again with the values of `batches`, which are of other keys, and append an entry.

    Numbers and order stay, and so does the hash before the first row, whose own row is gone. Nobody else may write
    until the caller's transaction ends.
    """
    anchor = _any_anchor(connection)
    number, digest = anchor.first_seq - 1, anchor.before_first
    for batch in batches:
        rows = []
        for row in batch:
            previous, number, digest = digest, row["seq"], _hash(digest, row)
            values = {**row, "previous": previous, "hash": digest}
            rows.append({"of_seq": number} | {f"new_{name}": values[name] for name in _RENEWED})
        connection.execute(_RENEW, rows)
    number += 1
    last = _row(cipher, number, entry)
    previous, digest = digest, _hash(digest, last | {"recorded": utc_text(entry.recorded)})
    _INSERT.run(connection, last | {"previous": previous, "hash": digest})
    ends = _Ends(anchor.first_seq, anchor.before_first, number, digest)
    connection.execute(update(audit_anchor).values(**ends.columns(), signature=ends.signature(cipher)))


def stored_rows(connection: Connection) -> Iterator[Sequence[Mapping[str, Any]]]:
    """Yield all rows in batches, oldest first, with times as text and details as they are encrypted."""
    with connection.execute(_AS_STORED.execution_options(yield_per=_BATCH)) as found:
        for batch in found.mappings().partitions():
            yield [dict(row) for row in batch]


def _row(cipher: FieldCipher, number: int, entry: AuditEntry) -> dict[str, object]:
    return {
        "seq": number,
        "recorded": entry.recorded,
        "kind": entry.kind,
        "client": entry.client,
        "service": entry.service,
        "patient_hash": entry.patient_hash,
        "detail_closed": cipher.encrypt(dict(entry.detail), f"audit:{number}"),
    }


def _anchor(connection: Connection, cipher: FieldCipher) -> Any:
    """Return the anchor. Raises `WrongKeys` where the store was given other keys while it was open."""
    anchor = _any_anchor(connection)
    if not _is_signed(cipher, anchor):
        check_keys(connection, cipher)
    return anchor


def _any_anchor(connection: Connection) -> Any:
    anchors = _ANCHOR.rows(connection, {})
    if len(anchors) != 1:
        raise StoreUnavailable("the audit chain has lost its anchor: run rls-cds audit verify")
    return anchors[0]


@dataclass(frozen=True, slots=True)
class _Ends:
    """Both ends of the chain: the first row and the hash before it, the last row and its hash."""

    first: int
    before: str
    last: int
    digest: str

    def columns(self) -> dict[str, object]:
        return {
            "first_seq": self.first,
            "before_first": self.before,
            "last_seq": self.last,
            "last_hash": self.digest,
        }

    def signature(self, cipher: FieldCipher) -> str:
        return cipher.signature(self.first, self.before, self.last, self.digest)


def _move(connection: Connection, cipher: FieldCipher, found: AnyRow, ends: _Ends) -> None:
    """Replace the anchor that was found; where it has moved since, the signature becomes NULL, which is an error.

    An anchor that was changed from outside never gets a valid signature again, or the next row would hide the change.
    """
    signature = ends.signature(cipher) if _is_signed(cipher, found) else cipher.signature("changed", ends.digest)
    as_found = {"found_first": found.first_seq, "found_last": found.last_seq, "found_hash": found.last_hash}
    _MOVE.run(connection, ends.columns() | as_found | {"signed": signature})


def _is_signed(cipher: FieldCipher, anchor: AnyRow) -> bool:
    ends = _Ends(anchor.first_seq, anchor.before_first, anchor.last_seq, anchor.last_hash)
    return bool(anchor.signature == ends.signature(cipher))


def _hash(previous: str, row: Mapping[str, object]) -> str:
    canonical = orjson.dumps([row[name] for name in _FIELDS], default=_plain)
    return hashlib.sha256(str(previous).encode() + canonical).hexdigest()


def _plain(value: object) -> str:
    return b64encode(value).decode() if isinstance(value, bytes) else repr(value)


def verify(connection: Connection, cipher: FieldCipher, on_progress: OnProgress = ignore_progress) -> AuditReport:
    """Check every row of the chain and report about 100 faults at most, each with its row number."""
    anchors = connection.execute(select(audit_anchor)).all()
    if len(anchors) != 1:
        return AuditReport(rows=0, head="", faults=("the anchor of the chain is missing",))
    anchor = anchors[0]
    faults = list(_anchor_faults(cipher, anchor))
    walk = _Walk(anchor.first_seq, anchor.before_first)
    with connection.execute(_AS_STORED.execution_options(yield_per=1000)) as found:
        for row in found:
            faults += walk.step(row)[: _MAX_FAULTS - len(faults)]
            on_progress(walk.rows, anchor.last_seq - anchor.first_seq + 1)
    faults += walk.end_faults(anchor.last_seq, anchor.last_hash)
    return AuditReport(rows=walk.rows, head=walk.previous, faults=tuple(faults))


def rows_since(connection: Connection, cipher: FieldCipher, head: str) -> int | None:
    """Return how many rows follow the one with this hash, None if there is none in the chain.

    A head from before a change of keys is found too: the row on the change names the last of them.
    """
    anchor = _any_anchor(connection)
    if head == anchor.before_first:
        return int(anchor.last_seq - anchor.first_seq + 1)
    found = connection.execute(select(audit_event.c.seq).where(audit_event.c.hash == head)).scalar()
    if found is None:
        changes = connection.execute(_ALL.where(audit_event.c.kind == "rekey")).all()
        named = [row.seq for row in changes if _decrypted(row, cipher).detail.get("headBefore") == head]
        found = named[0] - 1 if named else None
    return None if found is None else int(anchor.last_seq - found)


def _anchor_faults(cipher: FieldCipher, anchor: AnyRow) -> Iterator[str]:
    if not _is_signed(cipher, anchor):
        yield "the anchor of the chain was changed"


class _Walk:
    """A single pass over the rows, ordered by number."""

    def __init__(self, first: int, before_first: str) -> None:
        self.expected, self.previous, self.rows = first, before_first, 0

    def step(self, row: AnyRow) -> list[str]:
        """Return the faults of the next row."""
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
        """Yield the faults at the end of the chain, whose last row and hash the anchor holds."""
        if self.expected - 1 < last:
            yield f"rows {self.expected} to {last} are missing at the end"
        elif self.expected - 1 > last:
            yield f"rows after {last} were added from outside"
        elif self.previous != digest:
            yield "the last row is not the one the anchor names"


def rows(connection: Connection, cipher: FieldCipher) -> Iterator[AuditRow]:
    """Yield every row with its detail decrypted, oldest first."""
    with connection.execute(_ALL.execution_options(yield_per=1000)) as found:
        yield from (_decrypted(row, cipher) for row in found)


def _decrypted(row: AnyRow, cipher: FieldCipher) -> AuditRow:
    detail = cipher.decrypt(row.detail_closed, f"audit:{row.seq}")
    return AuditRow(
        row.seq,
        row.recorded,
        row.kind,
        row.client,
        row.service,
        row.patient_hash,
        detail if isinstance(detail, dict) else {},
    )


def drop_before(
    connection: Connection, cipher: FieldCipher, cutoff: datetime, limit: int, committing: Committing
) -> int:
    """Delete up to `limit` of the oldest rows from before `cutoff`, sign the new start, commit, and return how many.

    Raises like `append`.
    """
    old = connection.execute(_OLDEST.limit(limit)).all()
    gone = list(takewhile(lambda row: row.recorded < cutoff, old))
    if not gone:
        return 0
    anchor = _anchor(connection, cipher)
    last = gone[-1]
    with committing(connection):
        _move(connection, cipher, anchor, _Ends(last.seq + 1, last.hash, anchor.last_seq, anchor.last_hash))
        connection.execute(delete(audit_event).where(audit_event.c.seq <= last.seq))
    return len(gone)
