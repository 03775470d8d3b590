"""The work of one call grows by nobody's oversight: what is counted here is the same on every machine.

After a change that saves work: `python -m tests.benchmarks.work`, and read the difference.
"""

from __future__ import annotations

from functools import reduce
from importlib import import_module

import pytest

from tests.benchmarks.work import ALLOWANCE, COUNTED, PYTHON, READERS, TO_BE_LOWERED, count, recorded

_TO_RECORD = "after a change on purpose: python -m tests.benchmarks.work"


def test_every_kind_of_call_is_recorded() -> None:
    assert list(recorded().calls) == list(COUNTED), _TO_RECORD


@pytest.mark.parametrize("name", READERS)
def test_what_is_counted_is_a_function_of_the_service(name: str) -> None:
    path, after = name, ""
    while True:
        path, _, last = path.rpartition(".")
        after = f"{last}.{after}".strip(".")
        try:
            module = import_module(path)
        except ModuleNotFoundError:
            continue
        break
    assert callable(reduce(getattr, after.split("."), module))


@pytest.mark.parametrize("name", COUNTED)
def test_a_call_does_no_more_work_than_was_recorded(name: str) -> None:
    found, held = count(name), dict(recorded().calls[name])
    calls, most = found.pop("python_calls"), held.pop("python_calls")
    assert found == held, _TO_RECORD
    assert calls <= ALLOWANCE * most, f"{calls} calls of functions, {most} recorded: what became costly?"
    if recorded().python == PYTHON:
        assert calls >= TO_BE_LOWERED * most, f"{calls} calls of functions, {most} recorded: lower it. {_TO_RECORD}"
