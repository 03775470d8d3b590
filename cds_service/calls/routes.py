"""The core routes of the service (contract section 3)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Flask, Response, current_app, g, request
from flask.typing import ResponseReturnValue

from cds_service.calls.answer import answer
from cds_service.calls.call import AppContext, Call
from cds_service.calls.report import Observer, RequestReport
from cds_service.config.client import Client, Mode
from cds_service.config.settings import Settings
from cds_service.hooks.discovery import discovery
from cds_service.hooks.feedback_request import MOST_BYTES, BadFeedback, FeedbackTooLarge, read_feedback
from cds_service.hooks.openapi import openapi
from cds_service.hooks.request import HookRequest
from cds_service.hooks.services import BY_ID, SERVICES, Service
from cds_service.web.body import read_body
from cds_service.web.deadline import CpuBudget, Deadline
from cds_service.web.errors import BadRequest, BodyTooLarge, DataMissing, NoSuchService, NotReady, json_response
from cds_service.web.limits import ConcurrencyLimits
from cds_service.web.request_notes import caller, original_path, received_at, refusal_reason, refused_parts

#: Returns the client for an Authorization header and the path called; raises `NotAuthenticated`, `TooManyRequests` or
#: `Overloaded`.
Authenticate = Callable[[str | None, str], Client]
#: A readiness check; returns a sentence for each fault, and nothing if all is well.
Check = Callable[[], tuple[str, ...]]
#: The methods that are logged by name, since a client may send any word as the method.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class RequestPolicy:
    """How requests are authenticated, limited, checked for readiness and observed."""

    authenticate: Authenticate
    limits: ConcurrencyLimits
    checks: Mapping[str, Check]
    observers: tuple[Observer, ...] = ()


def enabled_services(settings: Settings) -> tuple[Service, ...]:
    """Return the services that are on for at least one client; discovery lists these."""
    return tuple(each for each in SERVICES if _is_enabled(each, settings))


def _is_enabled(service: Service, settings: Settings) -> bool:
    clients = settings.clients or (settings.profile,)
    return any(settings.mode(service.id, client) != "off" for client in clients)


def routes(app: AppContext, policy: RequestPolicy) -> Blueprint:
    """Return the blueprint of all core routes."""
    pages = Blueprint("cds", __name__)
    settings = app.settings

    @pages.get("/cds-services")
    def discover() -> Response:
        return json_response(discovery(enabled_services(settings)))

    @pages.post("/cds-services/<service_id>")
    def call(service_id: str) -> ResponseReturnValue:
        return _handle_and_report(policy, lambda report: _call(app, policy, service_id, report))

    @pages.post("/cds-services/<service_id>/feedback")
    def feedback(service_id: str) -> ResponseReturnValue:
        return _handle_and_report(policy, lambda report: _feedback(app, policy, service_id, report))

    @pages.get("/healthz")
    def healthz() -> Response:
        return json_response({"status": "ok"})

    @pages.get("/readyz")
    def readyz() -> Response:
        return _readiness(policy.checks)

    @pages.get("/openapi.json")
    def describe() -> Response:
        return json_response(openapi(enabled_services(settings), settings.public_base))

    return pages


def install_observers(app: Flask, observers: tuple[Observer, ...]) -> None:
    """Report the requests that their route does not report itself: pages, probes, unknown URLs."""

    def report(reply: Response) -> Response:
        if request.endpoint not in _REPORTING:
            _notify(observers, _new_report(), reply.status_code)
        return reply

    app.after_request(report)


#: The routes that report their requests themselves.
_REPORTING = frozenset({"cds.call", "cds.feedback"})


def _handle_and_report(policy: RequestPolicy, handle: Callable[[RequestReport], Response]) -> ResponseReturnValue:
    """Return the response of `handle`, errors included, after every observer has got its report."""
    report = _new_report()
    try:
        reply = handle(report)
    except Exception as fault:  # noqa: BLE001 - answered by the application's error handlers, as everywhere
        report.claimed = getattr(fault, "claimed", "")
        reply = current_app.make_response(current_app.handle_user_exception(fault))
    _notify(policy.observers, report, reply.status_code)
    return reply


def _new_report() -> RequestReport:
    method = request.method if request.method in _METHODS else "other"
    route = (request.endpoint or "none").rpartition(".")[2]
    return RequestReport(g.get("request_id", ""), method, route, caller())


def _notify(observers: Iterable[Observer], report: RequestReport, status: int) -> None:
    """Notify every observer after a request."""
    report.status, report.seconds = status, time.monotonic() - received_at()
    report.reason, report.faults = report.reason or refusal_reason(), report.faults or refused_parts()
    for observer in observers:
        observer(report)


def enabled_service(app: AppContext, service_id: str) -> Service:
    """Return the service with that id; raises `NoSuchService` if it is unknown or off for every client."""
    service = BY_ID.get(service_id)
    if service is None or not _is_enabled(service, app.settings):
        raise NoSuchService
    return service


def _service(app: AppContext, service_id: str, report: RequestReport) -> Service:
    service = enabled_service(app, service_id)
    report.service = service.id
    return service


def _client(app: AppContext, policy: RequestPolicy, service: Service, report: RequestReport) -> tuple[Client, Mode]:
    """Return the client and the mode of the service for it; raises like `Authenticate`, or `NoSuchService`."""
    client = policy.authenticate(request.headers.get("Authorization"), original_path())
    mode = app.settings.mode(service.id, client)
    report.client, report.mode = client.name, mode
    if mode == "off":
        raise NoSuchService
    return client, mode


def _call(app: AppContext, policy: RequestPolicy, service_id: str, report: RequestReport) -> Response:
    began = app.cpu_clock()
    service = _service(app, service_id, report)
    policy.limits.hooks.refuse_if_full()  # before a signature is verified and its token used up
    client, mode = _client(app, policy, service, report)
    with policy.limits.hooks.slot():
        raw = read_body(request, app.settings.max_body, is_verified=not client.is_open)
        with policy.limits.large_body_slot(raw):
            parsed = HookRequest.parse(raw, service)
            report.hook_instance = parsed.instance
            seconds = client.deadline_ms / 1000
            budget = CpuBudget.of(began, seconds, app.cpu_clock)
            budget.check("reading the request")
            call = Call(service, client, mode, parsed, Deadline.of(received_at(), seconds), budget)
            answered = answer(call, app)
    report.call, report.answered = call, answered
    if mode == "shadow":
        return json_response({"cards": []})
    if answered.status == 412:
        raise DataMissing(answered.missing, answered.gaps)
    return json_response({"cards": [card.as_json() for card in answered.cards]})


def _feedback(app: AppContext, policy: RequestPolicy, service_id: str, report: RequestReport) -> Response:
    service = _service(app, service_id, report)
    with policy.limits.feedback.slot():  # before the token is used up
        ends = time.monotonic()
        client, _ = _client(app, policy, service, report)
        ends += client.deadline_ms / 1000
        advice = "Send the entries in several batches."
        raw = read_body(request, MOST_BYTES, is_verified=not client.is_open, advice=advice)
        now = app.clock()
        try:
            read = read_feedback(raw, now)
        except FeedbackTooLarge as fault:
            raise BodyTooLarge(*fault.faults) from None
        except BadFeedback as fault:
            raise BadRequest(fault.faults) from None
        report.faults = tuple(f"feedback[{each.index}].{fault}" for each in read.refused for fault in each.faults)[:20]
        report.feedback = app.store.within(ends).record_feedback(client.name, service.id, read.items, now)
    refused = [each.as_json() for each in read.refused]
    return json_response({"status": "ok"} | ({"refused": refused} if refused else {}))


def _readiness(checks: Mapping[str, Check]) -> Response:
    found = {name: check() for name, check in checks.items()}
    wrong = [f"{name}: {fault}" for name, faults in found.items() for fault in faults]
    if wrong:
        raise NotReady(*wrong)
    ready: dict[str, Any] = {"status": "ready"}
    return json_response(ready | ({"checks": sorted(found)} if found else {}))
