"""`rls-cds demo`: everything on one machine, nothing to configure."""

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

    from cds_service.demo import demo_app, welcome, with_own_store
    from cds_service.log import write_log_to
    from cds_service.serving import serve_demo
    from cds_service.settings import BadSettings, load_settings
    from cds_service.settings_checks import warnings
    from cds_service.store import BadStore, StoreError

    chosen: dict[str, object] = {"host": host, "port": port}
    if port:
        chosen["public_base"] = f"http://{host}:{port}"
    try:
        settings = with_own_store(load_settings(None, os.environ, demo=True, options=chosen))
        for warning in warnings(settings):
            click.echo(f"Warning: {warning}", err=True)
        write_log_to(sys.stderr, logging.WARNING)
        app = demo_app(settings)
        serve_demo(app, host, port, lambda base: click.echo(welcome(base, settings)))
    except (BadSettings, BadStore, StoreError) as fault:
        raise click.ClickException(str(fault)) from None
    except OSError as fault:
        raise click.ClickException(
            f"cannot listen on {host}:{port} ({fault.strerror}); choose another port with --port"
        ) from None
