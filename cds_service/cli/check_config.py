"""`rls-cds check-config`: check the settings and the files they name."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(name="check-config")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def check_config_command(file: Path) -> None:
    """Check FILE: settings, client profiles, and the site's overrides and local code maps that it names.

    Every fault is named with its place, what stands there, what is allowed and what to do. Exit code 0: fine; 1: not.
    The environment (RLS_CDS_...) counts, as it does when the service starts.

    \b
    rls-cds check-config rls-cds.toml
    """
    import os
    from datetime import UTC, datetime

    from cds_service.knowledge.checks import unverified_codes
    from cds_service.offline.check_config import check_configuration, summary

    checked = check_configuration(file, os.environ, datetime.now(UTC).date())
    for fault in checked.faults:
        click.echo(f"Fault: {fault}", err=True)
    if checked.faults:
        click.echo(f"{len(checked.faults)} to correct.", err=True)
        raise click.exceptions.Exit(1)
    for warning in checked.warnings:
        click.echo(f"Warning: {warning}")
    for line in summary(checked):
        click.echo(line)
    codes = unverified_codes()
    click.echo(f"{len(codes)} codes in use await verification:")
    for name, system, code in codes:
        click.echo(f"  {name:36} {system} {code}")
    click.echo("The configuration is fine.")
