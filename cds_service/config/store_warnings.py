"""Warnings about the store: how PostgreSQL is reached, and by how many connections."""

from __future__ import annotations

from collections.abc import Iterator

from cds_service.config.settings import Settings
from cds_service.config.values import is_loopback
from cds_service.store.databases.location import CONNECTIONS_OF_A_WORKER, server_address

_PROVES_THE_SERVER = frozenset({"verify-full", "verify-ca"})
#: What PostgreSQL admits by default beside its superuser: max_connections less superuser_reserved_connections.
_ADMITTED = 97
#: Fewer replicas are no reason to use PostgreSQL.
_REPLICAS = 2


def store_warnings(settings: Settings) -> Iterator[str]:
    """Yield what should be known about the store before the service starts."""
    url = settings.database_url
    if not url or url.startswith("sqlite:"):
        return
    address = server_address(url)
    hosts = address.query.get("host", address.host or "")
    is_far = any(not is_loopback(host) for host in ([hosts] if isinstance(hosts, str) else hosts) if _is_network(host))
    if is_far and address.query.get("sslmode") not in _PROVES_THE_SERVER:
        yield (
            "database_url: without sslmode=verify-full the records go to whoever answers at that address, and in clear "
            "where the server offers no TLS; add ?sslmode=verify-full&sslrootcert=/path/to/ca.pem"
        )
    most = settings.workers * CONNECTIONS_OF_A_WORKER
    if most * _REPLICAS > _ADMITTED:
        yield (
            f"workers = {settings.workers}: up to {most} connections to PostgreSQL from each replica, and by default "
            f"it admits {_ADMITTED} in all; raise max_connections above {CONNECTIONS_OF_A_WORKER} for each worker of "
            "all replicas, or put PgBouncer between"
        )


def _is_network(host: str) -> bool:
    """Return whether a host is reached by the network, and not by a socket in a folder of this machine."""
    return bool(host) and not host.startswith(("/", "@"))
