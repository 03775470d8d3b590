"""The application: everything it uses is an argument, so that a test and a server build it alike."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, g, request

from cards.rules import Rules
from cds_service.call import Desk
from cds_service.clients.client import Client
from cds_service.cors import Origins, install_cors
from cds_service.edge import install_edge
from cds_service.errors import install_errors
from cds_service.fhir.access import FhirAccess
from cds_service.fhir.crew import MOST_AT_ONCE
from cds_service.knowledge import load_knowledge
from cds_service.lanes import Lanes
from cds_service.log import log, quieten_libraries
from cds_service.settings import Settings
from cds_service.store import NoStore, Store
from cds_service.views import Authenticate, Check, Counter, routes

#: Sees the report of every answered request: names of log.FIELDS and their values, never anything of a patient.
Observer = Callable[[Mapping[str, Any]], None]
#: Adds routes of its own (source attributes, metrics, console) to the application.
Register = Callable[[Flask], None]


#: Any word may stand where the method does; only these are logged.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _now() -> datetime:
    return datetime.now(UTC)


def _new_uuid() -> str:
    return str(uuid.uuid4())


def log_call(report: Mapping[str, Any]) -> None:
    """One line in the log for every request."""
    log("call" if "service" in report else "request", _level(report["status"]), **report)


def create_app(
    settings: Settings,
    *,
    clock: Callable[[], datetime] = _now,
    rules: Rules | None = None,
    store: Store | None = None,
    authenticate: Authenticate | None = None,
    new_uuid: Callable[[], str] = _new_uuid,
    checks: Mapping[str, Check] | None = None,
    observers: Iterable[Observer] = (log_call,),
    register: Iterable[Register] = (),
) -> Flask:
    """The WSGI application.

    `store` None keeps nothing; `authenticate` may be left out in open mode only; `checks` are asked by /readyz;
    `observers` see a report of every request, the log among them; `register` adds routes.
    `app.extensions["rls_cds"]` is the `Desk`. Raises `BadKnowledge` where rules, overrides or code maps are faulty.
    """
    if authenticate is None and not settings.is_open:
        raise ValueError("clients are configured, so `authenticate` must be given")
    quieten_libraries()
    memory = store if store is not None else NoStore()
    known = load_knowledge(settings, rules, today=clock().astimezone(settings.time_zone).date())
    desk = Desk(
        settings=settings,
        rules=known.rules,
        store=memory,
        fhir=FhirAccess(MOST_AT_ONCE * settings.max_inflight, settings.ca_file),
        clock=clock,
        new_uuid=new_uuid,
        sites=known.sites,
    )
    everybody: Authenticate = lambda header, path: settings.profile  # noqa: E731 - open mode
    checked = {"store": lambda: memory.health(clock()).faults, **(checks or {})}
    counter = Counter(desk, authenticate or everybody, Lanes(settings.max_inflight), checked)
    app = Flask("cds_service", static_folder=None)
    app.url_map.strict_slashes = False
    app.extensions["rls_cds"] = desk
    install_edge(app, new_uuid)
    install_cors(app, _origins(settings.clients))
    _install_report(app, tuple(observers))
    install_errors(app)
    app.register_blueprint(routes(counter))
    for add_to in register:
        add_to(app)
    return app


def _origins(clients: Iterable[Client]) -> Origins:
    clients = tuple(clients)
    return Origins(frozenset(origin for client in clients for origin in client.allowed_origins) if clients else None)


def _install_report(app: Flask, observers: tuple[Observer, ...]) -> None:
    """One word to each observer for every request."""

    def begin() -> None:
        method = request.method if request.method in _METHODS else "other"
        g.report = {"request_id": g.request_id, "method": method}

    def tell(answer: Response) -> Response:
        report = g.get("report", {}) | {"status": answer.status_code}
        report["ms"] = round((time.monotonic() - g.get("entered", time.monotonic())) * 1000, 1)
        for observer in observers:
            observer(report)
        return answer

    app.before_request(begin)
    app.after_request(tell)


def _level(status: int) -> int:
    return logging.ERROR if status >= 500 else logging.INFO
