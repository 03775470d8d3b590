"""DuckDB as the reader of lines: it passes over them with several threads.

It leaves out only what surely is about nobody in scope; what it lets through is judged by `passes.Keep` like any other
line. Where it refuses a file (bytes that are no UTF-8, a line without end), the file is read without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cds_service.offline.screening.export import Piece
from cds_service.offline.screening.passes import LOOKED_AT, Keep
from cds_service.offline.screening.recipe import Recipe, known_by
from cds_service.offline.screening.spill import spilling
from cds_service.offline.screening.steps import people_in
from cds_service.web.json_reader import MEBIBYTE

_ROWS_AT_ONCE = 20_000
#: Bytes of a line that DuckDB reads; its buffers are many times as long. A file with a longer line is read without it.
_LONGEST = MEBIBYTE
#: Lines that may be about somebody in scope, or of which this cannot be told here; NULL in place of all others. An id
#: ends at a quote; one with other signs in it is no plain reference, and a second `Patient/` may name another patient.
_QUERY = """
select case when
        id in (select id from wanted)
        or not starts_with(line, '{') or not ends_with(line, '}')
        or more <> ''
        or regexp_matches(id, '[/%?#|]')
        or contains(line, '\\')
        or regexp_matches(line, '"reference"\\s*:\\s*"\\s*(?i:urn):')
        or ($strays and contains(line, '"Condition"'))
    then line end as line
from (
    select line,
        regexp_extract(line, 'Patient/([^"]*)', 1) as id,
        split_part(line, 'Patient/', 3) as more
    from read_csv(
        $file, columns = {'line': 'VARCHAR'}, header = false, auto_detect = false, delim = '\x01', quote = '',
        escape = '', new_line = '\\n', max_line_size = $longest,
        compression = $compression
    )
    where line is not null
)
"""


def is_at_hand() -> bool:
    """Return whether DuckDB is installed, with the package that carries its rows."""
    try:
        import duckdb
        import pyarrow
    except ImportError:
        return False
    return bool(duckdb and pyarrow)


@dataclass(frozen=True, slots=True)
class KeepByDuckDB:
    """Keep the lines of a whole file that are about the patients in another, as `steps.KeepOf` does of a piece."""

    recipe: Recipe
    piece: Piece
    out: Path
    buckets: int
    people: Path
    one_type: bool
    threads: int

    @property
    def size(self) -> int:
        return self.piece.size

    def __call__(self) -> None:
        import duckdb

        try:
            self._write(self._by_duckdb)
        except duckdb.Error:
            self._write(lambda keep: keep.read(self.piece, one_type=self.one_type))

    def _write(self, read: Callable[[Keep], dict[str, Any]]) -> None:
        patients, replaced = people_in(self.people)
        with spilling(self.out, self.buckets) as out:
            out.close(read(Keep(patients, replaced, known_by(self.recipe).scope, out)))

    def _by_duckdb(self, keep: Keep) -> dict[str, Any]:
        import duckdb

        strays = self.one_type and self.piece.file.kind not in LOOKED_AT
        with duckdb.connect(config={"threads": self.threads, "preserve_insertion_order": False}) as database:
            database.execute("create temp table wanted as select unnest($ids) as id", {"ids": self._ids()})
            file = self.piece.file
            asked = {
                "file": str(file.path),
                "strays": strays,
                "longest": _LONGEST,
                "compression": file.compression or "none",
            }
            for batch in database.sql(_QUERY, params=asked).to_arrow_reader(_ROWS_AT_ONCE):
                lines = (value.as_py().encode() for value in batch.column(0).drop_null())
                keep.take(lines, of=batch.num_rows, looks_for_strays=strays)
        return keep.told(self.piece.file.kind if self.one_type else "")

    def _ids(self) -> Iterable[str]:
        """Whoever is wanted by this id or a replaced one, and those whom no line names."""
        patients, replaced = people_in(self.people)
        return ["", *patients, *replaced]
