"""Health check of the store, for /readyz: it tries what calls need, and leaves nothing behind."""

from __future__ import annotations

import secrets
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import DBAPIError

from cds_service.store.databases.database import Database
from cds_service.store.databases.faults import StoreError
from cds_service.store.keys.encryption import FieldCipher
from cds_service.store.migrate import check_version
from cds_service.store.records import Health
from cds_service.store.schema import audit_anchor, probe, token_used
from cds_service.store.store_keys import check_keys

_MIN_FREE = 0.05
#: Seconds for the whole check; probes give up after one or two.
_SECONDS = 1.0


def check_health(database: Database, tokens: Database, cipher: FieldCipher, path: Path | None, now: datetime) -> Health:
    """Check schema, keys, a write, the end of the audit chain, the table of used tokens and the free disk space.

    `path` is the file of an SQLite store; the disk of a PostgreSQL server is left to its operator.
    """
    ends = time.monotonic() + _SECONDS
    checks: tuple[Callable[[], Iterator[str]], ...] = (
        lambda: _write_faults(database, cipher, now, ends),
        lambda: _token_faults(tokens, ends),
        lambda: _disk_faults(path),
    )
    faults: list[str] = []
    for check in checks:
        try:
            faults += check()
        except StoreError as error:
            faults.append(str(error))
        except OSError:
            faults.append("the disk of the store cannot be reached")
        except (DBAPIError, sqlite3.Error):
            faults.append("the store answers with an error: its tables may be damaged, or of another program")
    return Health(tuple(dict.fromkeys(faults)))


def _write_faults(database: Database, cipher: FieldCipher, now: datetime, ends: float) -> Iterator[str]:
    """Write a row that no other check touches and take it out again, and lock the anchor for as long as a call does."""
    with database.writing(ends) as connection:
        check_version(connection)
        check_keys(connection, cipher)
        if connection.execute(select(audit_anchor.c.id)).scalar() is None:
            yield "the audit chain has lost its anchor: run rls-cds audit verify"
        own = secrets.randbelow(2**31 - 2) + 2
        with database.committing(connection):
            connection.execute(insert(probe), {"id": own, "at": now})
            connection.execute(delete(probe).where(probe.c.id == own))
            connection.execute(select(audit_anchor.c.id).with_for_update())


def _token_faults(tokens: Database, ends: float) -> Iterator[str]:
    with tokens.reading(ends) as connection:
        connection.execute(select(token_used.c.expires).limit(1)).all()
    return iter(())


def _disk_faults(path: Path | None) -> Iterator[str]:
    if path is None:
        return
    disk = shutil.disk_usage(path.parent)
    if disk.free < disk.total * _MIN_FREE:
        yield f"less than {_MIN_FREE:.0%} of the disk of the store is free"
