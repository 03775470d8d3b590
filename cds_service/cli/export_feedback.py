"""`rls-cds export-feedback`: export what users did with the cards."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TextIO, cast

import click

from cds_service.cli.store import config_option, open_configured_store, progress


def read_day(text: str) -> datetime:
    """Read a date or a time, in UTC unless it has an offset."""
    try:
        since = datetime.fromisoformat(text)
        return since.astimezone(UTC) if since.tzinfo else since.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        message = f"{text} is no day; use YYYY-MM-DD, or a time such as 2026-03-01T00:00:00Z"
        raise click.BadParameter(message) from None


@click.command(name="export-feedback")
@config_option
@click.option("--since", type=read_day, metavar="DAY", help="Only what came on or after this day (UTC).")
@click.option("--format", "form", type=click.Choice(["csv", "ndjson"]), default="csv", show_default=True, help="Form.")
@click.option("--out", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="File; else the output.")
def export_feedback_command(
    config: Path | None, since: datetime | None, form: Literal["csv", "ndjson"], out: Path | None
) -> None:
    """Export feedback: intervention, action, feedback, user, date, location, rule version, card.

    The columns that 45 CFR 170.315(b)(11)(ii)(C) asks for. The export holds users and comments in clear, so it is
    itself an event of the audit trail, under the name of whoever runs this command.

    \b
    rls-cds export-feedback --since 2026-01-01 --out feedback.csv
    rls-cds export-feedback --format ndjson | jq .action
    """
    import getpass

    from cds_service.server.assembly import now
    from cds_service.store.export import write_feedback

    with open_configured_store(config) as store, progress("Exporting") as on_progress:
        rows = store.export_feedback(since, f"command line, {getpass.getuser()}", now(), on_progress)
    with click.open_file(str(out or "-"), "w", encoding="utf-8") as file:
        write_feedback(rows, form, cast(TextIO, file))
    click.echo(f"{len(rows)} rows", err=True)
