"""A client's key server on this machine, well-behaved or not."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class KeysServer:
    """A server that answers every GET with `answer`, which writes to the handler, and counts them."""

    def __init__(self, answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.over = threading.Event()
        self.url = ""


def serve_keys(*keys: object, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    return serve(json.dumps({"keys": list(keys)}).encode(), **headers)


def serve(body: bytes, status: int = 200, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@contextmanager
def keys_server(answer: Callable[[BaseHTTPRequestHandler], None], wrap: Callable | None = None) -> Iterator[KeysServer]:
    state = KeysServer(answer)

    class KeySetHandler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            state.headers.append(dict(self.headers))
            try:
                state.answer(self)
            except OSError:
                return  # the service hung up, as it should

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Ignore clients that disconnect, which is expected here."""

    server = Quiet(("127.0.0.1", 0), KeySetHandler)
    if wrap:
        server.socket = wrap(server.socket)
    state.url = f"{'https' if wrap else 'http'}://127.0.0.1:{server.server_port}/keys"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        state.over.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
