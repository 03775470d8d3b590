"""Build the Flask application; everything it uses is an argument, so that tests and servers build it alike."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from flask import Flask

from cards.knowledge.rules import Rules
from cds_service.calls.call import AppContext
from cds_service.calls.report import Observer, RequestReport
from cds_service.calls.routes import Authenticate, Check, RequestPolicy, install_observers, routes
from cds_service.config.client import Client
from cds_service.config.settings import Settings
from cds_service.fhir.access import FhirAccess
from cds_service.fhir.parallel import MOST_AT_ONCE
from cds_service.knowledge.load import load_knowledge
from cds_service.knowledge.repetition import site_repetition
from cds_service.store import NullStore, Store
from cds_service.web.cors import OriginPolicy, install_cors
from cds_service.web.deadline import CpuClock
from cds_service.web.errors import install_errors
from cds_service.web.limits import ConcurrencyLimits
from cds_service.web.log import log, quieten_libraries
from cds_service.web.middleware import install_middleware

#: Adds further routes (source attributes, metrics, console) to the application.
Register = Callable[[Flask], None]


def _now() -> datetime:
    return datetime.now(UTC)


def _new_uuid() -> str:
    return str(uuid.uuid4())


def log_call(report: RequestReport) -> None:
    """Log one line for the request."""
    level = logging.ERROR if report.status >= 500 else logging.INFO
    log(report.route if report.route in ("call", "feedback") else "request", level, **report.fields())


def create_app(
    settings: Settings,
    *,
    clock: Callable[[], datetime] = _now,
    cpu_clock: CpuClock = time.thread_time,
    rules: Rules | None = None,
    store: Store | None = None,
    authenticate: Authenticate | None = None,
    new_uuid: Callable[[], str] = _new_uuid,
    checks: Mapping[str, Check] | None = None,
    observers: Iterable[Observer] = (log_call,),
    register: Iterable[Register] = (),
) -> Flask:
    """Create the Flask application.

    Without a `store` nothing is kept. `authenticate` may be omitted in open mode only. /readyz runs the `checks`,
    every one of the `observers` gets the report of each request, and `register` adds routes.
    `app.extensions["rls_cds"]` holds the `AppContext`. Raises `BadKnowledge` if rules, overrides or code maps are
    faulty.
    """
    if authenticate is None and not settings.is_open:
        raise ValueError("clients are configured, so `authenticate` must be given")
    quieten_libraries()
    memory = store if store is not None else NullStore()
    known = load_knowledge(settings, rules, today=clock().astimezone(settings.time_zone).date())
    context = AppContext(
        settings=settings,
        rules=known.rules,
        store=memory,
        fhir=FhirAccess(MOST_AT_ONCE * settings.max_inflight, settings.ca_file, known.sites),
        clock=clock,
        new_uuid=new_uuid,
        repetition=site_repetition(settings),
        sites=known.sites,
        cpu_clock=cpu_clock,
    )
    everybody: Authenticate = lambda header, path: settings.profile  # noqa: E731 - open mode
    checked = {"store": lambda: memory.health(clock()).faults, **(checks or {})}
    all_observers = tuple(observers)
    policy = RequestPolicy(authenticate or everybody, ConcurrencyLimits(settings.max_inflight), checked, all_observers)
    app = Flask("cds_service", static_folder=None)
    app.url_map.strict_slashes = False
    app.extensions["rls_cds"] = context
    install_middleware(app, new_uuid, settings.public_base, settings.trusted_proxies)
    install_cors(app, _origins(settings.clients))
    install_observers(app, all_observers)
    install_errors(app)
    app.register_blueprint(routes(context, policy))
    for add_to in register:
        add_to(app)
    return app


def _origins(clients: Iterable[Client]) -> OriginPolicy:
    clients = tuple(clients)
    return OriginPolicy(
        frozenset(origin for client in clients for origin in client.allowed_origins) if clients else None
    )
