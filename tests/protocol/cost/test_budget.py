"""A call that needs more computing than its client waits for is 503 with its reason, never half an answer."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cds_service.config.profiles import open_client
from cds_service.store import Answer, NullStore
from cds_service.web.deadline import CpuBudget
from cds_service.web.errors import TooCostly
from tests.builders.service import SIGN, VIEW, application, good, is_outcome, is_response, reporting, settings

#: The stages after which the clock is looked at, in their order.
STAGES = ("reading the request", "reading the draft orders", "gathering the data", "reading the chart", "deciding")
DEADLINE = 30.0


class KeepingStore(NullStore):
    """A store that remembers what it was given to record."""

    def __init__(self) -> None:
        super().__init__()
        self.recorded: list[Answer] = []

    def within(self, ends: float) -> KeepingStore:
        return self

    def record_answer(self, answer: Answer) -> None:
        self.recorded.append(answer)


def passed_after(looks: int) -> Callable[[], float]:
    """Return a clock that stands at nought for so many looks and is past the deadline from then on."""
    seen = itertools.count()
    return lambda: 0.0 if next(seen) < looks else DEADLINE + 0.001


def answered(clock: Callable[[], float], hook: str = "patient-view") -> tuple[Any, list[Any], KeepingStore]:
    profile = replace(open_client("generic"), deadline_ms=int(DEADLINE * 1000))
    reports: list[Any] = []
    store = KeepingStore()
    with application(settings(profile=profile), cpu_clock=clock, store=store, **reporting(reports)) as app:
        path = VIEW if hook == "patient-view" else SIGN
        return app.test_client().post(path, json=good(hook)), reports, store


@pytest.mark.control("DOS-8")
@pytest.mark.parametrize("hook", ["patient-view", "order-sign"])
@pytest.mark.parametrize(("looks", "stage"), [*enumerate(STAGES, 1)])
def test_a_call_that_is_too_costly_ends_after_its_stage(looks: int, stage: str, hook: str) -> None:
    answer, reports, store = answered(passed_after(looks), hook)
    issues = is_outcome(answer, 503)
    assert issues[0]["code"] == "too-costly"
    assert issues[0]["diagnostics"] == f"No answer was given after: {stage}"
    assert "cards" not in answer.get_json()
    assert reports[-1]["reason"] == f"too much computing by the end of: {stage}"
    assert not store.recorded


def test_an_answer_that_is_ready_is_given() -> None:
    answer, _, store = answered(passed_after(len(STAGES) + 1))
    assert is_response(answer)["cards"]
    assert len(store.recorded) == 1


def test_the_budget_ends_where_the_deadline_of_the_client_is_used_up() -> None:
    now = 5.0
    budget = CpuBudget.of(5.0, DEADLINE, lambda: now)
    now += DEADLINE
    budget.check("a stage")
    now += 0.001
    with pytest.raises(TooCostly):
        budget.check("a stage")


def test_waiting_uses_up_nothing() -> None:
    """A machine that is busy with other things refuses nobody."""
    budget = CpuBudget.of(time.thread_time(), 0.05, time.thread_time)
    time.sleep(0.1)
    budget.check("a stage")
