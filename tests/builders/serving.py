"""Serve the application on a real port: in threads of this process, or with gunicorn as in production."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from gunicorn.config import Config

from cds_service.server.threads import bind_threaded_server
from tests.builders.service import application

ROOT = Path(__file__).resolve().parent.parent.parent


@contextmanager
def in_threads(app: Flask) -> Iterator[str]:
    """Serve the application with one thread per request, and yield its URL."""
    server = bind_threaded_server(app, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


@contextmanager
def under_gunicorn() -> Iterator[str]:
    """Serve the application with gunicorn threads, and yield its URL."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-k",
        "gthread",
        "--threads",
        "8",
        "-w",
        "1",
        "-b",
        f"127.0.0.1:{port}",
    ]
    if "control_socket_disable" in Config().settings:  # gunicorn 25.1 and later
        command.append("--no-control-socket")
    command += ["--log-level", "error", "tests.builders.serving:for_gunicorn()"]
    server = subprocess.Popen(command, cwd=ROOT, env=dict(os.environ, PYTHONWARNINGS="ignore"))
    try:
        _wait_for(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + 30
    while time.monotonic() < ends and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("gunicorn did not start")


def for_gunicorn() -> Flask:
    return application().__enter__()
