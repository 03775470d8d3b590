"""The demo's application over a store of its own, at noon of the day on which every fixture file was true."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cds_service.demo import demo_app
from cds_service.settings import load_settings

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
    """A client of one application for many tests, none of which overrides a card."""
    application = build(tmp_path_factory.mktemp("reader") / "store.sqlite")
    yield application.test_client()
    application.extensions["rls_cds"].store.close()


def build(store_file: Path) -> Flask:
    options = {"host": "127.0.0.1", "port": 8080, "public_base": "http://127.0.0.1:8080"}
    settings = load_settings(None, {"RLS_CDS_DATABASE_URL": f"sqlite:///{store_file}"}, demo=True, options=options)
    return demo_app(settings, today=NOON)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
