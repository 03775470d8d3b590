"""The steps that a run is made of, each for one piece or bucket, as processes are given them."""

from __future__ import annotations

import gc
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from multiprocessing import get_context, parent_process
from multiprocessing.context import BaseContext
from os import _exit
from pathlib import Path
from typing import Protocol

from cds_service.offline.screening.export import Piece
from cds_service.offline.screening.passes import Fetch, Keep, Look, referred_to
from cds_service.offline.screening.patient import Screener, out_of_scope
from cds_service.offline.screening.recipe import Recipe, known_by
from cds_service.offline.screening.spill import Bucket, is_whole, spilling
from cds_service.offline.screening.state import write_private


def _stamp(path: Path) -> tuple[int, int, int]:
    """Return what changes when a file is written anew, for what is remembered of files."""
    about = path.stat()
    return about.st_ino, about.st_mtime_ns, about.st_size


@dataclass(frozen=True, slots=True)
class LookAt:
    """Look at one piece."""

    recipe: Recipe
    piece: Piece
    out: Path
    buckets: int
    of_one_type: bool

    @property
    def size(self) -> int:
        return self.piece.size

    def __call__(self) -> None:
        with spilling(self.out, self.buckets) as out:
            out.close(Look(known_by(self.recipe).scope, out).read(self.piece, of_one_type=self.of_one_type))


@dataclass(frozen=True, slots=True)
class KeepOf:
    """Keep the lines of a piece that are about the patients in a file."""

    recipe: Recipe
    piece: Piece
    out: Path
    buckets: int
    people: Path
    of_one_type: bool

    @property
    def size(self) -> int:
        return self.piece.size

    def __call__(self) -> None:
        patients, replaced = people_in(self.people)
        with spilling(self.out, self.buckets) as out:
            out.close(
                Keep(patients, replaced, known_by(self.recipe).scope, out).read(
                    self.piece, of_one_type=self.of_one_type
                )
            )


def people_in(path: Path) -> tuple[frozenset[str], dict[str, str]]:
    """Return who may be in scope, and the ids of the records that they took over, each with theirs."""
    return _people(path, _stamp(path))


@lru_cache(maxsize=1)
def _people(path: Path, stamped: tuple[int, int, int]) -> tuple[frozenset[str], dict[str, str]]:
    """One line each: `id` or `id TAB old id`."""
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    return frozenset(line[0] for line in lines), {line[1]: line[0] for line in lines if len(line) > 1}


@dataclass(frozen=True, slots=True)
class FetchFrom:
    """Fetch what was referred to from a piece; `wanted` is a JSON file."""

    piece: Piece
    out: Path
    buckets: int
    wanted: Path

    @property
    def size(self) -> int:
        return self.piece.size

    def __call__(self) -> None:
        with spilling(self.out, self.buckets) as out:
            out.close(Fetch(_wanted(self.wanted, _stamp(self.wanted)), out).read(self.piece))


@lru_cache(maxsize=1)
def _wanted(path: Path, stamped: tuple[int, int, int]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = json.loads(path.read_bytes())
    return found


@dataclass(frozen=True, slots=True)
class Decide:
    """Decide the patients of one bucket, in the order of their ids.

    seen, kept, fetched  what the three passes found of it
    replaced             ids of records that others took over, which are no patients any more
    """

    recipe: Recipe
    out: Path
    seen: Bucket
    kept: Bucket
    fetched: Bucket
    replaced: Path
    not_exported: frozenset[str]
    cut: frozenset[str]
    deleted: frozenset[str]

    @property
    def size(self) -> int:
        return self.kept.size + 1

    def __call__(self) -> None:
        known = known_by(self.recipe)
        question = replace(known.question, not_exported=self.not_exported, cut=self.cut, deleted=self.deleted)
        screener = Screener(question, known.sieve)
        write_private(self.out, b"".join(self._findings(screener)))

    def _findings(self, screener: Screener) -> Iterator[bytes]:
        lines = _together(self.kept.entries())
        shared = _together(self.fetched.entries())
        replaced = _ids(self.replaced, _stamp(self.replaced))
        everybody = {owner for owner, _ in self.seen.entries()} - replaced
        for patient_id in sorted(everybody | lines.keys()):
            own = lines.pop(patient_id, None)
            if own is None:
                yield self._quiet(patient_id)
            else:
                yield screener.screen_patient(patient_id, [*own, *referred_lines(own, shared)])

    def _quiet(self, patient_id: str) -> bytes:
        return out_of_scope(patient_id, is_deleted=f"Patient/{patient_id}" in self.deleted)


@lru_cache(maxsize=1)
def _ids(path: Path, stamped: tuple[int, int, int]) -> frozenset[str]:
    return frozenset(path.read_text(encoding="utf-8").splitlines())


def _together(entries: Iterable[tuple[str, bytes]]) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for name, line in entries:
        found.setdefault(name, []).append(line)
    return found


def referred_lines(lines: Iterable[bytes], shared: Mapping[str, Sequence[bytes]]) -> Iterator[bytes]:
    """Yield the shared lines (by `Type/id`) that these refer to, and those that they refer to in turn."""
    seen: set[str] = set()
    waiting = list(lines) if shared else []
    while waiting:
        for name in map("/".join, referred_to(waiting.pop())):
            if name not in seen and name in shared:
                seen.add(name)
                yield from shared[name]
                waiting += shared[name]


class Task(Protocol):
    """A step of the run, for one file that it makes."""

    @property
    def out(self) -> Path: ...

    @property
    def size(self) -> int: ...

    def __call__(self) -> None: ...


def _is_done(task: Task) -> bool:
    """Findings have no end to be known by; there may be none in a bucket."""
    return task.out.exists() if isinstance(task, Decide) else is_whole(task.out)


class Workforce:
    """Carries out tasks, in this process or in several, which start when they are first needed."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def carry_out(self, tasks: Iterable[Task], on_done: Callable[[Task], None], *, alone: bool = False) -> None:
        """Carry out the tasks whose files are not there yet as a whole, and report each, whether done before or now.

        `alone`: one after the other in this process, since each has threads of its own.
        """
        open_tasks = []
        for task in tasks:
            if _is_done(task):
                on_done(task)
            else:
                open_tasks.append(task)
        if self.workers > 1 and len(open_tasks) > 1 and not alone:
            self._together(iter(open_tasks), on_done)
            return
        for task in open_tasks:
            task()
            on_done(task)

    def _together(self, waiting: Iterator[Task], on_done: Callable[[Task], None]) -> None:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self.workers, _processes(), initializer=_begin_worker)
        running: dict[Future[None], Task] = {}
        while True:
            for task in islice(waiting, 2 * self.workers - len(running)):
                running[self._pool.submit(task)] = task
            if not running:
                return
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                task = running.pop(done)
                done.result()
                on_done(task)

    def close(self) -> None:
        """End the processes; what they have not begun is left undone."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def _processes() -> BaseContext:
    """A forked process has at once what a new one reads for seconds; beside threads, even a library's, it is unsafe."""
    threads = Path("/proc/self/task")
    is_alone = threads.exists() and len(list(threads.iterdir())) == 1
    return get_context("fork" if is_alone else "spawn")


def _begin_worker() -> None:
    """Leave what was inherited out of every collection of garbage, and end when the parent is gone, be it killed."""
    gc.freeze()
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        _exit(1)
