"""`rls-cds audit`: verify and export the audit trail."""

from __future__ import annotations

from pathlib import Path

import click

from cds_service.cli.store import config_option, open_configured_store, progress


@click.group(name="audit")
def audit_group() -> None:
    """Check or export the audit trail: one event per answered call, per kept feedback, per export.

    \b
    rls-cds audit verify                     is the chain whole? exit code 1 where it is not, and where
    rls-cds audit export --out audit.ndjson  FHIR AuditEvents, one per line
    """


@audit_group.command(name="verify")
@config_option
@click.option("--noted", metavar="HEAD", help="A head that was noted before: say how many rows came after it.")
def verify_command(config: Path | None, noted: str | None) -> None:
    """Walk the whole chain: every edit, gap, insertion and reordering is named by its row.

    A store that was put back from an older copy, chain and all, cannot be told from inside: keep the printed head
    elsewhere from time to time, and give it as --noted. Exit code 1 too where that head is not in the chain.
    """
    with open_configured_store(config) as store, progress("Checking") as on_progress:
        report = store.verify_audit(on_progress)
        since = None if noted is None else store.audit_rows_since(noted.strip().lower())
    for fault in report.faults:
        click.echo(f"fault: {fault}")
    if report.faults:
        raise click.ClickException(
            f"the audit chain is broken ({len(report.faults)} faults in {report.rows} rows); "
            "keep the store as it is, and compare it with a backup"
        )
    click.echo(f"The audit chain is whole: {report.rows} rows, head {report.head}")
    if noted is not None and since is None:
        raise click.ClickException(
            "the head that was noted is not in the chain: this store was put back from a copy made before, is another "
            "one, or has deleted that row by its age"
        )
    if since is not None:
        click.echo(f"{since} rows came after the head that was noted")


@audit_group.command(name="export")
@config_option
@click.option("--out", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="File; else the output.")
def export_command(config: Path | None, out: Path | None) -> None:
    """Write every event as a FHIR R4 AuditEvent, one JSON per line, oldest first.

    What was read of a FHIR server meets IHE's Basic Audit Log Patterns (PatientRead, PatientQuery), and says so.
    Patients appear as keyed hashes only; users as the EHR named them.
    """
    from cds_service.offline.audit_events import audit_lines

    with open_configured_store(config) as store, click.open_file(str(out or "-"), "w", encoding="utf-8") as file:
        events = 0
        for line in audit_lines(store.audit_rows()):
            file.write(line)
            events += 1
    click.echo(f"{events} events", err=True)
