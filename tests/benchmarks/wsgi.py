"""Call an application in this process as a server does, without a socket."""

from __future__ import annotations

import gc
import io
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from cds_service.config.settings import Settings
from cds_service.server.assembly import assemble
from cds_service.server.memory import settle_memory
from cds_service.web.log import LOGGER, write_log_to

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


#: Gets each event of the interpreter, as `sys.setprofile` takes it.
Profiler = Callable[[FrameType, str, Any], None]


def caller(app: WSGIApplication, path: str, bodies: Sequence[str]) -> Callable[[int], bytes]:
    """Return a function that sends the body of one number and returns the answer; all but the call is done before."""
    raw = [each.encode() for each in bodies]
    environ = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/json",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8080",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:8080",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }

    def begin(status: str, headers: Any, info: Any = None) -> Callable[[bytes], object]:
        if not status.startswith("200"):
            raise AssertionError(f"{path} answered {status}")
        return lambda written: None

    def call(number: int, **more: str) -> bytes:
        body = raw[number % len(raw)]
        asked = {**environ, "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body), **more}
        answer = app(asked, begin)
        written = b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()
        return written

    return call


@contextmanager
def in_this_process(
    settings: Settings, log: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Iterator[WSGIApplication]:
    """Assemble the whole service as a worker does, with its log in a file, and stop its periodic tasks."""
    handlers, level, propagate = LOGGER.handlers[:], LOGGER.level, LOGGER.propagate
    with log.open("a", encoding="utf-8") as output:
        write_log_to(output)
        app = assemble(settings, clock=clock)
        app.extensions["rls_cds_scheduler"].stop()
        settle_memory()
        try:
            yield app
        finally:
            gc.unfreeze()
            app.extensions["rls_cds"].fhir.close()
            app.extensions["rls_cds"].store.close()
            LOGGER.handlers[:], LOGGER.propagate = handlers, propagate
            LOGGER.setLevel(level)


@contextmanager
def profiling_threads(profiler: Profiler) -> Iterator[None]:
    """Give the profiler to every thread that starts within the block, such as that which commits."""
    threading.setprofile(profiler)
    try:
        yield
    finally:
        threading.setprofile(None)


@contextmanager
def profiling_this_thread(profiler: Profiler) -> Iterator[None]:
    """Give the profiler to this thread within the block."""
    before = sys.getprofile()
    sys.setprofile(profiler)
    try:
        yield
    finally:
        sys.setprofile(before)
