"""Changing laboratory values of a hook request, to see what the cards make of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cards.chart import Chart
from cards.quantity import plain
from cards.wording import display_name

Resource = dict[str, Any]
_VALUE = re.compile(r"(<=|>=|<|>)?\s*([0-9]{1,7}(?:\.[0-9]{1,4})?)")


@dataclass(frozen=True, slots=True)
class LabField:
    """One result that can be changed: `place` counts the Observations of the request, `unit` is the reported one."""

    place: int
    name: str
    day: str
    unit: str
    original: str
    value: str

    @property
    def is_changed(self) -> bool:
        return self.value != self.original


def lab_fields(body: Resource, chart: Chart, typed: Mapping[int, str]) -> tuple[LabField, ...]:
    """The usable results of `chart` whose number stands in the request, newest first; `typed` by place."""
    numbered = {f"Observation/{each.get('id')}": (n, each) for n, each in _observations(body)}
    fields = []
    for result in sorted(chart.labs, key=lambda each: each.when.order, reverse=True):
        place, observation = numbered.get(result.reference, (-1, {}))
        original = _written(observation)
        if place >= 0 and original:
            unit = (result.reported or result.quantity).unit
            value = typed.get(place, original)
            name = display_name(result.analyte)
            fields.append(LabField(place, name, result.when.text, unit, original, value))
    return tuple(fields)


def change_labs(body: Resource, typed: Mapping[int, str]) -> tuple[int, ...]:
    """Write the typed values into the request; an empty one takes the result out of it. Gives the places whose text
    is no number, which stay as they were."""
    wrong, gone = [], []
    for place, observation in _observations(body):
        text = typed.get(place)
        if text is None or text == _written(observation):
            continue
        found = _VALUE.fullmatch(text.strip())
        if found:
            _write(observation["valueQuantity"], found[1] or "", found[2])
        elif text.strip():
            wrong.append(place)
        else:
            gone.append(place)
    _take_out(body, gone)
    return tuple(wrong)


def _observations(body: Resource) -> Iterator[tuple[int, Resource]]:
    """The Observations prefetched under `labs` that hold a number, by their place in that Bundle."""
    for place, entry in enumerate(_entries(body)):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and resource.get("resourceType") == "Observation" and _written(resource):
            yield place, resource


def _entries(body: Resource) -> list[Any]:
    prefetch = body.get("prefetch")
    labs = prefetch.get("labs") if isinstance(prefetch, dict) else None
    entries = labs.get("entry") if isinstance(labs, dict) else None
    return entries if isinstance(entries, list) else []


def _take_out(body: Resource, places: list[int]) -> None:
    for place in reversed(places):
        del _entries(body)[place]


def _written(observation: Mapping[str, Any]) -> str:
    """The number as it is written in the result, with its sign; empty where there is none."""
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
