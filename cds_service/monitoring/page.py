"""Serve /metrics in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from flask import Flask, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: Renders all metrics.
Render = Callable[[], bytes]
_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def metrics_page(render: Render) -> WSGIApplication:
    """Return an application that serves only /metrics, for a port of its own."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        is_page = environ.get("PATH_INFO") == "/metrics" and environ.get("REQUEST_METHOD") in ("GET", "HEAD")
        body, status = (render(), "200 OK") if is_page else (b"GET /metrics\n", "404 Not Found")
        headers = [("Content-Type", _TYPE), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
        start_response(status, [*headers, ("X-Content-Type-Options", "nosniff")])
        return [b"" if environ.get("REQUEST_METHOD") == "HEAD" else body]

    return answer


def dispatch_by_port(public: WSGIApplication, others: dict[int, WSGIApplication]) -> WSGIApplication:
    """Return an application that dispatches by the port of the listening socket; unknown ports get `public`.

    The port is that of the socket, as gunicorn reports it; headers have no influence.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return others.get(int(environ["SERVER_PORT"]), public)(environ, start_response)

    return answer


def add_metrics_route(app: Flask, render: Render) -> None:
    """Add /metrics to an application; for the demo, which has a single local port."""

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(render(), content_type=_TYPE)
