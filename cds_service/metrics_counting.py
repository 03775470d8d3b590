"""Counts every request of an application, and what was decided in it."""

from __future__ import annotations

import time
from collections.abc import Iterable

from flask import Flask, Response, g, request

from cds_service.call import Answered, Call, Desk
from cds_service.metrics import GRACE, Metrics


def install_counting(app: Flask, metrics: Metrics) -> None:
    """Watch all requests of `app`. Views leave what they decided in `g.answered`, what was kept in `g.feedback`."""
    desk: Desk = app.extensions["rls_cds"]
    names = [client.name for client in desk.settings.clients or (desk.settings.profile,)]

    def begin() -> None:
        g.is_counted = True
        metrics.in_flight.inc()

    def count(answer: Response) -> Response:
        seconds = time.monotonic() - g.get("entered", time.monotonic())
        metrics.requests.labels(*_labels(), answer.status_code).inc()
        metrics.request_seconds.labels(_route()).observe(seconds)
        if "answered" in g:
            call, answered = g.answered
            _count_call(metrics, desk, call, answered, seconds)
            metrics.show_breakers(names, desk.fhir.open_breakers())
        if "feedback" in g:
            metrics.count_feedback(g.report["client"], g.feedback)
        return answer

    def end(_fault: BaseException | None) -> None:
        if g.pop("is_counted", False):
            metrics.in_flight.dec()

    app.before_request(begin)
    app.after_request(count)
    app.teardown_request(end)


def _count_call(metrics: Metrics, desk: Desk, call: Call, answered: Answered, seconds: float) -> None:
    metrics.count_answer(call, answered, desk.site(call.client))
    if seconds > call.client.deadline_ms / 1000 + GRACE:
        metrics.deadline_missed.labels(call.service.id, call.client.name).inc()


def _labels() -> Iterable[str]:
    report = g.get("report", {})
    return _route(), report.get("service", ""), report.get("client", "")


def _route() -> str:
    """The name of the view; whatever has none is one route, however many addresses are tried."""
    return (request.endpoint or "none").rpartition(".")[2]
