"""Where the console is put: into the demo's application, or into one of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import uuid4

from flask import Flask, redirect, url_for
from werkzeug.wrappers import Response as BaseResponse

from cards.rules import Rules
from cds_service.call import Desk
from cds_service.console.charts import PatientFile, samples, shipped_samples
from cds_service.console.pages import Console, pages
from cds_service.console.telemetry import Source
from cds_service.edge import install_edge
from cds_service.errors import install_errors
from cds_service.fhir.access import FhirAccess
from cds_service.knowledge import load_knowledge
from cds_service.log import quieten_libraries
from cds_service.settings import Settings
from cds_service.store import NoStore, Store

#: The synthetic patient a console of its own opens with: a low ferritin inside the laboratory's own range.
FIRST_PATIENT = "ferritin-38-inside-the-lab-range"


def register_console(
    patients: Iterable[PatientFile], *, today: date, first: str = FIRST_PATIENT, telemetry: Source | None = None
) -> Callable[[Flask], None]:
    """For `create_app(register=...)`: the console over that very application, whose calls are answered and recorded.

    `patients` carry dates around `today`; `first` is the slug of the one that Try opens with.
    """
    offered = samples(patients, today, first)

    def mount(app: Flask) -> None:
        desk: Desk = app.extensions["rls_cds"]
        app.register_blueprint(pages(Console(desk, desk.store, desk.settings, offered, telemetry, is_service=True)))
        app.add_url_rule("/", "front_door", _to_console)

    return mount


def _to_console() -> BaseResponse:
    return redirect(url_for("console.try_it"))


def _now() -> datetime:
    return datetime.now(UTC)


def console_app(
    settings: Settings,
    store: Store,
    *,
    site_rules: Rules | None = None,
    clock: Callable[[], datetime] = _now,
    telemetry: Source | None = None,
) -> Flask:
    """The console alone, for the bind address of `console_bind`: no hook service, no feedback, no FHIR server.

    What is tried here is answered by the same rules, from synthetic patients and dropped files only: nothing is read
    from a FHIR server and nothing recorded. Watch reads `store`, the memory of the service itself. `site_rules`: those
    that the service answers by, the site's overrides in them already; without them they are loaded here.
    """
    quieten_libraries()
    alone = replace(settings, clients=(), database_url="")
    today = clock().astimezone(settings.time_zone).date()
    known = load_knowledge(alone, today=today)
    desk = Desk(
        settings=alone,
        rules=site_rules or known.rules,
        store=NoStore(),
        fhir=FhirAccess(1, settings.ca_file),
        clock=clock,
        new_uuid=lambda: str(uuid4()),
        sites=known.sites,
    )
    app = Flask("cds_service.console", static_folder=None, template_folder=None)
    app.url_map.strict_slashes = False
    install_edge(app, desk.new_uuid)
    install_errors(app)
    offered = shipped_samples(today, FIRST_PATIENT)
    app.register_blueprint(pages(Console(desk, store, settings, offered, telemetry, is_service=False)))
    app.add_url_rule("/", "front_door", _to_console)
    return app
