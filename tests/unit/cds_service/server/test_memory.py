"""What is loaded once is never looked at by the garbage collector: not while it is loaded, and not afterwards."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from cds_service.server.memory import loading, settle_memory


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """Give the objects back to the garbage collector afterwards."""
    yield
    gc.unfreeze()


def collections() -> int:
    return sum(each["collections"] for each in gc.get_stats())


def test_settled_memory_is_not_looked_at_again() -> None:
    settle_memory()
    assert gc.get_freeze_count() > 100_000
    assert len(gc.get_objects()) < gc.get_freeze_count() / 10


def test_nothing_is_collected_while_it_is_loaded() -> None:
    with loading():
        before = collections()
        kept = [[number] for number in range(100_000)]
        assert collections() == before
    assert gc.isenabled() and gc.get_freeze_count() > len(kept)


def test_a_load_that_fails_turns_the_collector_on_again() -> None:
    before = gc.get_freeze_count()
    with pytest.raises(ValueError, match="faulty"), loading():
        raise ValueError("faulty")
    assert gc.isenabled() and gc.get_freeze_count() == before
