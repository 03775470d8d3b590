"""Serve an application in this process, one thread per connection: for the demo and for tests, never for production."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import IO, TYPE_CHECKING, cast

from werkzeug.serving import BaseWSGIServer, DechunkedInput, WSGIRequestHandler, make_server

from cds_service.config.values import host_in_url
from cds_service.web.body import drain
from cds_service.web.errors import JSON_TYPE, MALFORMED_REQUEST
from cds_service.web.json_reader import MEBIBYTE

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment


#: The line before a chunk (RFC 9112, section 7.1), whose extensions are passed over.
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,16})[ \t]*(?:;.*)?\r?\n", re.DOTALL)
_LONGEST_LINE = 4096
#: For how many seconds the rest of a malformed request is discarded.
_DISCARD_SECONDS = 2.0


class BoundedChunks(DechunkedInput):
    """A chunked request body that never grows or shrinks the buffer it is read into.

    The base class assigns what it got to a slice of a `bytearray`. Where the client leaves in the middle of a chunk,
    the buffer becomes shorter than the length returned, and Python reads memory beyond it. A memoryview keeps its
    length and refuses the assignment instead.
    """

    def readinto(self, buf: WriteableBuffer) -> int:
        """Fill the buffer and return how many bytes were read. Raises `OSError` for a truncated or malformed chunk."""
        try:
            with memoryview(buf) as fixed:
                return super().readinto(fixed)  # type: ignore[arg-type]
        except ValueError:
            raise OSError("The chunk is shorter than announced") from None

    def read_chunk_len(self) -> int:
        """Read the size of the next chunk. Raises `OSError` for anything but hexadecimal digits and extensions."""
        found = _CHUNK_SIZE.fullmatch(self._rfile.readline(_LONGEST_LINE))
        if found is None:
            raise OSError("Invalid chunk header")
        return int(found[1], 16)


class RequestHandler(WSGIRequestHandler):
    """Reads chunked bodies safely, keeps connections, logs nothing and sends a Server header without versions.

    What is no HTTP, such as more than 100 headers, is answered in JSON without quoting it.
    """

    protocol_version = "HTTP/1.1"
    default_request_version = protocol_version  # so that an answer to a malformed request line has a status line
    error_content_type = JSON_TYPE
    error_message_format = MALFORMED_REQUEST.decode()

    def make_environ(self) -> WSGIEnvironment:
        """Return the WSGI environment, with the chunked reader replaced by the safe one."""
        environ = super().make_environ()
        if isinstance(environ["wsgi.input"], DechunkedInput):
            environ["wsgi.input"] = BoundedChunks(cast("IO[bytes]", self.rfile))
        return environ

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request that cannot be parsed; the message would quote it.

        What the client still sends is discarded, up to a mebibyte.
        """
        super().send_error(code)
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(_DISCARD_SECONDS)
        drain(self.rfile.read1, MEBIBYTE, _DISCARD_SECONDS)

    def version_string(self) -> str:
        """Return the value of the Server header."""
        return "rls-cds"

    def log(self, type: str, message: str, *args: object) -> None:
        """Log nothing: the service writes its own log."""


def bind_threaded_server(app: WSGIApplication, host: str, port: int) -> BaseWSGIServer:
    """Return a server bound to the port (0: any free one) that answers each connection in a thread of its own.

    Raises `OSError` if the port cannot be bound.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, backlog=128) as listening:
        port = listening.getsockname()[1]
        return make_server(host, port, app, threaded=True, request_handler=RequestHandler, fd=listening.fileno())


def serve_in_threads(app: WSGIApplication, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until interrupted; `ready` gets the base URL once the port is bound.

    Raises `OSError` if the port cannot be bound.
    """
    server = bind_threaded_server(app, host, port)
    ready(f"http://{host_in_url(host)}:{server.port}")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
