"""Every test that asks for `store` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy

from cds_service.store import Store, StoreSettings, open_store, upgrade
from tests.builders.components import missing
from tests.builders.store_records import ENCRYPTION_KEY, PSEUDONYM_KEY
from tests.integration.store.postgres import NoPostgres, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[str], str]]:
    """Return a function that creates a database from a template on a private server and returns its address."""
    with ExitStack() as stack:
        try:
            address = stack.enter_context(postgres_server())
        except NoPostgres as reason:
            missing(str(reason))
        yield _Maker(address)


class _Maker:
    def __init__(self, address: str) -> None:
        self._address = address
        upgrade(postgres_settings(self("template1", "ready")))

    def __call__(self, template: str = "ready", name: str | None = None) -> str:
        name = name or f"t{uuid4().hex}"
        engine = sqlalchemy.create_engine(
            self._address.replace("postgresql:", "postgresql+psycopg:") + "postgres", isolation_level="AUTOCOMMIT"
        )
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        engine.dispose()
        return self._address + name


def postgres_settings(url: str) -> StoreSettings:
    return StoreSettings(database_url=url, pseudonym_key=PSEUDONYM_KEY, encryption_key=ENCRYPTION_KEY)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> StoreSettings:
    """Return the settings of an empty store."""
    if request.param == "postgres":
        return postgres_settings(request.getfixturevalue("postgres")())
    return StoreSettings(
        database_url=f"sqlite:///{tmp_path}/store.sqlite", pseudonym_key=PSEUDONYM_KEY, encryption_key=ENCRYPTION_KEY
    )


@pytest.fixture
def store(settings: StoreSettings) -> Iterator[Store]:
    opened = open_store(settings)
    yield opened
    opened.close()


@pytest.fixture
def engine(settings: StoreSettings, store: Store) -> Iterator[sqlalchemy.Engine]:
    """Return an engine with direct access to the store's database."""
    url = settings.database_url or ""
    outside = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    yield outside
    outside.dispose()
