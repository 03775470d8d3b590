"""`rls-cds serve`: run the production server."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from cds_service.config.settings import Settings


@click.command(name="serve")
@click.option("--host", help="Address to listen on (setting host).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on (setting port).")
@click.option("--workers", type=click.IntRange(1, 64), help="Worker processes (setting workers).")
@click.option("--config", type=click.Path(dir_okay=False, path_type=Path), help="The settings file, rls-cds.toml.")
def serve_command(host: str | None, port: int | None, workers: int | None, config: Path | None) -> None:
    """Serve CDS Hooks in production, behind a proxy that buffers (nginx, an ingress, a load balancer).

    Without configured clients it listens on this machine only: nobody proves who they are in that mode.
    Unsafe settings are refused, all faults at once, each with what to change.
    """
    from cds_service.server.memory import loading

    given = {"host": host, "port": port, "workers": workers}
    with loading():
        settings = load(config, {name: value for name, value in given.items() if value is not None})
    from cds_service.server.assembly import assemble
    from cds_service.server.gunicorn import serve

    serve(
        settings,
        lambda worker_index, shutdown_flag: assemble(settings, worker_index=worker_index, shutdown_flag=shutdown_flag),
    )


def load(config: Path | None, options: Mapping[str, object]) -> Settings:
    """Load all that workers share, look at the store, and return the settings.

    A fault is then reported once, and not by every worker. Raises `click.ClickException`.
    """
    import os
    from datetime import datetime

    from cards.knowledge.rules import BadKnowledge
    from cds_service.config.checks import warnings
    from cds_service.config.load import load_settings
    from cds_service.config.sources import BadSettings
    from cds_service.knowledge.load import load_knowledge
    from cds_service.knowledge.warnings import knowledge_warnings
    from cds_service.server.assembly import check_store, now
    from cds_service.server.gunicorn import with_own_address
    from cds_service.server.warm_up import warm_up
    from cds_service.store import BadStore

    try:
        settings = with_own_address(load_settings(config, os.environ, options=options))
        for warning in warnings(settings):
            click.echo(f"Warning: {warning}", err=True)
        today = datetime.now(settings.time_zone).date()
        known = load_knowledge(settings, today=today)
        for warning in knowledge_warnings(known.rules, settings, today):
            click.echo(f"Warning: {warning}", err=True)
        if fault := check_store(settings):
            click.echo(f"Warning: {fault}. Calls are answered 503 until it is there.", err=True)
        warm_up(settings, now)
    except (BadSettings, BadKnowledge, BadStore) as fault:
        raise click.ClickException(str(fault)) from None
    return settings
