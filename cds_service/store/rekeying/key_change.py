"""Write a store anew under new keys (`rls-cds db rekey`), in one transaction.

Pseudonyms cannot be made anew, since nobody keeps what they stand for: the new key is applied to the old pseudonym, and
the old key is kept in the store, encrypted under the new one. So whatever was known of a patient stays known, and
whoever has the old key alone can tell no patient any more. What is encrypted is decrypted and encrypted again. The
audit chain is verified, written again row by row with new hashes, and verified once more before the commit.

Which columns depend on the keys is declared in schema.py. A service that still runs with the old keys waits meanwhile
and is then refused (`WrongKeys`), so nothing is written under them afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from sqlalchemy import Column, Connection, Table, bindparam, func, insert, inspect, select, text, update

from cds_service.store import audit
from cds_service.store.databases.database import Database
from cds_service.store.databases.faults import BadStore, SchemaBehind, StoreBusy, StoreUnavailable
from cds_service.store.databases.location import sqlite_path
from cds_service.store.keys.encryption import FieldCipher, Keys, replace_keys
from cds_service.store.opening import StoreSettings, open_store
from cds_service.store.records import OnProgress, Rekeyed, ignore_progress
from cds_service.store.replay import insert_token
from cds_service.store.schema import AnyRow, audit_anchor, audit_event, former_key, metadata, store_key, token_used
from cds_service.store.sql_store import SqlStore
from cds_service.store.store_keys import former_key_row

_BATCH = 500
#: Milliseconds to wait for the tables of PostgreSQL, behind which every call waits, and for how many seconds to try.
_TABLE_WAIT = 200
_TRIES_FOR = 60.0
#: Written by code of their own: the chain, each row of which holds the hash of the one before, and used tokens, which
#: SQLite keeps in a file of their own.
_OTHERWISE = frozenset({audit_event, audit_anchor, token_used})


def rekeyed_tables() -> tuple[Table, ...]:
    """Return the tables with columns that depend on the keys, but for those with code of their own."""
    return tuple(
        table
        for table in metadata.sorted_tables
        if table not in _OTHERWISE and any(column.info for column in table.columns)
    )


def rekey(
    settings: StoreSettings,
    pseudonym_key: bytes | None,
    encryption_key: bytes | None,
    actor: str,
    now: datetime,
    on_progress: OnProgress = ignore_progress,
) -> Rekeyed:
    """Write the store of these settings anew under new keys, all or nothing (`rls-cds db rekey`); None keeps one.

    Keys that the program made itself are replaced beside the store. Raises like `open_store` and `rekey_databases`.
    """
    store = open_store(replace(settings, may_create=False, may_create_keys=False))
    try:
        if not isinstance(store, SqlStore):
            raise BadStore("there is no store")
        database, tokens, cipher = store.parts()
        keys = Keys(pseudonym_key or cipher.keys.pseudonym, encryption_key or cipher.keys.encryption)
        done = rekey_databases(database, tokens, cipher, keys, actor, now, on_progress)
    finally:
        store.close()
    if settings.keys() is None:
        replace_keys(sqlite_path(settings.database_url, settings.data_folder), keys)
    return done


def rekey_databases(
    database: Database,
    tokens: Database,
    old: FieldCipher,
    keys: Keys,
    actor: str,
    now: datetime,
    on_progress: OnProgress = ignore_progress,
) -> Rekeyed:
    """Write the store anew under `keys`, all or nothing, and record that `actor` did so.

    Raises `BadStore` if these are the present keys or the audit chain is broken, `SchemaBehind` if the store has no
    table for former keys, and `StoreUnavailable` for a row that cannot be opened; nothing has changed then.
    """
    if keys == old.keys:
        raise BadStore("these are the keys that the store has already; give it new ones")
    until = time.monotonic() + _TRIES_FOR
    while True:
        try:
            return _rekey(database, tokens, old, keys, actor, now, on_progress)
        except StoreBusy:  # a table was in use, and nothing has been done
            if time.monotonic() >= until:
                raise


def _rekey(
    database: Database,
    tokens: Database,
    old: FieldCipher,
    keys: Keys,
    actor: str,
    now: datetime,
    on_progress: OnProgress,
) -> Rekeyed:
    with database.writing() as connection:
        if not inspect(connection).has_table(former_key.name):
            raise SchemaBehind("the store is older than this command; bring it up to date with: rls-cds db upgrade")
        _lock_out_writers(database, connection)
        with database.reading() as snapshot:  # from here on it is the same as what is written over
            return _Rekeying(connection, snapshot, tokens, old, keys, on_progress).run(actor, now)


def _lock_out_writers(database: Database, connection: Connection) -> None:
    """Let nobody else write until the end of the transaction, and let it take its time; SQLite has done so already."""
    if not database.is_sqlite:
        connection.execute(text(f"SET LOCAL lock_timeout = {_TABLE_WAIT}"))
        # The chain last, as calls lock it, or one would wait for this and this for the call.
        tables = sorted(metadata.sorted_tables, key=lambda table: table in (audit_anchor, audit_event))
        connection.execute(text(f"LOCK TABLE {', '.join(table.name for table in tables)} IN EXCLUSIVE MODE"))
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text(f"SET LOCAL {limit} = 0"))


@dataclass
class _Rekeying:
    """One run: rows are read from `snapshot`, which does not see what `connection` writes."""

    connection: Connection
    snapshot: Connection
    tokens: Database
    old: FieldCipher
    keys: Keys
    on_progress: OnProgress
    done: int = 0
    total: int = 0

    def run(self, actor: str, now: datetime) -> Rekeyed:
        before = audit.verify(self.snapshot, self.old)
        if before.faults:
            raise BadStore(
                f"the audit chain is broken ({before.faults[0]}); run rls-cds audit verify, and mend that first: "
                "a store that is written anew would hide it"
            )
        former = self._former()
        new = FieldCipher(self.keys, former=former)
        tables = rekeyed_tables()
        counted = [select(func.count()).select_from(table) for table in (*tables, audit_event)]
        self.total = sum(self.snapshot.execute(each).scalar_one() for each in counted)
        renew = self._renew(new)
        for table in tables:
            self._rewrite(table, new, renew)
        if self.keys.pseudonym != self.old.keys.pseudonym:
            row = former_key_row(new, len(former), self.old.keys.pseudonym)
            self.connection.execute(insert(former_key), row)
        self.connection.execute(update(store_key).values(key_check=new.key_check()))
        detail = {"actor": actor, "headBefore": before.head, "rows": self.total}
        entry = audit.AuditEntry(now, "rekey", client="", detail=detail)
        audit.write_anew(self.connection, new, self._chain(new, renew), entry)
        after = audit.verify(self.connection, new)
        if after.faults or after.rows != before.rows + 1:
            raise StoreUnavailable("the audit chain was not whole after it was written anew; nothing has changed")
        self._keep_used_tokens(renew)
        return Rekeyed(self.total, before, after)

    def _former(self) -> tuple[bytes, ...]:
        """Return the former pseudonym keys of the store under its new keys, oldest first."""
        if self.keys.pseudonym == self.old.keys.pseudonym:
            return self.old.former
        return (*self.old.former, self.old.keys.pseudonym)

    def _renew(self, new: FieldCipher) -> Callable[[str], str]:
        """Return what turns a pseudonym of the old keys into that of the new ones."""
        if self.keys.pseudonym == self.old.keys.pseudonym:
            return lambda pseudonym: pseudonym
        return lambda pseudonym: new.renewed(pseudonym) if pseudonym else pseudonym

    def _rewrite(self, table: Table, new: FieldCipher, renew: Callable[[str], str]) -> None:
        key = tuple(table.primary_key.columns)
        changed = [column for column in table.columns if column.info]
        statement = (
            update(table)
            .where(*(column == bindparam(f"old_{column.name}") for column in key))
            .values({column.name: bindparam(f"new_{column.name}") for column in changed})
        )
        for batch in self._batches(table):
            rows = []
            for found in batch:
                renewed = self._renewed(table, found, new, renew)
                rows.append(
                    {f"old_{column.name}": found[column.name] for column in key}
                    | {f"new_{column.name}": renewed[column.name] for column in changed}
                )
            self.connection.execute(statement, rows)
            self._count(len(batch))

    def _batches(self, table: Table) -> Iterator[Sequence[Mapping[str, object]]]:
        """Yield the rows of a table in the order of its key."""
        query = select(table).order_by(*table.primary_key.columns)
        with self.snapshot.execute(query.execution_options(yield_per=_BATCH)) as found:
            for batch in found.mappings().partitions():
                yield [dict(row) for row in batch]

    def _renewed(
        self, table: Table, found: Mapping[str, object], new: FieldCipher, renew: Callable[[str], str]
    ) -> dict[str, object]:
        """Return the values of a row under the new keys."""
        pseudonyms = {
            column.name: value if value is None else renew(str(value))
            for column in table.columns
            if column.info.get("pseudonym")
            for value in [found[column.name]]
        }
        row = dict(found) | pseudonyms
        for column in table.columns:
            if context := column.info.get("encrypted"):
                row[column.name] = self._encrypted_anew(column, context, found, row, new)
        return row

    def _encrypted_anew(
        self,
        column: Column[object],
        context: str,
        found: Mapping[str, object],
        renewed: Mapping[str, object],
        new: FieldCipher,
    ) -> bytes | None:
        """Return a value encrypted again, under the context that it has with the row's new pseudonyms."""
        if (closed := found[column.name]) is None:
            return None
        try:
            content = self.old.decrypt(cast(bytes, closed), context.format_map(found))
        except StoreUnavailable:
            where = ", ".join(str(found[each.name]) for each in column.table.primary_key.columns)
            raise StoreUnavailable(
                f"{column} of row {where} was changed from outside and cannot be opened; nothing has changed"
            ) from None
        return new.encrypt(content, context.format_map(renewed))

    def _chain(self, new: FieldCipher, renew: Callable[[str], str]) -> Iterator[Sequence[Mapping[str, object]]]:
        for batch in audit.stored_rows(self.snapshot):
            yield [self._renewed(audit_event, found, new, renew) for found in batch]
            self._count(len(batch))

    def _count(self, rows: int) -> None:
        self.done += rows
        self.on_progress(self.done, self.total)

    def _keep_used_tokens(self, renew: Callable[[str], str]) -> None:
        """Add each used token under its new pseudonym; what stands under the old one goes when the token expires."""
        with self.tokens.reading() as reading:
            used = reading.execute(select(token_used)).all()
        if self.tokens.is_sqlite:
            with self.tokens.writing() as connection:
                self._add_tokens(connection, used, renew)
        else:
            self._add_tokens(self.connection, used, renew)

    @staticmethod
    def _add_tokens(connection: Connection, used: Sequence[AnyRow], renew: Callable[[str], str]) -> None:
        for row in used:
            insert_token(connection, renew(row.token_hash), row.expires)
