"""A connection to PostgreSQL whose every wait ends in time."""

from __future__ import annotations

import select
import time
from contextlib import suppress
from typing import Any

import psycopg

from cds_service.store.databases.database import NOT_IN_TIME

#: Seconds that a wait may take in work without an end; the server ends its statements before.
_LONGEST_WAIT = 35.0


class AnswerTooLate(psycopg.OperationalError):
    """The server did not answer before the end of the call; the connection is closed."""

    is_late = True


class BoundedConnection(psycopg.Connection[Any]):
    """A connection whose every wait for the server is over at `ends`, in seconds of the monotonic clock.

    No timeout of the server or of TCP does this: a server that stands still answers no more, while its machine goes on
    to acknowledge what is sent to it.
    """

    ends: float | None = None

    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        """Drive a generator of psycopg until it returns. Raises `AnswerTooLate`."""
        ends = time.monotonic() + _LONGEST_WAIT if self.ends is None else self.ends
        poll = select.poll()
        try:
            wanted = next(gen)
            poll.register(self.pgconn.socket, _EVENTS[wanted])
            while True:
                ready = poll.poll(max(0.0, ends - time.monotonic()) * 1000)
                if not ready:
                    self.pgconn.finish()
                    raise AnswerTooLate(NOT_IN_TIME)
                wanted = gen.send(_ready(ready[0][1]))
                poll.modify(self.pgconn.socket, _EVENTS[wanted])
        except StopIteration as done:
            return done.value
        except BaseException:
            with suppress(psycopg.Error):  # what a generator says of a connection that is closed under it
                gen.close()
            raise


#: What psycopg waits for, and what it is told to be ready, as bits.
_READABLE, _WRITABLE = 1, 2
_EVENTS = {1: select.POLLIN, 2: select.POLLOUT, 3: select.POLLIN | select.POLLOUT}


def _ready(events: int) -> int:
    """Return what a socket is ready for; one that failed may be read, which raises psycopg's own exception."""
    readable = _READABLE if events & ~select.POLLOUT else 0
    return readable | (_WRITABLE if events & select.POLLOUT else 0)
