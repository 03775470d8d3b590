"""Rows of the views as tables of a database, each under the name of its view."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from cds_service.offline.screening.sql.views import view_definitions

_KINDS = {"value": "DOUBLE", "deceased": "BOOLEAN"}


@contextmanager
def in_tables(rows: Mapping[str, list[dict[str, Any]]]) -> Iterator[Any]:
    """Yield a database that holds every view, those without rows empty; skip the test without DuckDB."""
    duckdb = pytest.importorskip("duckdb", reason="the extra [bulk] is not installed")
    with duckdb.connect() as database:
        for name, view in view_definitions().items():
            columns = [column["name"] for part in view["select"] for column in part["column"]]
            typed = ", ".join(f"{column} {_KINDS.get(column, 'VARCHAR')}" for column in columns)
            database.execute(f"create table {name} ({typed})")
            held = [[row.get(column) for column in columns] for row in rows.get(name, ())]
            if held:
                marks = ", ".join("?" * len(columns))
                database.executemany(f"insert into {name} values ({marks})", held)  # noqa: S608 - our names
        yield database
