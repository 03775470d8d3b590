"""What stops the start of `rls-cds serve`: only what a person must mend, in one sentence."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from cds_service.store import StoreSettings, open_store
from tests.builders.serving import ROOT
from tests.builders.store_records import ENCRYPTION_KEY, PSEUDONYM_KEY

_OTHER = b64encode(bytes(range(50, 82))).decode()


def start(url: str, **environ: str) -> tuple[int, list[str]]:
    """Run the server until it ends by itself; return its exit code and what it said besides warnings."""
    command = [sys.executable, "-c", "from cds_service.cli import main; main()", "serve", "--port", "0"]
    given = {**os.environ, "RLS_CDS_DATABASE_URL": url, "PYTHONWARNINGS": "ignore", **environ}
    done = subprocess.run(command, env=given, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, [line for line in done.stderr.splitlines() if not line.startswith("Warning: ")]


@pytest.fixture
def made(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/store.sqlite"
    open_store(StoreSettings(url, None, PSEUDONYM_KEY, ENCRYPTION_KEY)).close()
    return url


def test_other_keys_stop_the_start(made: str) -> None:
    code, said = start(made, RLS_CDS_PSEUDONYM_KEY=_OTHER, RLS_CDS_ENCRYPTION_KEY=_OTHER)
    assert code == 1
    assert said == ["Error: the store was written with other keys; set those, or use another store"]


def test_a_schema_of_a_newer_program_stops_the_start(made: str, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "store.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9001_for_9000'")
    connection.close()
    keys = {"RLS_CDS_PSEUDONYM_KEY": PSEUDONYM_KEY, "RLS_CDS_ENCRYPTION_KEY": ENCRYPTION_KEY}
    code, said = start(made, **{name: b64encode(key).decode() for name, key in keys.items()})
    assert code == 1
    assert said == ["Error: the store was made by a newer program; install that version, or use another store"]
