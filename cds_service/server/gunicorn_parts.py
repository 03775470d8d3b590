"""Replacements for the parts of gunicorn that would quote a request in a log line or an error page."""

from __future__ import annotations

import logging
import re
import socket
from contextlib import suppress
from typing import Any

from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from cds_service.web.caller import TrustedProxies
from cds_service.web.errors import MALFORMED_REQUEST
from cds_service.web.log import log, log_bug

#: The status for gunicorn's parser errors, which occur before the application is called; any other is 400.
_STATUS = {
    "LimitRequestLine": "414 URI Too Long",
    "LimitRequestHeaders": "431 Request Header Fields Too Large",
    "UnsupportedTransferCoding": "501 Not Implemented",
    "ExpectationFailed": "417 Expectation Failed",
    "ForbiddenProxyRequest": "403 Forbidden",
}
#: The messages whose values come from the settings, the operating system or gunicorn itself, so that they are shown. A
#: value of any other message may be text of a request, and is shown only if it is a number.
_SHOWN = re.compile(
    r"Can't connect to |Connection in use: |Invalid address: |connection to |Shutting down: |Reason: "
    r"|Unhandled signal: |WORKER TIMEOUT |Worker \(pid:"
)
#: What a shown value may hold: one line of plain letters and signs, without control characters.
_PLAIN = re.compile(r"[^\x20-\x7e]")
_LONGEST_VALUE = 200


class Worker(ThreadWorker):  # type: ignore[misc]
    """A worker that answers malformed requests without quoting them, and closes its sockets when it stops."""

    def set_accept_enabled(self, enabled: bool) -> None:
        """Close the listening sockets as soon as the worker stops.

        A late client is then refused and can try another replica, instead of waiting until running calls have ended.
        """
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            for listener in self.sockets:
                listener.close()

    def handle_error(self, req: object, client: socket.socket, addr: object, exc: Exception) -> None:
        """Answer a request that gunicorn could not parse or handle; `addr` is the peer, be it a proxy."""
        kind = type(exc)
        if kind.__module__.startswith("gunicorn.http"):
            status = _STATUS.get(kind.__name__, "400 Bad Request")
            peer = str(addr[0]) if isinstance(addr, tuple) and addr else ""
            log("not http", logging.WARNING, fault=kind.__name__, caller=TrustedProxies(()).caller(peer, None))
        else:
            status = "500 Internal Server Error"
            log_bug(exc, "")
        head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: application/json\r\nCache-Control: no-store"
        with suppress(OSError):
            client.sendall(f"{head}\r\nContent-Length: {len(MALFORMED_REQUEST)}\r\n\r\n".encode() + MALFORMED_REQUEST)


class ServerLog(Logger):  # type: ignore[misc]
    """Gunicorn's messages as JSON lines, whole where no value can be text of a request."""

    def critical(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log a message of this level."""
        _log_message(logging.CRITICAL, msg, args)

    def error(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log a message of this level."""
        _log_message(logging.ERROR, msg, args)

    def warning(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log a message of this level."""
        _log_message(logging.WARNING, msg, args)

    def exception(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log the message as an error, without the traceback."""
        _log_message(logging.ERROR, msg, args)

    def info(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Drop the message; the service logs its own start and stop."""

    def debug(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Drop the message; it would print the configuration with its secrets."""


def _log_message(level: int, msg: object, args: tuple[object, ...]) -> None:
    template = msg if isinstance(msg, str) else type(msg).__name__
    is_shown = _SHOWN.match(template) is not None
    values = tuple(arg if isinstance(arg, int) else _plain(arg) if is_shown else "..." for arg in args)
    # A message that was put together before may end in what it quotes.
    whole = template if is_shown else template.partition(":")[0]
    log(f"server: {template % values if values else _plain(whole)}", level)


def _plain(value: object) -> str:
    return _PLAIN.sub("?", str(value))[:_LONGEST_VALUE]
