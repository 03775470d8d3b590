"""`rls-cds rules`: list every decision with its limits, sources and codes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from cards.knowledge.rules import Rules


@click.command(name="rules")
@click.option(
    "--format",
    "form",
    type=click.Choice(("table", "markdown", "fhir", "fhir-transaction", "fhir-package")),
    default="table",
    show_default=True,
    help="fhir: a Bundle (R4) of PlanDefinition, Library, ActivityDefinition, ValueSet, CodeSystem and "
    "StructureDefinition; fhir-transaction: the same to be posted to a server; fhir-package: the same as an "
    "installable package (.tgz).",
)
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Settings file: the rules of this site. RLS_CDS_* variables count as well; secrets are not needed.",
)
@click.option("--out", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="File; else the output.")
def rules_command(form: str, config: Path | None, out: Path | None) -> None:
    """List every decision: thresholds, ranges, sources and how sure they are, who must sign off, unverified codes.

    What is written as FHIR is to be read: no server that holds it acts on a patient by it.

    \b
    rls-cds rules                            a table to read
    rls-cds rules --config rls-cds.toml      with the site's own limits and choices
    rls-cds rules --format fhir > rules.json for a knowledge repository
    rls-cds rules --format fhir-package --out rls-cds.tgz
    """
    import os
    import sys
    from datetime import datetime

    from cards.knowledge.rules import BadKnowledge
    from cds_service.config.load import load_settings
    from cds_service.config.sources import BadSettings
    from cds_service.knowledge.load import load_knowledge

    try:
        settings = load_settings(config, os.environ, for_server=False)
        rules = load_knowledge(settings, today=datetime.now(settings.time_zone).date()).rules
    except (BadSettings, BadKnowledge) as fault:
        raise click.ClickException(str(fault)) from None
    if form == "fhir-package" and out is None and sys.stdout.isatty():
        raise click.UsageError("a package is an archive, not text: name a file with --out, or redirect the output")
    with click.open_file(str(out or "-"), "wb") as file:
        file.write(_written(rules, form))


def _written(rules: Rules, form: str) -> bytes:
    if not form.startswith("fhir"):
        from cds_service.knowledge.listing import as_markdown, as_table

        return (as_markdown(rules) if form == "markdown" else as_table(rules)).encode()
    from importlib.metadata import version

    from cards.presenting.export.files import collection, package, transaction

    release = version("rls-cds")
    if form == "fhir-package":
        return package(rules, release)
    return f"{(transaction if form == 'fhir-transaction' else collection)(rules, release)}\n".encode()
