"""Edit the laboratory values of a hook request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cards.facts.chart import Chart
from cards.quantity import plain
from cards.wording.render import display_name

Resource = dict[str, Any]
_VALUE = re.compile(r"(<=|>=|<|>)?\s*([0-9]{1,7}(?:\.[0-9]{1,4})?)")


@dataclass(frozen=True, slots=True)
class LabField:
    """One result that can be edited: `index` is its entry in the prefetched Bundle, `unit` is as reported."""

    index: int
    name: str
    day: str
    unit: str
    original: str
    value: str

    @property
    def is_changed(self) -> bool:
        """Return whether another value was typed."""
        return self.value != self.original


def lab_fields(body: Resource, chart: Chart, typed: Mapping[int, str]) -> tuple[LabField, ...]:
    """Return the usable results of `chart` with a number in the request, newest first; `typed` has values by index."""
    numbered = {f"Observation/{each.get('id')}": (n, each) for n, each in _observations(body)}
    fields = []
    for result in sorted(chart.labs, key=lambda each: each.when.order, reverse=True):
        index, observation = numbered.get(result.reference, (-1, {}))
        original = _value_text(observation)
        if index >= 0 and original:
            unit = (result.reported or result.quantity).unit
            value = typed.get(index, original)
            name = display_name(result.analyte)
            fields.append(LabField(index, name, result.when.text, unit, original, value))
    return tuple(fields)


def change_labs(body: Resource, typed: Mapping[int, str]) -> tuple[int, ...]:
    """Write the typed values into the request, and return the indexes of those that are no number and were ignored.

    An empty value removes the result from the request.
    """
    invalid, removed = [], []
    for index, observation in _observations(body):
        text = typed.get(index)
        if text is None or text == _value_text(observation):
            continue
        found = _VALUE.fullmatch(text.strip())
        if found:
            _write(observation["valueQuantity"], found[1] or "", found[2])
        elif text.strip():
            invalid.append(index)
        else:
            removed.append(index)
    _remove(body, removed)
    return tuple(invalid)


def _observations(body: Resource) -> Iterator[tuple[int, Resource]]:
    """Yield the Observations prefetched under `labs` that have a number, with their index in the Bundle."""
    for index, entry in enumerate(_entries(body)):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and resource.get("resourceType") == "Observation" and _value_text(resource):
            yield index, resource


def _entries(body: Resource) -> list[Any]:
    prefetch = body.get("prefetch")
    labs = prefetch.get("labs") if isinstance(prefetch, dict) else None
    entries = labs.get("entry") if isinstance(labs, dict) else None
    return entries if isinstance(entries, list) else []


def _remove(body: Resource, indexes: list[int]) -> None:
    for index in reversed(indexes):
        del _entries(body)[index]


def _value_text(observation: Mapping[str, Any]) -> str:
    """Return the number of a result as written, with its comparator; empty if it has none."""
    quantity = observation.get("valueQuantity")
    value = quantity.get("value") if isinstance(quantity, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    comparator = quantity.get("comparator") if isinstance(quantity, dict) else None
    sign = comparator if comparator in ("<", "<=", ">", ">=") else ""
    return f"{sign}{plain(Decimal(str(value)))}"


def _write(quantity: Resource, comparator: str, number: str) -> None:
    quantity["value"] = float(number) if "." in number else int(number)
    quantity.pop("comparator", None)
    if comparator:
        quantity["comparator"] = comparator
