"""Mount the console in the demo's application, or in an application of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

from flask import Flask, redirect, url_for
from werkzeug.wrappers import Response as BaseResponse

from cards.knowledge.rules import Rules
from cds_service.app import log_call
from cds_service.calls.call import AppContext
from cds_service.calls.routes import install_observers
from cds_service.config.settings import Settings
from cds_service.console.charts import PatientFile, samples, shipped_samples
from cds_service.console.docs import BUILT_SITE
from cds_service.console.guard import HostGate, gates, guard
from cds_service.console.pages import Console, Count, pages
from cds_service.console.telemetry import Source
from cds_service.fhir.access import FhirAccess
from cds_service.knowledge.load import load_knowledge
from cds_service.knowledge.repetition import site_repetition
from cds_service.store import NullStore, Store
from cds_service.web.errors import install_errors
from cds_service.web.log import quieten_libraries
from cds_service.web.middleware import install_middleware

#: The synthetic patient shown first: a low ferritin within the laboratory's reference range.
FIRST_PATIENT = "ferritin-38-inside-the-lab-range"


def register_console(
    patients: Iterable[PatientFile],
    *,
    today: date,
    first: str = FIRST_PATIENT,
    telemetry: Source | None = None,
    count: Count | None = None,
    docs: Path = BUILT_SITE,
) -> Callable[[Flask], None]:
    """Return a function for `create_app(register=...)` that mounts the console in that application.

    Calls from Try are answered and recorded there. `patients` have dates relative to `today`; `first` is the slug of
    the one that Try opens with. `count` counts calls from Try like those of an EHR. `docs` is the folder of the
    documentation site.
    """
    offered = samples(patients, today, first)

    def mount(app: Flask) -> None:
        context: AppContext = app.extensions["rls_cds"]
        console = Console(
            context, context.store, context.settings, offered, telemetry, is_service=True, docs=docs, count=count
        )
        app.register_blueprint(pages(console))
        app.add_url_rule("/", "root", _redirect_to_console)
        hosts = frozenset({context.settings.host.lower(), *context.settings.console_hosts})
        guard(app, [HostGate(hosts)], _OWN_PATHS)

    return mount


#: The first segments of the demo's paths that are no business of other sites, beside the services and the FHIR server.
_OWN_PATHS = ("", "console", "metrics")


def _redirect_to_console() -> BaseResponse:
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
    docs: Path = BUILT_SITE,
) -> Flask:
    """Create an application with the console alone, for `console_bind`: no hook service, feedback or FHIR server.

    Try uses the same rules, but only synthetic patients and uploaded files; it neither reads a FHIR server nor records.
    Watch reads `store`, that of the service. `site_rules`: the rules of the service with the site's overrides; without
    them the rules are loaded here.
    """
    quieten_libraries()
    alone = replace(settings, clients=(), database_url="")
    today = clock().astimezone(settings.time_zone).date()
    known = load_knowledge(alone, today=today)
    context = AppContext(
        settings=alone,
        rules=site_rules or known.rules,
        store=NullStore(),
        fhir=FhirAccess(1, settings.ca_file),
        clock=clock,
        new_uuid=lambda: str(uuid4()),
        repetition=site_repetition(settings),
        sites=known.sites,
    )
    app = Flask("cds_service.console", static_folder=None, template_folder=None)
    app.url_map.strict_slashes = False
    install_middleware(app, context.new_uuid, trusted_proxies=settings.trusted_proxies)
    install_observers(app, (log_call,))
    install_errors(app)
    guard(app, gates(settings))
    offered = shipped_samples(today, FIRST_PATIENT)
    app.register_blueprint(pages(Console(context, store, settings, offered, telemetry, is_service=False, docs=docs)))
    app.add_url_rule("/", "root", _redirect_to_console)
    return app
