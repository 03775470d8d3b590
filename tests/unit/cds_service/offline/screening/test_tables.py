"""Resources in Parquet: as JSON in a column, or with a column for each element."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cds_service.offline.screening.blocks import Damage, blocks
from cds_service.offline.screening.export import BadExport, find_export
from cds_service.offline.screening.tables import typed

pytest.importorskip("duckdb", reason="the extra [bulk] is not installed")
pyarrow = pytest.importorskip("pyarrow")


def resources(folder: Path, columns: dict[str, list[Any]], name: str = "Observation.parquet") -> list[dict[str, Any]]:
    """Write a table, and return the resources that are read from it."""
    from pyarrow.parquet import write_table

    write_table(pyarrow.table(columns), folder / name)
    (piece,) = find_export(folder).pieces()
    content = b"".join(blocks(piece, Damage()))
    return [json.loads(line) for line in content.split(b"\n")[:-1]]


def test_a_column_of_json(tmp_path: Path) -> None:
    lines = ['{"resourceType":"Patient",\n"id":"1"}', None, '{"resourceType":"Patient","id":"2"}']
    found = resources(tmp_path, {"id": ["1", "2", "3"], 're"source': lines})
    assert [each["id"] for each in found] == ["1", "2"]


def test_a_column_for_each_element(tmp_path: Path) -> None:
    columns = {"resourceType": ["Observation"], "id": ["1"], "valueQuantity": [{"value": 3.5, "unit": "g"}]}
    assert resources(tmp_path, columns) == [
        {"resourceType": "Observation", "id": "1", "valueQuantity": {"value": 3.5, "unit": "g"}}
    ]


def test_the_name_of_the_file_tells_the_type(tmp_path: Path) -> None:
    (found,) = resources(tmp_path, {"id": ["1"]}, "Condition-0001.parquet")
    assert found == {"resourceType": "Condition", "id": "1"}


_CONTAINED = [{"resourceType": "Medication", "id": "x"}]


@pytest.mark.parametrize(
    "columns",
    [
        {"id": ["1"], "contained": [_CONTAINED]},
        {"id": ["1"], "contained": [json.dumps(_CONTAINED)]},
        {"contained": [_CONTAINED], "id": ["1"], "resourceType": ["MedicationRequest"]},
        {"raw": [json.dumps({"id": "1", "subject": {}, "contained": _CONTAINED})]},
        {"raw": [json.dumps({"contained": _CONTAINED, "id": "1", "resourceType": "MedicationRequest"})]},
    ],
)
def test_the_type_of_what_a_row_contains_is_not_its_own(tmp_path: Path, columns: dict[str, list[Any]]) -> None:
    (found,) = resources(tmp_path, columns, "MedicationRequest.parquet")
    assert (found["resourceType"], found["contained"]) == ("MedicationRequest", _CONTAINED)


def test_a_table_whose_rows_only_contain_what_says_its_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadExport, match="nothing tells the type of its rows"):
        resources(tmp_path, {"id": ["1"], "contained": [_CONTAINED]}, "part-0.parquet")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"id":"1"}', b'{"resourceType":"X","id":"1"}'),
        (
            b'{"id":"1","contained":[{"resourceType":"Y"',
            b'{"resourceType":"X","id":"1","contained":[{"resourceType":"Y"',
        ),
        (b'{"resourceType":"Y","id":"1', b'{"resourceType":"Y","id":"1'),
        (b' {"id":"1"}', b' {"id":"1"}'),
        (b'{"id":"\\ud800","resourceType":"Y"}', b'{"id":"\\ud800","resourceType":"Y"}'),
        (b'{"r\\u0065sourceType":"Y","id":"1"}', b'{"r\\u0065sourceType":"Y","id":"1"}'),
    ],
)
def test_a_broken_row_has_the_type_of_its_table_unless_it_begins_with_one(line: bytes, expected: bytes) -> None:
    assert typed(line, "X") == expected
    assert typed(line, "") == line


def as_json(value: Any) -> str:
    return json.dumps(value, indent=1)


@pytest.mark.parametrize("coded", [str, str.encode])
def test_elements_as_json_in_texts(tmp_path: Path, coded: Any) -> None:
    """The first of them is no whole resource, though it is an object too."""
    held = {
        "meta": {"versionId": "1"},
        "id": "1",
        "code": {"coding": [{"code": "2276-4"}]},
        "subject": {"reference": "Patient/1"},
        "category": [{"text": "[x]"}],
    }
    columns = {name: [coded(as_json(value) if name != "id" else "1")] for name, value in held.items()}
    (found,) = resources(tmp_path, {**columns, "valueString": ["no { JSON"], "note": [None]})
    assert found == {"resourceType": "Observation", **held, "valueString": "no { JSON", "note": None}


@pytest.mark.parametrize(
    "whole",
    [
        {"resourceType": "Observation", "id": "1"},
        {"id": "1", "subject": {"reference": "Patient/1"}},
        {"id": "1", "patient": {"reference": "Patient/1"}},
        {"id": "1", "gender": "male"},
    ],
)
@pytest.mark.parametrize("coded", [str, str.encode])
def test_the_column_of_whole_resources_is_known_by_what_it_holds(tmp_path: Path, whole: Any, coded: Any) -> None:
    columns = {"meta": ['{"versionId":"1"}'], "text": ['{"id":"1","status":"empty"}'], "raw": [coded(as_json(whole))]}
    assert resources(tmp_path, columns) == [{"resourceType": "Observation", **whole}]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_moments_are_written_as_fhir_does_wherever_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    moment = datetime(2026, 5, 20, 2, tzinfo=UTC)
    columns = {
        "issued": [moment],
        "effectiveDateTime": [moment.replace(tzinfo=None)],
        "effectivePeriod": [{"start": moment.replace(microsecond=5000)}],
        "birthDate": [moment.date()],
    }
    (found,) = resources(tmp_path, columns)
    assert found == {
        "resourceType": "Observation",
        "issued": "2026-05-20T02:00:00Z",
        "effectiveDateTime": "2026-05-20T02:00:00",
        "effectivePeriod": {"start": "2026-05-20T02:00:00.005Z"},
        "birthDate": "2026-05-20",
    }


@pytest.mark.parametrize("name", ["observation.parquet", "part-0.parquet"])
def test_a_table_of_which_nothing_tells_the_type_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadExport, match=f"{name}: nothing tells the type of its rows; name the file for it"):
        resources(tmp_path, {"id": ["1"]}, name)


def test_what_is_no_table_is_told(tmp_path: Path) -> None:
    (tmp_path / "Patient.parquet").write_bytes(b"PAR1 not really")
    (piece,) = find_export(tmp_path).pieces()
    with pytest.raises(BadExport, match=r"Patient\.parquet: DuckDB cannot read it"):
        list(blocks(piece, Damage()))


def test_a_table_that_is_damaged_far_behind_its_beginning_is_told(tmp_path: Path) -> None:
    from pyarrow.parquet import write_table

    dice = random.Random(1)  # noqa: S311 - a script, not a secret
    columns = {"id": [f"o{number}" for number in range(30_000)], "note": [f"x{dice.random()}" for _ in range(30_000)]}
    file = tmp_path / "Observation.parquet"
    write_table(pyarrow.table(columns), file, row_group_size=5_000)
    content = bytearray(file.read_bytes())
    middle = len(content) * 6 // 10
    content[middle : middle + 3_000] = bytes(each ^ 0x5A for each in content[middle : middle + 3_000])
    file.write_bytes(content)
    (piece,) = find_export(tmp_path).pieces()
    with pytest.raises(BadExport, match=r"^Observation\.parquet: DuckDB cannot read it as Parquet; export it again"):
        list(blocks(piece, Damage()))
