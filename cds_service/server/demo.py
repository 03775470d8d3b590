"""The demo: services, a FHIR server with synthetic patients, and the console, on one local port."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from flask import Flask, current_app

from cds_service.calls.call import Answered, Call
from cds_service.config.settings import Settings
from cds_service.console import register_console
from cds_service.console.docs import BUILT_SITE, is_built
from cds_service.console.telemetry import RegistryTelemetry
from cds_service.monitoring.page import add_metrics_route
from cds_service.monitoring.workers import render
from cds_service.server.assembly import assemble, now
from cds_service.store.databases.location import sqlite_path
from fhir_fixtures import load_patients
from fhir_fixtures.server import fhir_blueprint

#: The patient of the `curl` command that the demo prints; a low ferritin inside the laboratory's own range.
FIRST_PATIENT = "ferritin-38-inside-the-lab-range"


def with_own_store(settings: Settings) -> Settings:
    """Use `demo.sqlite` beside the production store if no database is set, so that demo data stays apart."""
    if settings.database_url is not None:
        return settings
    folder = Path(settings.data_folder) if settings.data_folder else None
    return replace(settings, database_url=f"sqlite:///{sqlite_path(None, folder).absolute().with_name('demo.sqlite')}")


def demo_app(settings: Settings, *, today: datetime | None = None, docs: Path = BUILT_SITE) -> Flask:
    """Build the demo application; the dates of its patients are relative to today, so that results stay recent."""
    moment = today or now()
    day = moment.astimezone(settings.time_zone).date()
    patients = load_patients(day)
    console = register_console(patients, today=day, first=FIRST_PATIENT, telemetry=_telemetry, count=_count, docs=docs)
    clock = (lambda: moment) if today else now

    def mount_fhir(app: Flask) -> None:
        app.register_blueprint(fhir_blueprint(patients), url_prefix="/fhir")

    app = assemble(settings, clock=clock, register=(mount_fhir, console))
    numbers = app.extensions["rls_cds_monitor"].metrics.registry
    add_metrics_route(app, lambda: render(numbers))
    return app


def _count(call: Call, answered: Answered) -> None:
    current_app.extensions["rls_cds_monitor"].count_call(call, answered)


def _telemetry() -> RegistryTelemetry:
    metrics = current_app.extensions["rls_cds_monitor"].metrics
    return RegistryTelemetry(metrics.registry, metrics.samples)


def first_patient_id() -> str:
    """Return the id of the patient in the printed request."""
    found = next(each for each in load_patients(now().date()) if each.slug == FIRST_PATIENT)
    return found.patient_id


def first_request(base: str) -> str:
    """Return the body of a request that yields a card, reading everything from the demo's FHIR server."""
    return json.dumps(
        {
            "hook": "patient-view",
            "hookInstance": "7f3c1d52-9a0e-4b8e-8c41-0d6c2b7f9e11",
            "fhirServer": f"{base}/fhir",
            "context": {"userId": "Practitioner/demo", "patientId": first_patient_id()},
        }
    )


def _kept(settings: Settings) -> str:
    """Say where the store is and how to reset it; database URLs are not shown, since they may hold a password."""
    if not settings.database_url:
        return "Store: none, as the settings say; no override is remembered."
    if not settings.database_url.startswith("sqlite:"):
        return "Store: the database that the settings name."
    file = sqlite_path(settings.database_url, None)
    return f"""\
Store: {file}
  An override with a reason silences its card for {settings.suppression_days} days: that request then returns no card.
  To start afresh, stop the demo and: rm {shlex.quote(str(file))}*"""


def welcome(base: str, settings: Settings) -> str:
    """Return what the demo prints once it listens."""
    sandbox = (
        f"fhirServiceUrl={base}/fhir&patientId={first_patient_id()}&serviceDiscoveryURL={base}/cds-services"
        "&hook=patient-view&screen=patient-view"
    )
    docs = f"\n  Documentation       {base}/console/docs" if is_built(BUILT_SITE) else ""
    return f"""\
rls-cds demo. Synthetic patients only; not for clinical use without review.

  Console             {base}/console{docs}
  CDS Hooks services  {base}/cds-services
  FHIR R4 server      {base}/fhir

Public CDS Hooks Sandbox, run on this machine: add to its address
  ?{sandbox}

One request that returns a card:
  curl -s {base}/cds-services/rls-patient-view -H 'Content-Type: application/json' -d '{first_request(base)}'

{_kept(settings)}

Stop with Ctrl+C.
"""
