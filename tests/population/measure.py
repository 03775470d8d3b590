"""Measure screening beside grep over the same generated files: `python -m tests.population.measure --help`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import click

from cds_service.offline.screening.export import find_export
from cds_service.offline.screening.recipe import Recipe, known_by
from cds_service.offline.screening.run import run
from cds_service.offline.screening.state import State
from tests.population.generate import write_population
from tests.population.people import Population

_ROOT = Path(__file__).resolve().parents[2]
_RECIPE = Recipe(datetime(2026, 6, 30, 12, tzinfo=UTC))
_ENGINES = ("python", "duckdb", "spark")
_MEGABYTE = 1e6
#: Observations of a patient in these populations.
_EACH = 20.0
#: Seconds between two looks at the memory.
_PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class Figures:
    """One engine over one population.

    times_grep  bytes a second as a multiple of grep's
    charts      charts of patients with restless legs syndrome, and how many were decided a second
    peak        resident memory of all processes together, in MB; pages that they share count for each
    """

    engine: str
    observations: int
    patients: int
    megabytes: float
    seconds: float
    times_grep: float
    charts: int
    charts_a_second: float
    peak: float

    @property
    def rate(self) -> float:
        """Return MB a second."""
        return self.megabytes / self.seconds


def codes_file(folder: Path) -> Path:
    """Write every code and word that the sieve uses, one a line, for grep."""
    path = folder / "codes"
    path.write_text("\n".join(known_by(_RECIPE).vocabulary.needles) + "\n", encoding="utf-8")
    return path


def seconds_of_grep(codes: Path, export: Path, rounds: int) -> float:
    """Return the median time of `LC_ALL=C grep -cF -f codes` over all files of lines.

    Its output is read: into /dev/null it would stop at the first match of a file.
    """
    files = sorted(map(str, export.glob("*.ndjson")))
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        subprocess.run(
            ["grep", "-cF", "-f", codes, *files],
            env={**os.environ, "LC_ALL": "C"},
            stdout=subprocess.PIPE,
            check=True,
        )
        times.append(time.perf_counter() - begun)
    return median(times)


def screened(engine: str, export: Path, workers: int) -> dict[str, Any]:
    """Screen in this process, and return the seconds in all and of the deciding, and what was counted."""
    begun = time.perf_counter()
    passes: dict[str, list[float]] = {}

    def on_progress(name: str, done: int, of: int) -> None:
        passes.setdefault(name, []).append(time.perf_counter())

    with tempfile.TemporaryDirectory(prefix="rls-cds-measure-") as folder:
        state = State(Path(folder) / "state")
        if engine == "spark":
            from cds_service.offline.screening.spark_engine import run_by_spark

            outcome = run_by_spark(find_export(export), _RECIPE, max_bad=0, on_progress=on_progress)
        else:
            outcome = run(
                find_export(export),
                _RECIPE,
                state,
                workers=workers,
                max_bad=0,
                engine=engine,
                on_progress=on_progress,
            )
        patients = charts = 0
        for line in outcome.findings():
            patients += 1
            charts += b'"scope"' not in line
        state.close(done=True)
    ended = time.perf_counter()
    deciding = passes.get("Patients", [ended, ended])
    return {
        "seconds": ended - begun,
        "deciding": deciding[-1] - deciding[0],
        "patients": patients,
        "charts": charts,
        "observations": outcome.counts.types["Observation"],
    }


def measured(engine: str, export: Path, grep: float, workers: int) -> Figures:
    """Screen in a process of its own, and look at its memory meanwhile."""
    command = [sys.executable, "-m", "tests.population.measure", "--alone", engine, str(export)]
    process = subprocess.Popen([*command, "--workers", str(workers)], cwd=_ROOT, stdout=subprocess.PIPE, text=True)
    with watching(process.pid) as memory:
        told, _ = process.communicate()
    if process.returncode:
        raise click.ClickException(f"{engine} ended with {process.returncode}")
    found = json.loads(told)
    size = sum(path.stat().st_size for path in export.glob("*.ndjson"))
    return Figures(
        engine=engine,
        observations=found["observations"],
        patients=found["patients"],
        megabytes=size / _MEGABYTE,
        seconds=found["seconds"],
        times_grep=grep / found["seconds"],
        charts=found["charts"],
        charts_a_second=found["charts"] / found["deciding"] if found["deciding"] else 0,
        peak=max(memory, default=0) / _MEGABYTE,
    )


@contextmanager
def watching(pid: int) -> Iterator[list[int]]:
    """Collect the resident memory of a process with all its children, until the block ends."""
    found: list[int] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_PAUSE):
            found.append(sum(map(_resident, _family(pid))))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield found
    finally:
        ended.set()
        watcher.join()


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))
    except OSError:
        return  # it has ended


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def table(figures: Sequence[Figures]) -> str:
    """Return all figures as one table; `linear` is the time for a byte as a multiple of that in the smallest."""
    heads = (
        "observations",
        "patients",
        "MB",
        "engine",
        "s",
        "MB/s",
        "x grep",
        "RLS charts",
        "charts/s",
        "peak MB",
        "linear",
    )
    rows = [heads]
    for each in figures:
        first = next(other for other in figures if other.engine == each.engine)
        rows.append(
            (
                f"{each.observations:,}",
                f"{each.patients:,}",
                f"{each.megabytes:,.0f}",
                each.engine,
                f"{each.seconds:.1f}",
                f"{each.rate:.1f}",
                f"{each.times_grep:.2f}",
                f"{each.charts:,}",
                f"{each.charts_a_second:,.0f}",
                f"{each.peak:,.0f}",
                f"{first.rate / each.rate:.2f}",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    lines = [
        "| " + " | ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|")
    return "\n".join(lines)


@click.command()
@click.option(
    "--observations", multiple=True, type=click.IntRange(1000), default=(100_000, 1_000_000), show_default=True
)
@click.option("--engine", "engines", multiple=True, type=click.Choice(_ENGINES), default=("python", "duckdb"))
@click.option("--rls", default=2.5, show_default=True, type=click.FloatRange(0, 100), help="Per cent.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64))
@click.option(
    "--rounds", default=3, show_default=True, type=click.IntRange(1, 9), help="Runs of grep; the median counts."
)
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), help="Keep the exports here for another run."
)
@click.option("--json", "out", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here too.")
@click.option("--alone", hidden=True, nargs=2)
def main(
    observations: tuple[int, ...],
    engines: tuple[str, ...],
    rls: float,
    workers: int,
    rounds: int,
    folder: Path | None,
    out: Path | None,
    alone: tuple[str, str] | None,
) -> None:
    """Generate populations, screen them by each engine, and print one table beside grep over the same files.

    \b
    python -m tests.population.measure                                    0.1 and 1 million Observations
    python -m tests.population.measure --observations 100000 --observations 1000000 \\
        --observations 10000000 --folder /tmp/populations                 as the figures of the documentation
    python -m tests.population.measure --observations 200000 --rls 100    how many charts are decided a second

    grep is `LC_ALL=C grep -cF -f codes`, where `codes` holds every code and word that the sieve uses. Figures of one
    run alone may be compared: machines differ, and so does what else they do.
    """
    if alone is not None:
        json.dump(screened(alone[0], Path(alone[1]), workers), sys.stdout)
        return
    figures = []
    with tempfile.TemporaryDirectory(prefix="rls-cds-populations-") as scratch:
        place = folder or Path(scratch)
        place.mkdir(parents=True, exist_ok=True)
        codes = codes_file(place)
        for number in sorted(observations):
            export = place / f"{number}-{rls:g}"
            patients = max(1, round(number / _EACH))
            if not (export / "manifest.json").exists():
                click.echo(f"Generating {patients:,} patients", err=True)
                list(write_population(export, patients, Population(rls=rls / 100, observations=_EACH), workers=workers))
            grep = seconds_of_grep(codes, export, rounds)
            for engine in engines:
                click.echo(f"Screening {number:,} Observations by {engine}", err=True)
                figures.append(measured(engine, export, grep, workers))
    click.echo(table(figures))
    if out is not None:
        out.write_text(json.dumps([asdict(each) for each in figures], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
