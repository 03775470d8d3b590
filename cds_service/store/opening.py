"""Open a store: locate it, load or create its keys, and migrate or check its schema."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cds_service.store.databases.faults import BadStore, MissingKeys, MissingStore
from cds_service.store.databases.location import create_file, prepare_folder, server_address, sqlite_path
from cds_service.store.interface import Store
from cds_service.store.keys.encryption import Keys, load_or_create_keys
from cds_service.store.late import LateStore
from cds_service.store.null_store import NullStore

#: Seconds to wait for a server of PostgreSQL when the store is opened.
_OPENING = 3.0


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """The settings of a store.

    `database_url` None means SQLite in the data folder, empty means no store. The keys have at least 32 bytes each; if
    both are None, SQLite gets its own in `<store>.key` unless `may_create_keys` is false. With `may_create` false a
    file that is not there is an error, for commands that tell something of a store. `shortest_call` is the shortest
    deadline of a call in seconds.
    """

    database_url: str | None = field(default=None, repr=False)  # may hold a password
    data_folder: Path | None = None
    pseudonym_key: bytes | None = field(default=None, repr=False)
    encryption_key: bytes | None = field(default=None, repr=False)
    may_create_keys: bool = True
    may_create: bool = True
    shortest_call: float = field(default=1.0, repr=False)

    def keys(self) -> Keys | None:
        """Return the configured keys, or None if there are none. Raises `MissingKeys` if one of them is missing."""
        if self.pseudonym_key is None and self.encryption_key is None:
            return None
        if self.pseudonym_key is None or self.encryption_key is None:
            raise MissingKeys("set both the pseudonym key and the encryption key of the store, or neither")
        return Keys(self.pseudonym_key, self.encryption_key)


def open_store(settings: StoreSettings) -> Store:
    """Open a store that is ready for use.

    An SQLite store is created or migrated as needed; PostgreSQL must already have a schema that this program works with
    (`upgrade`). Raises `BadStore` if an operator has to act, and `StoreUnavailable` if the database does not answer.
    """
    return _open(settings, may_upgrade=False)


def place_of(settings: StoreSettings) -> str:
    """Return where a store is, without user and password: its file, or host and name of its database."""
    url = settings.database_url
    if url is None or url.startswith("sqlite:"):
        return str(sqlite_path(url, settings.data_folder))
    address = server_address(url)
    hosts = address.query.get("host") or address.host or "the local socket"
    return f"database {address.database} at {hosts if isinstance(hosts, str) else ', '.join(hosts)}"


def open_late(settings: StoreSettings, on_state: Callable[[str], None]) -> Store:
    """Open a store now or as soon as it is there; call it once in every worker process.

    `on_state` is called with a sentence for each new fault, and with "" once the store is open. Raises nothing.
    """
    if settings.database_url == "":
        return NullStore()
    return LateStore(lambda: open_store(settings), on_state)


def upgrade(settings: StoreSettings) -> None:
    """Create or migrate the store in any database (`rls-cds db upgrade`)."""
    _open(settings, may_upgrade=True).close()


def _open(settings: StoreSettings, *, may_upgrade: bool) -> Store:
    url = settings.database_url
    if url == "":
        return NullStore()
    if url is None or url.startswith("sqlite:"):
        return _open_sqlite(settings)
    if url.partition(":")[0] in ("postgresql", "postgres", "postgresql+psycopg"):
        return _open_postgres(settings, url, may_upgrade=may_upgrade)
    raise BadStore("the address of the store must begin with sqlite:/// or postgresql://")


def _open_sqlite(settings: StoreSettings) -> Store:
    from cds_service.store.databases.database import translate_errors
    from cds_service.store.databases.sqlite import SqliteDatabase
    from cds_service.store.migrate import bring_up_to_date
    from cds_service.store.replay import create_table
    from cds_service.store.sql_store import SqlStore

    path = sqlite_path(settings.database_url, settings.data_folder)
    if not settings.may_create and not path.exists():
        raise MissingStore(
            f"there is no store at {path}; name the one of the service: with --config and its settings file, or with "
            "RLS_CDS_DATA_FOLDER or RLS_CDS_DATABASE_URL as the service has it"
        )
    tokens_path = path.with_name(f"{path.stem}-tokens{path.suffix}")
    with translate_errors(), _start_lock(path), ExitStack() as undo:
        keys = settings.keys() or load_or_create_keys(path, may_create=settings.may_create_keys)
        for file in (path, tokens_path):
            create_file(file)
        database = SqliteDatabase(path, synchronous="FULL")
        tokens = SqliteDatabase(tokens_path, synchronous="NORMAL")
        undo.callback(tokens.close)
        undo.callback(database.close)
        cipher = bring_up_to_date(database, keys)
        create_table(tokens)
        undo.pop_all()
    return SqlStore(database, tokens, cipher, path)


@contextmanager
def _start_lock(path: Path) -> Iterator[None]:
    """Hold a lock file, so that workers starting together create the store one after the other."""
    prepare_folder(path)
    handle = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _open_postgres(settings: StoreSettings, url: str, *, may_upgrade: bool) -> Store:
    from cds_service.store.databases.postgres import PostgresDatabase
    from cds_service.store.migrate import bring_up_to_date, check_ready
    from cds_service.store.sql_store import SqlStore

    keys = settings.keys()
    if keys is None:
        raise MissingKeys("PostgreSQL needs a pseudonym key and an encryption key, the same for every replica")
    database = PostgresDatabase(url, settings.shortest_call)
    with ExitStack() as undo:
        undo.callback(database.close)
        if may_upgrade:
            cipher = bring_up_to_date(database, keys)
        else:
            cipher = check_ready(database, keys, time.monotonic() + _OPENING)
        undo.pop_all()
    return SqlStore(database, database, cipher, None)
