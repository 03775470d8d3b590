"""Resources in Parquet tables, as lines: a column that holds them as JSON, or a column for each element."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import orjson

from cds_service.offline.screening.export import BadExport, ExportFile
from cds_service.offline.screening.line import ODD_ESCAPE, parsed

if TYPE_CHECKING:
    import duckdb
    import pyarrow

_ROWS_AT_ONCE = 2_000
_TYPE_FIRST = b'{"resourceType":"'
_TEXTS = frozenset({"VARCHAR", "JSON", "BLOB"})
#: Members that an object with an `id` has beside it where it is a whole resource, not an element of one.
_OF_RESOURCES = frozenset({"subject", "patient", "birthDate", "gender", "code"})
#: A moment as DuckDB writes it, in UTC where it has a zone.
_MOMENT = re.compile(rb'"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)(\+00)?"')


class NotReadByDuckDB(Exception):
    """DuckDB cannot read a file; its own words are left out, since they may hold a line about a patient."""


def table_lines(file: ExportFile) -> Iterator[bytes]:
    """Yield the resources of a table as blocks of lines, each with its line end.

    A table of one type may leave the type out: the name of the file then tells it. Raises `BadExport` where DuckDB is
    not installed, or cannot read the file, and where nothing tells the type of its rows.
    """
    try:
        import duckdb
        import pyarrow  # noqa: F401 - carries the rows
    except ImportError:
        raise BadExport(f"{file.name}: Parquet needs further packages; pip install 'rls-cds[bulk]'") from None
    try:
        with duckdb.connect(config={"threads": 1}) as database:
            database.execute("set TimeZone = 'UTC'")
            rows, of_json = _as_json(database.read_parquet(str(file.path)))
            for batch in batches_of(rows, _ROWS_AT_ONCE):
                held = (value.as_py().encode() for value in batch.column(0).drop_null())
                lines = [typed(with_members(_dated(each), of_json), file.kind) for each in held]
                if lines and not file.kind and not says_type(lines[0]) and json_in(lines[0]) is not None:
                    raise BadExport(
                        f"{file.name}: nothing tells the type of its rows; name the file for it, as in "
                        "Observation.parquet, or take it out of the folder if it is no table of resources"
                    )
                yield b"".join(line + b"\n" for line in lines)
    except (duckdb.Error, NotReadByDuckDB):
        raise BadExport(f"{file.name}: DuckDB cannot read it as Parquet; export it again, or as NDJSON") from None


def batches_of(rows: duckdb.DuckDBPyRelation, size: int) -> Iterator[pyarrow.RecordBatch]:
    """Yield rows in batches; errors of reading become `NotReadByDuckDB`, those of whoever takes the rows pass."""
    import duckdb
    import pyarrow

    try:
        yield from rows.to_arrow_reader(size)
    except (duckdb.Error, pyarrow.ArrowException, OSError):  # the reader hands on DuckDB's errors as OSError
        raise NotReadByDuckDB from None


def _as_json(table: duckdb.DuckDBPyRelation) -> tuple[duckdb.DuckDBPyRelation, frozenset[str]]:
    """The column of whole resources, else every row as one, with the columns that hold an element as JSON."""
    of_json = set()
    columns = []
    for name, kind in zip(table.columns, table.types, strict=True):
        quoted = '"' + name.replace('"', '""') + '"'
        if str(kind) in _TEXTS:
            words = f"decode({quoted})" if str(kind) == "BLOB" else f"{quoted}::VARCHAR"
            first = _first_of(table, quoted)
            if is_resource(first):
                return table.project(f"replace({words}, chr(10), ' ') as line"), frozenset()
            if first is not None:
                of_json.add(name)
                quoted = f"{words} as {quoted}"
        columns.append(quoted)
    whole = table.project(", ".join(columns)).set_alias("resource")
    return whole.project("to_json(resource)::VARCHAR as line"), frozenset(of_json)


def _first_of(table: duckdb.DuckDBPyRelation, column: str) -> Any:
    """The first value of a column as JSON; None where it is none."""
    found = table.project(f"{column} as value").filter("value is not null").limit(1).fetchall()
    return json_in(found[0][0]) if found else None


def json_in(value: object) -> Any:
    """Return the object or list that a text, or its bytes, holds as JSON; None where it holds none."""
    try:
        found = orjson.loads(value) if isinstance(value, (str, bytes)) else None
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, (dict, list)) else None


def is_resource(value: object) -> bool:
    """Return whether a JSON value is a whole resource, not an element of one."""
    if not isinstance(value, dict):
        return False
    return "resourceType" in value or ("id" in value and not _OF_RESOURCES.isdisjoint(value))


def _dated(line: bytes) -> bytes:
    """Write the moments of a row as FHIR does."""
    return _MOMENT.sub(lambda found: b'"%sT%s%s"' % (found[1], found[2], b"Z" if found[3] else b""), line)


def with_members(line: bytes, of_json: Collection[str]) -> bytes:
    """Return a row in which these members, which are JSON in a text, are what that text holds."""
    if not of_json:
        return line
    row = json.loads(line)
    for name in of_json:
        if json_in(row.get(name)) is not None:
            row[name] = orjson.Fragment(row[name].replace("\n", " "))
    return orjson.dumps(row)


def typed(line: bytes, kind: str) -> bytes:
    """Return a resource with its type, where the line does not say it and the table does."""
    if not kind or not line.startswith(b"{") or says_type(line):
        return line
    return b'{"resourceType":"%s",%s' % (kind.encode(), line[1:])


def says_type(line: bytes) -> bool:
    """Return whether a line is a resource that says its type itself: what it contains says only its own."""
    if line.startswith(_TYPE_FIRST):
        return True
    may_say = b'"resourceType"' in line or ODD_ESCAPE.search(line) is not None
    return may_say and parsed(line) is not None
