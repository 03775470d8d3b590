"""What the commands that work on the store share: where it is, how it is opened, and how long work is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from cds_service.settings import Settings
    from cds_service.store import Store

config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The settings file, rls-cds.toml; RLS_CDS_* variables count as well. "
    "Neither: the store in the platform's data folder.",
)


def settings_of(config: Path | None) -> Settings:
    """The settings, or the end of the command with every fault named."""
    import os

    from cds_service.settings import BadSettings, load_settings

    try:
        return load_settings(config, os.environ)
    except BadSettings as fault:
        raise click.ClickException(str(fault)) from None


@contextmanager
def opened(config: Path | None) -> Iterator[Store]:
    """The store of these settings. What is wrong with it ends the command with a sentence and exit code 1."""
    from cds_service.assembly import open_store_of
    from cds_service.store import BadStore, StoreError

    settings = settings_of(config)
    try:
        store = open_store_of(settings)
        if not store.records:
            raise click.ClickException("the settings say to keep nothing (database_url is empty), so there is no store")
        try:
            yield store
        finally:
            store.close()
    except (BadStore, StoreError) as fault:
        raise click.ClickException(str(fault)) from None


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, drawn once the length of the work is known; none where nobody watches."""
    import sys

    bars: list[Any] = []

    def told(done: int, of: int) -> None:
        if not bars:
            bars.append(click.progressbar(length=of, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()))
        bars[0].update(done - bars[0].pos)

    yield told
    for bar in bars:
        bar.render_finish()
