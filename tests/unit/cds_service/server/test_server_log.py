"""Gunicorn's messages: whole where their values cannot be text of a request, without values everywhere else."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from cds_service.server.gunicorn_parts import _SHOWN, ServerLog
from tests.builders.monitored import log_read_back


def logged(level: str, message: object, *args: object) -> dict[str, Any]:
    """Return the line for a message, without the log's own set-up, which opens files."""
    with log_read_back() as log:
        getattr(ServerLog.__new__(ServerLog), level)(message, *args)
    [line] = [json.loads(line) for line in log.getvalue().splitlines()]
    found: dict[str, Any] = line
    return found


@pytest.mark.control("LOG-8")
@pytest.mark.parametrize(
    ("level", "message", "args", "event"),
    [
        ("error", "Can't connect to %s", ("('127.0.0.1', 8080)",), "Can't connect to ('127.0.0.1', 8080)"),
        ("error", "Connection in use: %s", ("('127.0.0.1', 80)",), "Connection in use: ('127.0.0.1', 80)"),
        ("error", "Reason: %s", ("Worker failed to boot.",), "Reason: Worker failed to boot."),
        ("error", "Shutting down: %s", ("Master",), "Shutting down: Master"),
        ("critical", "WORKER TIMEOUT (pid:%s)", (4711,), "WORKER TIMEOUT (pid:4711)"),
        ("error", "Worker (pid:%s) was sent %s! Perhaps out of memory?", (7, "SIGKILL"),
         "Worker (pid:7) was sent SIGKILL! Perhaps out of memory?"),
        ("error", "Worker (pid:%s) exited with code %s.", (7, 3), "Worker (pid:7) exited with code 3."),
        ("warning", "connection to ('1.2.3.4', 80) failed: Permission denied", (),
         "connection to ('1.2.3.4', 80) failed: Permission denied"),
        ("exception", "Exception in worker process", (), "Exception in worker process"),
    ],
)  # fmt: skip
def test_a_message_of_the_server_is_whole(level: str, message: str, args: tuple[object, ...], event: str) -> None:
    assert logged(level, message, *args)["event"] == f"server: {event}"


@pytest.mark.control("LOG-3", "LOG-5")
@pytest.mark.parametrize(
    ("level", "message", "args", "event"),
    [
        ("exception", "Error handling request %s %s", ("GET", "/canary"), "Error handling request ... ..."),
        ("exception", "Error handling request %s", ("/canary",), "Error handling request ..."),
        ("warning", "Invalid request from ip=10.0.0.1: canary", (), "Invalid request from ip=10.0.0.1"),
        ("warning", "Something new of %s: %s", ("canary", 5), "Something new of ...: 5"),
        ("error", ValueError("canary"), (), "ValueError"),
        ("error", "Reason: %s", ("a\nb\x1b[31mc\u2028d\u202ee",), "Reason: a?b?[31mc?d?e"),
        ("error", "Reason: %s", ("x" * 1000,), "Reason: " + "x" * 200),
    ],
)
def test_what_may_quote_a_request_is_not_shown(
    level: str, message: object, args: tuple[object, ...], event: str
) -> None:
    assert logged(level, message, *args)["event"] == f"server: {event}"


def messages() -> Iterator[str]:
    """Yield every message with values that the modules in use log at levels that are shown."""
    found = find_spec("gunicorn")
    assert found and found.origin
    for name in ("arbiter.py", "sock.py", "workers/base.py", "workers/gthread.py", "http/wsgi.py"):
        written = (Path(found.origin).parent / name).read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(written)):
            if isinstance(node, ast.Call) and len(node.args) > 1:
                first = node.args[0]
                is_log = ast.unparse(node.func).endswith(
                    ("log.critical", "log.error", "log.warning", "log.exception", "log_func")
                )
                if is_log and isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value


#: Messages whose values are not shown: text of a request, of an exception, or of parts that are not used here.
NOT_SHOWN = (
    "Error handling request", "Exception during worker exit", "Failed to start control socket",
    "Ignoring dirty arbiter", "Killing orphaned dirty arbiter", "Dirty arbiter", "WSGI app sent body bytes",
)  # fmt: skip


def test_every_message_of_the_server_is_known() -> None:
    """A message that a new version adds is looked at by a person before its values are shown."""
    every = set(messages())
    assert len(every) > 8
    assert [each for each in every if not _SHOWN.match(each) and not each.startswith(NOT_SHOWN)] == []


@pytest.mark.parametrize("level", ["info", "debug"])
def test_what_the_service_says_itself_is_not_said_twice(level: str) -> None:
    with log_read_back() as log:
        getattr(ServerLog.__new__(ServerLog), level)("Listening at: %s", "canary")
    assert log.getvalue() == ""
