"""Spark finds what the other engines find, byte for byte, in every layout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from cds_service.offline.screening.export import find_export
from cds_service.offline.screening.recipe import Recipe
from cds_service.offline.screening.run import run
from cds_service.offline.screening.state import State
from fhir_fixtures.loading import load_patients
from tests.builders.components import missing
from tests.builders.export_lines import write_export
from tests.population.generate import write_population
from tests.population.people import Population

pytestmark = [pytest.mark.slow, pytest.mark.interop]

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[2]
_PACKAGES = _ROOT / ".interop" / "spark"


def expected(folder: Path, state: Path) -> bytes:
    kept = State(state)
    try:
        outcome = run(find_export(folder), Recipe(datetime(2026, 6, 30, 12, tzinfo=UTC)), kept, workers=1, max_bad=3)
        return b"".join(outcome.findings())
    finally:
        kept.close(done=True)


def exports(folder: Path) -> list[Path]:
    """Write the demo's patients in every layout, as other servers spell them and with bad lines, and a population."""
    everybody = [each for patient in load_patients(date(2026, 6, 30)) for each in patient.resources()]
    layouts = ("by type", "one file", "gzip", "parquet")
    found = [write_export(folder / f"{layout}-{seed}", everybody, layout=layout, seed=seed)
             for seed, layout in enumerate(layouts)]  # fmt: skip
    (found[1] / "cut.ndjson").write_bytes(
        b'{"resourceType":"Observation","subject":{"reference":"Patient/demo-alder"}\n\n\xff\n'
    )
    write_export(found[1] / "again", everybody, layout="many")
    list(write_population(folder / "population", 150, Population(rls=0.3), a_part=60))
    return [*found, folder / "population"]


def test_spark_changes_no_byte(tmp_path: Path) -> None:
    if not _PACKAGES.exists() or shutil.which("java") is None:
        missing("Spark or Java is not installed: see their steps in .ci/run")
    folders = exports(tmp_path)
    pairs = [(folder, tmp_path / f"{folder.name}.findings") for folder in folders]
    paths = os.pathsep.join((str(_ROOT), str(_PACKAGES), os.environ.get("PYTHONPATH", "")))
    done = subprocess.run(
        [sys.executable, _HERE / "screen_by_spark.py", *(part for pair in pairs for part in pair)],
        env={**os.environ, "PYTHONPATH": paths, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_DIRS": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for folder, found in pairs:
        assert found.read_bytes() == expected(folder, tmp_path / "state"), folder.name
