"""The replay guard: each token id is good for one call (JWT-7), whichever worker it reaches."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, Table, delete, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from cds_service.store.database import Database
from cds_service.store.schema import token_used
from cds_service.store.seal import Seal

_PURGE_EVERY = 200
_PURGE_AT_MOST = 500
#: tokens are accepted up to the leeway after their end, at most this long
_GRACE = timedelta(seconds=60)


def insert_once(connection: Connection, table: Table, row: Mapping[str, object]) -> bool:
    """Insert a row unless one with the same key is there; tells whether it was inserted."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table).on_conflict_do_nothing().returning(literal_column("1"))
    return connection.execute(statement, row).first() is not None


def make_table(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(CreateTable(token_used, if_not_exists=True))
        for index in token_used.indexes:
            connection.execute(CreateIndex(index, if_not_exists=True))


class ReplayGuard:
    """Remembers token ids until they have ended. Only a keyed hash is kept."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database, self._seal = database, seal
        self._asked = 0
        self._lock = threading.Lock()

    def first_use(self, issuer: str, jti: str, expires: datetime, now: datetime) -> bool:
        token = self._seal.pseudonym("token", issuer, jti)
        with self._database.writing() as connection:
            if self._is_time_to_purge():
                _purge(connection, now - _GRACE)
            return insert_once(connection, token_used, {"token_hash": token, "expires": expires})

    def _is_time_to_purge(self) -> bool:
        with self._lock:
            self._asked += 1
            return self._asked % _PURGE_EVERY == 0


def _purge(connection: Connection, moment: datetime) -> None:
    ended = select(token_used.c.token_hash).where(token_used.c.expires < moment).limit(_PURGE_AT_MOST)
    connection.execute(delete(token_used).where(token_used.c.token_hash.in_(ended.scalar_subquery())))
