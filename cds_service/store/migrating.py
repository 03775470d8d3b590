"""Schema versions: what the database has, what this program needs, and the way there."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, select, text

from cds_service.store.audit import begin_chain
from cds_service.store.database import Database
from cds_service.store.faults import BadStore, SchemaBehind, SchemaNewer, WrongKeys
from cds_service.store.schema import VERSIONS, store_key
from cds_service.store.seal import Seal

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK_NUMBER = 1919707251  # of the advisory lock that one migration at a time may hold


def bring_up_to_date(database: Database, seal: Seal) -> None:
    """Make the tables or alter them, in one transaction; a second caller waits and finds nothing to do."""
    with database.writing() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER})
        had = schema_version(connection)
        if had != VERSIONS[-1]:
            _migrate(connection)
        if had is None:
            connection.execute(store_key.insert().values(id=1, key_check=seal.check()))
            begin_chain(connection, seal)
        _check_keys(connection, seal)


def check_ready(database: Database, seal: Seal) -> None:
    """Refuse a schema that is not the one of this program, and keys that are not the store's."""
    with database.reading() as connection:
        if schema_version(connection) != VERSIONS[-1]:
            raise SchemaBehind("the store is older than this program; bring it up to date with: rls-cds db upgrade")
        _check_keys(connection, seal)


def schema_version(connection: Connection) -> str | None:
    """The version of the schema, or None for an empty database. Raises `SchemaNewer` for one we do not know."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if version is not None and version not in VERSIONS:
        raise SchemaNewer("the store was made by a newer program; install that version, or use another store")
    return version


def _check_keys(connection: Connection, seal: Seal) -> None:
    found = connection.execute(select(store_key.c.key_check)).scalar()
    if found is None:
        raise BadStore("the store has lost its key check; restore it from a backup")
    if found != seal.check():
        raise WrongKeys("the store was written with other keys; set those, or use another store")


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
