"""Load one server from a process of its own: `python -m tests.benchmarks.load`, which the benchmarks start.

Reads a plan as JSON from standard input and writes what it measured to standard output. Each connection is kept alive
and sends its next call when the answer to the last one is complete. Nothing is built while it runs.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import count
from typing import Any

_CHUNK = 256 * 1024
#: Seconds after the end of a plan within which the calls under way are waited for.
_GRACE = 10.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send, for how long, over how many connections.

    tokens   each is used once, and the load ends when none is left; none: calls bear no token
    """

    port: int
    path: str
    bodies: tuple[str, ...]
    connections: int = 1
    seconds: float = 1.0
    tokens: tuple[str, ...] = ()

    def requests(self) -> Iterator[bytes]:
        """Yield each request as it goes over the wire."""
        head = f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type: application/json\r\n"
        ready = [f"Content-Length: {len(each.encode())}\r\n\r\n{each}".encode() for each in self.bodies]
        if not self.tokens:
            ready = [head.encode() + each for each in ready]
            yield from (ready[number % len(ready)] for number in count())
        for number, token in enumerate(self.tokens):
            yield f"{head}Authorization: Bearer {token}\r\n".encode() + ready[number % len(ready)]


@dataclass(slots=True)
class Measured:
    """What one load gave: `calls` answered with a card and their times in milliseconds, and what else was answered.

    `load_share` is the processor share of this process.
    """

    calls: int = 0
    seconds: float = 0.0
    load_share: float = 0.0
    p50: float = 0.0
    p99: float = 0.0
    longest: float = 0.0
    faults: dict[str, int] = field(default_factory=dict)

    @property
    def answered(self) -> int:
        """Return how many calls were answered, with a card or without."""
        return self.calls + sum(self.faults.values())

    @property
    def per_second(self) -> float:
        """Return the throughput."""
        return self.calls / self.seconds if self.seconds else 0.0


class _Connection:
    """One connection with at most one call under way."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.open()

    def open(self) -> None:
        self.sock = socket.create_connection(("127.0.0.1", self._port), 10)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)

    def begin(self, request: bytes) -> None:
        self.began = time.perf_counter()
        self._rest, self._answer, self._length = memoryview(request), bytearray(), -1

    def send(self) -> bool:
        """Send what the socket takes, and return whether all is sent."""
        try:
            self._rest = self._rest[self.sock.send(self._rest) :]
        except BlockingIOError:
            return False
        return not self._rest

    def receive(self) -> bool:
        """Read what has come, and return whether the answer is complete. Raises `ConnectionError` at its end."""
        piece = self.sock.recv(_CHUNK)
        if not piece:
            raise ConnectionResetError
        self._answer += piece
        if self._length < 0:
            self._length = _length_of(self._answer)
        return 0 <= self._length <= len(self._answer)

    def fault(self) -> str:
        """Return what is wrong with the answer; "" where it is a card."""
        status = self._answer[9:12].decode("latin-1")
        if status != "200":
            return status
        return "" if b'"summary"' in self._answer else "no card"

    @property
    def closes(self) -> bool:
        """Return whether the server closes after this answer."""
        return b"\r\nconnection: close" in self._answer[:1024].lower()


def _length_of(answer: bytearray) -> int:
    """Return the length of the whole answer, -1 while its head is not complete."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return -1
    head = bytes(answer[:end]).lower()
    found = head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
    return end + 4 + int(found)


def run(plan: Plan) -> Measured:
    """Load the server as planned."""
    requests = plan.requests()
    waiting = selectors.DefaultSelector()
    times: list[float] = []
    faults: Counter[str] = Counter()
    under_way = 0
    processor, began = time.process_time(), time.perf_counter()
    ends = began + plan.seconds

    def begin(connection: _Connection) -> None:
        nonlocal under_way
        request = next(requests, None) if time.perf_counter() < ends else None
        if request is None:
            return
        under_way += 1
        connection.begin(request)
        wanted = selectors.EVENT_READ if connection.send() else selectors.EVENT_WRITE | selectors.EVENT_READ
        waiting.register(connection.sock, wanted, connection)

    def end(connection: _Connection, fault: str) -> None:
        nonlocal under_way
        waiting.unregister(connection.sock)
        under_way -= 1
        if fault:
            faults[fault] += 1
        else:
            times.append(time.perf_counter() - connection.began)
        if fault == "connection" or connection.closes:
            connection.sock.close()
            connection.open()
        begin(connection)

    connections = [_Connection(plan.port) for _ in range(plan.connections)]
    for connection in connections:
        begin(connection)
    while under_way and time.perf_counter() < ends + _GRACE:
        for key, events in waiting.select(0.5):
            connection = key.data
            try:
                if events & selectors.EVENT_WRITE and connection.send():
                    waiting.modify(connection.sock, selectors.EVENT_READ, connection)
                if events & selectors.EVENT_READ and connection.receive():
                    end(connection, connection.fault())
            except BlockingIOError:
                continue
            except OSError:
                end(connection, "connection")
    seconds = time.perf_counter() - began
    for connection in connections:
        connection.sock.close()
    waiting.close()
    if under_way:
        faults["no answer"] += under_way
    return _measured(times, faults, seconds, (time.process_time() - processor) / seconds)


def _measured(times: list[float], faults: Mapping[str, int], seconds: float, load_share: float) -> Measured:
    ordered = sorted(times) or [0.0]

    def at(share: float) -> float:
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    return Measured(len(times), seconds, load_share, at(0.5), at(0.99), 1000 * ordered[-1], dict(faults))


def plan_of(written: Mapping[str, Any]) -> Plan:
    """Return the plan that was written as JSON."""
    return Plan(**{**written, "bodies": tuple(written["bodies"]), "tokens": tuple(written.get("tokens", ()))})


if __name__ == "__main__":
    json.dump(asdict(run(plan_of(json.load(sys.stdin)))), sys.stdout)
