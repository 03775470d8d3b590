"""Files of an export: which are read, what they are named for, how they are parted, and what the manifest says."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from cds_service.offline.screening.export import BadExport, Export, find_export


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


def with_manifest(folder: Path, files: str, outputs: str) -> Export:
    """Write these files, empty, and a manifest of outputs, each as `Type=end of the address`."""
    for name in files.split():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(gzip.compress(b"") if name.endswith(".gz") else b"")
    pairs = [each.split("=", 1) for each in outputs.split()]
    manifest(folder, output=[{"type": kind, "url": f"https://x.example.org/f/{end}"} for kind, end in pairs])
    return find_export(folder)


_FOLDERS = "Observation=Observation/0.ndjson Condition=Condition/0.ndjson Patient=Patient/0.ndjson"


@pytest.mark.parametrize(
    ("files", "outputs", "kinds"),
    [
        (
            "Condition/0.ndjson.gz Observation/0.ndjson.gz Patient/0.ndjson.gz",
            _FOLDERS,
            "Condition Observation Patient",
        ),
        ("f/Condition/0.ndjson Observation/0.ndjson", _FOLDERS, "Observation Condition"),
        ("a/0.ndjson b/0.ndjson", _FOLDERS, "- -"),
        ("0.ndjson", _FOLDERS, "-"),
        ("0.ndjson", "Condition=a/0.ndjson?sig=/7 Condition=b/0.ndjson", "Condition"),
        ("a/0.ndjson b/0.ndjson", "Condition=0.ndjson", "- -"),
        ("a%20b.ndjson a_c.ndjson", "Condition=a%2520b.ndjson Patient=a_c.ndjson", "Condition Patient"),
        ("Encounter.ndjson", "Condition=Encounter.ndjson", "Condition"),
    ],
)
def test_a_file_is_known_by_the_end_of_its_address(tmp_path: Path, files: str, outputs: str, kinds: str) -> None:
    found = with_manifest(tmp_path, files, outputs).files
    assert [each.kind or "-" for each in found] == kinds.split()


@pytest.mark.parametrize(
    ("files", "outputs", "lacking"),
    [
        ("a.ndjson b.ndjson", "Condition=a.ndjson Patient=b.ndjson", ""),
        ("a.ndjson", "Condition=a.ndjson Condition=b.ndjson", "Condition"),
        ("a.ndjson.gz", "Condition=a.ndjson Observation=x/b.ndjson", "Observation"),
        ("Observation/0.ndjson Patient/0.ndjson", _FOLDERS, "Condition"),
        ("1.Condition.ndjson", "Condition=download/71 Observation=download/72", ""),
        ("a.ndjson b.json", "Condition=a.ndjson Observation=b.json", "Observation"),
    ],
)
def test_what_the_manifest_names_and_the_folder_lacks(tmp_path: Path, files: str, outputs: str, lacking: str) -> None:
    """Where no file bears the name of its address, the client has named them, and nothing can be said."""
    assert with_manifest(tmp_path, files, outputs).manifest.lacking == frozenset(lacking.split())


def test_a_file_of_nothing_need_not_be_there(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").touch()
    urls = {"a": 3, "b": 0}
    manifest(
        tmp_path, output=[{"type": n, "url": f"https://x.example.org/{n}.ndjson", "count": c} for n, c in urls.items()]
    )
    assert not find_export(tmp_path).manifest.lacking


@pytest.mark.parametrize(
    ("name", "lacking"),
    [
        ("Observation.ndjson.gz", {"Observation"}),
        ("1.Condition.jsonl.zst", {"Condition"}),
        ("Procedure.parquet", {"Procedure"}),
        ("part-0.ndjson.gz", {""}),
        ("Observation.ndjson", set()),
    ],
)
def test_a_packed_file_of_no_bytes_was_not_written(tmp_path: Path, name: str, lacking: set[str]) -> None:
    """An empty list has bytes when it is packed; as plain lines it has none."""
    (tmp_path / name).touch()
    (tmp_path / "Patient.ndjson.gz").write_bytes(gzip.compress(b""))
    assert find_export(tmp_path).manifest.lacking == lacking


def test_of_a_type_that_the_manifest_counts_the_counts_tell(tmp_path: Path) -> None:
    (tmp_path / "Observation.ndjson.gz").touch()
    manifest(tmp_path, output=[{"type": "Observation", "url": "https://x.example.org/1", "count": 0}])
    assert not find_export(tmp_path).manifest.lacking


@pytest.mark.parametrize("out", [".", "..", "x/.."])
def test_an_output_that_is_the_export_itself_is_refused(tmp_path: Path, out: str) -> None:
    folder = tmp_path / "export"
    (folder / "x").mkdir(parents=True)
    (folder / "Patient.ndjson").write_bytes(b"{}\n")
    with pytest.raises(BadExport, match="would lie among the files of the export; name another --out"):
        find_export(folder, leave_out=folder / out)


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


def as_smart_fetch(folder: Path, **about: object) -> None:
    """Write a folder as SMART Fetch does: a folder for each run, links to its files, a log, and what was done."""
    run = folder / "001.2026-06-30"
    run.mkdir()
    (run / "Patient.ndjson").write_text('{"resourceType":"Patient"}\n')
    (run / "log.ndjson").write_text('{"exportId":"x","eventId":"kickoff","eventDetail":{}}\n')
    (run / ".metadata").write_text(json.dumps({"kind": "output", **about}))
    (folder / "Patient.001.ndjson").symlink_to("001.2026-06-30/Patient.ndjson")


def test_what_smart_fetch_leaves_is_read_once_and_its_log_not_at_all(tmp_path: Path) -> None:
    as_smart_fetch(tmp_path, done={"Patient": "2026-06-30", "Procedure": "2026-06-30"}, complete=True)
    export = find_export(tmp_path)
    assert [file.name for file in export.files] == ["001.2026-06-30/Patient.ndjson"]
    assert export.manifest.asked_for == {"Patient", "Procedure"}


@pytest.mark.parametrize("about", [{"done": {"Procedure": "2026-06-30"}}, {"done": ["Procedure"], "complete": True}])
def test_a_fetch_that_was_not_completed_says_nothing_of_what_is_missing(
    tmp_path: Path, about: dict[str, object]
) -> None:
    as_smart_fetch(tmp_path, **about)
    assert not find_export(tmp_path).manifest.asked_for


def test_a_link_to_a_file_elsewhere_is_read(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "Patient.ndjson").write_text("{}\n")
    (tmp_path / "x" / "Patient.ndjson").symlink_to(tmp_path / "Patient.ndjson")
    assert len(find_export(tmp_path / "x").files) == 1


def test_a_file_of_records_may_be_called_log(tmp_path: Path) -> None:
    (tmp_path / "log.ndjson").write_text('{"resourceType":"Patient"}\n')
    assert len(find_export(tmp_path).files) == 1
