"""Find the files of a FHIR Bulk Data export and part them into pieces; read what its manifest promises."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from cds_service.web.json_reader import MEBIBYTE

#: Bytes of an uncompressed file that are worked through at once; a compressed file is one piece.
PIECE = 32 * MEBIBYTE
#: How much a compressed file holds, as far as the number of buckets depends on it.
_EXPANDS = 10
_LINES = re.compile(r"\.(?:(?:ndjson|jsonl)(?:\.(gz|gzip|zst|zstd))?|(parquet))$", re.IGNORECASE)
#: In place of a compression: a table in Parquet.
TABLE = "parquet"
_COMPRESSIONS = {"": "", "gz": "gzip", "gzip": "gzip", "zst": "zstd", "zstd": "zstd", TABLE: TABLE}
#: `Observation.ndjson`, `Observation.000.ndjson`, `1.Observation.ndjson`, `Observation/0.ndjson`
_TYPE_IN_NAME = re.compile(r"(?:^|[./_\-\d])([A-Z][A-Za-z]{2,62})(?=$|[./_\-\d])")
#: What SMART Fetch leaves beside the files: a log in the form of the Bulk Data clients, and what it was asked for.
_LOG, _METADATA = "log.ndjson", ".metadata"
_BEGINNING_OF_LOG = 4096
_DELTA = "_delta_log"
_MOST_OF_MANIFEST = 16 * MEBIBYTE
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


class BadExport(ValueError):
    """A folder that is no export, or one that cannot be read; the message names the place and the next step."""


@dataclass(frozen=True, slots=True)
class ExportFile:
    """One file of lines. `name` is its path inside the export, with slashes; `kind` the resource type it is named
    for, if any.
    """

    path: Path
    name: str
    size: int
    changed: int
    compression: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of one file: the lines that begin from `start` on and before `end`."""

    file: ExportFile
    start: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the manifest of an export says.

    exported_on   the day of `transactionTime`, as written
    asked_for     the types of `_type` in the request, and those that the client says it fetched
    counts        resources by type, where every file of the type tells its count
    outputs       the parts of each file's address, with its type
    lacking       types of which the folder lacks a file, where files keep the names of their addresses, or holds a file
                  of which nothing was written; an empty one where the type is not known
    has_errors    the server reported resources that it could not export
    """

    exported_on: str = ""
    asked_for: frozenset[str] = frozenset()
    counts: Mapping[str, int] = field(default_factory=dict)
    outputs: tuple[tuple[tuple[str, ...], str], ...] = ()
    lacking: frozenset[str] = frozenset()
    has_errors: bool = False


@dataclass(frozen=True, slots=True)
class Export:
    """A folder of files, in the order of their names, its manifest, and the Delta tables in it, which are folders."""

    folder: Path
    files: tuple[ExportFile, ...]
    manifest: Manifest = Manifest()
    deltas: tuple[ExportFile, ...] = ()

    @property
    def size(self) -> int:
        """Return the number of bytes of all files as they lie on disk."""
        return sum(file.size for file in self.files)

    @property
    def expected_size(self) -> int:
        """Return about how many bytes all files have without compression."""
        return sum(file.size * (_EXPANDS if file.compression else 1) for file in self.files)

    def pieces(self, size: int = PIECE) -> tuple[Piece, ...]:
        """Return the pieces of every file, in order."""
        return tuple(piece for file in self.files for piece in _pieces(file, size))


def find_export(folder: Path, *, leave_out: Path | None = None) -> Export:
    """Find every file of lines below a folder, but for hidden ones and what `leave_out` is or holds.

    Raises `BadExport` where there is none.
    """
    below = [path for path in sorted(folder.rglob("*")) if path.is_file() and not _is_hidden(path, folder)]
    below = [path for path in below if not (_is_elsewhere(path, folder) or _is_log(path))]
    apart = leave_out.resolve() if leave_out is not None else None
    if apart is not None and folder.resolve().is_relative_to(apart):
        raise BadExport(f"{folder}: what is written would lie among the files of the export; name another --out")
    found = [path for path in below if apart is None or not path.resolve().is_relative_to(apart)]
    tables = sorted(path.parent for path in folder.rglob(_DELTA) if path.is_dir())
    found = [path for path in found if not any(path.is_relative_to(table) for table in tables)]
    manifest = _manifest(path for path in found if path.suffix.lower() == ".json")
    manifest = replace(manifest, asked_for=manifest.asked_for | _asked_by_client(folder))
    files = tuple(_file(path, folder, match) for path in found if (match := _LINES.search(path.name)))
    files, manifest = _compared(files, manifest)
    deltas = tuple(_delta(path, folder) for path in tables)
    if not files and not deltas:
        raise BadExport(
            f"{folder}: no file of lines in it (*.ndjson, *.jsonl, each also with .gz or .zst, or *.parquet); "
            "name the folder that a Bulk Data client wrote"
        )
    return Export(folder, files, manifest, deltas)


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _is_elsewhere(path: Path, folder: Path) -> bool:
    """Return whether a link leads to a file of the same folder, which is read under its own name."""
    return path.is_symlink() and path.resolve().is_relative_to(folder.resolve())


def _is_log(path: Path) -> bool:
    """Return whether this is the log that a Bulk Data client leaves beside what it fetched."""
    if path.name != _LOG:
        return False
    with path.open("rb") as file:
        return b'"eventId"' in file.read(_BEGINNING_OF_LOG)


def _asked_by_client(folder: Path) -> frozenset[str]:
    """Return the types that a client says it has fetched whole: it writes no file for one of which there is nothing."""
    told = [_read(path) for path in sorted(folder.rglob(_METADATA))]
    done = [each["done"] for each in told if isinstance(each, dict) and each.get("complete") and "done" in each]
    return frozenset(kind for each in done if isinstance(each, dict) for kind in each)


def _file(path: Path, folder: Path, match: re.Match[str]) -> ExportFile:
    about = path.stat()
    name = path.relative_to(folder).as_posix()
    named = next((part for part in reversed(_TYPE_IN_NAME.findall(name[: -len(match[0])]))), "")
    compression = _COMPRESSIONS[(match[1] or match[2] or "").lower()]
    return ExportFile(path, name, about.st_size, about.st_mtime_ns, compression, named)


def _compared(files: tuple[ExportFile, ...], manifest: Manifest) -> tuple[tuple[ExportFile, ...], Manifest]:
    """Give each file the type that the manifest says, and the manifest what is lacking.

    A file is known by as many last parts of its address as it shares with any: clients keep more or fewer of them.
    Where more files share them than addresses, or addresses of two types do, nothing is said.
    """
    kinds: dict[tuple[str, ...], Counter[str]] = {}
    for address, kind in manifest.outputs:
        for tail in _tails(address):
            kinds.setdefault(tail, Counter())[kind] += 1
    known: Counter[tuple[str, ...]] = Counter(tail for file in files for tail in _tails(_parts(file.name)))

    def kind_of(file: ExportFile) -> str:
        shared = next((tail for tail in _tails(_parts(file.name)) if tail in kinds), None)
        said = kinds[shared] if shared else {}
        return next(iter(said)) if shared and len(said) == 1 and known[shared] <= kinds[shared].total() else file.kind

    def is_there(address: tuple[str, ...]) -> bool:
        shared = next((tail for tail in _tails(address) if tail in known), None)
        return shared is not None and kinds[shared].total() <= known[shared]

    named = tuple(replace(file, kind=kind_of(file)) for file in files)
    there = [is_there(address) for address, _ in manifest.outputs]
    lacking = {kind for (_, kind), found in zip(manifest.outputs, there, strict=True) if not found and any(there)}
    # no packed file and no table is empty, even where it holds no line
    lacking |= {file.kind for file in named if file.compression and not file.size}
    return named, replace(manifest, lacking=frozenset(lacking - manifest.counts.keys()))


def _tails(parts: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The last parts of an address, the most first."""
    return (parts[start:] for start in range(len(parts)))


