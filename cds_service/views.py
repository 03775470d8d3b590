"""The routes of product.md section 3 that every service has; each view says what it does in a few lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, g, request

from cds_service.answer import answer
from cds_service.body import read_body
from cds_service.call import Answered, Call, Desk
from cds_service.clients.client import Client, Mode
from cds_service.deadline import Deadline
from cds_service.discovery import discovery
from cds_service.edge import path_as_called
from cds_service.errors import BadRequest, BodyTooLarge, DataMissing, NoSuchService, Overloaded, json_answer
from cds_service.hook_request import HookRequest
from cds_service.lanes import Lanes
from cds_service.openapi import openapi
from cds_service.services import BY_ID, SERVICES, Service
from cds_service.settings import Settings
from cds_service.store.feedback_request import MOST_BYTES, BadFeedback, FeedbackTooLarge, read_feedback

#: Who calls, by the Authorization header and the path called. Raises `NotAuthenticated`, `NotAllowed`,
#: `TooManyRequests` or `Overloaded`.
Authenticate = Callable[[str | None, str], Client]
#: A readiness check: sentences of ours about what is wrong, none where all is well.
Check = Callable[[], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Counter:
    """What the views need: the desk, who may call, and how many at a time."""

    desk: Desk
    authenticate: Authenticate
    lanes: Lanes
    checks: Mapping[str, Check]

    def service(self, service_id: str) -> Service:
        """The service of that id, if it is switched on for anybody. Raises `NoSuchService`."""
        service = BY_ID.get(service_id)
        if service is None or service not in services_on(self.desk.settings):
            raise NoSuchService
        g.report["service"] = service.id
        return service

    def client(self, service: Service) -> tuple[Client, Mode]:
        """Who calls and how the service runs for them. Raises what `Authenticate` raises, or `NoSuchService`."""
        client = self.authenticate(request.headers.get("Authorization"), path_as_called())
        mode = self.desk.settings.mode(service.id, client)
        g.report.update(client=client.name, mode=mode)
        if mode == "off":
            raise NoSuchService
        return client, mode


def services_on(settings: Settings) -> tuple[Service, ...]:
    """The services that discovery lists: those not off for every client."""
    clients = settings.clients or (settings.profile,)
    return tuple(each for each in SERVICES if any(settings.mode(each.id, client) != "off" for client in clients))


def routes(counter: Counter) -> Blueprint:
    """The blueprint of all core routes."""
    pages = Blueprint("cds", __name__)
    settings = counter.desk.settings

    @pages.get("/cds-services")
    def discover() -> Response:
        return json_answer(discovery(services_on(settings)))

    @pages.post("/cds-services/<service_id>")
    def call(service_id: str) -> Response:
        service = counter.service(service_id)
        counter.lanes.hooks.refuse_if_full()  # before a signature is verified and its token used up
        client, mode = counter.client(service)
        with counter.lanes.hooks.place():
            return _call(counter, service, client, mode)

    @pages.post("/cds-services/<service_id>/feedback")
    def feedback(service_id: str) -> Response:
        service = counter.service(service_id)
        client, _ = counter.client(service)
        with counter.lanes.feedback.place():
            return _feedback(counter, service, client)

    @pages.get("/healthz")
    def healthz() -> Response:
        return json_answer({"status": "ok"})

    @pages.get("/readyz")
    def readyz() -> Response:
        return _readiness(counter.checks)

    @pages.get("/openapi.json")
    def describe() -> Response:
        return json_answer(openapi(services_on(settings), settings.public_base))

    return pages


def _call(counter: Counter, service: Service, client: Client, mode: Mode) -> Response:
    raw = read_body(request, counter.desk.settings.max_body)
    with counter.lanes.room_for(raw):
        parsed = HookRequest.parse(raw, service)
        g.report["hook_instance"] = parsed.instance
        deadline = Deadline.of(g.entered, client.deadline_ms / 1000)
        asked = Call(service, client, mode, parsed, deadline)
        answered = answer(asked, counter.desk)
    g.answered = (asked, answered)
    _report(answered)
    if mode == "shadow":
        return json_answer({"cards": []})
    if answered.status == 412:
        raise DataMissing(answered.missing)
    return json_answer({"cards": [card.as_json() for card in answered.cards]})


def _report(answered: Answered) -> None:
    g.report.update(
        outcomes=dict(answered.outcomes),
        cards=[card.topic.code for card in answered.cards],
        card_uuids=[card.uuid for card in answered.cards],
        suppressed=[card.topic.code for card in answered.suppressed],
        missing=list(answered.missing),
        prefetch=dict(answered.gathered.sources),
        reads=dict(answered.gathered.faults),
        discarded=answered.discarded,
        reason=answered.reason,
    )


def _feedback(counter: Counter, service: Service, client: Client) -> Response:
    raw = read_body(request, MOST_BYTES)
    now = counter.desk.clock()
    try:
        items = read_feedback(raw, now)
    except FeedbackTooLarge as fault:
        raise BodyTooLarge(*fault.faults) from None
    except BadFeedback as fault:
        raise BadRequest(fault.faults) from None
    kept = counter.desk.store.record_feedback(client.name, service.id, items, now)
    g.feedback = kept
    g.report["feedback"] = [f"{event.uuid} {event.card} {event.outcome}" for event in kept.events]
    return json_answer({"status": "ok"})


def _readiness(checks: Mapping[str, Check]) -> Response:
    found = {name: check() for name, check in checks.items()}
    wrong = [f"{name}: {fault}" for name, faults in found.items() for fault in faults]
    if wrong:
        raise Overloaded(*wrong)
    ready: dict[str, Any] = {"status": "ready"}
    return json_answer(ready | ({"checks": sorted(found)} if found else {}))
