"""`rls-cds db`: create and migrate the tables of the store."""

from __future__ import annotations

from pathlib import Path

import click

from cds_service.cli.store import config_option, read_settings


@click.group(name="db")
def database_group() -> None:
    """Make or change the tables of the store."""


@database_group.command(name="upgrade")
@config_option
def upgrade_command(config: Path | None) -> None:
    """Make the store, or bring an older one up to date. SQLite does so by itself when the service starts.

    PostgreSQL needs this once before the first start and for every update of the program; replicas of the version
    before go on working beside it. Runs in one transaction; a second run finds nothing to do.
    """
    from cds_service.server.assembly import store_settings
    from cds_service.store import BadStore, StoreError, upgrade

    settings = read_settings(config)
    if settings.database_url == "":
        raise click.ClickException("the settings say to keep nothing (database_url is empty), so there is no store")
    try:
        upgrade(store_settings(settings))
    except (BadStore, StoreError) as fault:
        raise click.ClickException(str(fault)) from None
    click.echo("The store is up to date.")
