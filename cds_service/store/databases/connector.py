"""Open connections to a server in threads, since neither a name lookup nor a handshake can be ended from outside."""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cds_service.store.databases.database import seconds_left
from cds_service.store.databases.faults import AccessRefused, StoreError, StoreSlow, StoreUnavailable

if TYPE_CHECKING:
    from cds_service.store.databases.bounded_connection import BoundedConnection

#: What libpq or the server says of a connection that failed, and what an operator is told. The first match counts.
_FAULTS: tuple[tuple[str, type[StoreError], str], ...] = (
    ("no encryption", AccessRefused, "the server of the store demands TLS: add sslmode=verify-full to database_url"),
    ("no pg_hba.conf entry", AccessRefused, "the server of the store does not admit this host and user: pg_hba.conf"),
    ("does not support SSL", AccessRefused, "the server of the store offers no TLS, and database_url demands it"),
    (
        "certificate|SSL error",
        AccessRefused,
        "the certificate of the server of the store is not accepted: check sslmode and sslrootcert in database_url",
    ),
    (
        'authentication failed|no password supplied|role ".*" (does not exist|is not permitted)',
        AccessRefused,
        "the server of the store refuses the user or the password in database_url",
    ),
    (
        'database ".*" does not exist',
        AccessRefused,
        "the server of the store has no database of the name in database_url",
    ),
    (
        "translate host name|resolve host|[Nn]ame or service not known|[Nn]ame resolution",
        StoreUnavailable,
        "the host in database_url is not known to the name service",
    ),
    ("[Cc]onnection refused", StoreUnavailable, "nothing listens at the host and port in database_url"),
    ("[Nn]o route to host|unreachable", StoreUnavailable, "there is no way to the host in database_url"),
    ("timeout", StoreSlow, "the server of the store does not answer"),
    ("starting up|shutting down|recovery", StoreUnavailable, "the server of the store is starting or stopping"),
    (
        "too many (clients|connections)|connection slots",
        StoreUnavailable,
        "the server of the store has no connection left",
    ),
)


def connection_fault(message: str) -> StoreError:
    """Return the exception for a connection that failed, by the library's message, of which nothing is repeated.

    The server's part of a message is in the server's language; where it is not English, the fault is not told apart.
    """
    for pattern, kind, sentence in _FAULTS:
        if re.search(pattern, message):
            return kind(sentence)
    return StoreUnavailable("the server of the store cannot be reached, or refuses the connection")


class _Attempt:
    """One attempt to connect, in a thread of its own."""

    def __init__(self, connect: Callable[[], BoundedConnection]) -> None:
        self.done = threading.Event()
        self._connect, self._lock, self._is_abandoned = connect, threading.Lock(), False
        self.connection: BoundedConnection | None = None
        self.fault: StoreError | None = None
        threading.Thread(target=self._run, name="connect", daemon=True).start()

    def _run(self) -> None:
        import psycopg

        try:
            self._keep(self._connect())
        except psycopg.Error as error:
            self.fault = connection_fault(str(error))
        except (OSError, UnicodeError):  # of the name lookup
            self.fault = StoreUnavailable("the host in database_url is not known to the name service")
        finally:
            self.done.set()

    def _keep(self, connection: BoundedConnection) -> None:
        with self._lock:
            if self._is_abandoned:
                connection.close()
            else:
                self.connection = connection

    def abandon(self) -> None:
        """Close the connection, now or as soon as it is there."""
        with self._lock:
            self._is_abandoned = True
            if self.connection is not None:
                self.connection.close()


class Connector:
    """Opens connections. An attempt that its caller could not wait for is left to the next caller."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spare: deque[_Attempt] = deque()
        self._thread = threading.local()

    @contextmanager
    def until(self, ends: float | None) -> Iterator[None]:
        """Let this thread wait for connections until `ends` in the block."""
        self._thread.ends = time.monotonic() + seconds_left(ends)
        yield

    def take(self, connect: Callable[[], BoundedConnection]) -> BoundedConnection:
        """Return a new connection. Raises `AccessRefused` or `StoreUnavailable`, and `StoreSlow` if time ran out."""
        attempt = self._unfinished() or _Attempt(connect)
        if not attempt.done.wait(seconds_left(self._thread.ends)):
            with self._lock:
                self._spare.append(attempt)
            raise StoreSlow("the server of the store does not answer")
        if attempt.connection is None:
            raise attempt.fault or StoreUnavailable("no connection to the store could be made")
        return attempt.connection

    def _unfinished(self) -> _Attempt | None:
        """Take over the oldest attempt that may still succeed."""
        with self._lock:
            while self._spare:
                attempt = self._spare.popleft()
                if attempt.fault is None:
                    return attempt
        return None

    def close(self) -> None:
        """Close the connections that nobody could wait for."""
        with self._lock:
            abandoned, self._spare = self._spare, deque()
        for attempt in abandoned:
            attempt.abandon()

    def forget(self) -> None:
        """Drop all attempts in a forked child, which has none of their threads."""
        self._lock = threading.Lock()
        self._spare = deque()
