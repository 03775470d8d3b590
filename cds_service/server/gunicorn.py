"""Serve an application with gunicorn."""

from __future__ import annotations

import logging
import platform
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from flask import Flask

from cds_service.config.digest import digest, store_kind
from cds_service.config.settings import Settings
from cds_service.config.values import host_in_url
from cds_service.monitoring.page import dispatch_by_port, metrics_page
from cds_service.monitoring.shutdown import ShutdownFlag
from cds_service.monitoring.workers import WorkerIndexes, registry_of_all, render_all
from cds_service.server.memory import settle_memory
from cds_service.web.limits import needed_threads
from cds_service.web.log import log, write_log_to

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


#: Builds the application of one worker from its index and the shutdown flag.
Build = Callable[[int, ShutdownFlag], Flask]
#: How many seconds the service goes on answering after SIGTERM, with /readyz at 503, so that load balancers notice
#: before connections are refused.
DRAIN_SECONDS = 5.0


def serve(settings: Settings, build: Build, drain: float = DRAIN_SECONDS) -> None:
    """Serve with gunicorn: `workers` processes, with threads for the calls in flight and those that are refused.

    `build` is called in each worker, so that no connection or thread is shared across a fork; workers share the memory
    of what was loaded before. On SIGTERM /readyz answers 503; `drain` seconds later new connections are refused,
    running calls are finished, and the exit code is 0. One line of the log tells that the service listens, and one that
    it has stopped.
    """
    from gunicorn.app.base import BaseApplication
    from gunicorn.arbiter import Arbiter
    from gunicorn.errors import HaltServer

    write_log_to(sys.stderr)
    indexes, shutdown_flag = WorkerIndexes(), ShutdownFlag()
    said = identity(settings)

    def when_ready(_arbiter: object) -> None:
        log("start", logging.INFO, **said)

    def on_exit(_arbiter: object) -> None:
        indexes.on_exit()
        log("stop", logging.INFO, **said)

    class Master(Arbiter):  # type: ignore[misc]
        def handle_term(self) -> None:
            shutdown_flag.set()
            time.sleep(drain)
            super().handle_term()

    class Server(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            hooks = {
                "on_starting": indexes.on_starting,
                "when_ready": when_ready,
                "pre_fork": indexes.pre_fork,
                "post_fork": indexes.post_fork,
                "child_exit": indexes.child_exit,
                "on_exit": on_exit,
            }
            given = options(settings) | hooks
            if "control_socket_disable" not in self.cfg.settings:  # before 25.1 gunicorn has no control socket
                del given["control_socket_disable"]
            for key, value in given.items():
                self.cfg.set(key, value)

        def load(self) -> WSGIApplication:
            app = build(indexes.current, shutdown_flag)
            served = with_console(with_metrics(app, settings), app, settings)
            settle_memory()
            return served

        def run(self) -> None:
            try:
                Master(self).run()
            except HaltServer as halt:  # raised where gunicorn itself does not catch it; its log line tells the reason
                raise SystemExit(halt.exit_status) from None

    settle_memory()
    Server().run()


def identity(settings: Settings) -> dict[str, object]:
    """Return what a log line says of a running service: the program, its settings as a digest, and its parts."""
    return {
        "version": version("rls-cds"),
        "settings": digest(settings),
        "python": platform.python_version(),
        "workers": settings.workers,
        "store": store_kind(settings),
        "mode": "open" if settings.is_open else "clients",
    }


def with_own_address(settings: Settings) -> Settings:
    """Return the settings with a `public_base`; in open mode it defaults to the URL that is listened on.

    Settings stay unchanged if clients are configured (they must set theirs) or the port is not known yet (0).
    """
    if settings.public_base or not settings.is_open or not settings.port:
        return settings
    return replace(settings, public_base=f"http://{host_in_url(settings.host)}:{settings.port}")


def with_metrics(app: WSGIApplication, settings: Settings) -> WSGIApplication:
    """Add /metrics of all workers on the port of `metrics_bind`, if that is set."""
    if settings.metrics_bind is None:
        return app
    return dispatch_by_port(app, {port_of(settings.metrics_bind): metrics_page(render_all)})


def with_console(served: WSGIApplication, app: Flask, settings: Settings) -> WSGIApplication:
    """Add the console on the port of `console_bind`, if that is set; it shows the store of `app`."""
    if settings.console_bind is None:
        return served
    from cds_service.console import console_app
    from cds_service.console.telemetry import RegistryTelemetry

    context, monitor = app.extensions["rls_cds"], app.extensions.get("rls_cds_monitor")
    samples = monitor.metrics.samples if monitor else None
    console = console_app(
        settings,
        context.store,
        site_rules=context.rules,
        telemetry=lambda: RegistryTelemetry(registry_of_all(), samples),
    )

    def console_or_readiness(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer /readyz beside the console, whose pages can read it at no other address."""
        return (app if environ.get("PATH_INFO") == "/readyz" else console)(environ, start_response)

    return dispatch_by_port(served, {port_of(settings.console_bind): console_or_readiness})


def port_of(bind: str) -> int:
    """Return the port of a bind address `host:port`."""
    return int(bind.rpartition(":")[2])


def options(settings: Settings) -> dict[str, Any]:
    """Return gunicorn's options (reliability 2.4).

    Threads exceed the limit of calls in flight, since calls would otherwise queue unseen inside the server. What
    proxies say of the scheme is not read: nothing depends on it, and proxies that say it twice may contradict
    themselves, which gunicorn answers with 400.
    """
    return {
        "bind": [
            f"{host_in_url(settings.host)}:{settings.port}",
            *(bind for bind in (settings.metrics_bind, settings.console_bind) if bind),
        ],
        "workers": settings.workers,
        "worker_class": "cds_service.server.gunicorn_parts.Worker",
        "logger_class": "cds_service.server.gunicorn_parts.ServerLog",
        "threads": needed_threads(settings.max_inflight),
        "graceful_timeout": 20,
        "keepalive": 5,
        "max_requests": 20_000,
        "max_requests_jitter": 2_000,
        "secure_scheme_headers": {},
        "forwarded_allow_ips": "",
        "limit_request_line": 2048,
        "limit_request_field_size": 8190 * 2,
        "control_socket_disable": True,
        "accesslog": None,
        "preload_app": False,
        "worker_tmp_dir": None,
    }
