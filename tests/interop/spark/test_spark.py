"""Spark finds what the other engines find, byte for byte, in every layout."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from cds_service.offline.screening.export import find_export
from cds_service.offline.screening.recipe import Recipe
from cds_service.offline.screening.run import run
from cds_service.offline.screening.state import State
from fhir_fixtures.loading import load_patients
from tests.builders.components import missing
from tests.builders.export_lines import Resource, write_export
from tests.golden.versions.records import export_of
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
    return [*found, folder / "population", tables_without_types(folder / "untyped", everybody)]


def tables_without_types(folder: Path, resources: list[Resource]) -> Path:
    """Write a table for each type whose rows leave it to the name of the file."""
    import pyarrow
    from pyarrow.parquet import write_table

    folder.mkdir()
    for kind in {each["resourceType"] for each in resources}:
        held = [{key: value for key, value in each.items() if key != "resourceType"}
                for each in resources if each["resourceType"] == kind]  # fmt: skip
        write_table(pyarrow.table({"resource": [json.dumps(each) for each in held]}), folder / f"{kind}.parquet")
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a process that finds Spark, our code, and a place for its files."""
    if not _PACKAGES.exists() or shutil.which("java") is None:
        missing("Spark or Java is not installed: see their steps in .ci/run")
    paths = os.pathsep.join((str(_ROOT), str(_PACKAGES), os.environ.get("PYTHONPATH", "")))
    local = tmp_path / "spark"
    local.mkdir()
    return {**os.environ, "PYTHONPATH": paths, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_DIRS": str(local)}


def by_spark(*pairs: tuple[Path, Path]) -> list[str]:
    """Return the command that screens these folders, each into its file."""
    return [sys.executable, str(_HERE / "screen_by_spark.py"), *(str(part) for pair in pairs for part in pair)]


def test_spark_changes_no_byte(tmp_path: Path, environment: dict[str, str]) -> None:
    pairs = [(folder, tmp_path / f"{folder.name}.findings") for folder in exports(tmp_path)]
    done = subprocess.run(by_spark(*pairs), env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    for folder, found in pairs:
        assert found.read_bytes() == expected(folder, tmp_path / "state"), folder.name


def test_spark_changes_no_byte_in_real_records(tmp_path: Path, environment: dict[str, str], shared: Path) -> None:
    folder, found = write_export(tmp_path / "x", export_of(shared / "data")), tmp_path / "found"
    done = subprocess.run(by_spark((folder, found)), env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert found.read_bytes() == expected(folder, tmp_path / "state")


@pytest.mark.full
def test_spark_changes_no_byte_in_100_000_patients(tmp_path: Path, environment: dict[str, str]) -> None:
    list(write_population(tmp_path / "x", 100_000, Population(seed=6), workers=2))
    done = subprocess.run(by_spark((tmp_path / "x", tmp_path / "found")), env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "found").read_bytes() == expected(tmp_path / "x", tmp_path / "state")


@pytest.mark.full
def test_a_worker_that_is_killed_loses_and_repeats_nobody(tmp_path: Path, environment: dict[str, str]) -> None:
    list(write_population(tmp_path / "x", 4_000, Population(rls=0.3), a_part=500))
    found = tmp_path / "found"
    process = subprocess.Popen(
        by_spark((tmp_path / "x", found)), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        killed: set[int] = set()
        while process.poll() is None and len(killed) < 2:
            for worker in set(workers_of(process.pid)) - killed:
                os.kill(worker, signal.SIGKILL)
                killed.add(worker)
                break
            time.sleep(0.01)
        assert process.wait() == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert len(killed) == 2
    assert found.read_bytes() == expected(tmp_path / "x", tmp_path / "state")


@pytest.mark.full
def test_a_run_that_is_killed_and_given_again_loses_and_repeats_nobody(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """Spark keeps nothing for another attempt; nothing half written is left either."""
    list(write_population(tmp_path / "x", 4_000, Population(rls=0.3), a_part=500))
    out = tmp_path / "findings.ndjson"
    code = "from cds_service.cli import main; main()"
    command = [sys.executable, "-c", code, "screen", str(tmp_path / "x"), "--engine", "spark", "--as-of", "2026-06-30"]
    command += ["--out", str(out)]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while process.poll() is None and not any(workers_of(process.pid)):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not out.exists()
    done = subprocess.run(command, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert out.read_bytes() == expected(tmp_path / "x", tmp_path / "state")
    assert not list(tmp_path.glob(".*"))


def workers_of(session: int) -> Iterator[int]:
    """Yield the processes in which Spark runs our functions: those that its daemon in this session forked."""
    daemons = set()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                command, status = (entry / "cmdline").read_bytes(), (entry / "stat").read_text()
            except OSError:
                continue  # it has ended
            _, parent, _, its_session = status.rpartition(")")[2].split()[:4]
            if b"pyspark.daemon" in command and int(its_session) == session:
                daemons.add(int(entry.name))
                found.append((int(entry.name), int(parent)))
    return (pid for pid, parent in found if parent in daemons)
