"""Resources in Parquet tables, as lines: a column that holds them as JSON, or a column for each element."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cds_service.offline.screening.export import BadExport, ExportFile

if TYPE_CHECKING:
    import duckdb

_ROWS_AT_ONCE = 2_000
_TEXT = "VARCHAR"


def table_lines(file: ExportFile) -> Iterator[bytes]:
    """Yield the resources of a table as blocks of lines, each with its line end.

    A table of one type may leave the type out: the name of the file then tells it. Raises `BadExport` where DuckDB is
    not installed, or cannot read the file.
    """
    try:
        import duckdb
        import pyarrow  # noqa: F401 - carries the rows
    except ImportError:
        raise BadExport(f"{file.name}: Parquet needs further packages; pip install 'rls-cds[bulk]'") from None
    try:
        with duckdb.connect(config={"threads": 1}) as database:
            table = database.read_parquet(str(file.path))
            for batch in _as_json(table).to_arrow_reader(_ROWS_AT_ONCE):
                lines = (value.as_py() for value in batch.column(0).drop_null())
                yield b"".join(typed(line.encode(), file.kind) + b"\n" for line in lines)
    except duckdb.Error:
        raise BadExport(f"{file.name}: DuckDB cannot read it as Parquet; export it again, or as NDJSON") from None


def _as_json(table: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The column of whole resources, else every row as one."""
    for name, kind in zip(table.columns, table.types, strict=True):
        quoted = '"' + name.replace('"', '""') + '"'
        if str(kind) in (_TEXT, "JSON"):
            first = table.project(f"{quoted}::{_TEXT} as line").filter("line is not null").limit(1).fetchall()
            if first and first[0][0].lstrip().startswith("{"):
                return table.project(f"replace({quoted}::{_TEXT}, chr(10), ' ') as line")
    return table.set_alias("resource").project(f"to_json(resource)::{_TEXT} as line")


def typed(line: bytes, kind: str) -> bytes:
    """Return a resource with its type, where the line does not say it and the table does."""
    if not kind or b'"resourceType"' in line or not line.startswith(b"{"):
        return line
    return b'{"resourceType":"%s",%s' % (kind.encode(), line[1:])
