"""Run an application: threads for the demo, gunicorn for production."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask

from cds_service.settings import Settings


def serve_demo(app: Flask, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve with one thread per connection until interrupted; `ready` gets the base URL once the port is bound.

    Raises `OSError` where the port cannot be bound.
    """
    import logging

    from werkzeug.serving import WSGIRequestHandler, make_server

    class Handler(WSGIRequestHandler):
        """Names no product."""

        protocol_version = "HTTP/1.1"

        def version_string(self) -> str:
            return "rls-cds"

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server(host, port, app, threaded=True, request_handler=Handler)
    shown = f"[{host}]" if ":" in host else host
    ready(f"http://{shown}:{server.server_port}")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()


def serve(settings: Settings, build: Callable[[], Flask]) -> None:
    """Serve with gunicorn: `workers` processes with threads for every call in flight and those turned away.

    `build` is called in each worker, so that no connection or thread is shared across a fork.
    """
    from gunicorn.app.base import BaseApplication

    class Server(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            for key, value in options(settings).items():
                self.cfg.set(key, value)

        def load(self) -> Flask:
            return build()

    Server().run()


def options(settings: Settings) -> dict[str, Any]:
    """Gunicorn's options (reliability page 2.4): threads above the in-flight cap, or the queue hides in the server."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return {
        "bind": f"{host}:{settings.port}",
        "workers": settings.workers,
        "worker_class": "gthread",
        "threads": settings.max_inflight * 2 + 8,
        "graceful_timeout": 20,
        "keepalive": 5,
        "max_requests": 20_000,
        "max_requests_jitter": 2_000,
        "limit_request_line": 2048,
        "limit_request_field_size": 8190 * 2,
        "control_socket_disable": True,
        "accesslog": None,
        "errorlog": "-",
        "loglevel": "warning",
        "preload_app": False,
        "worker_tmp_dir": None,
    }
