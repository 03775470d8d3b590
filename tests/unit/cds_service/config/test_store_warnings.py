"""What is told before the start about the way to PostgreSQL and the number of connections to it."""

from __future__ import annotations

import pytest

from cds_service.config.settings import Settings
from cds_service.config.store_warnings import store_warnings

NEAR, FAR = "postgresql://rls_cds@127.0.0.1/rls_cds", "postgresql://rls_cds@db.example.org/rls_cds"
PROVEN = FAR + "?sslmode=verify-full&sslrootcert=/etc/rls-cds/db-ca.pem"


def told(url: str | None, workers: int = 2) -> list[str]:
    return [warning.partition(":")[0] for warning in store_warnings(Settings(database_url=url, workers=workers))]


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "sqlite:////var/lib/rls-cds/store.sqlite",
        NEAR,
        "postgresql:///rls_cds?host=/run/postgresql",
        "postgresql://rls_cds@/rls_cds",
        "postgresql://rls_cds@[::1]/rls_cds",
        PROVEN,
        PROVEN.replace("full", "ca"),
    ],
)
def test_a_store_on_this_machine_or_with_a_proven_server_needs_no_warning(url: str | None) -> None:
    assert told(url) == []


@pytest.mark.parametrize(
    "url",
    [
        FAR,
        FAR + "?sslmode=prefer",
        FAR + "?sslmode=require",
        "postgresql:///rls_cds?host=db.example.org",
        "postgresql:///rls_cds?host=127.0.0.1&host=db.example.org",
    ],
)
def test_a_server_elsewhere_that_proves_nothing_is_warned_of(url: str) -> None:
    assert told(url) == ["database_url"]


@pytest.mark.parametrize(("workers", "count"), [(1, 0), (3, 0), (4, 1), (64, 1)])
def test_more_connections_than_postgresql_admits_are_warned_of(workers: int, count: int) -> None:
    assert told(NEAR, workers) == [f"workers = {workers}"] * count
