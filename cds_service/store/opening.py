"""Opening a store: find it, make or check its keys, bring it up to date or refuse it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cds_service.store.faults import BadStore, MissingKeys
from cds_service.store.keys import Keys, keys_beside
from cds_service.store.nothing import NoStore
from cds_service.store.place import make_file, prepare_folder, sqlite_path
from cds_service.store.port import Store


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """`database_url`: None = SQLite in the data folder, empty = no store. Keys: 32 bytes or more each, or
    neither; then SQLite gets its own, kept in `<store>.key`, unless `may_make_keys` is false."""

    database_url: str | None = field(default=None, repr=False)  # may hold a password
    data_folder: Path | None = None
    pseudonym_key: bytes | None = field(default=None, repr=False)
    encryption_key: bytes | None = field(default=None, repr=False)
    may_make_keys: bool = True

    def keys(self) -> Keys | None:
        if self.pseudonym_key is None and self.encryption_key is None:
            return None
        if self.pseudonym_key is None or self.encryption_key is None:
            raise MissingKeys("set both the pseudonym key and the encryption key of the store, or neither")
        return Keys(self.pseudonym_key, self.encryption_key)


def open_store(settings: StoreSettings) -> Store:
    """A store that is ready for use; call it once in every worker process.

    SQLite is made where it is absent and brought up to date where it is older; PostgreSQL must be at the schema
    of this program already (`upgrade`). Raises `BadStore` where the message must be read by a person, and
    `StoreUnavailable` where the database does not answer.
    """
    return _open(settings, may_upgrade=False)


def upgrade(settings: StoreSettings) -> None:
    """Make the store or bring it up to date, whichever database it is (`rls-cds db upgrade`)."""
    _open(settings, may_upgrade=True).close()


def _open(settings: StoreSettings, *, may_upgrade: bool) -> Store:
    url = settings.database_url
    if url == "":
        return NoStore()
    if url is None or url.startswith("sqlite:"):
        return _open_sqlite(settings)
    if url.partition(":")[0] in ("postgresql", "postgres", "postgresql+psycopg"):
        return _open_postgres(settings, url, may_upgrade=may_upgrade)
    raise BadStore("the address of the store must begin with sqlite:/// or postgresql://")


def _open_sqlite(settings: StoreSettings) -> Store:
    from cds_service.store.database import Database, our_faults, sqlite_engine
    from cds_service.store.migrating import bring_up_to_date
    from cds_service.store.replay import make_table
    from cds_service.store.seal import Seal
    from cds_service.store.sql_store import SqlStore

    path = sqlite_path(settings.database_url, settings.data_folder)
    tokens_path = path.with_name(f"{path.stem}-tokens{path.suffix}")
    with our_faults(), _one_at_a_time(path), ExitStack() as undo:
        seal = Seal(settings.keys() or keys_beside(path, may_make=settings.may_make_keys))
        for file in (path, tokens_path):
            make_file(file)
        database = Database(sqlite_engine(path, synchronous="FULL"))
        tokens = Database(sqlite_engine(tokens_path, synchronous="NORMAL"))
        undo.callback(tokens.close)
        undo.callback(database.close)
        bring_up_to_date(database, seal)
        make_table(tokens)
        undo.pop_all()
    return SqlStore(database, tokens, seal, path)


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Workers that start together make the store one after the other."""
    prepare_folder(path)
    handle = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _open_postgres(settings: StoreSettings, url: str, *, may_upgrade: bool) -> Store:
    from cds_service.store.database import Database, postgres_engine
    from cds_service.store.migrating import bring_up_to_date, check_ready
    from cds_service.store.seal import Seal
    from cds_service.store.sql_store import SqlStore

    keys = settings.keys()
    if keys is None:
        raise MissingKeys("PostgreSQL needs a pseudonym key and an encryption key, the same for every replica")
    database, seal = Database(postgres_engine(url)), Seal(keys)
    with ExitStack() as undo:
        undo.callback(database.close)
        (bring_up_to_date if may_upgrade else check_ready)(database, seal)
        undo.pop_all()
    return SqlStore(database, database, seal, None)
