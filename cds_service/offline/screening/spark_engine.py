"""Spark as the engine: the same passes over the partitions of a cluster, or of this machine.

Lines come from text files, from Parquet and from Delta tables; every pass is one `mapInArrow` whose function is that of
the other engines. What a patient in scope has is brought together by a shuffle, and the findings come back in the order
of the ids. Every worker needs this package, and the settings file under the same path.

Spark repeats what fails itself: nothing is kept for another attempt.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from cards.facts.chart import LISTS
from cds_service.offline.screening.blocks import ends_too_early
from cds_service.offline.screening.counts import Counts
from cds_service.offline.screening.export import TABLE, BadExport, Export
from cds_service.offline.screening.passes import Fetch, Keep, Look, add_replaced, is_of_one_type, last_replaced
from cds_service.offline.screening.patient import Screener, out_of_scope
from cds_service.offline.screening.recipe import Recipe, known_by
from cds_service.offline.screening.run import DEEPEST, OnProgress, Outcome, lists_not_read, refuse_without_diagnoses
from cds_service.offline.screening.steps import referred_lines
from cds_service.offline.screening.tables import is_resource, json_in, typed, with_members

if TYPE_CHECKING:
    import pyarrow
    from pyspark.sql import DataFrame, SparkSession

    Batches = Iterator[pyarrow.RecordBatch]

#: What a pass gives: a line under its owner, or the summary of a whole partition.
_FILED = "owner string, line binary, summary string"
_FOUND = "finding binary"
_ROWS_AT_ONCE = 10_000


def is_at_hand() -> bool:
    """Return whether Spark is installed, with the package that carries its rows."""
    try:
        import pyarrow
        import pyspark
    except ImportError:
        return False
    return bool(pyspark and pyarrow)


def run_by_spark(
    export: Export,
    recipe: Recipe,
    *,
    max_bad: int,
    session: SparkSession | None = None,
    on_progress: OnProgress = lambda name, done, of: None,
) -> Outcome:
    """Screen an export by Spark, in this session or in that of the machine's own configuration.

    Raises `BadExport` for what Spark cannot read, and for more bad lines than allowed.
    """
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    known_by(recipe)  # every fault of the settings before anything is read
    spark = session or SparkSession.builder.appName("rls-cds screen").getOrCreate()
    try:
        return _Run(spark, export, recipe, max_bad, on_progress).outcome()
    except PySparkException as fault:
        reason = str(fault.getCondition() or type(fault).__name__)
        raise BadExport(
            f"{export.folder}: Spark gave up ({reason}); its log says where, and what the session lacks"
        ) from None


class _Run:
    def __init__(
        self, spark: SparkSession, export: Export, recipe: Recipe, max_bad: int, on_progress: OnProgress
    ) -> None:
        self._spark, self._export, self._recipe, self._max_bad = spark, export, recipe, max_bad
        self._on_progress = on_progress
        self._lines = self._read()

    def _read(self) -> DataFrame:
        """Every line of the export as bytes, in one column."""
        files = self._export.files
        if any(file.compression == "zstd" for file in files):
            raise BadExport(f"{self._export.folder}: Spark reads no .zst here; unpack the files, or pack them by gzip")
        frames = []
        plain = [str(file.path) for file in files if file.compression != TABLE]
        if plain:
            frames.append(self._spark.read.option("lineSep", "\n").text(plain))
        frames += [_as_lines(self._spark.read.parquet(str(f.path)), f.kind) for f in files if f.compression == TABLE]
        for table in self._export.deltas:
            frames.append(_as_lines(self._spark.read.format("delta").load(str(table.path)), table.kind))
        every = frames[0]
        for frame in frames[1:]:
            every = every.union(frame)
        return every.toDF("line")

    def outcome(self) -> Outcome:
        looked = self._passed("Diagnoses", self._lines, _Looking(self._recipe))
        seen, found, claimed, deleted = Counts(), set[str](), dict[str, str](), set[str]()
        for summary in _summaries(looked):
            seen.add(summary["counts"])
            found.update(summary["found"])
            add_replaced(claimed, summary["replaced"].items())
            deleted.update(summary["deleted"])
        refuse_without_diagnoses(self._export, seen)
        replaced = last_replaced(claimed)
        owners = frozenset(replaced.get(each, each) for each in found)
        kept = self._passed("Records", self._lines, _Keeping(self._recipe, owners, replaced))
        counts, wanted = Counts(types=seen.types, cut=torn(self._export)), set[str]()
        for summary in _summaries(kept):
            counts.add(summary["counts"])
            wanted.update(summary["refers"])
        if counts.bad > self._max_bad:
            raise BadExport(
                f"{counts.bad} of {counts.lines} lines hold no resource that can be read (allowed: {self._max_bad}); "
                "export again, or allow more with --max-bad"
            )
        not_exported, cut = lists_not_read(self._export, counts)
        deciding = _Deciding(
            recipe=self._recipe,
            shared=self._fetched(wanted),
            replaced=frozenset(replaced),
            not_exported=not_exported,
            cut=cut,
            deleted=frozenset(deleted),
        )
        filed = looked.union(kept).where("owner is not null").select("owner", "line")
        by_owner = filed.repartition("owner").sortWithinPartitions("owner")
        findings = by_owner.mapInArrow(deciding, _FOUND).sort("finding")
        return Outcome(
            findings=lambda: (bytes(row[0]) for row in findings.toLocalIterator()),
            counts=counts,
            not_exported=tuple(name for name in LISTS if name in not_exported),
            cut=tuple(name for name in LISTS if name in cut),
            merged=len(replaced),
            resumed=False,
        )

    def _passed(self, name: str, lines: DataFrame, work: Callable[[Batches], Batches]) -> DataFrame:
        """One pass, whose result is kept on the workers: it is asked for twice."""
        self._on_progress(name, 0, 1)
        passed = lines.mapInArrow(work, _FILED).persist()
        passed.count()
        self._on_progress(name, 1, 1)
        return passed

    def _fetched(self, wanted: set[str]) -> dict[str, list[bytes]]:
        """The Medications, Substances and Specimens that were referred to, brought here: there are few."""
        found: dict[str, list[bytes]] = {}
        known: set[str] = set()
        for _ in range(DEEPEST):
            if not wanted:
                break
            fetched = self._passed("Drugs", self._lines, _Fetching(frozenset(wanted)))
            for owner, line in fetched.where("owner is not null").select("owner", "line").toLocalIterator():
                found.setdefault(owner, []).append(bytes(line))
            known |= wanted
            wanted = {name for summary in _summaries(fetched) for name in summary["refers"]} - known
        return {name: sorted(lines) for name, lines in found.items()}


def torn(export: Export) -> Counter[str]:
    """Count the files without compression that end too early, by type: no line tells Spark that it is the last."""
    found = (file for file in export.files if not file.compression and ends_too_early(file))
    return Counter(file.kind if is_of_one_type(file) else "" for file in found)


def _summaries(passed: DataFrame) -> Iterator[dict[str, Any]]:
    for row in passed.where("summary is not null").select("summary").toLocalIterator():
        yield json.loads(row[0])


def _as_lines(table: DataFrame, kind: str) -> DataFrame:
    """The column of whole resources, else every row as one; see `tables`."""
    from pyspark.sql import functions
    from pyspark.sql.types import BinaryType, StringType

    of_json = set[str]()
    for field in table.schema.fields:
        if isinstance(field.dataType, (StringType, BinaryType)):
            column = table[f"`{field.name}`"].cast("string")
            first = table.where(column.isNotNull()).select(column).head(1)
            held = json_in(first[0][0]) if first else None
            if is_resource(held):
                lines = table.select(functions.translate(column, "\n", " ").alias("line"))
                return lines.mapInArrow(_Typing(kind), "line string")
            if held is not None:
                of_json.add(field.name)
                table = table.withColumn(field.name, column)
    whole = functions.to_json(functions.struct(*(table[f"`{name}`"] for name in table.columns)))
    return table.select(whole.alias("line")).mapInArrow(_Typing(kind, frozenset(of_json)), "line string")


@dataclass(frozen=True, slots=True)
class _Typing:
    """Gives rows of a table of one type that type, where they do not say it, and reads what is JSON in a text."""

    kind: str
    of_json: frozenset[str] = frozenset()

    def __call__(self, batches: Batches) -> Batches:
        import pyarrow

        for batch in batches:
            lines = [typed(with_members(line, self.of_json), self.kind) for line in _lines_of(batch)]
            # as text, be they text or not: what is no UTF-8 is a bad line, not the end of the run
            column = pyarrow.array(lines, pyarrow.binary()).view(pyarrow.string())
            yield pyarrow.RecordBatch.from_pydict({"line": column})


def _lines_of(batch: pyarrow.RecordBatch) -> Iterator[bytes]:
    """The lines of a batch as bytes, whatever they are in."""
    import pyarrow

    for line in batch.column(0).cast(pyarrow.binary()):
        if line.is_valid:
            yield line.as_py().rstrip(b"\r\n")


class _Filed:
    """Takes what a pass files, until it is handed on."""

    buckets = 1

    def __init__(self) -> None:
        self.owners: list[str | None] = []
        self.lines: list[bytes | None] = []

    def add(self, owner: str, line: bytes = b"") -> None:
        self.owners.append(owner)
        self.lines.append(line or None)

    def add_to(self, bucket: int, owner: str, line: bytes) -> None:
        self.add(owner, line)

    def batch(self, summary: Mapping[str, Any] | None = None) -> pyarrow.RecordBatch:
        """Hand on what was filed, with the summary of the partition as the last row."""
        import pyarrow

        texts: list[str | None] = [None] * len(self.owners)
        if summary is not None:
            self.owners.append(None)
            self.lines.append(None)
            texts.append(json.dumps(summary))
        columns = {
            "owner": pyarrow.array(self.owners, pyarrow.string()),
            "line": pyarrow.array(self.lines, pyarrow.binary()),
            "summary": pyarrow.array(texts, pyarrow.string()),
        }
        self.owners, self.lines = [], []
        return pyarrow.RecordBatch.from_pydict(columns)


def _passed_over(
    batches: Batches,
    take: Callable[[pyarrow.RecordBatch], None],
    filed: _Filed,
    summary: Callable[[], Mapping[str, Any]],
) -> Batches:
    """Hand on what was filed as often as it is much, and at the end the summary."""
    for batch in batches:
        take(batch)
        if len(filed.owners) >= _ROWS_AT_ONCE:
            yield filed.batch()
    yield filed.batch(summary())


@dataclass(frozen=True, slots=True)
class _Looking:
    """The first pass over one partition: every line, since no file tells its type here."""

    recipe: Recipe

    def __call__(self, batches: Batches) -> Batches:
        filed = _Filed()
        look = Look(known_by(self.recipe).scope, filed)
        yield from _passed_over(batches, lambda each: look.take(filter(None, _lines_of(each))), filed, look.summary)


@dataclass(frozen=True, slots=True)
class _Keeping:
    """The second pass over one partition."""

    recipe: Recipe
    patients: frozenset[str]
    replaced: Mapping[str, str]

    def __call__(self, batches: Batches) -> Batches:
        filed = _Filed()
        keep = Keep(self.patients, self.replaced, known_by(self.recipe).scope, filed)

        def take(batch: pyarrow.RecordBatch) -> None:
            keep.take(_lines_of(batch), of=batch.num_rows, may_be_misnamed=False)

        yield from _passed_over(batches, take, filed, keep.summary)


@dataclass(frozen=True, slots=True)
class _Fetching:
    """The third pass over one partition."""

    wanted: frozenset[str]

    def __call__(self, batches: Batches) -> Batches:
        filed = _Filed()
        fetch = Fetch(dict.fromkeys(self.wanted, (0,)), filed)
        yield from _passed_over(batches, lambda each: fetch.take(_lines_of(each)), filed, fetch.summary)


@dataclass(frozen=True, slots=True)
class _Deciding:
    """Decides the patients of one partition, whose lines stand together."""

    recipe: Recipe
    shared: Mapping[str, list[bytes]]
    replaced: frozenset[str]
    not_exported: frozenset[str]
    cut: frozenset[str]
    deleted: frozenset[str]

    def __call__(self, batches: Batches) -> Batches:
        import pyarrow

        found: list[bytes] = []
        for finding in self._findings(batches):
            found.append(finding)
            if len(found) == _ROWS_AT_ONCE:
                yield pyarrow.RecordBatch.from_pydict({"finding": pyarrow.array(found, pyarrow.binary())})
                found = []
        yield pyarrow.RecordBatch.from_pydict({"finding": pyarrow.array(found, pyarrow.binary())})

    def _findings(self, batches: Batches) -> Iterator[bytes]:
        known = known_by(self.recipe)
        question = replace(known.question, not_exported=self.not_exported, cut=self.cut, deleted=self.deleted)
        screener = Screener(question, known.sieve)
        rows = (
            (owner, line)
            for batch in batches
            for owner, line in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True)
        )
        for patient_id, own in groupby(rows, key=lambda row: row[0]):
            lines = [line for _, line in own if line is not None]
            if lines:
                yield screener.screen_patient(patient_id, [*lines, *referred_lines(lines, self.shared)])
            elif patient_id not in self.replaced:
                yield out_of_scope(patient_id, is_deleted=f"Patient/{patient_id}" in self.deleted)
