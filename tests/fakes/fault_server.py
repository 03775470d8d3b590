"""A FHIR server that fails in every way a socket can: each request is answered by the behaviour of its path.

A behaviour is a function that gets a `Line` and writes to its socket. The server records all requests, so that a test
can assert that there were none.
"""

from __future__ import annotations

import gzip
import json
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

CRLF = b"\r\n"


@dataclass
class RecordedRequest:
    """One request as it arrived: path with query, headers by lower-case name."""

    path: str
    headers: dict[str, str]
    method: str = "GET"
    body: str = ""


@dataclass
class Line:
    """The connection of one request."""

    sock: socket.socket
    asked: RecordedRequest
    server: FaultServer

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def is_gone(self, seconds: float) -> bool:
        """Wait up to `seconds`, and return True as soon as the client or the server is gone."""
        ready, _, _ = select.select([self.sock, self.server.stopped], [], [], seconds)
        return bool(ready)


Behaviour = Callable[[Line], None]


@dataclass
class FaultServer:
    """A server on a free loopback port, with `behaviours` by path prefix below /fhir/, else `otherwise`."""

    otherwise: Behaviour
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    asked: list[RecordedRequest] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self.stopped, self._stop = socket.socketpair()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, name="fault server")

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def base(self) -> str:
        return f"{self.address}/fhir"

    def paths(self) -> list[str]:
        return sorted(asked.path.removeprefix("/fhir/").partition("?")[0] for asked in self.asked)

    def start(self) -> None:
        self._accepting.start()

    def stop(self) -> None:
        self._stop.close()
        self._accepting.join(5)
        for thread in self._threads:
            thread.join(5)
        self._listener.close()
        self.stopped.close()

    def _accept(self) -> None:
        while self.stopped not in (ready := select.select([self._listener, self.stopped], [], [])[0]) and ready:
            sock, _ = self._listener.accept()
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(sock,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        with sock, suppress(OSError):
            while (asked := self._read(sock)) is not None:
                self.asked.append(asked)
                rest = asked.path.removeprefix("/fhir/")
                found = next((way for start, way in self.behaviours.items() if rest.startswith(start)), self.otherwise)
                found(Line(sock, asked, self))

    def _read(self, sock: socket.socket) -> RecordedRequest | None:
        head = b""
        while CRLF * 2 not in head:
            if self.stopped in select.select([sock, self.stopped], [], [])[0]:
                return None
            piece = sock.recv(65536)
            if not piece:
                return None
            head += piece
        head, _, body = head.partition(CRLF * 2)
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        while len(body) < int(headers.get("content-length", 0)) and (piece := sock.recv(65536)):
            body += piece
        method, path, _ = first.split(" ")
        return RecordedRequest(path, headers, method, body.decode("latin-1"))


@contextmanager
def fault_server(otherwise: Behaviour, behaviours: Mapping[str, Behaviour] | None = None) -> Iterator[FaultServer]:
    server = FaultServer(otherwise, dict(behaviours or {}))
    server.start()
    try:
        yield server
    finally:
        server.stop()


def head(status: int = 200, length: int | None = None, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", "Content-Type: application/fhir+json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {length}"] if length is not None else []
    return "\r\n".join(lines).encode() + CRLF * 2


def status(code: int, **headers: str) -> Behaviour:
    return lambda line: line.send(head(code, 0, **headers))


def answer(content: Any) -> Behaviour:
    raw = json.dumps(content).encode()
    return lambda line: line.send(head(200, len(raw)) + raw)


def raw_body(raw: bytes, **headers: str) -> Behaviour:
    return lambda line: line.send(head(200, len(raw), **headers) + raw)


def empty(line: Line) -> None:
    """Answer with an empty searchset, or with the patient that is read."""
    kind, _, name = line.asked.path.removeprefix("/fhir/").partition("?")[0].partition("/")
    answer({"resourceType": kind, "id": name} if name else {"resourceType": "Bundle", "type": "searchset"})(line)


def hang(line: Line) -> None:
    line.is_gone(30)
    raise OSError


def drip(line: Line) -> None:
    """Send one byte every 20 ms, which never triggers a timeout of single waits."""
    line.send(head(200, 100_000))
    _drip(line)


def header_drip(line: Line) -> None:
    line.send(b"HTTP/1.1 200 X\r\nX-A: ")
    _drip(line)


def _drip(line: Line) -> None:
    while not line.is_gone(0.02):
        line.send(b"1")
    raise OSError


def reset(line: Line) -> None:
    """Close with RST instead of FIN."""
    line.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.sock.close()
    raise OSError


def close_midway(line: Line) -> None:
    line.send(head(200, 1000) + b'{"resourceType":')
    raise OSError


def endless_headers(line: Line) -> None:
    line.send(b"HTTP/1.1 200 X\r\n")
    while not line.is_gone(0):
        line.send(b"X-A: " + b"b" * 1000 + CRLF)
    raise OSError


_MEMBER = gzip.compress(b" " * (64 * 1024 * 1024), 1)


def gzip_bomb(line: Line) -> None:
    """Send 300 kB that unpack to 64 MiB."""
    raw_body(_MEMBER, Content_Encoding="gzip")(line)


def gzip_bombs(line: Line) -> None:
    """Send 5 MB in many gzip members that unpack to 1 GiB."""
    raw_body(_MEMBER * 16, Content_Encoding="gzip")(line)


def endless_paging(line: Line) -> None:
    """Answer with pages that never end, each at a new URL."""
    number = len(line.server.asked)
    answer(page(f"{line.server.base}/Observation?page={number}", f"o{number}"))(line)


def page(next_url: str | None, *ids: str, kind: str = "Observation") -> dict[str, Any]:
    entries = [{"resource": {"resourceType": kind, "id": one}} for one in ids]
    links = {"link": [{"relation": "next", "url": next_url}]} if next_url else {}
    return {"resourceType": "Bundle", "type": "searchset", **links, "entry": entries}
