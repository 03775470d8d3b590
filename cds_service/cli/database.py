"""`rls-cds db`: create and migrate the tables of the store."""

from __future__ import annotations

from pathlib import Path

import click

from cds_service.cli.store import config_option, progress, read_settings


@click.group(name="db")
def database_group() -> None:
    """Make or change the tables of the store, or give it other keys.

    \b
    rls-cds db upgrade --config rls-cds.toml
    rls-cds db rekey --config rls-cds.toml --pseudonym-key new-pseudonym --encryption-key new-encryption
    """


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


_key_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@database_group.command(name="rekey")
@config_option
@click.option("--pseudonym-key", type=_key_file, help="File with the new pseudonym key; without, it stays.")
@click.option("--encryption-key", type=_key_file, help="File with the new encryption key; without, it stays.")
def rekey_command(config: Path | None, pseudonym_key: Path | None, encryption_key: Path | None) -> None:
    """Write the store anew under other keys. The settings still name the present ones.

    Make each with: openssl rand -base64 32. Runs in one transaction: interrupted, it leaves the store as it was, and
    is begun again. The audit chain is verified before and after. Back the store up first, and stop the service: one
    that runs answers 503 meanwhile, and afterwards until it is started with the new keys.
    """
    import getpass

    from cds_service.server.assembly import now, store_settings
    from cds_service.store import BadStore, StoreError
    from cds_service.store.rekeying.key_change import rekey

    settings = read_settings(config)
    if settings.database_url == "":
        raise click.ClickException("the settings say to keep nothing (database_url is empty), so there is no store")
    if pseudonym_key is None and encryption_key is None:
        raise click.UsageError("name a new key: --pseudonym-key FILE, --encryption-key FILE, or both")
    try:
        with progress("Writing anew") as on_progress:
            done = rekey(
                store_settings(settings),
                _key_in(pseudonym_key, "--pseudonym-key"),
                _key_in(encryption_key, "--encryption-key"),
                f"command line, {getpass.getuser()}",
                now(),
                on_progress,
            )
    except (BadStore, StoreError) as fault:
        raise click.ClickException(str(fault)) from None
    click.echo(f"The audit chain was whole: {done.before.rows} rows, head {done.before.head}")
    click.echo(f"{done.rows} rows are written anew.")
    click.echo(f"The audit chain is whole: {done.after.rows} rows, head {done.after.head}")
    click.echo("Start the service with the new keys. Keep the old ones for the backups from before.")


def _key_in(file: Path | None, option: str) -> bytes | None:
    """Return the key in a file, None without a file. Ends the command with a message if it is none."""
    from cds_service.config.secrets import read_key
    from cds_service.config.values import Constraints, InvalidValue

    if file is None:
        return None
    try:
        return read_key(file.read_text(encoding="utf-8", errors="replace"), Constraints())
    except (OSError, InvalidValue) as fault:
        allowed = fault.allowed if isinstance(fault, InvalidValue) else "a file that can be read"
        raise click.ClickException(f"{option}: {file} does not hold {allowed}") from None
