"""Shared parts of the commands that work on the store: its settings, opening it, and a progress bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from cds_service.config.settings import Settings
    from cds_service.store import Store

config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The settings file, rls-cds.toml; RLS_CDS_* variables count as well. "
    "Neither: the store in the platform's data folder.",
)


def read_settings(config: Path | None) -> Settings:
    """Load the settings. Ends the command with every fault if they are faulty."""
    import os

    from cds_service.config.load import load_settings
    from cds_service.config.sources import BadSettings

    try:
        return load_settings(config, os.environ)
    except BadSettings as fault:
        raise click.ClickException(str(fault)) from None


@contextmanager
def open_configured_store(config: Path | None) -> Iterator[Store]:
    """Open the store of these settings for the block. A fault ends the command with a message and exit code 1."""
    from cds_service.server.assembly import open_store_of, store_settings
    from cds_service.store import BadStore, StoreError, place_of

    settings = read_settings(config)
    try:
        store = open_store_of(settings)
        if not store.records:
            raise click.ClickException("the settings say to keep nothing (database_url is empty), so there is no store")
        click.echo(f"Store: {place_of(store_settings(settings))}", err=True)
        try:
            yield store
        finally:
            store.close()
    except (BadStore, StoreError) as fault:
        raise click.ClickException(str(fault)) from None


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on standard error if it is a terminal, once the total is known."""
    import sys

    bars: list[Any] = []
    is_terminal = sys.stderr.isatty()

    def on_progress(done: int, of: int) -> None:
        if not is_terminal:
            return
        if not bars:
            bars.append(click.progressbar(length=of, label=label, file=sys.stderr))
        bars[0].update(done - bars[0].pos)

    yield on_progress
    for bar in bars:
        bar.render_finish()
