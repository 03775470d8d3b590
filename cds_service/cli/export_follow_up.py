"""`rls-cds export-follow-up`: whether cards were followed, by what later charts show."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import click

from cds_service.cli.export_feedback import read_day
from cds_service.cli.store import config_option, open_configured_store

_YEAR = 365


@click.command(name="export-follow-up")
@config_option
@click.option("--since", type=read_day, metavar="DAY", help="Cards from this day on (UTC); else of a year.")
@click.option(
    "--format", "form", type=click.Choice(["html", "csv", "fhir"]), default="html", show_default=True, help="Form."
)
@click.option("--out", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="File; else the output.")
def export_follow_up_command(
    config: Path | None, since: datetime | None, form: Literal["html", "csv", "fhir"], out: Path | None
) -> None:
    """Report on one page whether cards were followed, and the difference from patients held out.

    Counts by card, client, version and arm: no patient and no user. `fhir` is a Bundle of MeasureReports.

    \b
    rls-cds export-follow-up --since 2026-01-01 --out follow-up.html
    rls-cds export-follow-up --format csv
    """
    from cds_service.monitoring.follow_up import report
    from cds_service.monitoring.follow_up_files import as_csv, as_fhir, as_html
    from cds_service.server.assembly import now

    until = now()
    with open_configured_store(config) as store:
        found = report(store, since or until - timedelta(days=_YEAR), until)
    text = {"fhir": as_fhir, "csv": as_csv, "html": as_html}[form](found)
    with click.open_file(str(out or "-"), "w", encoding="utf-8") as file:
        file.write(text)
