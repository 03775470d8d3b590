"""Resources in Parquet: as JSON in a column, or with a column for each element."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cds_service.offline.screening.blocks import Damage, blocks
from cds_service.offline.screening.export import BadExport, find_export

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


def test_what_is_no_table_is_told(tmp_path: Path) -> None:
    (tmp_path / "Patient.parquet").write_bytes(b"PAR1 not really")
    (piece,) = find_export(tmp_path).pieces()
    with pytest.raises(BadExport, match=r"Patient\.parquet: DuckDB cannot read it"):
        list(blocks(piece, Damage()))
