"""Lines on disk, by bucket of patients: one file a piece, written whole or not at all.

A file holds entries `owner TAB line LF`, those of one bucket together, and at its end a table of where each bucket
lies. It appears under its name only when it is complete, so that a run that is stopped leaves no half file.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO

from cds_service.web.json_reader import MEBIBYTE

#: The form of these files; a state folder with files of another is not resumed.
LAYOUT = 4
#: Bytes of entries that are held in memory before they go to disk.
_HELD = 24 * MEBIBYTE
#: Trailer of a file: the lengths of its summary and of the table before that.
_LENGTHS = struct.Struct("<QQ")
#: In native byte order: a file is read on the machine that wrote it.
_packed = partial(array, "Q")


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
    """Writes one file; `close` puts it in place, together with the summary of the piece."""

    def __init__(self, path: Path, buckets: int) -> None:
        self._path, self._buckets = path, buckets
        self._part = path.with_name(f"{path.name}.{os.getpid()}.part")
        self._file = os.fdopen(os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        self._held: dict[int, list[bytes]] = {}
        self._size = 0
        self._places = _packed()

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
            self._places.extend((bucket, start, self._file.tell() - start))
        self._held, self._size = {}, 0

    def close(self, summary: Any) -> None:
        """Finish the file and put it in place; `summary` is any JSON value, which `read_summary` returns."""
        self._flush()
        table, end = self._places.tobytes(), json.dumps(summary, separators=(",", ":")).encode()
        self._file.write(table)
        self._file.write(end)
        self._file.write(_LENGTHS.pack(len(end), len(table)))
        self._file.flush()
        os.fsync(self._file.fileno())  # the name must not outlive a loss of power that the bytes do not
        self._file.close()
        self._part.replace(self._path)

    def abandon(self) -> None:
        """Give up what was not closed."""
        if not self._file.closed:
            self._file.close()
            self._part.unlink(missing_ok=True)


def _lengths(file: BinaryIO) -> tuple[int, int]:
    """Return how many bytes at the end of a file are its summary, and how many before these are its table."""
    file.seek(-_LENGTHS.size, os.SEEK_END)
    summary, table = _LENGTHS.unpack(file.read())
    return summary, table


def read_summary(path: Path) -> Any:
    """Return the summary of a piece, as `SpillWriter.close` was given it."""
    with path.open("rb") as file:
        summary, _ = _lengths(file)
        file.seek(-_LENGTHS.size - summary, os.SEEK_END)
        return json.loads(file.read(summary))


def is_whole(path: Path) -> bool:
    """Return whether a file is as `SpillWriter.close` left it: a disk lost during the write may have cut it off."""
    try:
        read_summary(path)
    except (OSError, OverflowError, ValueError, struct.error):
        return False
    return True


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where the entries of one bucket lie: the files that hold any, and triples of file number, offset and length.

    A large export has over a million of these places, so they are packed, and read once for all buckets.
    """

    files: list[Path] = field(default_factory=list)
    places: array[int] = field(default_factory=_packed)

    @property
    def size(self) -> int:
        """Return how many bytes the entries have."""
        return sum(self.places[2::3])

    def entries(self) -> Iterator[tuple[str, bytes]]:
        """Yield owner and line of every entry, file by file."""
        for number, found in groupby(_threes(self.places), key=itemgetter(0)):
            with self.files[number].open("rb") as file:
                for _, start, length in found:
                    file.seek(start)
                    for entry in file.read(length).split(b"\n")[:-1]:
                        owner, _, line = entry.partition(b"\t")
                        yield owner.decode(), line


def parted(files: Iterable[Path], buckets: int) -> tuple[Bucket, ...]:
    """Return where each bucket lies in these files."""
    found = tuple(Bucket() for _ in range(buckets))
    for path in files:
        with path.open("rb") as file:
            summary, size = _lengths(file)
            file.seek(-_LENGTHS.size - summary - size, os.SEEK_END)
            table = _packed(file.read(size))
        for number, start, length in _threes(table):
            bucket = found[number]
            if not bucket.files or bucket.files[-1] is not path:
                bucket.files.append(path)
            bucket.places.extend((len(bucket.files) - 1, start, length))
    return found


def _threes(numbers: Iterable[int]) -> Iterator[tuple[int, int, int]]:
    each = iter(numbers)
    return zip(each, each, each, strict=True)
