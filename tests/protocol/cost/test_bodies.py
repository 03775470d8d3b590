"""The worst body of a megabyte costs little and is answered in little (reliability DOS-3, DOS-8).

`pytest -s -m slow tests/protocol/cost/test_bodies.py` prints the table.
"""

from __future__ import annotations

import time

import pytest
from flask.testing import FlaskClient

from tests.protocol.cost.bodies import KINDS, MEGABYTE, Kind

#: What an answer may have at most, in bytes, and the seconds of CPU that it may cost: ten times what it does cost on a
#: machine that others use too.
LARGEST_ANSWER = 150_000
MOST_SECONDS = 20.0


def answered(http: FlaskClient, kind: Kind, raw: bytes) -> tuple[int, float, int]:
    """Send a body; return the status, the seconds of CPU and the bytes of the answer."""
    started = time.thread_time()
    answer = http.post(kind.path, data=raw, content_type="application/json")
    return answer.status_code, time.thread_time() - started, len(answer.data)


@pytest.mark.control("DOS-8")
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_hostile_body_is_answered_in_little(http: FlaskClient, kind: Kind) -> None:
    status, _, length = answered(http, kind, kind.raw(8))
    assert status in kind.statuses
    assert length < LARGEST_ANSWER


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ("drafts_each_selected", "codings_of_a_diagnosis", "results_of_one_day_for_saturation")
)
def test_a_megabyte_of_a_common_kind_costs_little(http: FlaskClient, name: str) -> None:
    costs_little(http, KINDS[name])


@pytest.mark.full
@pytest.mark.control("DOS-3", "DOS-8")
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_hostile_body_of_a_megabyte_costs_little(http: FlaskClient, kind: Kind) -> None:
    costs_little(http, kind)


def costs_little(http: FlaskClient, kind: Kind) -> None:
    status, seconds, length = answered(http, kind, kind.of_size(MEGABYTE))
    print(f"\n{kind.name:50} {status} {seconds:6.2f} s {length:8} B")
    assert status in kind.statuses
    assert length < LARGEST_ANSWER
    assert seconds < MOST_SECONDS
