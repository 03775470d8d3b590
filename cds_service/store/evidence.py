"""How many charts held what, by client and day: sums that the workers add to now and then."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from cds_service.store.records import EvidenceCount
from cds_service.store.schema import evidence_count

_KEY = ("client", "day", "subject", "kind")
_ORDER = tuple(evidence_count.c[name] for name in _KEY)


def add(connection: Connection, counts: Iterable[EvidenceCount]) -> None:
    """Add to the counts; in one order, so that two workers do not wait for each other crosswise."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(evidence_count)
    more = insert.on_conflict_do_update(
        index_elements=_KEY, set_={"number": evidence_count.c.number + insert.excluded.number}
    )
    rows = sorted((each.client, each.day.isoformat(), each.subject, each.kind, each.number) for each in counts)
    if rows:
        connection.execute(more, [dict(zip((*_KEY, "number"), row, strict=True)) for row in rows])


def read(connection: Connection, since: date, until: date) -> tuple[EvidenceCount, ...]:
    """Return the counts of the days from `since` up to, but not including, `until`."""
    found = select(evidence_count).where(
        evidence_count.c.day >= since.isoformat(), evidence_count.c.day < until.isoformat()
    )
    return tuple(
        EvidenceCount(date.fromisoformat(row.day), row.client, row.subject, row.kind, row.number)
        for row in connection.execute(found.order_by(*_ORDER))
    )
