"""Whether every placeholder of a decision file's texts can be filled."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from typing import Any

from cds_service.knowledge_faults import place_of

_OF_A_RESULT = ("_value", "_date")
_FILLED = ("summary", "recommendation", "rule", "limits", "not_for")


def text_faults(content: Mapping[str, Any], limits: frozenset[str] | None) -> Iterator[str]:
    """Faults of the placeholders. `limits`: every threshold by name, with `_` for the points; `None`: not known.

    A placeholder is `{limit_ferritin_low}`, or a name of the file's `facts`, alone or with `_value` or `_date`.
    """
    facts = frozenset(content["facts"])
    for path, text in _texts(content):
        for fault in _faults(text, facts, limits):
            yield f"{place_of(path)}: {fault}"


def _texts(content: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    for table in ("because", "texts"):
        for name, text in content.get(table, {}).items():
            yield (table, name), text
    for card, members in content["cards"].items():
        for member in _FILLED:
            if member in members:
                yield ("cards", card, member), members[member]


def _faults(text: str, facts: frozenset[str], limits: frozenset[str] | None) -> Iterator[str]:
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as fault:
        yield f"braces that do not pair ({fault}); write a placeholder as {{name}}"
        return
    for _, name, form, conversion in parts:
        if name is None:
            continue
        if form or conversion or not name.isidentifier():
            yield f"{{{name}}} has a form of its own; allowed: a bare name such as {{ferritin}}; write the name alone"
        elif name.startswith("limit_"):
            if limits is not None and name.removeprefix("limit_") not in limits:
                yield f"{{{name}}} names no threshold; allowed: limit_ and the threshold's name, _ for .; correct it"
        elif not _is_fact(name, facts):
            yield f"{{{name}}} is no fact of this decision; allowed: its facts, alone or with _value, _date; correct it"


def _is_fact(name: str, facts: frozenset[str]) -> bool:
    return name in facts or any(name.removesuffix(end) in facts for end in _OF_A_RESULT if name.endswith(end))
