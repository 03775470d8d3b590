"""DuckDB as reader of lines: it lets through whatever the other way keeps, and is passed by where it refuses a file."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from cds_service.offline.screening import duckdb_engine
from cds_service.offline.screening.passes import Keep
from tests.builders.export_lines import write_export, written
from tests.unit.cds_service.offline.screening.test_passes import low, screened

pytest.importorskip("duckdb", reason="the extra [bulk] is not installed")

_OTHERS = b'{"resourceType":"Observation","id":"x","subject":{"reference":"Patient/p9"}}'


def both(folder: Path, content: bytes, name: str = "Observation.ndjson") -> tuple[Any, Any]:
    """Screen one export by both engines."""
    folder.mkdir()
    (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    people = [each for each in low("p1") if each["resourceType"] in ("Patient", "Condition")]
    (folder / "all.ndjson").write_bytes(b"".join(written(each) + b"\n" for each in people))
    found = [screened(folder, engine=engine, max_bad=100) for engine in ("python", "duckdb")]
    return tuple((each, outcome.counts.as_json(), outcome.cut) for each, outcome in found)  # type: ignore[return-value]


def results(*more: bytes, end: bytes = b"\n") -> bytes:
    lines = [written(each) for each in low("p1") if each["resourceType"] == "Observation"]
    return end.join([*[_OTHERS] * 300, *lines, *more]) + end


@pytest.mark.parametrize(
    "content",
    [
        results(),
        results(end=b"\r\n"),
        results(end=b"\n\n"),
        results(end=b" \n  \n"),
        results(b"\xff\xfe no utf-8"),
        results(b'{"resourceType":"Observation","subject":{"reference":"Patient/p1"},"no'),
        results(b'{"x":"\x01"}', b'"quoted","csv"'),
        results(b'{"x":"' + b"y" * 3_000_000 + b'"}'),
        results(_OTHERS.replace(b"p9", b"p9/_history/4"), _OTHERS.replace(b"Patient/p9", b"p1")),
        results(_OTHERS.replace(b'"}}', b'"},"performer":[{"reference":"Patient/p1"}]}')),
        results().replace(b"Patient/p1", b"urn:uuid:p1"),
        results()
        .replace(b'"reference":"Patient/p1"', b'"reference" :\t" URN:uuid:p1"')
        .replace(b'"status"', b'"performer":[{"reference":"Patient/p9"}],"status"'),
        results().replace(b"Patient/p1", b"Patient\\/p1"),
        results().replace(b"Patient/p1", b"https://x.example.org/Patient/p1/_history/7"),
        results()[:-30],
        b"",
    ],
)
@pytest.mark.parametrize("name", ["Observation.ndjson", "part.ndjson", "Observation.ndjson.gz"])
def test_both_engines_find_the_same(tmp_path: Path, content: bytes, name: str) -> None:
    by_python, by_duckdb = both(tmp_path / "x", content, name)
    assert by_duckdb == by_python


@pytest.mark.parametrize(
    "last",
    [
        b'{"x":"\xff\xfe","subject":{"reference":"Patient/p1"}}',
        b'{"x":"\x01","subject":{"reference":"Patient/p1"}}',
        b'{"x":"' + b"y" * 1_500_000 + b'","subject":{"reference":"Patient/p1"}}',
    ],
)
def test_what_duckdb_refuses_far_behind_the_beginning_is_read_without_it(tmp_path: Path, last: bytes) -> None:
    by_python, by_duckdb = both(tmp_path / "x", results(*[_OTHERS] * 60_000, last))
    assert by_duckdb == by_python


def test_a_disk_that_is_full_is_not_taken_for_a_file_that_duckdb_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: Any, **how: Any) -> None:
        raise OSError(28, "No space left on device")

    folder = write_export(tmp_path / "x", low("p1"))
    read: list[bool] = []
    monkeypatch.setattr(Keep, "take", full)
    monkeypatch.setattr(Keep, "read", lambda *given, **how: read.append(True))
    with pytest.raises(OSError, match="No space left"):
        screened(folder, engine="duckdb")
    assert not read


def test_a_packed_file_that_ends_too_early_is_cut_by_both(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    both(folder, results(), "Observation.ndjson.gz")
    file = folder / "Observation.ndjson.gz"
    file.write_bytes(file.read_bytes()[:-12])
    for engine in ("python", "duckdb"):
        assert screened(folder, engine=engine)[1].cut == ("labs",)


def test_only_few_lines_are_let_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    take = Keep.take

    def counting(self: Keep, lines: Any, **how: Any) -> None:
        held = list(lines)
        taken.append(len(held))
        take(self, held, **how)

    monkeypatch.setattr(duckdb_engine.Keep, "take", counting)
    own = sum(each["resourceType"] == "Observation" for each in low("p1"))
    both(tmp_path / "x", results())
    assert own <= sum(taken) < 60
    assert json.loads(_OTHERS)["id"] == "x"
