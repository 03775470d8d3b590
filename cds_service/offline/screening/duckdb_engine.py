"""DuckDB as the reader of lines: it passes over them with several threads.

It leaves out only what surely is about nobody in scope; what it lets through is judged by `passes.Keep` like any other
line. Where it refuses a file (bytes that are no UTF-8, a line without end), the file is read without it, and so is a
compressed one: it could not be parted among threads, and whether it ends too early only its last line tells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cds_service.offline.screening.blocks import ends_too_early
from cds_service.offline.screening.export import ExportFile, Piece
from cds_service.offline.screening.line import NAMED, UNPLAIN
from cds_service.offline.screening.passes import LOOKED_AT, Keep, may_hold_people
from cds_service.offline.screening.recipe import Recipe, known_by
from cds_service.offline.screening.spill import spilling
from cds_service.offline.screening.steps import people_in
from cds_service.offline.screening.tables import NotReadByDuckDB, batches_of
from cds_service.web.json_reader import MEBIBYTE

if TYPE_CHECKING:
    import duckdb
    import pyarrow

_ROWS_AT_ONCE = 20_000
#: Bytes of a line that DuckDB reads; its buffers are many times as long. A file with a longer line is read without it.
_LONGEST = MEBIBYTE
#: Lines that may be about somebody in scope, or of which this cannot be told here; NULL in place of all others. The
#: reasons are those of the table in `passes`, above `Keep`.
_QUERY = """
select case when
        id in (select id from wanted)
        or not starts_with(line, '{') or not ends_with(line, '}')
        or more <> ''
        or contains(line, '\\')
        or regexp_matches(line, $unplain)
        or ($misnamed and contains(line, '"Condition"'))
        or ($people and contains(line, '"link"'))
    then line end as line
from (
    select line,
        regexp_extract(line, $named, 1) as id,
        split_part(line, 'Patient/', 3) as more
    from read_csv(
        $file, columns = {'line': 'VARCHAR'}, header = false, auto_detect = false, delim = '\x01', quote = '',
        escape = '', new_line = '\\n', max_line_size = $longest,
        compression = 'none'
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


class Database:
    """DuckDB with a table of who is wanted, opened once for all files of a pass: that takes longer than a small file.

    people   the file that `steps.people_in` reads
    """

    def __init__(self, people: Path, threads: int) -> None:
        self._people, self._threads = people, threads
        self._opened: duckdb.DuckDBPyConnection | None = None

    def lines(self, file: ExportFile, *, may_be_misnamed: bool, people: bool) -> Iterator[pyarrow.RecordBatch]:
        """Return the lines of a file as batches; `may_be_misnamed`: with diagnoses; `people`: with Patients.

        Where DuckDB refuses the file, at once or on the way, they end with `NotReadByDuckDB`.
        """
        if self._opened is None:
            self._opened = self._open()
        asked = {
            "file": str(file.path),
            "misnamed": may_be_misnamed,
            "people": people,
            "longest": _LONGEST,
            "named": NAMED.pattern.decode(),
            "unplain": UNPLAIN.pattern.decode().replace("*+", "*"),
        }
        return batches_of(self._opened.sql(_QUERY, params=asked), _ROWS_AT_ONCE)

    def _open(self) -> duckdb.DuckDBPyConnection:
        import duckdb

        database = duckdb.connect(config={"threads": self._threads, "preserve_insertion_order": False})
        database.execute("create temp table wanted as select unnest($ids) as id", {"ids": self._ids()})
        return database

    def _ids(self) -> list[str]:
        """Whoever is wanted by this id or a replaced one, and those whom no line names."""
        patients, replaced = people_in(self._people)
        return ["", *patients, *replaced]

    def close(self) -> None:
        """End its threads."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None


@dataclass(frozen=True, slots=True)
class KeepByDuckDB:
    """Keep the lines of a whole file that are about the patients in another, as `steps.KeepOf` does of a piece."""

    recipe: Recipe
    piece: Piece
    out: Path
    buckets: int
    people: Path
    of_one_type: bool
    database: Database

    @property
    def size(self) -> int:
        return self.piece.size

    def __call__(self) -> None:
        import duckdb

        try:
            self._write(self._by_duckdb)
        except (duckdb.Error, NotReadByDuckDB):
            self.database.close()  # one that met a fatal error refuses every file that follows
            self._write(lambda keep: keep.read(self.piece, of_one_type=self.of_one_type))

    def _write(self, read: Callable[[Keep], dict[str, Any]]) -> None:
        patients, replaced = people_in(self.people)
        with spilling(self.out, self.buckets) as out:
            out.close(read(Keep(patients, replaced, known_by(self.recipe).scope, out)))

    def _by_duckdb(self, keep: Keep) -> dict[str, Any]:
        file = self.piece.file
        may_be_misnamed = self.of_one_type and file.kind not in LOOKED_AT
        people = may_hold_people(file, of_one_type=self.of_one_type)
        for batch in self.database.lines(file, may_be_misnamed=may_be_misnamed, people=people):
            lines = (value.as_py().encode() for value in batch.column(0).drop_null())
            keep.take(lines, of=batch.num_rows, may_be_misnamed=may_be_misnamed)
        kind = file.kind if self.of_one_type else ""
        if ends_too_early(file):
            keep.counts.cut[kind] += 1
        return keep.summary(kind)
