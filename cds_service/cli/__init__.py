"""The command line `rls-cds`. Commands import what they need when they run, so that `--help` is fast."""

from __future__ import annotations

import click

from cds_service.cli.audit import audit_group
from cds_service.cli.check_config import check_config_command
from cds_service.cli.database import database_group
from cds_service.cli.demo import demo_command
from cds_service.cli.evaluate import evaluate_command
from cds_service.cli.export_feedback import export_feedback_command
from cds_service.cli.export_follow_up import export_follow_up_command
from cds_service.cli.rules import rules_command
from cds_service.cli.screen import screen_command
from cds_service.cli.serve import serve_command
from cds_service.cli.valuesets import valuesets_group
from cds_service.cli.views import views_command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="rls-cds")
def main() -> None:
    """Restless legs syndrome: iron, vitamins, minerals and drugs, as a CDS Hooks service.

    \b
    Start with    rls-cds demo                 everything on this machine, nothing to configure
    Try a file    rls-cds evaluate patient.json --explain
    Production    rls-cds serve --config rls-cds.toml

    Exit codes: 0 fine, 1 the work failed, 2 wrong usage. Not for clinical use without review.
    """


_COMMANDS = (
    demo_command,
    serve_command,
    evaluate_command,
    screen_command,
    rules_command,
    check_config_command,
    audit_group,
    export_feedback_command,
    export_follow_up_command,
    database_group,
    valuesets_group,
    views_command,
)
for command in _COMMANDS:
    main.add_command(command)
