"""`rls-cds valuesets`: list the value sets, and expand them by a terminology server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from cds_service.config.settings import Settings

_OUT = Path("rls-cds-expansions.ndjson")


@click.group(name="valuesets", invoke_without_command=True)
@click.pass_context
def valuesets_group(context: click.Context) -> None:
    """List the value sets, or ask a terminology server what lies below their SNOMED codes.

    \b
    rls-cds valuesets                                            every set with its codes, counted
    rls-cds valuesets expand --server https://tx.example.org/fhir
                                                                 write the site's expansion file
    """
    if context.invoked_subcommand is None:
        context.invoke(list_command)


@valuesets_group.command(name="list")
def list_command() -> None:
    """List every value set: codes, SNOMED roots whose descendants only a terminology server knows, unverified codes."""
    from cards.knowledge.valuesets import load_valueset, valueset_names

    names = [name for name in valueset_names() if not name.startswith("drug-")]
    click.echo(f"{'value set':38}{'codes':>7}{'roots':>7}{'unverified':>12}  title")
    for name in names:
        held = load_valueset(name)
        below = [code for code in held.categories if code not in held.codes]
        counts = f"{len(held.codes) + len(below):7}{len(held.roots()):7}{len(held.unverified()):12}"
        click.echo(f"{name:38}{counts}  {held.title}")


@valuesets_group.command(name="expand")
@click.option("--server", required=True, metavar="URL", help="Base address of a FHIR terminology server.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    default=_OUT,
    show_default=True,
    help="File to write; name it in the settings as site.expansions.",
)
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Settings file: its ca_file is trusted. RLS_CDS_* variables count as well; secrets are not needed.",
)
@click.option("--allow-http", is_flag=True, help="Also ask a server of another machine without TLS.")
def expand_command(server: str, out: Path, config: Path | None, allow_http: bool) -> None:
    """Ask a terminology server for every code below the SNOMED roots of our value sets, and write the site's file.

    A run that is stopped goes on where it was when it is started again with the same server and file. A value set that
    the server cannot expand is named and left out: its roots, and the codes that our lists name, match as before.
    A token for the server is taken from TERMINOLOGY_SERVER_TOKEN, never from the command line.

    \b
    rls-cds valuesets expand --server https://tx.example.org/fhir --out expansions.ndjson
    """
    import os
    from datetime import UTC, datetime

    from cds_service.cli.store import progress
    from cds_service.fhir.terminology import TerminologyServer, server_fault
    from cds_service.offline.expand import expand, work_file

    base = server.removesuffix("/")
    fault = server_fault(base, allow_http=allow_http)
    if fault:
        raise click.BadParameter(fault, param_hint="--server")
    settings = _settings(config)
    try:
        asked = TerminologyServer(base, token=os.environ.get("TERMINOLOGY_SERVER_TOKEN"), ca_file=settings.ca_file)
    except ValueError:
        raise click.ClickException("TERMINOLOGY_SERVER_TOKEN holds no bearer token") from None
    try:
        with progress("Expanding") as on_progress:
            outcome = expand(asked, out, lambda: datetime.now(UTC), on_progress)
    except OSError as problem:
        raise click.ClickException(f"{out}: cannot be written ({problem.strerror})") from None
    finally:
        asked.close()
    for name, why in outcome.failed.items():
        click.echo(f"{name}: {why}", err=True)
    codes = sum(len(each.codes) for each in outcome.expanded.values())
    if work_file(out).exists():
        click.echo(f"{len(outcome.expanded)} value sets so far; run the command again to go on.", err=True)
        raise click.exceptions.Exit(1)
    resumed = f" ({outcome.resumed} of them from an earlier run)" if outcome.resumed else ""
    click.echo(f"{out}: {len(outcome.expanded)} value sets{resumed}, {codes} codes.")
    if outcome.failed:
        raise click.exceptions.Exit(1)


def _settings(config: Path | None) -> Settings:
    import os

    from cds_service.config.load import load_settings
    from cds_service.config.sources import BadSettings

    try:
        return load_settings(config, os.environ, for_server=False)
    except BadSettings as fault:
        raise click.ClickException(str(fault)) from None