def _parts(address: str) -> tuple[str, ...]:
    """The parts of an address, the last without what tells its form and compression."""
    parts = tuple(part for part in address.split("/") if part)
    return (*parts[:-1], _LINES.sub("", parts[-1])) if parts else ()


def _delta(path: Path, folder: Path) -> ExportFile:
    """A table with a history: which of its files count, only its log says."""
    name = path.relative_to(folder).as_posix()
    log = max((each.stat().st_mtime_ns for each in (path / _DELTA).iterdir()), default=0)
    size = sum(each.stat().st_size for each in path.glob("*.parquet"))
    named = _TYPE_IN_NAME.findall(path.name if name == "." else name)
    return ExportFile(path, name, size, log, TABLE, named[-1] if named else "")


def _pieces(file: ExportFile, size: int) -> Iterator[Piece]:
    step = file.size if file.compression else size
    for start in range(0, file.size, max(step, 1)):
        yield Piece(file, start, min(start + step, file.size))


def _manifest(files: Iterator[Path]) -> Manifest:
    """The first file that is the answer of a server to a finished export."""
    for path in files:
        content = _read(path)
        if isinstance(content, dict) and isinstance(content.get("output"), list) and "transactionTime" in content:
            return _from(content)
    return Manifest()


def _read(path: Path) -> Any:
    try:
        if path.stat().st_size > _MOST_OF_MANIFEST:
            return None
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None


def _from(content: Mapping[str, Any]) -> Manifest:
    outputs = [each for each in content["output"] if isinstance(each, dict)]
    counts: Counter[str] = Counter()
    uncounted = set()
    for each in outputs:
        kind, count = str(each.get("type", "")), each.get("count")
        if isinstance(count, int) and not isinstance(count, bool):
            counts[kind] += count
        else:
            uncounted.add(kind)
    moment = str(content["transactionTime"])
    return Manifest(
        exported_on=moment[:10] if _DATE.match(moment) else "",
        asked_for=_asked_for(str(content.get("request", ""))),
        counts={kind: count for kind, count in counts.items() if kind and kind not in uncounted},
        outputs=tuple(
            (parts, str(each["type"]))
            for each in outputs
            if each.get("type")
            and each.get("count") != 0
            and (parts := _parts(unquote(str(each.get("url")).partition("?")[0])))
        ),
        has_errors=bool(content.get("error")),
    )


def _asked_for(request: str) -> frozenset[str]:
    named = re.search(r"[?&]_type=([^&]*)", request)
    return frozenset(re.split(r",|%2C", named[1], flags=re.IGNORECASE)) - {""} if named else frozenset()
