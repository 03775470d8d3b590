"""A connection that comes after its caller has gone is taken by the next one, or closed with the store."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from cds_service.store.databases.connector import Connector
from cds_service.store.databases.faults import StoreUnavailable


class FakeConnection:
    """A connection that notes that it was closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def close(self) -> None:
        self.closed.set()


def asked_in_vain(connector: Connector, connection: FakeConnection, arrives: threading.Event) -> Any:
    """Ask for a connection that arrives too late, and return what connects."""

    def connect() -> Any:
        assert arrives.wait(30)
        return connection

    with connector.until(time.monotonic()), pytest.raises(StoreUnavailable):
        connector.take(connect)
    return connect


def test_the_next_caller_takes_it() -> None:
    connector, connection, arrives = Connector(), FakeConnection(), threading.Event()
    connect = asked_in_vain(connector, connection, arrives)
    arrives.set()
    with connector.until(time.monotonic() + 30):
        assert connector.take(connect) is connection  # type: ignore[comparison-overlap]
    assert not connection.closed.is_set()


def test_it_is_closed_with_the_store_if_nobody_came() -> None:
    connector, connection, arrives = Connector(), FakeConnection(), threading.Event()
    asked_in_vain(connector, connection, arrives)
    connector.close()
    arrives.set()
    assert connection.closed.wait(30)
