"""What a start loads: nothing that no call needs, and all of it in the master, so that no worker loads it again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.benchmarks.bodies import BY_NAME
from tests.builders.serving import ROOT

#: For migrations, PostgreSQL, screening, other commands, the console and the demo.
_NOT_NEEDED = {
    *("alembic", "mako", "psycopg", "sqlalchemy.dialects.postgresql", "sqlalchemy.orm", "duckdb", "pyarrow"),
    *("cds_service.offline", "cds_service.console", "cds_service.server.demo", "fhir_fixtures.server"),
}
#: One call of patient-view and one of order-sign.
_CASES = (BY_NAME["view-20"], BY_NAME["sign-4"])
#: Starts as `rls-cds serve` does, without a fork: load, assemble, answer.
_START = """
import functools, gc, inspect, json, pathlib, sys

def tables():
    ours = ((name, module) for name, module in list(sys.modules.items()) if name.startswith("cards."))
    found = {f"{name}.{key}": value for name, module in ours for key, value in vars(module).items()
             if isinstance(value, functools._lru_cache_wrapper) and value.__module__ == name}
    whole = {name: value for name, value in found.items() if not inspect.signature(value).parameters}
    return {name for name, value in whole.items() if value.cache_info().currsize}

from cds_service.cli.serve import load
from cds_service.server.memory import loading
with loading():
    settings = load(pathlib.Path(sys.argv[1]), {})
modules, read = set(sys.modules), tables()
from cds_service.server.assembly import assemble
app = assemble(settings)
http = app.test_client()
cards = [len(http.post(path, json=json.loads(body)).get_json()["cards"]) for path, body in json.load(sys.stdin).items()]
print(json.dumps({"loaded": sorted(modules), "late": sorted(set(sys.modules) - modules), "cards": cards,
                  "read_late": sorted(tables() - read), "collections": gc.get_stats()[2]["collections"]}))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Start with a store that is there, and return what was loaded by then, and what calls loaded afterwards."""
    folder = tmp_path_factory.mktemp("start")
    file = folder / "rls-cds.toml"
    file.write_text(f"data_folder = {json.dumps(str(folder))}\n", encoding="utf-8")
    today = datetime.now(UTC).date()
    calls = json.dumps({case.path: case.bodies(today)[0] for case in _CASES})
    given = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    for _ in range(2):  # the first one creates the store
        command = [sys.executable, "-c", _START, str(file)]
        done = subprocess.run(command, env=given, cwd=ROOT, input=calls, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    assert all(answer["cards"])
    return answer


def test_a_start_loads_nothing_that_no_call_needs(found: dict[str, Any]) -> None:
    assert not _NOT_NEEDED & set(found["loaded"])


def test_a_call_imports_nothing(found: dict[str, Any]) -> None:
    assert found["late"] == []


def test_a_call_reads_no_table(found: dict[str, Any]) -> None:
    assert found["read_late"] == []


def test_no_garbage_is_looked_for(found: dict[str, Any]) -> None:
    assert found["collections"] == 0
