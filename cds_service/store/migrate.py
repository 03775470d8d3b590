"""Check the schema version of a database and migrate it.

A version is written `0003`, or `0003_for_0002`: programs of schema version 0002 can work with it too. A program works
with every version that it knows from `WORKS_FROM` on, and with a newer one that is for the program's own version or an
older one. So a migration that only adds ("expand") is followed by programs of two versions side by side, and
one that takes away ("contract") refuses programs that still need what is gone.
"""

from __future__ import annotations

import time
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from cds_service.store.audit import begin_chain
from cds_service.store.databases.database import Database
from cds_service.store.databases.faults import SchemaBehind, SchemaNewer, StoreBusy
from cds_service.store.keys.encryption import FieldCipher, Keys
from cds_service.store.schema import VERSIONS, WORKS_FROM, store_key
from cds_service.store.store_keys import store_cipher

_FOR = "_for_"
MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = "head"  # the migration to end with
_LOCK_NUMBER = 1919707251  # the advisory lock that lets one migration run at a time
#: Milliseconds that a migration waits for a table, since every call for that table waits behind it, and for how many
#: seconds it tries again.
_TABLE_WAIT = 100
_TRIES_FOR = 60.0


def bring_up_to_date(database: Database, keys: Keys) -> FieldCipher:
    """Create or migrate the tables in one transaction; a concurrent caller waits and then finds nothing to do.

    A newer schema that this program can work with is left as it is. Returns the cipher of the store; raises like
    `check_ready`.
    """
    until = time.monotonic() + _TRIES_FOR
    while True:
        try:
            return _bring_up_to_date(database, keys)
        except StoreBusy:  # a table was in use, or another migration is under way
            if time.monotonic() >= until:
                raise


def _bring_up_to_date(database: Database, keys: Keys) -> FieldCipher:
    with database.writing() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER})
            connection.execute(text(f"SET LOCAL lock_timeout = {_TABLE_WAIT}"))
            connection.execute(text("SET LOCAL statement_timeout = 0"))
        found = schema_version(connection)
        if found is None or (found in VERSIONS and found != VERSIONS[-1]):
            _migrate(connection)
        if found is None:
            cipher = FieldCipher(keys)
            connection.execute(store_key.insert().values(id=1, key_check=cipher.key_check()))
            begin_chain(connection, cipher)
        return _checked(connection, keys)


def check_ready(database: Database, keys: Keys, ends: float | None = None) -> FieldCipher:
    """Return the cipher of a store that can be used.

    Raises `SchemaBehind` or `SchemaNewer` for a version of no use, and `WrongKeys` for other keys.
    """
    with database.reading(ends) as connection:
        return _checked(connection, keys)


def _checked(connection: Connection, keys: Keys) -> FieldCipher:
    check_version(connection)
    return store_cipher(connection, keys)


def check_version(connection: Connection) -> None:
    """Raise `SchemaBehind` or `SchemaNewer` if this program cannot work with the schema."""
    found = schema_version(connection)
    if found is None or _number(found) < WORKS_FROM:
        raise SchemaBehind("the store is older than this program; bring it up to date with: rls-cds db upgrade")


def schema_version(connection: Connection) -> str | None:
    """Return the schema version, or None for an empty database. Raises `SchemaNewer` for one of no use."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if version is not None and version not in VERSIONS and _oldest_program(version) > _number(VERSIONS[-1]):
        raise SchemaNewer("the store was made by a newer program; install that version, or use another store")
    return version


def _number(version: str) -> str:
    return version.partition(_FOR)[0]


def _oldest_program(version: str) -> str:
    """Return the schema version of the oldest programs that can work with a store of this version."""
    number, _, oldest = version.partition(_FOR)
    return oldest or number


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
