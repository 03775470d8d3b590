"""Runners of SQL on FHIR by others give the same rows of our views, and what the SQL over them says is explained."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cds_service.offline.screening.export import find_export
from cds_service.offline.screening.recipe import Recipe, known_by
from cds_service.offline.screening.run import run
from cds_service.offline.screening.sql.queries import patients_sql
from cds_service.offline.screening.sql.reconcile import Reconciliation, read_rows, reconcile
from cds_service.offline.screening.sql.views import view_definitions
from cds_service.offline.screening.state import State
from fhir_fixtures.loading import load_patients
from tests.builders.components import missing
from tests.builders.export_lines import write_export, written
from tests.builders.sql_tables import in_tables
from tests.interop.sql_on_fhir.run_views import RUNNERS
from tests.population.people import Population, records_of

pytestmark = [pytest.mark.slow, pytest.mark.interop]

_HERE = Path(__file__).parent
_PYTHON = _HERE.parents[2] / ".interop" / "runners" / "bin" / "python"
_MODULES = {"sqlonfhir": "sqlonfhir", "fhir4ds": "fhir4ds", "pysof": "pysof._pysof"}
_NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)

Rows = dict[str, list[dict[str, Any]]]


def everybody() -> Iterator[dict[str, Any]]:
    """Yield the demo's patients, who have allergies and orders of every kind, and some of a population."""
    for patient in load_patients(date(2026, 6, 30)):
        yield from patient.resources()
    for number in range(25):
        yield from records_of(number, Population(rls=0.6))


@pytest.fixture(scope="module")
def resources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("views") / "all.ndjson"
    path.write_bytes(b"".join(line + b"\n" for line in dict.fromkeys(written(each) for each in everybody())))
    (path.parent / "views.json").write_text(json.dumps(list(view_definitions().values())))
    return path


@cache
def rows_by(runner: str, resources: Path) -> Rows:
    """Return the rows of every view by a runner, or skip the test where it is not there."""
    if not _PYTHON.exists():
        missing("the runners of SQL on FHIR are not installed: see their step in .ci/run")
    found = subprocess.run([_PYTHON, "-c", f"import {_MODULES[runner]}"], capture_output=True, text=True)
    if "GLIBC" in found.stderr:
        pytest.skip(f"the C library of this machine is older than {runner} needs")
    if found.returncode:
        missing(f"{runner} cannot be imported: {found.stderr.splitlines()[-1]}")
    command = [_PYTHON, _HERE / "run_views.py", runner, resources.parent / "views.json", resources]
    rows: Rows = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    return {name: sorted(map(plain, found), key=json.dumps) for name, found in rows.items()}


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without what runners may do their own way: keys with the type before them, kinds of numbers."""
    found = dict(sorted(row.items()))
    for name in ("id", "patient"):
        if name in found and found[name] is not None:
            found[name] = found[name].rpartition("/")[2]
    if found.get("value") is not None:
        found["value"] = round(float(found["value"]), 9)
    if found.get("deceased") in ("true", "false"):
        found["deceased"] = found["deceased"] == "true"
    return found


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_runner_gives_the_rows_of_the_records(resources: Path, runner: str) -> None:
    rows = rows_by(runner, resources)
    assert rows["rls_condition"] and rows["rls_lab"] and rows["rls_order"] and rows["rls_allergy"]
    people = {json.loads(line)["id"] for line in resources.read_text().splitlines() if '"Patient","id"' in line}
    assert {row["id"] for row in rows["rls_patient"]} == people


@pytest.mark.parametrize("runner", [name for name in RUNNERS if name != "sqlonfhir"])
@pytest.mark.parametrize("view", view_definitions())
def test_two_runners_give_equal_rows(resources: Path, runner: str, view: str) -> None:
    assert rows_by(runner, resources)[view] == rows_by("sqlonfhir", resources)[view]


def test_every_patient_of_whom_the_sql_says_something_else_is_explained(resources: Path, tmp_path: Path) -> None:
    rules = known_by(Recipe(_NOW)).question.rules
    with in_tables(rows_by("sqlonfhir", resources)) as database:
        answers = database.sql(patients_sql(rules, _NOW.date()))
        with (tmp_path / "rows.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(answers.columns)
            table.writerows(answers.fetchall())
    state = State(tmp_path / "state")
    outcome = run(
        find_export(write_export(tmp_path / "x", map(json.loads, resources.read_text().splitlines()))),
        Recipe(_NOW, explains=True),
        state,
        workers=1,
        max_bad=0,
    )
    result = Reconciliation()
    differences = list(reconcile(outcome.findings(), read_rows(tmp_path / "rows.csv"), result))
    state.close(done=True)
    assert result.agree > 50 and result.differ > 5
    assert not result.unexplained, [each for each in differences if "not explained" in each.why]
