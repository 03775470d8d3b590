"""`rls-cds demo`: run everything on one machine without configuration."""

from __future__ import annotations

import click


@click.command(name="demo")
@click.option("--host", default="127.0.0.1", show_default=True, help="Loopback address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free port.")
def demo_command(host: str, port: int) -> None:
    """Start the services, a FHIR server with synthetic patients and the console, and print how to try them."""
    import logging
    import os
    import sys

    from cds_service.config.checks import warnings
    from cds_service.config.load import load_settings
    from cds_service.config.sources import BadSettings
    from cds_service.config.values import is_loopback
    from cds_service.server.assembly import check_store
    from cds_service.server.demo import demo_app, welcome, with_own_store
    from cds_service.server.threads import serve_in_threads
    from cds_service.store import BadStore
    from cds_service.web.log import write_log_to

    if not is_loopback(host):
        raise click.BadParameter(f"{host} is no loopback address; use 127.0.0.1 or ::1", param_hint="--host")
    options: dict[str, object] = {"host": host, "port": port}
    if port:
        options["public_base"] = f"http://{host}:{port}"
    try:
        settings = with_own_store(load_settings(None, os.environ, demo=True, options=options))
        for warning in warnings(settings):
            click.echo(f"Warning: {warning}", err=True)
        write_log_to(sys.stderr, logging.WARNING)
        if fault := check_store(settings):
            raise click.ClickException(fault)
        app = demo_app(settings)
        serve_in_threads(app, host, port, lambda base: click.echo(welcome(base, settings)))
    except (BadSettings, BadStore) as fault:
        raise click.ClickException(str(fault)) from None
    except OSError as fault:
        raise click.ClickException(
            f"cannot listen on {host}:{port} ({fault.strerror}); choose another port with --port"
        ) from None
