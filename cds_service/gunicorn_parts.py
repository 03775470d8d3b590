"""The parts of gunicorn that would repeat text of a request in a log line or an error page, in our words instead."""

from __future__ import annotations

import logging
import socket
from contextlib import suppress
from typing import Any

import orjson
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from cds_service.log import log, log_bug

#: Faults of the request before any application sees it, with the status that answers them; others of the parser: 400.
_STATUS = {
    "LimitRequestLine": "414 URI Too Long",
    "LimitRequestHeaders": "431 Request Header Fields Too Large",
    "UnsupportedTransferCoding": "501 Not Implemented",
    "ExpectationFailed": "417 Expectation Failed",
    "ForbiddenProxyRequest": "403 Forbidden",
}
_BODY = orjson.dumps(
    {
        "resourceType": "OperationOutcome",
        "issue": [
            {"severity": "error", "code": "invalid", "details": {"text": "The request is not HTTP as read here."}}
        ],
    }
)


class Worker(ThreadWorker):  # type: ignore[misc]
    """Answers what is not HTTP without repeating any of it."""

    def set_accept_enabled(self, enabled: bool) -> None:
        """A worker that stops lets go of its sockets at once: whoever comes too late is refused and can ask another
        replica, instead of waiting for nothing until the calls under way have ended."""
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            for listener in self.sockets:
                listener.close()

    def handle_error(self, req: object, client: socket.socket, addr: object, exc: Exception) -> None:
        kind = type(exc)
        if kind.__module__.startswith("gunicorn.http"):
            status = _STATUS.get(kind.__name__, "400 Bad Request")
            log("not http", logging.WARNING, fault=kind.__name__)
        else:
            status = "500 Internal Server Error"
            log_bug(exc, "")
        head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: application/json\r\nCache-Control: no-store"
        with suppress(OSError):
            client.sendall(f"{head}\r\nContent-Length: {len(_BODY)}\r\n\r\n".encode() + _BODY)


class ServerLog(Logger):  # type: ignore[misc]
    """Gunicorn's own messages as JSON lines: the constant part of each, and of its values only numbers."""

    def critical(self, msg: object, *args: object, **kwargs: Any) -> None:
        _tell(logging.CRITICAL, msg, args)

    def error(self, msg: object, *args: object, **kwargs: Any) -> None:
        _tell(logging.ERROR, msg, args)

    def warning(self, msg: object, *args: object, **kwargs: Any) -> None:
        _tell(logging.WARNING, msg, args)

    def exception(self, msg: object, *args: object, **kwargs: Any) -> None:
        _tell(logging.ERROR, msg, args)

    def info(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Start, stop and recycling of workers are seen in the metrics."""

    def debug(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Never: it repeats the configuration, secrets and all."""


def _tell(level: int, msg: object, args: tuple[object, ...]) -> None:
    template = msg if isinstance(msg, str) else type(msg).__name__
    shown = tuple(arg if isinstance(arg, int) else "..." for arg in args)
    log(f"server: {template % shown if shown else template.partition(':')[0]}", level)
