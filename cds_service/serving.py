"""Run an application: threads for the demo, gunicorn for production."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flask import Flask

from cds_service.closing import Closing
from cds_service.log import write_log_to
from cds_service.metrics_page import by_port, metrics_page
from cds_service.metrics_workers import WorkerPlaces, render_all
from cds_service.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


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
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, backlog=128) as listening:
        port = listening.getsockname()[1]
        server = make_server(host, port, app, threaded=True, request_handler=Handler, fd=listening.fileno())
    ready(f"http://{_in_address(host)}:{port}")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()


#: Builds the application of one worker: its place, and the word that the service is about to stop.
Build = Callable[[int, Closing], Flask]
#: After SIGTERM the service goes on answering for so many seconds, with /readyz at 503, so that load balancers notice
#: before connections are refused.
DRAIN_SECONDS = 5.0


def serve(settings: Settings, build: Build, drain: float = DRAIN_SECONDS) -> None:
    """Serve with gunicorn: `workers` processes with threads for every call in flight and those turned away.

    `build` is called in each worker, so that no connection or thread is shared across a fork. On SIGTERM: /readyz
    says 503, `drain` seconds later no new connection is taken, what is under way is finished, exit 0.
    """
    from gunicorn.app.base import BaseApplication
    from gunicorn.arbiter import Arbiter

    write_log_to(sys.stderr)
    places, closing = WorkerPlaces(), Closing()

    class Master(Arbiter):  # type: ignore[misc]
        def handle_term(self) -> None:
            closing.announce()
            time.sleep(drain)
            super().handle_term()

    class Server(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            hooks = {
                "on_starting": places.begin,
                "pre_fork": places.take,
                "post_fork": places.settle,
                "child_exit": places.leave,
                "on_exit": places.end,
            }
            for key, value in (options(settings) | hooks).items():
                self.cfg.set(key, value)

        def load(self) -> WSGIApplication:
            return with_console(with_metrics(app := build(places.own, closing), settings), app, settings)

        def run(self) -> None:
            Master(self).run()

    Server().run()


def with_own_address(settings: Settings) -> Settings:
    """The settings with a `public_base`: without one, in open mode, the address of this machine that is listened on.

    Unchanged where clients are configured (they must name theirs) and where the port is not known yet (0).
    """
    if settings.public_base or not settings.is_open or not settings.port:
        return settings
    return replace(settings, public_base=f"http://{_in_address(settings.host)}:{settings.port}")


def _in_address(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def with_metrics(app: WSGIApplication, settings: Settings) -> WSGIApplication:
    """The application, and /metrics of all workers on the port of `metrics_bind`, if there is one."""
    if settings.metrics_bind is None:
        return app
    return by_port(app, {port_of(settings.metrics_bind): metrics_page(render_all)})


def with_console(served: WSGIApplication, app: Flask, settings: Settings) -> WSGIApplication:
    """What is served, and the console on the port of `console_bind`, if there is one: it watches the store of `app`."""
    if settings.console_bind is None:
        return served
    from cds_service.console import console_app
    from cds_service.console.telemetry import RegistryTelemetry
    from cds_service.metrics_workers import registry_of_all

    desk, oversight = app.extensions["rls_cds"], app.extensions.get("rls_cds_oversight")
    samples = oversight.metrics.samples if oversight else None
    console = console_app(
        settings, desk.store, site_rules=desk.rules, telemetry=lambda: RegistryTelemetry(registry_of_all(), samples)
    )
    return by_port(served, {port_of(settings.console_bind): console})


def port_of(bind: str) -> int:
    return int(bind.rpartition(":")[2])


def options(settings: Settings) -> dict[str, Any]:
    """Gunicorn's options (reliability page 2.4): threads above the in-flight cap, or the queue hides in the server."""
    return {
        "bind": [
            f"{_in_address(settings.host)}:{settings.port}",
            *(bind for bind in (settings.metrics_bind, settings.console_bind) if bind),
        ],
        "workers": settings.workers,
        "worker_class": "cds_service.gunicorn_parts.Worker",
        "logger_class": "cds_service.gunicorn_parts.ServerLog",
        "threads": settings.max_inflight * 2 + 8,
        "graceful_timeout": 20,
        "keepalive": 5,
        "max_requests": 20_000,
        "max_requests_jitter": 2_000,
        "limit_request_line": 2048,
        "limit_request_field_size": 8190 * 2,
        "control_socket_disable": True,
        "accesslog": None,
        "preload_app": False,
        "worker_tmp_dir": None,
    }
