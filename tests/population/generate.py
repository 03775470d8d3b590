"""Write a synthetic export, part by part: `python -m tests.population.generate --help`."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import BinaryIO, cast

import click
import orjson

from tests.population.catalogue import catalogue
from tests.population.people import Population, medications, records_of

#: The most patients: ids have seven digits.
MOST = 1_000_000
_MEDICATIONS = "Medication.0000.ndjson"


@dataclass(frozen=True, slots=True)
class Written:
    """What was written of one part: lines by type, and bytes."""

    lines: Counter[str]
    size: int


def write_population(
    folder: Path, patients: int, population: Population, *, a_part: int = 5000, packed: bool = False, workers: int = 1
) -> Iterator[Written]:
    """Write an export of so many patients into an empty folder, and yield what each part came to.

    A part holds `a_part` patients and has one file of each type, so that the memory that is needed does not grow with
    the population; the bytes do not depend on the number of workers. The manifest comes last.
    """
    folder.mkdir(parents=True, exist_ok=True)
    starts = range(0, patients, a_part)
    write = partial(_write_part, folder, population, a_part, patients, packed)
    total = Counter[str]()
    for written in _each(write, starts, workers):
        total.update(written.lines)
        yield written
    with _opened(folder / _MEDICATIONS, packed=packed) as file:
        for each in medications(population):
            file.write(orjson.dumps(each) + b"\n")
            total["Medication"] += 1
    _write_manifest(folder, population, total)


def _each(write: partial[Written], starts: range, workers: int) -> Iterator[Written]:
    if workers == 1 or len(starts) == 1:
        yield from map(write, starts)
        return
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        yield from pool.map(write, starts)


def _write_part(folder: Path, population: Population, a_part: int, patients: int, packed: bool, start: int) -> Written:
    files: dict[str, BinaryIO] = {}
    lines, size = Counter[str](), 0
    try:
        for number in range(start, min(start + a_part, patients)):
            for record in records_of(number, population):
                kind = record["resourceType"]
                if kind not in files:
                    files[kind] = _opened(folder / f"{kind}.{start // a_part:04}.ndjson", packed=packed)
                line = orjson.dumps(record) + b"\n"
                files[kind].write(line)
                lines[kind] += 1
                size += len(line)
    finally:
        for file in files.values():
            file.close()
    return Written(lines, size)


def _opened(path: Path, *, packed: bool) -> BinaryIO:
    if packed:
        return cast(BinaryIO, gzip.GzipFile(path.with_name(f"{path.name}.gz"), "wb", 6, mtime=0))
    return path.open("wb", buffering=1 << 18)


def _write_manifest(folder: Path, population: Population, total: Counter[str]) -> None:
    files = sorted(path.name for path in folder.iterdir() if ".ndjson" in path.name)
    manifest = {
        "transactionTime": f"{population.today}T04:00:00Z",
        "request": "https://ehr.example.org/fhir/Group/all/$export?_type=" + ",".join(sorted(total)),
        "requiresAccessToken": True,
        "output": [{"type": name.partition(".")[0], "url": f"https://ehr.example.org/bulk/{name}"} for name in files],
        "error": [],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--patients", default=1000, show_default=True, type=click.IntRange(1, MOST), help="How many patients.")
@click.option("--seed", default=1, show_default=True, help="Another seed, another population of the same kind.")
@click.option(
    "--rls", default=2.5, show_default=True, type=click.FloatRange(0, 100), help="Per cent with restless legs syndrome."
)
@click.option(
    "--observations", default=20.0, show_default=True, type=click.FloatRange(0, 1000), help="Observations a patient."
)
@click.option(
    "--site",
    default="mixed",
    show_default=True,
    type=click.Choice(["mixed", *catalogue().sites]),
    help="Whose codes and units.",
)
@click.option(
    "--as-of", default="2026-06-30", show_default=True, type=click.DateTime(["%Y-%m-%d"]), help="The day of the export."
)
@click.option("--gzip", "packed", is_flag=True, help="Write .ndjson.gz.")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes. [default: one for each core]")
@click.option(
    "--a-part", default=5000, show_default=True, type=click.IntRange(1), help="Patients in one file of a type."
)
def main(
    folder: Path,
    patients: int,
    seed: int,
    rls: float,
    observations: float,
    site: str,
    as_of: datetime,
    packed: bool,
    workers: int | None,
    a_part: int,
) -> None:
    """Write a synthetic FHIR Bulk Data export into FOLDER, to try `rls-cds screen` on without anybody's records.

    \b
    python -m tests.population.generate /tmp/export                      1,000 patients, about 20 MB
    python -m tests.population.generate /tmp/export --patients 100000    a middling clinic, about 2 GB
    python -m tests.population.generate /tmp/export --site de --gzip     German codes and units, packed
    rls-cds screen /tmp/export --out /tmp/result                         then this

    The same options give the same bytes. Codes and units follow four styles of site; some records lack a unit, a date,
    a value or a code, some occur twice, some patients replace an older record. How often, and how much of what an
    export holds, is written in tests/population/catalogue.toml; the shares are assumptions, not findings.
    """
    if folder.exists() and any(folder.iterdir()):
        raise click.ClickException(f"{folder}: there is something in it already; name an empty or a new folder")
    population = Population(seed, rls / 100, observations, site, as_of.date())
    lines, size = Counter[str](), 0
    parts = write_population(
        folder, patients, population, a_part=a_part, packed=packed, workers=workers or len(os.sched_getaffinity(0))
    )
    with click.progressbar(length=patients, label="Patients", show_pos=True) as bar:
        for part in parts:
            lines.update(part.lines)
            size += part.size
            bar.update(min(a_part, patients - bar.pos))
    for kind, number in sorted(lines.items(), key=lambda pair: -pair[1]):
        click.echo(f"{number:>12,} {kind}")
    click.echo(f"{size / 1e6:>12,.1f} MB before packing, {sum(lines.values()):,} lines in {folder}")


if __name__ == "__main__":
    main()
