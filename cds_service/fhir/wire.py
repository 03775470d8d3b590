"""Connections that can be cut from outside, and a session that does nothing on its own (reliability page 2.2).

A timeout of `requests` bounds a single wait, not the whole: a server that sends a byte now and then holds a call for
ever. So every read has a `Wire` that knows its sockets, and whoever waits cuts it when the time is over.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from cds_service.fhir.peers import Peers

_POOL = 32


class ForbiddenPeer(OSError):
    """The address a name led to may not be read."""


class Wire:
    """The sockets one read uses, as duplicates of our own: shutting these down can never hit a foreign connection."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._lock = threading.Lock()
        self._held: list[socket.socket] = []
        self._is_cut = False
        #: whether the read went over a connection that an earlier one had opened
        self.reused = False

    def opened(self, sock: socket.socket) -> socket.socket:
        """A fresh connection, before TLS and before any header. Raises `ForbiddenPeer`."""
        if not self._peers.allow(sock.getpeername()[0]):
            sock.close()
            raise ForbiddenPeer("the server's address may not be read")
        self.reused = False
        self._hold(sock)
        return sock

    def used(self, sock: socket.socket | None) -> None:
        """A request is about to be sent; `sock` is None where the connection is still to be made."""
        if sock is not None and not self._held:
            self.reused = True
            self._hold(sock)

    def _hold(self, sock: socket.socket) -> None:
        with self._lock:
            self._held.append(socket.fromfd(sock.fileno(), sock.family, sock.type))
            if self._is_cut:
                self._shut_down()

    def cut(self) -> None:
        """End every wait on these connections, now and later; may be called from any thread."""
        with self._lock:
            self._is_cut = True
            self._shut_down()

    def _shut_down(self) -> None:
        for sock in self._held:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        with self._lock:
            for sock in self._held:
                sock.close()
            self._held.clear()


_WIRE: ContextVar[Wire] = ContextVar("wire")


@contextmanager
def on(wire: Wire) -> Iterator[None]:
    """Let every connection this thread makes or uses meanwhile belong to `wire`."""
    token = _WIRE.set(wire)
    try:
        yield
    finally:
        _WIRE.reset(token)
        wire.release()


class _Plain(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _WIRE.get().opened(super()._new_conn())

    def request(self, *args: Any, **kwargs: Any) -> None:
        _WIRE.get().used(self.sock)
        super().request(*args, **kwargs)


class _Encrypted(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _WIRE.get().opened(super()._new_conn())

    def request(self, *args: Any, **kwargs: Any) -> None:
        _WIRE.get().used(self.sock)
        super().request(*args, **kwargs)


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _EncryptedPool(HTTPSConnectionPool):
    ConnectionCls = _Encrypted


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _EncryptedPool}


def new_session(ca_file: str | None = None) -> requests.Session:
    """A pool of connections and nothing else: no proxy or netrc from the environment, no cookies, no retries."""
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.clear()
    session.verify = ca_file or True
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(pool_maxsize=_POOL, max_retries=0))
    return session
