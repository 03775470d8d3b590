"""The outermost middleware: paths, request ids, security headers, unread bodies, and a last error handler.

`g.request_id` is set before any other code runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask, Response, g, request

from cds_service.web.body import drain_body
from cds_service.web.caller import TrustedProxies
from cds_service.web.errors import report_bug
from cds_service.web.request_notes import begin_notes

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: Security headers (reliability OUT-8). Headers that a response sets itself, as the console does, are kept.
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_SLASHES = re.compile("/{2,}")


class RequestMiddleware:
    """WSGI middleware around the application.

    Repeated slashes are folded without a redirect. Below the path of the public base every address answers as it does
    at the root, since not every proxy cuts that path off. RecursionError and MemoryError, which Python may raise
    anywhere, are answered in JSON (reliability DOS-4).
    """

    def __init__(
        self, app: Flask, inner: WSGIApplication, begin: Callable[[], None], base_path: str, proxies: TrustedProxies
    ) -> None:
        self._app, self._inner, self._begin, self._proxies = app, inner, begin, proxies
        segments = [re.escape(segment) for segment in base_path.split("/") if segment]
        self._below_base = re.compile("".join(f"/+{segment}" for segment in segments) + r"(?=/)") if segments else None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = self._without_base(environ.get("PATH_INFO") or "/")
        caller = self._proxies.caller(environ.get("REMOTE_ADDR") or "", environ.get("HTTP_X_FORWARDED_FOR"))
        begin_notes(environ, path, caller)
        environ["PATH_INFO"] = _SLASHES.sub("/", path)
        try:
            return self._inner(environ, start_response)
        except (RecursionError, MemoryError) as fault:
            with self._app.request_context(environ):
                self._begin()
                return self._app.process_response(report_bug(fault))(environ, start_response)

    def _without_base(self, path: str) -> str:
        """Return the path below that of the public base, or the path itself if no route begins there."""
        found = self._below_base.match(path) if self._below_base else None
        rest = path[found.end() :] if found else path
        return rest if rest.lstrip("/").partition("/")[0] in self._first_segments else path

    @cached_property
    def _first_segments(self) -> frozenset[str]:
        """Return the first segments of all routes, which are complete once the first request arrives."""
        return frozenset(rule.rule.lstrip("/").partition("/")[0] for rule in self._app.url_map.iter_rules()) - {""}


def install_middleware(
    app: Flask, new_uuid: Callable[[], str], public_base: str | None = None, trusted_proxies: Iterable[str] = ()
) -> None:
    """Install the middleware; call this before any other hook around requests is installed."""
    base_path = urlsplit(public_base or "").path

    def begin() -> None:
        g.request_id = new_uuid()

    def finish(answer: Response) -> Response:
        if answer.status_code >= 400:
            drain_body(request)
        held = {name.lower() for name, _ in answer.headers}
        for name, value in _HEADERS.items():
            if name.lower() not in held:
                answer.headers.add(name, value)
        answer.headers["X-Request-Id"] = g.get("request_id", "")
        return answer

    app.before_request(begin)
    app.after_request(finish)
    middleware = RequestMiddleware(app, app.wsgi_app, begin, base_path, TrustedProxies(trusted_proxies))
    app.wsgi_app = middleware  # type: ignore[method-assign]
