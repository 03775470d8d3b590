"""The demo's application with its own store, at noon of the anchor day of the fixtures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cds_service.config.load import load_settings
from cds_service.server.demo import demo_app
from cds_service.store import Store
from tests.builders.deadlines import without_haste

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)


@pytest.fixture
def store_file(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


@pytest.fixture
def app(store_file: Path) -> Iterator[Flask]:
    application = build(store_file)
    yield application
    application.extensions["rls_cds"].store.close()


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """Return a client of an application shared by tests that override no card."""
    application = build(tmp_path_factory.mktemp("reader") / "store.sqlite")
    yield browser(application)
    application.extensions["rls_cds"].store.close()


def build(store_file: Path) -> Flask:
    options = {"host": "127.0.0.1", "port": 8080, "public_base": "http://127.0.0.1:8080"}
    settings = load_settings(None, {"RLS_CDS_DATABASE_URL": f"sqlite:///{store_file}"}, demo=True, options=options)
    made = demo_app(without_haste(settings), today=NOON)
    made.extensions["rls_cds_scheduler"].stop()  # it would test itself and write while the store is being closed
    _wait_until_open(made.extensions["rls_cds"].store)
    return made


def _wait_until_open(store: Store) -> None:
    """A worker goes on without a store that takes longer than a second to open, as on a busy machine."""
    ends = time.monotonic() + 30
    while store.health(NOON).faults and time.monotonic() < ends:
        time.sleep(0.01)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return browser(app)


def browser(app: Flask) -> FlaskClient:
    """Return a client that names its own origin, as browsers do of what their pages post."""
    client = app.test_client()
    client.environ_base["HTTP_ORIGIN"] = "http://localhost"
    return client
