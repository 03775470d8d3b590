"""Write what a run found: one file, or a folder with all of it; readable by its owner alone, whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from cards.knowledge.rules import Rules
from cds_service.offline.screening.export import BadExport
from cds_service.offline.screening.report.fhir_reports import measure_bundle, work_list_resources
from cds_service.offline.screening.report.page import report_page
from cds_service.offline.screening.report.summary import About, Tally, summarised
from cds_service.offline.screening.report.work_list import WorkList
from cds_service.offline.screening.sql.reconcile import COLUMNS as DIFFERENCES
from cds_service.offline.screening.sql.reconcile import Reconciliation, Row, reconcile
from cds_service.offline.screening.sql.reconcile import as_text as in_words

#: Files of one kind of output, by the ending of the name.
FORMS = (".ndjson", ".csv", ".parquet")
COLUMNS = ("patient", "scope", "rls", "cards", "indicators", "unknown", "missing", "gains", "loses")
_ROWS_AT_ONCE = 10_000


class Writer(Protocol):
    """Takes findings one by one; `found` is None for a patient of whom no more is to be said than "no RLS"."""

    def add(self, line: bytes, found: Mapping[str, Any] | None) -> None: ...


def form_of(out: Path | None) -> str:
    """Return what to write: `nothing`, `folder`, or the ending of the one file. Raises `BadExport` for others."""
    if out is None:
        return "nothing"
    if out.is_dir() or not out.suffix:
        return "folder"
    if out.suffix not in FORMS:
        raise BadExport(f"--out {out}: name a folder, or a file that ends in {', '.join(FORMS)}")
    return out.suffix


def state_of(out: Path) -> Path:
    """Return where the state of a run with this output lies: inside the folder, or beside the file."""
    return out / ".screening" if form_of(out) == "folder" else out.with_name(f".{out.name}.screening")


def write_outputs(findings: Iterable[bytes], out: Path | None, about: About, rules: Rules) -> dict[str, Any]:
    """Write the findings, and for a folder all that is told of them; return the summary."""
    form = form_of(out)
    with ExitStack() as stack:
        writers: list[Writer] = []
        work = WorkList()
        if out is not None and form == "folder":
            out.mkdir(mode=0o700, parents=True, exist_ok=True)
            writers += [_writer(stack, out / f"findings{each}") for each in (".ndjson", ".csv")]
            writers.append(work)
        elif out is not None:
            writers.append(_writer(stack, out))
        tally = Tally()
        for line in findings:
            found = tally.add(line)
            for writer in writers:
                writer.add(line, found)
    content = summarised(tally, about, rules)
    if out is not None and form == "folder":
        _write_reports(out, content, work, rules)
    return content


def write_differences(findings: Iterable[bytes], rows: Mapping[str, Row], out: Path | None) -> str:
    """Compare findings with the rows of the SQL, write who differs where there is a folder, and return it in words."""
    result = Reconciliation()
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(DIFFERENCES)
    for each in reconcile(findings, rows, result):
        table.writerow((each.patient, each.question, each.sql, each.screen, each.why))
    if out is not None and form_of(out) == "folder":
        with _private(out / "differences.csv") as file:
            file.write(text.getvalue().encode())
    return in_words(result)


def _write_reports(out: Path, content: dict[str, Any], work: WorkList, rules: Rules) -> None:
    entries = work.ordered()
    with _private(out / "work-list.csv") as file:
        file.write(work.as_csv(entries).encode())
    with _private(out / "work-list.ndjson") as file:
        for resource in work_list_resources(entries, content["as_of"]):
            file.write(resource + b"\n")
    with _private(out / "measures.json") as file:
        file.write(measure_bundle(content, rules))
    with _private(out / "report.html") as file:
        file.write(report_page(content).encode())
    with _private(out / "summary.json") as file:
        file.write(json.dumps(content, indent=1, ensure_ascii=False).encode() + b"\n")


def _writer(stack: ExitStack, path: Path) -> Writer:
    if path.suffix == ".parquet":
        return stack.enter_context(_parquet(path))
    file = stack.enter_context(_private(path))
    return _Csv(file) if path.suffix == ".csv" else _Ndjson(file)


@contextmanager
def _private(path: Path) -> Iterator[BinaryIO]:
    """A file that only its owner may read, put in place when the block ends without a fault."""
    part = path.with_name(f".{path.name}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        yield file
    part.replace(path)


@dataclass(frozen=True, slots=True)
class _Ndjson:
    file: BinaryIO

    def add(self, line: bytes, found: Mapping[str, Any] | None) -> None:
        self.file.write(line)


class _Csv:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        file.write((",".join(COLUMNS) + "\r\n").encode())

    def add(self, line: bytes, found: Mapping[str, Any] | None) -> None:
        text = io.StringIO()
        csv.writer(text).writerow(row_of(line, found))
        self._file.write(text.getvalue().encode())


def row_of(line: bytes, found: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return a finding as one row of `COLUMNS`; of several values each is separated by a blank."""
    if found is None:
        return (patient_of(line), "no RLS", *("" for _ in COLUMNS[2:]))
    return (
        found["patient"],
        found.get("scope", ""),
        found.get("rls", ""),
        _joined(each["code"] for each in found["cards"]),
        _joined(each["indicator"] for each in found["cards"]),
        _joined(found["unknown"]),
        _joined(found.get("missing", ())),
        _joined(f"{each['code']}:{each['indicator']}" for each in found.get("gains", ())),
        _joined(f"{each['code']}:{each['indicator']}" for each in found.get("loses", ())),
    )


def patient_of(line: bytes) -> str:
    """Return the id that a finding begins with."""
    start = len(b'{"patient":"')
    return line[start : line.index(b'"', start)].decode()


def _joined(words: Iterable[str]) -> str:
    return " ".join(words)


@contextmanager
def _parquet(path: Path) -> Iterator[Writer]:
    """Rows of `COLUMNS` as text, in groups of a size that does not depend on what else is done."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise BadExport(f"--out {path}: Parquet needs a further package; pip install 'rls-cds[bulk]'") from None
    schema = pyarrow.schema([(name, pyarrow.string()) for name in COLUMNS])
    with _private(path) as file, pyarrow.parquet.ParquetWriter(file, schema) as writer:
        rows = _Rows(lambda held: writer.write_table(_table(pyarrow, schema, held)))
        yield rows
        rows.flush()


def _table(pyarrow: Any, schema: Any, rows: list[tuple[str, ...]]) -> Any:
    return pyarrow.table([list(column) for column in zip(*rows, strict=True)], schema=schema)


class _Rows:
    def __init__(self, write: Callable[[list[tuple[str, ...]]], None]) -> None:
        self._write = write
        self._held: list[tuple[str, ...]] = []

    def add(self, line: bytes, found: Mapping[str, Any] | None) -> None:
        self._held.append(row_of(line, found))
        if len(self._held) == _ROWS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        if self._held:
            self._write(self._held)
            self._held = []
