"""The smallest patient for whom a property fails: whatever can be left out of a chart is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

from tests.properties.patients import Generated


def smallest(patient: Generated, holds: Callable[[Generated], None]) -> Generated:
    """`patient` without every entry of a list that the failure of `holds` does not need."""
    for smaller in _without_one_entry(patient):
        if _fails(smaller, holds):
            return smallest(smaller, holds)
    return patient


def _without_one_entry(patient: Generated) -> Iterator[Generated]:
    for each in fields(patient):
        entries = getattr(patient, each.name)
        if isinstance(entries, tuple):
            for number in range(len(entries)):
                fewer: dict[str, Any] = {each.name: entries[:number] + entries[number + 1 :]}
                yield replace(patient, **fewer)


def _fails(patient: Generated, holds: Callable[[Generated], None]) -> bool:
    try:
        holds(patient)
    except AssertionError:
        return True
    return False
