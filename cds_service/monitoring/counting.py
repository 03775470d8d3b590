"""Count the requests of an application and what was decided in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask

from cds_service.calls.call import Answered, AppContext, Call
from cds_service.calls.report import RequestReport
from cds_service.monitoring.metrics import GRACE, Metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def count_request(report: RequestReport, metrics: Metrics) -> None:
    """Count one request; for `create_app(observers=...)`."""
    metrics.request_of(report.route, report.service, report.client, report.status).inc()
    metrics.seconds_of(report.route).observe(report.seconds)
    if report.feedback:
        metrics.count_feedback(report.client, report.feedback)
    if report.call and report.seconds > report.call.client.deadline_ms / 1000 + GRACE:
        metrics.deadline_missed.labels(report.service, report.client).inc()


def count_answer(call: Call, answered: Answered, context: AppContext, metrics: Metrics) -> None:
    """Count what was decided for one call of an EHR or of the demo's console."""
    metrics.count_answer(call, answered, context.site(call.client))
    names = [client.name for client in context.settings.clients or (context.settings.profile,)]
    metrics.publish_breakers(names, context.fhir.open_breakers())


def install_in_flight(app: Flask, metrics: Metrics) -> None:
    """Count the requests that are being answered."""
    inner = app.wsgi_app

    def counted(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        metrics.in_flight.inc()
        try:
            return inner(environ, start_response)
        finally:
            metrics.in_flight.dec()

    app.wsgi_app = counted  # type: ignore[method-assign]
