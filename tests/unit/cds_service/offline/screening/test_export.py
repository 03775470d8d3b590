"""Files of an export: which are read, what they are named for, how they are parted, and what the manifest says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cds_service.offline.screening.export import BadExport, find_export


@pytest.mark.parametrize(
    ("name", "kind", "compression"),
    [
        ("Observation.ndjson", "Observation", ""),
        ("Observation.000.ndjson", "Observation", ""),
        ("1.MedicationRequest.ndjson.gz", "MedicationRequest", "gzip"),
        ("Condition_12.jsonl.zst", "Condition", "zstd"),
        ("Observation/0.ndjson", "Observation", ""),
        ("export-Patient-1.NDJSON", "Patient", ""),
        ("part-0001.ndjson", "", ""),
        ("observation.ndjson", "", ""),
    ],
)
def test_a_file_is_named_for_a_type(tmp_path: Path, name: str, kind: str, compression: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"{}\n")
    (file,) = find_export(tmp_path).files
    assert (file.name, file.kind, file.compression) == (name, kind, compression)


def test_what_is_hidden_or_written_by_us_is_left_out(tmp_path: Path) -> None:
    for name in ("Patient.ndjson", ".state/0.ndjson", "result/findings.ndjson", "notes.txt", "Patient.csv"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"{}\n")
    export = find_export(tmp_path, leave_out=tmp_path / "result")
    assert [file.name for file in export.files] == ["Patient.ndjson"]


def test_a_folder_without_lines_is_no_export(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(BadExport, match=r"no file of lines in it .* name the folder"):
        find_export(tmp_path)


def manifest(folder: Path, **members: object) -> None:
    content = {"transactionTime": "2026-06-30T03:00:00Z", "output": [], **members}
    (folder / "manifest.json").write_text(json.dumps(content))


def test_the_manifest_tells_day_types_counts_and_errors(tmp_path: Path) -> None:
    (tmp_path / "a1").with_suffix(".ndjson").write_bytes(b"{}\n")
    manifest(
        tmp_path,
        request="https://ehr.example.org/fhir/$export?_since=2020-01-01&_type=Patient,Condition%2CObservation",
        output=[
            {"type": "Condition", "url": "https://ehr.example.org/files/a1.ndjson?sig=7", "count": 3},
            {"type": "Condition", "url": "https://ehr.example.org/files/a2.ndjson", "count": 4},
            {"type": "Patient", "url": "https://ehr.example.org/files/p.ndjson"},
        ],
        error=[{"type": "OperationOutcome", "url": "https://ehr.example.org/files/e.ndjson"}],
    )
    export = find_export(tmp_path)
    said = export.manifest
    assert said.exported_on == "2026-06-30"
    assert said.asked_for == {"Patient", "Condition", "Observation"}
    assert dict(said.counts) == {"Condition": 7}
    assert said.has_errors
    assert export.files[0].kind == "Condition"


@pytest.mark.parametrize("content", ["[]", '{"output": []}', "no json", '{"transactionTime": "x", "output": {}}'])
def test_another_json_file_is_no_manifest(tmp_path: Path, content: str) -> None:
    (tmp_path / "Patient.ndjson").write_bytes(b"{}\n")
    (tmp_path / "other.json").write_text(content)
    assert find_export(tmp_path).manifest.exported_on == ""


def test_a_compressed_file_is_one_piece(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(b"x" * 100)
    (tmp_path / "b.ndjson.gz").write_bytes(b"x" * 100)
    pieces = find_export(tmp_path).pieces(40)
    assert [(piece.file.name, piece.start, piece.end) for piece in pieces] == [
        ("a.ndjson", 0, 40),
        ("a.ndjson", 40, 80),
        ("a.ndjson", 80, 100),
        ("b.ndjson.gz", 0, 100),
    ]
