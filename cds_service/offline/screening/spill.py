"""Lines on disk, by bucket of patients: one file a piece, written whole or not at all.

A file holds entries `owner TAB line LF`, those of one bucket together, and at its end a table of where each bucket
lies. It appears under its name only when it is complete, so that a run that is stopped leaves no half file.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from cds_service.web.json_reader import MEBIBYTE

#: Bytes of entries that are held in memory before they go to disk.
_HELD = 24 * MEBIBYTE
_LENGTH = struct.Struct("<Q")


def bucket_of(owner: str, buckets: int) -> int:
    """Return the bucket of a patient, or of anything else with an id."""
    return zlib.crc32(owner.encode()) % buckets


@contextmanager
def spilling(path: Path, buckets: int) -> Iterator[SpillWriter]:
    """Write one file for the block, which ends with `SpillWriter.close`; of one that fails nothing is left."""
    writer = SpillWriter(path, buckets)
    try:
        yield writer
    finally:
        writer.abandon()


class SpillWriter:
    """Writes one file; `close` puts it in place, together with what else is to be told of the piece."""

    def __init__(self, path: Path, buckets: int) -> None:
        self._path, self._buckets = path, buckets
        self._part = path.with_name(f"{path.name}.{os.getpid()}.part")
        self._file = os.fdopen(os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        self._held: dict[int, list[bytes]] = {}
        self._size = 0
        self._places: list[tuple[int, int, int]] = []

    @property
    def buckets(self) -> int:
        return self._buckets

    def add(self, owner: str, line: bytes = b"") -> None:
        """Add a line under an owner, or the owner alone."""
        self.add_to(bucket_of(owner, self._buckets), owner, line)

    def add_to(self, bucket: int, owner: str, line: bytes) -> None:
        """Add a line to a bucket."""
        entry = b"%s\t%s\n" % (owner.encode(), line.strip(b"\r\n"))
        self._held.setdefault(bucket, []).append(entry)
        self._size += len(entry)
        if self._size >= _HELD:
            self._flush()

    def _flush(self) -> None:
        for bucket in sorted(self._held):
            start = self._file.tell()
            self._file.writelines(self._held[bucket])
            self._places.append((bucket, start, self._file.tell() - start))
        self._held, self._size = {}, 0

    def close(self, told: Any) -> None:
        """Finish the file and put it in place; `told` is any JSON value, which `told_by` returns."""
        self._flush()
        end = json.dumps({"places": self._places, "told": told}, separators=(",", ":")).encode()
        self._file.write(end)
        self._file.write(_LENGTH.pack(len(end)))
        self._file.close()
        self._part.replace(self._path)

    def abandon(self) -> None:
        """Give up what was not closed."""
        if not self._file.closed:
            self._file.close()
            self._part.unlink(missing_ok=True)


def stamp(path: Path) -> tuple[int, int, int]:
    """Return what changes when a file is written anew, for what is remembered of files."""
    about = path.stat()
    return about.st_ino, about.st_mtime_ns, about.st_size


def _end_of(path: Path) -> dict[str, Any]:
    return _end_at(path, stamp(path))


@lru_cache(maxsize=4096)
def _end_at(path: Path, stamped: tuple[int, int, int]) -> dict[str, Any]:
    with path.open("rb") as file:
        file.seek(-_LENGTH.size, os.SEEK_END)
        (length,) = _LENGTH.unpack(file.read())
        file.seek(-_LENGTH.size - length, os.SEEK_END)
        content: dict[str, Any] = json.loads(file.read(length))
        return content


def told_by(path: Path) -> Any:
    """Return what `SpillWriter.close` was told of a piece."""
    return _end_of(path)["told"]


def entries_of(paths: Iterable[Path], bucket: int) -> Iterator[tuple[str, bytes]]:
    """Yield owner and line of every entry of one bucket, file by file."""
    for path in paths:
        places = [place for place in _end_of(path)["places"] if place[0] == bucket]
        if not places:
            continue
        with path.open("rb") as file:
            for _, start, length in places:
                file.seek(start)
                for entry in file.read(length).split(b"\n")[:-1]:
                    owner, _, line = entry.partition(b"\t")
                    yield owner.decode(), line


def sizes_of(paths: Iterable[Path]) -> dict[int, int]:
    """Return how many bytes each bucket has in these files."""
    found: dict[int, int] = {}
    for path in paths:
        for bucket, _, length in _end_of(path)["places"]:
            found[bucket] = found.get(bucket, 0) + length
    return found
