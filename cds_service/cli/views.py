"""`rls-cds views`: the population in SQL on FHIR."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(name="views")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--as-of", metavar="DATE", help="Count as on this day. [default: today]")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Settings file: the limits of a site. RLS_CDS_* variables count as well; secrets are not needed.",
)
def views_command(folder: Path, as_of: str | None, config: Path | None) -> None:
    """Write seven ViewDefinitions of SQL on FHIR into DIR, and the SQL that counts over them.

    \b
    rls-cds views sql/                  rls_patient.json ... rls_allergy.json, patients.sql, counts.sql
    rls-cds screen export/ --reconcile rows.csv
                                        why the rows of patients.sql differ from the decisions

    For a warehouse that has a runner of SQL on FHIR 2: make a table of each view under its name, then run the SQL.
    The SQL reads codes and plain values only; it counts roughly and decides nothing.
    """
    import json
    import os
    from datetime import date, datetime

    from cards.knowledge.rules import BadKnowledge
    from cds_service.config.load import load_settings
    from cds_service.config.sources import BadSettings
    from cds_service.knowledge.load import load_knowledge
    from cds_service.offline.screening.sql.queries import counts_sql, patients_sql
    from cds_service.offline.screening.sql.views import view_definitions

    try:
        settings = load_settings(config, os.environ, for_server=False)
        today = date.fromisoformat(as_of) if as_of else datetime.now(settings.time_zone).date()
        rules = load_knowledge(settings, today=today).rules
    except ValueError as fault:
        if isinstance(fault, (BadKnowledge, BadSettings)):
            raise click.ClickException(str(fault)) from None
        raise click.BadParameter(f"{as_of} is no day; use YYYY-MM-DD", param_hint="--as-of") from None
    written = {f"{name}.json": json.dumps(view, indent=1) + "\n" for name, view in view_definitions().items()}
    written |= {"patients.sql": patients_sql(rules, today), "counts.sql": counts_sql(rules, today)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in written.items():
            (folder / name).write_text(content, encoding="utf-8")
            click.echo(folder / name)
    except OSError as fault:
        raise click.ClickException(f"{fault.filename or folder}: {fault.strerror}") from None
