"""Connections that another thread can cancel, and a session without implicit behaviour (reliability 2.2).

A timeout of `requests` bounds a single wait, not the whole read: a server that sends a byte now and then would hold a
call for ever. So every read has a `CancellableConnection`, which knows its sockets and is cancelled at the deadline.
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

from cds_service.web.address_policy import AddressPolicy

_POOL = 32


class ForbiddenAddress(OSError):
    """The address that a host name resolved to may not be used."""


class CancellableConnection:
    """The sockets of one read, held as duplicates, so that cancelling can never hit the connection of another read."""

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy
        self._lock = threading.Lock()
        self._held: list[socket.socket] = []
        self._is_cancelled = False
        #: Whether the read used a connection that an earlier one had opened.
        self.reused = False
        #: Whether the address of the server may not be used.
        self.is_forbidden = False

    def opened(self, sock: socket.socket) -> socket.socket:
        """Register a new socket, before TLS and before any header; raises `ForbiddenAddress`.

        The socket is closed on any error: a peer that has reset the connection by now has no name any more.
        """
        try:
            if not self._policy.allow(sock.getpeername()[0]):
                self.is_forbidden = True
                raise ForbiddenAddress("the server's address may not be read")
            self._hold(sock)
        except BaseException:
            sock.close()
            raise
        self.reused = False
        return sock

    def used(self, sock: socket.socket | None) -> None:
        """Register the socket of a request about to be sent; None if it is still to be opened."""
        if sock is not None and not self._held:
            self.reused = True
            self._hold(sock)

    def _hold(self, sock: socket.socket) -> None:
        with self._lock:
            self._held.append(socket.fromfd(sock.fileno(), sock.family, sock.type))
            if self._is_cancelled:
                self._shut_down()

    def cancel(self) -> None:
        """End every wait on these sockets, now and later; may be called from any thread."""
        with self._lock:
            self._is_cancelled = True
            self._shut_down()

    def _shut_down(self) -> None:
        for sock in self._held:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        """Close the duplicates once the read has ended."""
        with self._lock:
            for sock in self._held:
                sock.close()
            self._held.clear()


_CURRENT: ContextVar[CancellableConnection] = ContextVar("connection")


@contextmanager
def using(connection: CancellableConnection) -> Iterator[None]:
    """Attach every socket that this thread opens or uses meanwhile to `connection`."""
    token = _CURRENT.set(connection)
    try:
        yield
    finally:
        _CURRENT.reset(token)
        connection.release()


class _Plain(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _CURRENT.get().opened(super()._new_conn())

    def request(self, *args: Any, **kwargs: Any) -> None:
        _CURRENT.get().used(self.sock)
        super().request(*args, **kwargs)


class _Encrypted(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _CURRENT.get().opened(super()._new_conn())

    def request(self, *args: Any, **kwargs: Any) -> None:
        _CURRENT.get().used(self.sock)
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
    """Return a session that only pools connections: no proxy or netrc from the environment, no cookies or retries."""
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.clear()
    session.verify = ca_file or True
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(pool_maxsize=_POOL, max_retries=0))
    return session
