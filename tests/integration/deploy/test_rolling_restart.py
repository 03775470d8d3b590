"""Two replicas on PostgreSQL behind nginx are restarted one by one under load: no call fails, no feedback is lost.

At 8 requests a second; at 50, with each replica restarted three times:
pytest -m full -s tests/integration/deploy/test_rolling_restart.py
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest

from tests.builders.components import missing
from tests.integration.deploy.nginx import Nginx, running_nginx
from tests.integration.server.replicas import PROXY, Cluster, Load, cluster, wait_until
from tests.integration.store.postgres import NoPostgres, running_postgres

pytestmark = pytest.mark.postgres
#: Each call is followed by one of feedback, so twice as many requests.
RATES = [
    pytest.param(4.0, 1, id="8 requests a second"),
    pytest.param(25.0, 3, id="50 requests a second", marks=pytest.mark.full),
]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Cluster]:
    try:
        # The longest deadline: starting replicas take the processor from the others on a small test machine.
        with running_postgres() as server, cluster(tmp_path, server, deadline=5.0) as cluster_of_none:
            yield cluster_of_none
    except NoPostgres as reason:
        missing(str(reason))


@dataclass(frozen=True, slots=True)
class Behind:
    """The replicas as clients see them: through nginx and TLS, each call on a connection of its own."""

    nginx: Nginx
    number: int = 0

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        timeout = 2 * PROXY
        with closing(
            HTTPSConnection("127.0.0.1", self.nginx.port, context=self.nginx.context(), timeout=timeout)
        ) as connection:
            raw = None if body is None else json.dumps(body)
            connection.request(method, path, raw, {"Content-Type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())


@pytest.mark.parametrize(("per_second", "rounds"), RATES)
def test_replicas_are_restarted_one_by_one_without_a_failed_call(
    made: Cluster, tmp_path: Path, per_second: float, rounds: int
) -> None:
    replicas = [made.start(), made.start()]
    (tmp_path / "nginx").mkdir()
    with running_nginx(tmp_path / "nginx", [each.port for each in replicas]) as nginx:
        with Load([Behind(nginx)], per_second) as load:
            answered(load, 20)
            for number in range(2 * rounds):
                stopped = replicas[number % 2]
                made.stop(stopped)
                replicas[number % 2] = made.start(port=stopped.port)
                answered(load, 20)
        ways = Counter(line.split()[5] for line in nginx.log())
    statuses = Counter(each.status for each in load.notes)
    print(f"{len(load.notes)} requests, feedback acknowledged {len(load.acknowledged)} times: {statuses}")
    assert statuses.keys() == {200}, "\n".join(refusals(made))
    assert {f"127.0.0.1:{each.port}" for each in replicas} <= ways.keys(), ways
    assert made.lost(load.acknowledged) == set()
    assert made.audit_faults() == ()


def refusals(made: Cluster) -> list[str]:
    """Return what the replicas logged of the calls that they refused, and of stores that they could not open."""
    signs = ('"status": 503', "store not opened", "store opened")
    lines = [line for replica in made.replicas for line in replica.log.read_text().splitlines()]
    return [line for line in lines if any(sign in line for sign in signs)]


def answered(load: Load, count: int) -> None:
    """Wait until clients were answered a number of times more."""
    before = load.served()
    wait_until(lambda: load.served() >= before + count)
