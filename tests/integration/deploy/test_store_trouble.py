"""A PostgreSQL that is gone, stands still or is read-only, and one that was given other keys, as an operator sees it.

What /readyz says then is looked up in docs/how-to/watch-and-mend.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy

from cds_service.store.rekeying.key_change import rekey
from tests.builders.components import missing
from tests.integration.server.replicas import Cluster, Load, Replica, cluster, wait_until
from tests.integration.store.postgres import NoPostgres, PostgresServer, running_postgres

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "watch-and-mend.md"
pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    try:
        with running_postgres() as started:
            yield started
    except NoPostgres as reason:
        missing(str(reason))


@pytest.fixture(scope="module")
def made(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("replicas"), server, deadline=3.0) as one:  # below the time-out of the caller
        one.start()
        yield one


@pytest.fixture
def replica(made: Cluster) -> Replica:
    (one,) = made.replicas
    wait_until(one.is_ready)
    return one


def call(replica: Replica) -> int:
    """Return the status of one call; where it had a card, of its feedback."""
    load = Load([replica], 1.0)
    load._call(replica)
    return load.notes[-1].status


def trouble(replica: Replica) -> str:
    """Wait until the replica is not ready, and return what it says, which the page must explain."""
    told: list[str] = []

    def is_told() -> bool:
        status, said = replica.readiness()
        told.append(said)
        return status == 503 and "store: " in said

    wait_until(is_told, lambda: str(told))
    sentences = told[-1].partition("store: ")[2].split("; store: ")
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"`{each}`" in page for each in sentences), told
    return sentences[0]


def run(server: PostgresServer, statement: str) -> None:
    """Run a statement from outside, and end the connections of the service, which keep what they were opened with."""
    engine = sqlalchemy.create_engine(
        server.address.replace("postgresql:", "postgresql+psycopg:") + "template1", isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(statement))
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'postgres'"
        connection.execute(sqlalchemy.text(ended))
    engine.dispose()


def test_a_server_that_is_gone(replica: Replica, server: PostgresServer) -> None:
    assert call(replica) == 200
    server.stop()
    try:
        assert trouble(replica) == "nothing listens at the host and port in database_url"
        assert call(replica) == 503
    finally:
        server.start()
    wait_until(replica.is_ready)
    assert call(replica) == 200


def test_a_server_that_stands_still(replica: Replica, server: PostgresServer) -> None:
    assert call(replica) == 200
    with server.frozen():
        assert trouble(replica) in ("the store did not answer in time", "the server of the store does not answer")
        assert call(replica) == 503
    wait_until(replica.is_ready)
    assert call(replica) == 200


def test_a_database_that_may_not_be_written(replica: Replica, server: PostgresServer) -> None:
    run(server, "ALTER DATABASE postgres SET default_transaction_read_only = on")
    try:
        assert trouble(replica) == "the store may not be written"
        assert call(replica) == 503
    finally:
        run(server, "ALTER DATABASE postgres RESET default_transaction_read_only")
    wait_until(replica.is_ready)
    assert call(replica) == 200


def test_a_store_that_was_given_other_keys(replica: Replica, made: Cluster) -> None:
    """The last, since only a start with the new keys mends it."""
    rekey(made.settings(), bytes(range(9, 41)), None, "a test", datetime.now(UTC))
    assert trouble(replica) == "the store was written with other keys; set those, or use another store"
    assert call(replica) == 503
