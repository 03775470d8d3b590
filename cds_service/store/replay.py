"""Replay guard: each token id is accepted for one call, over all workers (reliability JWT-7)."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select
from sqlalchemy.schema import CreateIndex, CreateTable

from cds_service.store.databases.database import Database, insert_into
from cds_service.store.databases.statement import Statement
from cds_service.store.keys.encryption import FieldCipher
from cds_service.store.schema import token_used

_PURGE_EVERY = 200
_PURGE_LIMIT = 500
#: Longest leeway after expiry within which a token is still accepted.
_GRACE = timedelta(seconds=60)


_INSERT = Statement(lambda dialect: insert_into(dialect, token_used).on_conflict_do_nothing())


def insert_token(connection: Connection, token_hash: str, expires: datetime) -> bool:
    """Record a token as used, and return whether this is its first use."""
    return _INSERT.changes(connection, {"token_hash": token_hash, "expires": expires})


def create_table(database: Database) -> None:
    """Create the table of used tokens if it does not exist."""
    with database.writing() as connection:
        connection.execute(CreateTable(token_used, if_not_exists=True))
        for index in token_used.indexes:
            connection.execute(CreateIndex(index, if_not_exists=True))


class SqlReplayGuard:
    """A register of used token ids, kept as keyed hashes until the tokens have expired."""

    def __init__(self, database: Database, cipher: FieldCipher) -> None:
        self._database, self._cipher = database, cipher
        self._calls = 0
        self._lock = threading.Lock()

    def first_use(self, issuer: str, jti: str, expires: datetime, now: datetime, ends: float | None = None) -> bool:
        """Record a token id and return whether it is new."""
        token = self._cipher.pseudonym("token", issuer, jti)
        with self._database.writing(ends) as connection:
            if self._is_time_to_purge():
                _purge(connection, now - _GRACE)
            return insert_token(connection, token, expires)

    def _is_time_to_purge(self) -> bool:
        with self._lock:
            self._calls += 1
            return self._calls % _PURGE_EVERY == 0


def _purge(connection: Connection, cutoff: datetime) -> None:
    """Delete expired tokens, but for those that another process is deleting."""
    expired = select(token_used.c.token_hash).where(token_used.c.expires < cutoff).limit(_PURGE_LIMIT)
    expired = expired.with_for_update(skip_locked=True)
    connection.execute(delete(token_used).where(token_used.c.token_hash.in_(expired.scalar_subquery())))
