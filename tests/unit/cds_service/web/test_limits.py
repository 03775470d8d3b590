"""Feedback waits for a slot, a bounded number of calls at once; hook calls are refused at once."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import pytest

from cds_service.web.errors import Overloaded
from cds_service.web.limits import ConcurrencyLimit, ConcurrencyLimits, feedback_slots, needed_threads


def test_a_call_that_waits_gets_the_slot_that_comes_free() -> None:
    limit = ConcurrencyLimit("calls", 1, timeout=30.0, waiting=1)
    served, waits = threading.Event(), threading.Event()

    def call() -> None:
        waits.set()
        with limit.slot():
            served.set()

    with limit.slot():
        caller = threading.Thread(target=call)
        caller.start()
        assert waits.wait(30)
        assert not served.is_set()
    assert served.wait(30)
    caller.join(30)


def test_no_more_calls_wait_than_may() -> None:
    limit = ConcurrencyLimit("calls", 1, timeout=30.0, waiting=0)
    with limit.slot(), pytest.raises(Overloaded) as refused, limit.slot():
        pass
    assert refused.value.reason == "all slots for calls are taken"
    with limit.slot():
        pass


def test_a_call_that_waits_too_long_is_refused_and_leaves_its_place() -> None:
    limit = ConcurrencyLimit("calls", 1, timeout=0.01, waiting=1)
    with limit.slot():
        for _ in range(5):
            with pytest.raises(Overloaded), limit.slot():
                pass
    with limit.slot():
        pass


@pytest.mark.parametrize("max_inflight", [1, 2, 16, 512])
def test_there_are_threads_for_all_calls_and_those_that_wait(max_inflight: int) -> None:
    limits = ConcurrencyLimits(max_inflight)
    with ExitStack() as held:
        for _ in range(max_inflight):
            held.enter_context(limits.hooks.slot())
        with pytest.raises(Overloaded):
            limits.hooks.refuse_if_full()
    assert needed_threads(max_inflight) > max_inflight + feedback_slots(max_inflight) + max_inflight
