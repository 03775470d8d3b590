"""Run a screening: the passes over an export in order, in processes, resumed where an earlier run was stopped."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from heapq import merge
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cards.facts.chart import LISTS
from cards.reading.resource_types import KEY_OF_TYPE, LIST_TYPES
from cds_service.config.digest import digest
from cds_service.offline.screening.counts import Counts
from cds_service.offline.screening.duckdb_engine import Database, KeepByDuckDB
from cds_service.offline.screening.export import BadExport, Export, Piece
from cds_service.offline.screening.passes import LOOKED_AT, add_replaced, is_of_one_type, last_replaced
from cds_service.offline.screening.recipe import Recipe, known_by, settings_of
from cds_service.offline.screening.sieve import READ
from cds_service.offline.screening.spill import LAYOUT, parted, read_summary
from cds_service.offline.screening.state import State
from cds_service.offline.screening.steps import Decide, FetchFrom, KeepOf, LookAt, Task, Workforce
from cds_service.web.json_reader import MEBIBYTE

#: Gets the name of a pass, and how many of its bytes are done, of how many.
OnProgress = Callable[[str, int, int], None]
#: Bytes of an export for which there is one bucket of patients, and the bounds of their number.
_BYTES_A_BUCKET = 128 * MEBIBYTE
_LEAST_BUCKETS, _MOST_BUCKETS = 8, 256
#: The most pieces; those of a large export are larger.
_MOST_PIECES = 1024
#: How often what was fetched is looked through for further references: a drug made of drugs.
DEEPEST = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run that is over, with its findings in the order of the patients' ids.

    counts        what was counted in the lines
    not_exported  lists of which the export says nothing
    cut           lists of which records are missing: fewer lines than the manifest says, a file that ends too early,
                  or as many records that name nobody as others
    merged        records that another replaced
    resumed       whether an earlier run was resumed
    """

    findings: Callable[[], Iterator[bytes]]
    counts: Counts
    not_exported: tuple[str, ...]
    cut: tuple[str, ...]
    merged: int
    resumed: bool


@dataclass(slots=True)
class _Found:
    """What the first pass found in all pieces."""

    counts: Counts = field(default_factory=Counts)
    found: set[str] = field(default_factory=set)
    replaced: dict[str, str] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)


def run(
    export: Export,
    recipe: Recipe,
    state: State,
    *,
    workers: int,
    max_bad: int,
    engine: str = "python",
    on_progress: OnProgress = lambda name, done, of: None,
) -> Outcome:
    """Screen an export by an engine (`python` or `duckdb`), of which the findings are the same.

    Raises `BadExport`; the state then stays for another attempt.
    """
    workforce = Workforce(workers)
    try:
        return _Run(export, recipe, state, workforce, max_bad, engine, on_progress).outcome()
    finally:
        workforce.close()


