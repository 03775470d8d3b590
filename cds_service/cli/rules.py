"""`rls-cds rules`: every decision with its limits, sources and codes."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(name="rules")
@click.option(
    "--format",
    "form",
    type=click.Choice(("table", "markdown", "fhir")),
    default="table",
    show_default=True,
    help="fhir: a Bundle of PlanDefinition, Library, ActivityDefinition and ValueSet (R4).",
)
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Settings file: the rules of this site. RLS_CDS_* variables count as well; secrets are not needed.",
)
def rules_command(form: str, config: Path | None) -> None:
    """List every decision: thresholds, ranges, sources and how sure they are, who must sign off, unverified codes.

    \b
    rls-cds rules                            a table to read
    rls-cds rules --config rls-cds.toml      with the site's own limits and choices
    rls-cds rules --format fhir > rules.json for a knowledge repository
    """
    import os
    from datetime import datetime

    from cards.rules import BadKnowledge
    from cds_service.knowledge import load_knowledge
    from cds_service.rules_listing import as_markdown, as_table
    from cds_service.settings import BadSettings, load_settings

    try:
        settings = load_settings(config, os.environ, serves=False)
        rules = load_knowledge(settings, today=datetime.now(settings.time_zone).date()).rules
    except (BadSettings, BadKnowledge) as fault:
        raise click.ClickException(str(fault)) from None
    if form == "fhir":
        from cards.fhir_export import export

        click.echo(export(rules))
    else:
        click.echo(as_markdown(rules) if form == "markdown" else as_table(rules), nl=False)
