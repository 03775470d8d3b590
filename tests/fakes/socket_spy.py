"""Record every address that is resolved or connected to, and block all but the allowed ones."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def watched_sockets(*allowed: tuple[str, int]) -> Iterator[list[object]]:
    """Yield the list of addresses outside `allowed` that are tried; each attempt fails."""
    tried: list[object] = []

    def guarded(real: Callable[..., Any], address_of: Callable[..., Any]) -> Callable[..., Any]:
        def spy(*given: Any, **named: Any) -> Any:
            address = address_of(*given, **named)
            if tuple(address[:2]) not in allowed:
                tried.append(address)
                raise OSError("the spy lets nobody through")
            return real(*given, **named)

        return spy

    with pytest.MonkeyPatch.context() as patch:
        by_name = guarded(socket.getaddrinfo, lambda host, port, *_, **__: (host, port))
        patch.setattr(socket, "getaddrinfo", by_name)
        by_address = guarded(socket.create_connection, lambda address, *_, **__: address)
        patch.setattr(socket, "create_connection", by_address)
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, guarded(getattr(socket.socket, name), lambda _, address: address))
        yield tried
