"""Sockets of reads are closed on every way out."""

from __future__ import annotations

import socket
import struct

import pytest

from cds_service.fhir.transport import CancellableConnection, ForbiddenAddress
from cds_service.web.address_policy import AddressPolicy


def connected(listener: socket.socket) -> tuple[socket.socket, socket.socket]:
    """Return both ends of a new connection."""
    client = socket.create_connection(listener.getsockname())
    return client, listener.accept()[0]


@pytest.fixture
def connection() -> CancellableConnection:
    return CancellableConnection(AddressPolicy(loopback_only=True))


def test_a_socket_whose_peer_has_reset_the_connection_is_closed(connection: CancellableConnection) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client, server = connected(listener)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        server.close()
        with pytest.raises(OSError, match="not connected"):
            connection.opened(client)
    assert client.fileno() == -1


def test_a_socket_to_an_address_that_may_not_be_used_is_closed() -> None:
    connection = CancellableConnection(AddressPolicy.for_client(()))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client, server = connected(listener)
        with server, pytest.raises(ForbiddenAddress):
            connection.opened(client)
    assert client.fileno() == -1
    assert connection.is_forbidden


def test_an_allowed_socket_stays_open(connection: CancellableConnection) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client, server = connected(listener)
        with client, server:
            assert connection.opened(client) is client
            connection.release()
            client.sendall(b"x")
            assert server.recv(1) == b"x"
