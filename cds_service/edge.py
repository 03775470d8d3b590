"""The outermost edge: paths, the request id, security headers, what is left of a body, and the last net.

Everything else may rely on it: `g.request_id` and `g.entered` are set before any other code runs.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from flask import Flask, Response, g, request

from cds_service.body import throw_away_rest
from cds_service.errors import report_bug

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: Reliability page OUT-8. A page that needs more (the console) sets its own policy; what is set is kept.
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
_ENTERED = "rls_cds.entered"
_PATH = "rls_cds.path"
_SLASHES = re.compile("/{2,}")


class Edge:
    """WSGI around the application: `//` is read as `/` without a redirect; two faults Python may raise anywhere are
    answered in JSON (DOS-4)."""

    def __init__(self, app: Flask, inner: WSGIApplication, begin: Callable[[], None]) -> None:
        self._app, self._inner, self._begin = app, inner, begin

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ[_ENTERED] = time.monotonic()
        environ[_PATH] = environ.get("PATH_INFO") or "/"
        environ["PATH_INFO"] = _SLASHES.sub("/", environ[_PATH])
        try:
            return self._inner(environ, start_response)
        except (RecursionError, MemoryError) as fault:
            with self._app.request_context(environ):
                self._begin()
                return self._app.process_response(report_bug(fault))(environ, start_response)


def path_as_called() -> str:
    """The path of the request before slashes were folded: tokens may name it so."""
    return str(request.environ.get(_PATH, request.path))


def install_edge(app: Flask, new_uuid: Callable[[], str]) -> None:
    """Must be installed before whatever else runs around a request."""

    def begin() -> None:
        g.request_id = new_uuid()
        g.entered = request.environ.get(_ENTERED, time.monotonic())

    def finish(answer: Response) -> Response:
        if answer.status_code >= 400:
            throw_away_rest(request)
        for name, value in _HEADERS.items():
            answer.headers.setdefault(name, value)
        answer.headers["X-Request-Id"] = g.get("request_id", "")
        return answer

    app.before_request(begin)
    app.after_request(finish)
    app.wsgi_app = Edge(app, app.wsgi_app, begin)  # type: ignore[method-assign]
