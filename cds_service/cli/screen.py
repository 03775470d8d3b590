"""`rls-cds screen`: the decisions over a FHIR Bulk Data export."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

if TYPE_CHECKING:
    from datetime import datetime

    from cds_service.offline.screening.export import Export
    from cds_service.offline.screening.recipe import Recipe
    from cds_service.offline.screening.state import State

_ENGINES = ("auto", "python", "duckdb", "spark")
#: First and last day accepted by `--as-of`.
_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)
#: Bytes below which further processes take longer to start than they save.
_WORTH_PROCESSES = 8 * 1024 * 1024
_MIB = 1024 * 1024


@click.command(name="screen")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="A folder for everything, or one file of findings.")
@click.option("--engine", type=click.Choice(_ENGINES), default="auto", show_default=True, help="What reads the lines.")
@click.option("--as-of", metavar="DATE", help="Answer as on this day. [default: the day of the export, else today]")
@click.option(
    "--set", "changes", multiple=True, metavar="NAME=VALUE", help="What if: a threshold or switch; may be repeated."
)
@click.option(
    "--site",
    "site_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What if: this file of site overrides, in place of the site's own.",
)
@click.option(
    "--max-bad", default=1000, show_default=True, type=click.IntRange(0), help="Lines that may hold no resource."
)
@click.option(
    "--charts-a-day", default=20, show_default=True, type=click.IntRange(1), help="Charts that a clinician opens a day."
)
@click.option("--workers", type=click.IntRange(1, 256), help="Processes. [default: one for each core]")
@click.option("--time-zone", help="The clinic's zone: decides which day it is. [default: that of --config, else UTC]")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Settings file: the rules of a site. RLS_CDS_* variables count as well; secrets are not needed.",
)
@click.option(
    "--reconcile",
    "rows",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Compare with what patients.sql of `rls-cds views` gave, as CSV: who differs, and why.",
)
@click.option(
    "--plan",
    "vendor",
    metavar="VENDOR",
    help="Screen nothing: say how to export the patients who matter from this vendor's server, or from `standard`.",
)
@click.option("--fhir-url", default="https://YOUR-SERVER/fhir", help="With --plan: the base address of the server.")
@click.option("--group", default="", help="With --plan: the Group to export. [default: all patients]")
@click.option(
    "--patients", default=100_000, show_default=True, type=click.IntRange(1), help="With --plan: how many there are."
)
@click.option("--client", default="", help="With --config: whose local codes the export bears. [default: the first]")
def screen_command(
    folder: Path,
    out: Path | None,
    engine: str,
    as_of: str | None,
    changes: tuple[str, ...],
    site_file: Path | None,
    max_bad: int,
    charts_a_day: int,
    workers: int | None,
    time_zone: str | None,
    config: Path | None,
    rows: Path | None,
    vendor: str | None,
    fhir_url: str,
    group: str,
    patients: int,
    client: str,
) -> None:
    """Answer for every patient of a FHIR Bulk Data export: who would get which card, how often, and what is not told.

    DIR holds NDJSON files (.ndjson or .jsonl, also .gz and .zst) in any layout, with or without the manifest.

    \b
    rls-cds screen export/                         a summary on the screen, nothing kept
    rls-cds screen export/ --out result/           findings, summary, report.html, measures, work list
    rls-cds screen export/ --out findings.ndjson   one line for every patient (or .csv, .parquet)
    rls-cds screen export/ --set ferritin.low=50   who gains and who loses a card under another threshold
    rls-cds screen export/ --plan epic             how to export 1 % instead of everything

    A run that was stopped goes on where it was when the same command is given again: until it is over, its state
    lies in the --out folder, or beside the file. What is written names patients by id and is readable by you alone.
    """
    from dataclasses import replace
    from importlib.metadata import version

    from cards.knowledge.rules import BadKnowledge
    from cds_service.config.sources import BadSettings
    from cds_service.offline.screening.export import BadExport, find_export
    from cds_service.offline.screening.recipe import BadRecipe, Recipe, known_by
    from cds_service.offline.screening.report.outputs import form_of, write_differences, write_outputs
    from cds_service.offline.screening.report.summary import About, as_text
    from cds_service.offline.screening.run import run
    from cds_service.offline.screening.sql.reconcile import BadRows, read_rows

    try:
        if vendor is not None:
            _plan(folder, vendor, out, Recipe(_now(time_zone, config), config, client), fhir_url, group, patients)
            return
        if not folder.is_dir():
            raise click.UsageError(f"{folder}: there is no such folder; name the one that a Bulk Data client wrote")
        form_of(out)
        export = find_export(folder, leave_out=out)
        with _state(out) as state, _progress() as on_progress:
            sql = read_rows(rows) if rows is not None else None
            recipe = _recipe(export, state, as_of, time_zone, config, client, changes, site_file)
            recipe = replace(recipe, explains=sql is not None)
            chosen = _engine(engine)
            if chosen == "spark":
                from cds_service.offline.screening.spark_engine import run_by_spark

                outcome = run_by_spark(export, recipe, max_bad=max_bad, on_progress=on_progress)
            else:
                outcome = run(
                    export,
                    recipe,
                    state,
                    workers=workers or _workers(export),
                    max_bad=max_bad,
                    engine=chosen,
                    on_progress=on_progress,
                )
            about = About(
                as_of=recipe.now.date().isoformat(),
                program=f"rls-cds {version('rls-cds')}",
                lines=outcome.counts.lines,
                bad_lines=outcome.counts.bad,
                nobodys=outcome.counts.nobodys.total(),
                merged=outcome.merged,
                types=outcome.counts.types,
                not_exported=outcome.not_exported,
                cut=outcome.cut,
                export_had_errors=export.manifest.has_errors,
                changes=(*((site_file.name,) if site_file else ()), *changes),
                charts_a_day=charts_a_day,
            )
            content = write_outputs(outcome.findings(), out, about, known_by(recipe).question.rules)
            compared = write_differences(outcome.findings(), sql, out) if sql is not None else ""
        if outcome.resumed:
            click.echo("Resumed an earlier run.", err=True)
        click.echo(as_text(content) + compared, nl=False)
    except BadRecipe as fault:
        raise click.UsageError(str(fault)) from None
    except (BadExport, BadRows, BadKnowledge, BadSettings) as fault:
        raise click.ClickException(str(fault)) from None
    except OSError as fault:
        told = fault.strerror or "cannot be read or written"  # a library's own words may hold a line about a patient
        raise click.ClickException(f"{fault.filename or folder}: {told}") from None


def _now(time_zone: str | None, config: Path | None) -> datetime:
    from datetime import datetime

    return datetime.now(_zone(time_zone, config))


def _plan(
    folder: Path, vendor: str, out: Path | None, recipe: Recipe, fhir_url: str, group: str, patients: int
) -> None:
    """Write or print the plan; where the folder holds diagnoses already, its second step names their patients."""
    from cds_service.offline.screening.export import BadExport, find_export
    from cds_service.offline.screening.planning.plan import patients_named_in, plan, vendors
    from cds_service.offline.screening.planning.words import as_markdown, write_plan
    from cds_service.offline.screening.recipe import BadRecipe, known_by

    if vendor not in vendors():
        raise BadRecipe(f"--plan {vendor}: no such vendor; known: {', '.join(vendors())}")
    known = known_by(recipe)
    try:
        named = patients_named_in(find_export(folder, leave_out=out), known) if folder.is_dir() else None
    except BadExport:
        named = None  # nothing was exported yet
    planned = plan(vendors()[vendor], known, base=fhir_url.rstrip("/"), group=group, size=patients, patients=named)
    if out is None:
        click.echo(as_markdown(planned, folder), nl=False)
        return
    for name in write_plan(planned, out, folder):
        click.echo(out / name)


@contextmanager
def _state(out: Path | None) -> Iterator[State]:
    """The state of the run, kept if it is stopped; without an output it lies in a folder that goes in any case."""
    import tempfile

    from cds_service.offline.screening.report.outputs import state_of
    from cds_service.offline.screening.state import State

    if out is None:
        with tempfile.TemporaryDirectory(prefix="rls-cds-") as folder:
            state = State(Path(folder) / "state")
            try:
                yield state
            finally:
                state.close(done=True)
        return
    state = State(state_of(out))
    done = False
    try:
        yield state
        done = True
    finally:
        state.close(done=done)


def _recipe(
    export: Export,
    state: State,
    as_of: str | None,
    time_zone: str | None,
    config: Path | None,
    client: str,
    changes: tuple[str, ...],
    site_file: Path | None,
) -> Recipe:
    from cds_service.offline.screening.recipe import Recipe, moment_of

    zone = _zone(time_zone, config)
    day = _day(as_of) if as_of else _day_of(export, state, zone)
    return Recipe(moment_of(day, zone), config, client, changes, site_file)


def _zone(named: str | None, config: Path | None) -> ZoneInfo:
    import os

    from cds_service.config.load import load_settings
    from cds_service.config.values import Constraints, InvalidValue, read_time_zone

    if named is None:
        return load_settings(config, os.environ, for_server=False).time_zone
    try:
        return read_time_zone(named, Constraints())
    except InvalidValue as fault:
        raise click.BadParameter(f"{named} is not {fault}", param_hint="--time-zone") from None


def _day(as_of: str) -> date:
    try:
        day = date.fromisoformat(as_of)
    except ValueError as fault:
        raise click.BadParameter(f"{as_of} is no day; use YYYY-MM-DD", param_hint="--as-of") from fault
    if not _FIRST_DAY <= day <= _LAST_DAY:
        raise click.BadParameter(f"{as_of} is no day from {_FIRST_DAY} to {_LAST_DAY}", param_hint="--as-of")
    return day


def _day_of(export: Export, state: State, zone: ZoneInfo) -> date:
    """The day of the export; else that of a run that was stopped here, so that it goes on; else today."""
    from datetime import datetime

    said = export.manifest.exported_on or str((state.recorded() or {}).get("now", ""))[:10]
    try:
        return date.fromisoformat(said)
    except ValueError:
        return datetime.now(zone).date()


def _engine(named: str) -> str:
    """The one that is named; `auto` is the one without further packages, which is no slower."""
    from cds_service.offline.screening import duckdb_engine, spark_engine

    if named == "duckdb" and not duckdb_engine.is_at_hand():
        raise click.ClickException("--engine duckdb needs further packages; pip install 'rls-cds[bulk]'")
    if named == "spark" and not spark_engine.is_at_hand():
        raise click.ClickException("--engine spark needs further packages and Java; pip install 'rls-cds[spark]'")
    return "python" if named == "auto" else named


def _workers(export: Export) -> int:
    import os

    return len(os.sched_getaffinity(0)) if export.size > _WORTH_PROCESSES else 1


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show each pass with its rate and the time left on standard error, if that is a terminal."""
    shown = sys.stderr.isatty()
    begun: dict[str, float] = {}

    def on_progress(name: str, done: int, of: int) -> None:
        if not shown or not of:
            return
        now = time.monotonic()
        seconds = now - begun.setdefault(name, now)
        rate = done / seconds if seconds > 0 else 0
        left = f"{_clock((of - done) / rate)} left" if rate and done < of else ""
        line = f"{name:10} {done * 100 // of:3} %  {rate / _MIB:7.1f} MiB/s  {left}"
        click.echo(f"\r{line:60}", nl=done >= of, err=True)

    yield on_progress


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds + 0.5), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
