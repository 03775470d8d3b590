"""Lines on disk by bucket: everything comes back once, in its bucket, and a table of any size is read once."""

from __future__ import annotations

import pickle
from collections import Counter
from pathlib import Path

import pytest

from cds_service.offline.screening import spill
from cds_service.offline.screening.spill import Bucket, bucket_of, is_whole, parted, read_summary, spilling

BUCKETS = 7
#: More than one line each, one that is empty, one with a tab, and more patients than buckets.
LINES = [(f"p{number % 40}", b'{"id": "%d"}\t' % number) for number in range(400)] + [("p1", b"")]


def written(path: Path, lines: list[tuple[str, bytes]], summary: object = None) -> Path:
    with spilling(path, BUCKETS) as out:
        for owner, line in lines:
            out.add(owner, line)
        out.close(summary)
    return path


@pytest.mark.parametrize("held", [1, 100, spill._HELD])
def test_every_line_comes_back_in_the_bucket_of_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    """However little is held in memory: a bucket then lies in many places of a file."""
    monkeypatch.setattr(spill, "_HELD", held)
    files = (
        written(tmp_path / "a", LINES[:300]),
        written(tmp_path / "empty", []),
        written(tmp_path / "b", LINES[300:]),
    )
    found = {number: list(bucket.entries()) for number, bucket in enumerate(parted(files, BUCKETS))}
    assert Counter(entry for entries in found.values() for entry in entries) == Counter(LINES)
    assert all(bucket_of(owner, BUCKETS) == number for number, entries in found.items() for owner, _ in entries)
    for owner in {owner for owner, _ in LINES}:
        own = [line for name, line in found[bucket_of(owner, BUCKETS)] if name == owner]
        assert own == [line for name, line in LINES if name == owner], "in the order of writing"


def test_a_bucket_goes_to_another_process_and_knows_its_size(tmp_path: Path) -> None:
    for bucket in parted((written(tmp_path / "a", LINES),), BUCKETS):
        sent: Bucket = pickle.loads(pickle.dumps(bucket))  # noqa: S301 (our own bytes)
        assert list(sent.entries()) == list(bucket.entries())
        assert sent.size == sum(len(owner) + len(line) + 2 for owner, line in bucket.entries())


def test_a_table_is_read_once_however_many_buckets_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = tuple(written(tmp_path / str(number), LINES) for number in range(5))
    opened: list[str] = []
    real = Path.open
    monkeypatch.setattr(Path, "open", lambda self, *given: opened.append(self.name) or real(self, *given))  # type: ignore[func-returns-value]
    parted(files, BUCKETS)
    assert opened == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("summary", [None, {"counts": {"lines": 3}, "found": ["p1", "ä"]}])
@pytest.mark.parametrize("lines", [[], LINES], ids=["empty", "lines"])
def test_the_summary_comes_back(tmp_path: Path, lines: list[tuple[str, bytes]], summary: object) -> None:
    assert read_summary(written(tmp_path / "a", lines, summary)) == summary


@pytest.mark.parametrize("size", [0, 7, 16, 40, -1])
def test_a_file_that_was_cut_off_is_not_whole(tmp_path: Path, size: int) -> None:
    path = written(tmp_path / "a", LINES, {"found": ["p1"]})
    assert is_whole(path)
    content = path.read_bytes()
    path.write_bytes(content[:size])
    assert not is_whole(path)
    path.write_bytes(bytes(len(content)))
    assert not is_whole(path)
    assert not is_whole(tmp_path / "none")


def test_of_a_file_that_fails_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), spilling(tmp_path / "a", BUCKETS) as out:
        out.add("p1", b"{}")
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())
