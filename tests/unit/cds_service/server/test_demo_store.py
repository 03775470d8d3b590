"""The demo has its own store and names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_service.config.load import load_settings
from cds_service.server.assembly import store_settings
from cds_service.server.demo import welcome, with_own_store
from cds_service.store.databases.location import sqlite_path

BASE = "http://127.0.0.1:8080"


def test_the_demo_has_its_own_store(tmp_path: Path) -> None:
    environ = {"RLS_CDS_DATA_FOLDER": str(tmp_path)}
    demo = store_settings(with_own_store(load_settings(None, environ, demo=True)))
    production = store_settings(load_settings(None, environ))
    files = [sqlite_path(each.database_url, each.data_folder) for each in (demo, production)]
    assert files == [tmp_path / "demo.sqlite", tmp_path / "rls-cds.sqlite"]


@pytest.mark.parametrize("url", ["", "sqlite:////tmp/mine.sqlite", "postgresql://u:p@db.example.org/rls"])
def test_a_configured_database_is_used(url: str) -> None:
    assert with_own_store(load_settings(None, {"RLS_CDS_DATABASE_URL": url}, demo=True)).database_url == url


def test_the_demo_names_its_store_and_how_to_reset_it(tmp_path: Path) -> None:
    folder = tmp_path / "with space"
    folder.mkdir()
    settings = with_own_store(load_settings(None, {"RLS_CDS_DATA_FOLDER": str(folder)}, demo=True))
    said = welcome(BASE, settings)
    assert f"Store: {folder}/demo.sqlite\n" in said
    assert f"To start afresh, stop the demo and: rm '{folder}/demo.sqlite'*\n" in said
    assert "An override with a reason silences its card for 90 days" in said


@pytest.mark.parametrize(
    ("url", "says"), [("", "Store: none"), ("postgresql://u:hidden@db/rls", "Store: the database")]
)
def test_a_configured_store_is_named_without_its_password(url: str, says: str) -> None:
    said = welcome(BASE, load_settings(None, {"RLS_CDS_DATABASE_URL": url}, demo=True))
    assert says in said and "hidden" not in said and "rm " not in said
