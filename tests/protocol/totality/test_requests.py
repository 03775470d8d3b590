"""Thousands of shipped requests with odd values in them, in five time zones: none ends in a fault of ours.

The long form: `pytest -m full -s tests/protocol/totality` prints the figures.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.protocol.totality.services import ZONES, answer
from tests.protocol.totality.structure_aware import call


def outcome(number: int) -> str:
    """How the call of this number is answered."""
    path, body = call(number)
    status, content = answer(ZONES[number % len(ZONES)], path, body)
    if status != 200:
        return str(status)
    return "200 with cards" if content["cards"] else "200 with no card"


@pytest.mark.slow
def test_hundreds_of_odd_requests_are_answered() -> None:
    seen = Counter(outcome(number) for number in range(400))
    assert seen["200 with cards"] > 100 and seen["200 with no card"] > 50, seen


@pytest.mark.full
def test_a_hundred_thousand_odd_requests_are_answered() -> None:
    seen = Counter(outcome(number) for number in range(100_000))
    print(f"\n{sum(seen.values())} requests: {dict(seen.most_common())}")
    assert seen["200 with cards"] > 25_000