class _Run:
    def __init__(
        self,
        export: Export,
        recipe: Recipe,
        state: State,
        workforce: Workforce,
        max_bad: int,
        engine: str,
        on_progress: OnProgress,
    ) -> None:
        known_by(recipe)  # every fault of the settings before anything is read
        if export.deltas:
            raise BadExport(f"{export.deltas[0].name}: a Delta table; read it with --engine spark")
        self._export, self._recipe, self._state = export, recipe, state
        self._workforce, self._max_bad, self._on_progress = workforce, max_bad, on_progress
        self._resumed = state.begin(described(export, recipe) | {"engine": engine})
        size = export.expected_size
        self._buckets = min(max(-(-size // _BYTES_A_BUCKET), _LEAST_BUCKETS), _MOST_BUCKETS)
        self._pieces = export.pieces(max(32 * MEBIBYTE, -(-size // _MOST_PIECES)))
        self._files_of_one_type = {file.name for file in export.files if is_of_one_type(file)}
        self._by_duckdb = engine == "duckdb"
        #: what the second pass works through at once: DuckDB parts a file itself
        self._units = export.pieces(sys.maxsize) if self._by_duckdb else self._pieces

    def outcome(self) -> Outcome:
        for attempt in range(1 + DEEPEST):
            seen, first = self._look()
            kept, counts, misnamed_files = self._keep(attempt, first)
            if not misnamed_files:
                break
            self._files_of_one_type -= misnamed_files
        fetched = self._fetch(kept)
        counts.types.update(first.counts.types)
        if counts.bad > self._max_bad:
            raise BadExport(
                f"{counts.bad} of {counts.lines} lines hold no resource that can be read (allowed: {self._max_bad}); "
                "export again, or allow more with --max-bad"
            )
        not_exported, cut = lists_not_read(self._export, counts)
        decided = self._decide(seen, kept, fetched, first, not_exported, cut)
        return Outcome(
            findings=lambda: _merged(decided),
            counts=counts,
            not_exported=tuple(name for name in LISTS if name in not_exported),
            cut=tuple(name for name in LISTS if name in cut),
            merged=len(first.replaced),
            resumed=self._resumed,
        )

    def _do(self, name: str, tasks: Iterable[Task]) -> None:
        """Carry out tasks in processes, and then those of DuckDB one by one: each has threads of its own."""
        todo = list(tasks)
        total, done = sum(task.size for task in todo), 0
        self._on_progress(name, 0, total)

        def on_done(task: Task) -> None:
            nonlocal done
            done += task.size
            self._on_progress(name, done, total)

        for alone in (False, True):
            self._workforce.carry_out(
                [task for task in todo if isinstance(task, KeepByDuckDB) is alone], on_done, alone=alone
            )

    def _look(self) -> tuple[tuple[Path, ...], _Found]:
        folder = self._state.step("look")
        pieces = [
            (number, piece)
            for number, piece in enumerate(self._pieces)
            if piece.file.name not in self._files_of_one_type or piece.file.kind in LOOKED_AT
        ]
        paths = {number: folder / f"{number:06}" for number, _ in pieces}
        of_one_type = {number: piece.file.name in self._files_of_one_type for number, piece in pieces}
        self._do(
            "Diagnoses",
            (LookAt(self._recipe, each, paths[n], self._buckets, of_one_type[n]) for n, each in pieces),
        )
        found = _Found()
        for path in paths.values():
            summary = read_summary(path)
            found.counts.add(summary["counts"])
            found.found.update(summary["found"])
            add_replaced(found.replaced, summary["replaced"].items())
            found.deleted.update(summary["deleted"])
        found.replaced = last_replaced(found.replaced)
        refuse_without_diagnoses(self._export, found.counts)
        return tuple(paths.values()), found

    def _keep(self, attempt: int, first: _Found) -> tuple[tuple[Path, ...], Counts, set[str]]:
        """Keep lines; misnamed files, the last set, hold patients or diagnoses and were not looked at."""
        people = self._people(attempt, first)
        folder = self._state.step(f"keep-{attempt}")
        units = {
            number: unit
            for number, unit in enumerate(self._units)
            if unit.file.name not in self._files_of_one_type or unit.file.kind in READ or unit.file.kind in LOOKED_AT
        }
        paths = {number: folder / f"{number:06}" for number in units}
        with closing(Database(people, self._workforce.workers)) as database:
            self._do("Records", [self._keep_of(unit, paths[n], people, database) for n, unit in units.items()])
        counts, misnamed_files = Counts(), set[str]()
        for number, path in paths.items():
            summary = read_summary(path)
            counts.add(summary["counts"])
            if summary["is_misnamed"] and units[number].file.kind not in LOOKED_AT:
                misnamed_files.add(units[number].file.name)
        return tuple(paths.values()), counts, misnamed_files & self._files_of_one_type

    def _keep_of(self, unit: Piece, out: Path, people: Path, database: Database) -> Task:
        of_one_type = unit.file.name in self._files_of_one_type
        if self._by_duckdb and not unit.file.compression:
            return KeepByDuckDB(self._recipe, unit, out, self._buckets, people, of_one_type, database)
        return KeepOf(self._recipe, unit, out, self._buckets, people, of_one_type)

    def _people(self, attempt: int, first: _Found) -> Path:
        """Write who may be in scope, each with the records that they took over."""
        owners = {first.replaced.get(each, each) for each in first.found}
        old = {before: after for before, after in first.replaced.items() if after in owners}
        lines = sorted((*owners, *(f"{after}\t{before}" for before, after in old.items())))
        return self._state.keep(f"people-{attempt}", lambda: lines)

    def _fetch(self, kept: tuple[Path, ...]) -> tuple[Path, ...]:
        """Fetch what the kept lines refer to, from the pieces that hold any of it."""
        wanted: dict[str, set[int]] = {}
        numbers = []
        for path in kept:
            summary = read_summary(path)
            _add(wanted, summary["refers"])
            if summary["has_referred"]:
                numbers.append(int(path.name))
        found: list[Path] = []
        known: dict[str, set[int]] = {}
        for depth in range(DEEPEST):
            if not wanted or not numbers:
                break
            file = self._state.keep(f"wanted-{depth}", partial(_written, wanted))
            folder = self._state.step(f"fetch-{depth}")
            tasks = [FetchFrom(self._units[n], folder / f"{n:06}", self._buckets, file) for n in numbers]
            self._do("Drugs", tasks)
            _add(known, wanted)
            more: dict[str, set[int]] = {}
            for task in tasks:
                _add(more, read_summary(task.out)["refers"])
            # what one bucket holds already another may lack
            wanted = {name: lack for name, buckets in more.items() if (lack := buckets - known.get(name, set()))}
            found += [task.out for task in tasks]
        return tuple(found)

    def _decide(
        self,
        seen: tuple[Path, ...],
        kept: tuple[Path, ...],
        fetched: tuple[Path, ...],
        first: _Found,
        not_exported: frozenset[str],
        cut: frozenset[str],
    ) -> tuple[Path, ...]:
        folder = self._state.step("decided")
        replaced = self._state.keep("replaced", lambda: sorted(first.replaced))
        found = (parted(files, self._buckets) for files in (seen, kept, fetched))
        tasks = [
            Decide(
                recipe=self._recipe,
                out=folder / f"{bucket:04}.ndjson",
                seen=of_seen,
                kept=of_kept,
                fetched=of_fetched,
                replaced=replaced,
                not_exported=not_exported,
                cut=cut,
                deleted=frozenset(first.deleted),
            )
            for bucket, (of_seen, of_kept, of_fetched) in enumerate(zip(*found, strict=True))
        ]
        self._do("Patients", tasks)
        return tuple(task.out for task in tasks)


def described(export: Export, recipe: Recipe) -> dict[str, Any]:
    """Return what a run may be resumed by: the files, the question, this program's version, and how its state lies.

    The question changes with a variable of the environment, and with each file that the settings name.
    """
    return {
        "version": version("rls-cds"),
        "layout": LAYOUT,
        "files": [[file.name, file.size, file.changed] for file in export.files],
        "now": recipe.now.isoformat(),
        "zone": str(recipe.now.tzinfo),
        "settings": digest(settings_of(recipe)),
        "client": recipe.client,
        "changes": list(recipe.changes),
        "site_file": hashlib.sha256(recipe.site_file.read_bytes()).hexdigest() if recipe.site_file else "",
        "explains": recipe.explains,
    }


def _written(wanted: Mapping[str, Iterable[int]]) -> tuple[str]:
    return (json.dumps({name: sorted(buckets) for name, buckets in sorted(wanted.items())}),)


def _add(wanted: dict[str, set[int]], more: Mapping[str, Iterable[int]]) -> None:
    for name, buckets in more.items():
        wanted.setdefault(name, set()).update(buckets)


def refuse_without_diagnoses(export: Export, counts: Counts) -> None:
    """Raise `BadExport` where no Condition was met, and say what was met in its place."""
    if counts.types["Condition"]:
        return
    told = [
        f"{export.folder}: no Condition in the export, so nobody with restless legs syndrome can be found; export "
        "Condition as well"
    ]
    if counts.bad:
        told.append(f"Lines that hold no resource that can be read: {counts.bad}; write NDJSON in UTF-8")
    if bundles := counts.types["Bundle"]:
        told.append(f"Lines that are Bundles, which are not read: {bundles}; write each resource in a line of its own")
    raise BadExport(". ".join(told))


def lists_not_read(export: Export, counts: Counts) -> tuple[frozenset[str], frozenset[str]]:
    """Return the lists of which the export says nothing, and those of which records are missing."""
    asked = export.manifest.asked_for
    silent = frozenset(
        key
        for key, types in LIST_TYPES.items()
        if not any(counts.types[kind] for kind in types.answering) and types.asked not in asked
    )
    short = {kind for kind, count in export.manifest.counts.items() if counts.types[kind] < count}
    masked = {kind for kind, number in counts.nobodys.items() if 2 * number >= counts.types[kind]}
    lost = {*short, *masked, *counts.cut, *export.manifest.lacking}
    cut = {KEY_OF_TYPE[kind] for kind in lost if kind in KEY_OF_TYPE}
    if "" in lost:
        cut |= set(LISTS) - {"patient"}
    return silent - {"patient"}, frozenset(cut - {"patient"})


def _merged(paths: tuple[Path, ...]) -> Iterator[bytes]:
    """Yield every finding in the order of the ids: each begins with its id, and no id holds a sign before the quote."""
    with ExitStack() as stack:
        yield from merge(*(stack.enter_context(path.open("rb")) for path in paths))
