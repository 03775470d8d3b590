"""From one schema version to the next and back, with two replicas of two versions under load: no call fails.

The next version has one more migration than this one (see replica.py). The quick form calls at a lower rate; the long
form with 50 requests a second: pytest -m full -s tests/integration/server/test_upgrades.py
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy

from cds_service.store.schema import VERSIONS
from tests.builders.components import missing
from tests.integration.server.replica import NEXT_VERSION
from tests.integration.server.replicas import Cluster, Load, Replica, cluster, wait_until
from tests.integration.store.postgres import NoPostgres, running_postgres

pytestmark = pytest.mark.postgres
#: Each call is followed by one of feedback, so twice as many requests.
RATES = [
    pytest.param(4.0, id="8 requests a second"),
    pytest.param(25.0, id="50 requests a second", marks=pytest.mark.full),
]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Cluster]:
    try:
        # The longest deadline: starting replicas take the processor from the others on a small test machine.
        with running_postgres() as server, cluster(tmp_path, server, deadline=5.0) as cluster_of_none:
            yield cluster_of_none
    except NoPostgres as reason:
        missing(str(reason))


def version_of(made: Cluster) -> str:
    engine = sqlalchemy.create_engine(made.url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        found = connection.execute(sqlalchemy.text("SELECT version_num FROM alembic_version")).scalar_one()
    engine.dispose()
    return str(found)


def replace_replica(made: Cluster, load: Load, old: Replica, version: str) -> Replica:
    """Start a replica of a version, and stop an old one once that is ready and no caller uses the old one."""
    fresh = made.start(version)
    load.targets = [fresh if each is old else each for each in load.targets]
    answered(load, 8)  # each client has noticed
    made.stop(old)
    return fresh


def answered(load: Load, count: int) -> None:
    """Wait until each client was answered a few times more."""
    before = load.served()
    wait_until(lambda: load.served() >= before + 2 * count)


@pytest.mark.parametrize("per_second", RATES)
def test_two_versions_share_a_store_on_the_way_there_and_back(made: Cluster, per_second: float) -> None:
    one, other = made.start(), made.start()
    with Load([one, other], per_second) as load:
        answered(load, 8)
        made.upgrade("next")
        assert version_of(made) == NEXT_VERSION
        assert one.is_ready() and other.is_ready(), "replicas of the old version stay ready"
        answered(load, 8)
        third = replace_replica(made, load, one, "next")
        answered(load, 16)  # by both versions
        fourth = replace_replica(made, load, other, "next")
        answered(load, 8)
        fifth = replace_replica(made, load, third, "")  # and back: an old program on the new schema
        answered(load, 16)
        replace_replica(made, load, fourth, "")
        answered(load, 8)
        assert fifth.is_ready()
    print(f"{len(load.notes)} calls: {dict(Counter((note.kind, note.status) for note in load.notes))}")
    failed = [note for note in load.notes if note.status != 200]
    assert not failed, (
        failed,
        [line for one in made.replicas for line in one.log.read_text().splitlines() if '"status": 5' in line],
    )
    assert made.lost(load.acknowledged) == set()
    assert made.audit_faults() == ()


def test_replicas_of_the_next_version_start_before_the_migration(made: Cluster) -> None:
    fresh = made.start("next")
    assert version_of(made) == VERSIONS[-1]
    with Load([fresh], 4.0) as load:
        wait_until(lambda: len(load.acknowledged) > 2)
    assert {note.status for note in load.notes} == {200}
