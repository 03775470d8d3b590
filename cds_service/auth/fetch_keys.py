"""Fetch one key set from its configured URL, bounded in time and size (reliability JWT-9)."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from cds_service import USER_AGENT
from cds_service.config.key_set import KeySet, read_key_set

#: The longest fetch in seconds, and the largest response in bytes (reliability JWT-9).
FETCH_SECONDS = 2.0
_MOST_BYTES = 64 * 1024
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": USER_AGENT}
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=\"?([0-9]{1,9})\"?", re.IGNORECASE)


class FetchFailed(Exception):
    """The key set could not be fetched; `code` is a constant for the log and the counter."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Fetched:
    """A key set, and for how many seconds its server declares it fresh; None if it does not say."""

    keys: KeySet
    max_age: int | None


class _BoundedConnection:
    """A connection that a timer closes after `seconds`, so that a slow server cannot hold the thread."""

    def __init__(self, seconds: float) -> None:
        self.ends = time.monotonic() + seconds
        self.sock: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def left(self) -> float:
        """Return the seconds that are left; raises `FetchFailed` if there are none."""
        left = self.ends - time.monotonic()
        if left <= 0:
            raise FetchFailed("timeout")
        return left

    def _cut(self) -> None:
        sock = self.sock
        if sock is not None:
            try:
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                return  # already closed

    def open(self) -> None:
        """Start the timer."""
        self._timer.start()

    def close(self) -> None:
        """Close the socket and stop the timer."""
        self._timer.cancel()
        if self.sock is not None:
            self.sock.close()


def fetch_key_set(url: str, ca_file: str | None = None, seconds: float = FETCH_SECONDS) -> Fetched:
    """Fetch the key set at `url` (http or https, as configured), or raise `FetchFailed`.

    Proxies of the environment and .netrc are ignored, and redirects are not followed. Name resolution is the only step
    whose time is bounded by the operating system alone.
    """
    with _connected(url, ca_file, seconds) as (connection, bounded):
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers=_HEADERS)
        with connection.getresponse() as answer:
            if answer.status != 200:
                raise FetchFailed("status")
            return Fetched(_parse(_read(answer, bounded)), _max_age(answer.getheader("Cache-Control", "")))


@contextmanager
def _connected(
    url: str, ca_file: str | None, seconds: float
) -> Iterator[tuple[http.client.HTTPConnection, _BoundedConnection]]:
    parts = urlsplit(url)
    is_https = parts.scheme == "https"
    host, port = parts.hostname or "", parts.port or (443 if is_https else 80)
    bounded = _BoundedConnection(seconds)
    bounded.open()
    try:
        bounded.sock = socket.create_connection((host, port), timeout=bounded.left())
        if is_https:
            bounded.sock = _tls(ca_file).wrap_socket(bounded.sock, server_hostname=host, do_handshake_on_connect=False)
            bounded.sock.settimeout(bounded.left())
            bounded.sock.do_handshake()
        connection = http.client.HTTPConnection(host, port)
        connection.sock = bounded.sock
        yield connection, bounded
    except (OSError, ValueError, http.client.HTTPException):
        late = time.monotonic() >= bounded.ends
        raise FetchFailed("timeout" if late else "unreachable") from None
    finally:
        bounded.close()


@lru_cache(maxsize=4)
def _tls(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _read(answer: http.client.HTTPResponse, bounded: _BoundedConnection) -> bytes:
    """Read the body; at most one chunk beyond the limit is read."""
    if answer.getheader("Content-Encoding", "identity") != "identity":
        raise FetchFailed("encoding")
    body = bytearray()
    while chunk := answer.read1(8192):
        body += chunk
        if len(body) > _MOST_BYTES:
            raise FetchFailed("too-large")
        bounded.left()
    bounded.left()
    return bytes(body)


def _parse(body: bytes) -> KeySet:
    try:
        content: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise FetchFailed("not-json") from None
    keys = read_key_set(content)
    if not isinstance(content, dict) or not isinstance(content.get("keys"), list) or len(content["keys"]) > 50:
        raise FetchFailed("no-key-set")
    return keys


def _max_age(header: str) -> int | None:
    if re.search(r"no-store|no-cache", header, re.IGNORECASE):
        return 0
    found = _MAX_AGE.search(header)
    return int(found[1]) if found else None
