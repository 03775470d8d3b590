"""Is the store fit for use? For /readyz."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete, insert, select

from cds_service.store.database import Database
from cds_service.store.faults import StoreError
from cds_service.store.migrating import schema_version
from cds_service.store.schema import VERSIONS, probe, token_used
from cds_service.store.values import Health

_LEAST_FREE = 0.05


def examine(database: Database, tokens: Database, path: Path | None, now: datetime) -> Health:
    """`path` is the file of an SQLite store; the disk of a PostgreSQL server is its operator's to watch."""
    try:
        faults = (*_writing_faults(database, now), *_token_faults(tokens), *_room_faults(path))
    except StoreError as error:
        faults = (str(error),)
    return Health(faults)


def _writing_faults(database: Database, now: datetime) -> Iterator[str]:
    with database.writing() as connection:
        if schema_version(connection) != VERSIONS[-1]:
            yield "the schema is not the one of this program"
            return
        connection.execute(delete(probe))
        connection.execute(insert(probe), {"id": 1, "at": now})
    with database.reading() as connection:
        if connection.execute(select(probe.c.id)).scalar() != 1:
            yield "what was written could not be read"


def _token_faults(tokens: Database) -> Iterator[str]:
    with tokens.reading() as connection:
        connection.execute(select(token_used.c.expires).limit(1)).all()
    return iter(())


def _room_faults(path: Path | None) -> Iterator[str]:
    if path is None:
        return
    disk = shutil.disk_usage(path.parent)
    if disk.free < disk.total * _LEAST_FREE:
        yield f"less than {_LEAST_FREE:.0%} of the disk of the store is free"
