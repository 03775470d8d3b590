"""What runs on the workers of a cluster, without a cluster: batches in, batches out."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from cds_service.cli import main
from cds_service.offline.screening import spark_engine
from cds_service.offline.screening.export import BadExport, find_export
from cds_service.offline.screening.recipe import Recipe
from cds_service.offline.screening.run import run
from cds_service.offline.screening.spark_engine import _Deciding, _Fetching, _Keeping, _Looking, _Typing
from cds_service.offline.screening.state import State
from fhir_fixtures.loading import load_patients
from tests.builders.command_line import runner
from tests.builders.export_lines import write_export, written

pyarrow = pytest.importorskip("pyarrow", reason="the extra [bulk] is not installed")

_RECIPE = Recipe(datetime(2026, 6, 30, 12, tzinfo=UTC))


def everybody() -> list[dict[str, Any]]:
    return [each for patient in load_patients(date(2026, 6, 30)) for each in patient.resources()]


def batch(lines: list[bytes]) -> Any:
    """Return lines as Spark hands them over: as text, be they text or not."""
    return pyarrow.RecordBatch.from_arrays([pyarrow.array(lines, pyarrow.binary()).view(pyarrow.string())], ["line"])


def rows(batches: Any) -> list[dict[str, Any]]:
    return [row for each in batches for row in each.to_pylist()]


def summary(found: list[dict[str, Any]]) -> dict[str, Any]:
    (row,) = [row for row in found if row["summary"]]
    content: dict[str, Any] = json.loads(row["summary"])
    return content


def test_the_passes_in_two_partitions_come_to_the_findings_of_a_run(tmp_path: Path) -> None:
    lines = [written(each) for each in everybody()]
    parts = [[batch(lines[:150])], [batch(lines[150:200]), batch(lines[200:])]]
    looked = [rows(_Looking(_RECIPE)(iter(part))) for part in parts]
    found = {each for part in looked for each in summary(part)["found"]}
    replaced = {old: new for part in looked for old, new in summary(part)["replaced"].items()}
    owners = frozenset(replaced.get(each, each) for each in found)
    kept = [rows(_Keeping(_RECIPE, owners, replaced)(iter(part))) for part in parts]
    wanted = frozenset(each for part in kept for each in summary(part)["refers"])
    shared: dict[str, list[bytes]] = {}
    for row in (row for part in parts for row in rows(_Fetching(wanted)(iter(part))) if row["owner"]):
        shared.setdefault(row["owner"], []).append(row["line"])
    filed = sorted((row["owner"], row["line"] or b"") for part in (*looked, *kept) for row in part if row["owner"])
    together = pyarrow.RecordBatch.from_pydict(
        {"owner": [owner for owner, _ in filed], "line": [line or None for _, line in filed]}
    )
    deciding = _Deciding(_RECIPE, shared, frozenset(replaced), frozenset(), frozenset(), frozenset())
    findings = [row["finding"] for row in rows(deciding(iter([together])))]
    state = State(tmp_path / "state")
    export = find_export(write_export(tmp_path / "x", everybody()))
    assert findings == list(run(export, _RECIPE, state, workers=1, max_bad=0).findings())
    state.close(done=True)
    assert sum(summary(part)["counts"]["lines"] for part in kept) == len(lines)


def test_bytes_that_are_no_text_are_a_bad_line() -> None:
    found = rows(_Keeping(_RECIPE, frozenset(), {})(iter([batch([b"\xff\xfe", b"", b'{"resourceType":"Patient"}\r'])])))
    counts = summary(found)["counts"]
    assert (counts["lines"], counts["bad"]) == (2, 1)


def test_a_table_of_one_type_gives_its_rows_that_type() -> None:
    rows_of_table = batch([b'{"id":"1"}', b'{"resourceType":"Patient","id":"2"}'])
    assert [json.loads(row["line"])["resourceType"] for row in rows(_Typing("Condition")(iter([rows_of_table])))] == [
        "Condition",
        "Patient",
    ]


def test_bytes_that_are_no_text_pass_a_table_of_one_type() -> None:
    (found,) = _Typing("Condition")(iter([batch([b'{"id":"\xff"}'])]))
    assert found.column(0).view(pyarrow.binary()).to_pylist() == [b'{"resourceType":"Condition","id":"\xff"}']
    assert found.schema.field("line").type == pyarrow.string()


def test_elements_as_json_in_texts_become_members() -> None:
    rows_of_table = batch([b'{"code":"{\\"text\\":\\"x\\"}","valueString":"{}"}', b'{"code":"x"}'])
    found = rows(_Typing("Observation", frozenset({"code"}))(iter([rows_of_table])))
    assert [json.loads(row["line"])["code"] for row in found] == [{"text": "x"}, "x"]
    assert json.loads(found[0]["line"])["valueString"] == "{}"


def delta_table(folder: Path) -> Path:
    (folder / "Observation" / "_delta_log").mkdir(parents=True)
    (folder / "Observation" / "_delta_log" / "0.json").write_text("{}")
    (folder / "Observation" / "part-0.parquet").write_bytes(b"PAR1")
    return folder


def test_a_table_with_a_history_is_found_as_a_whole(tmp_path: Path) -> None:
    export = find_export(delta_table(tmp_path))
    assert not export.files
    assert [(each.name, each.kind) for each in export.deltas] == [("Observation", "Observation")]


def test_a_table_with_a_history_is_read_by_spark_alone(tmp_path: Path) -> None:
    """Its folder holds rows that were deleted: which files count, only its log says."""
    state = State(tmp_path / "state")
    with pytest.raises(BadExport, match="Observation: a Delta table; read it with --engine spark"):
        run(find_export(delta_table(tmp_path / "x")), _RECIPE, state, workers=1, max_bad=0)
    state.close(done=True)


def test_without_spark_the_command_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark_engine, "is_at_hand", lambda: False)
    folder = write_export(tmp_path / "x", everybody())
    result = runner().invoke(main, ["screen", str(folder), "--engine", "spark"])
    assert result.exit_code == 1 and "pip install 'rls-cds[spark]'" in result.stderr
