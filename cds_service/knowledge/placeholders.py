"""Check that every placeholder in the texts of a decision file can be filled."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping
from typing import Any

from cards.knowledge.decision_file import DECISION
from cards.knowledge.forms import texts_with_facts
from cards.knowledge.limits import SIDES
from cds_service.knowledge.toml_files import place_of

_OF_A_RESULT = ("_value", "_date")
_OF_A_LIMIT = ("limit_", "side_")


def text_faults(content: Mapping[str, Any], limits: frozenset[str] | None) -> Iterator[str]:
    """Yield the faults of the placeholders. `limits`: all threshold names with `_` for dots, or None if unknown.

    A placeholder is `{limit_ferritin_low}`, `{side_ferritin_low}`, or a name in the file's `facts`, alone or with
    `_value` or `_date`.
    """
    facts = frozenset(content["facts"])
    for path, text in texts_with_facts(DECISION, content):
        for fault in _faults(text, facts, limits):
            yield f"{place_of(path)}: {fault}"


#: How a text says on which side of a limit something lies, by whether the limit itself goes with what lies above it.
_SIDE_WORDS = {
    True: ("below", "under", "less than", "at or above", "at least"),
    False: ("above", "over", "more than", "at or below", "at most", "up to"),
}
_NAMED_SIDE = re.compile(
    rf"\b({'|'.join(sorted((*_SIDE_WORDS[True], *_SIDE_WORDS[False]), key=len, reverse=True))})"
    r"(?: (?:a|an|the|of|eGFR|ferritin))* \{limit_(\w+)\}"
)


def side_faults(content: Mapping[str, Any], sides: Mapping[str, str]) -> Iterator[str]:
    """Yield the texts that name another side of a limit than its `side`, or than what is left of it.

    `sides`: the side of every threshold, by its name with `_` for dots.
    """
    for path, text in texts_with_facts(DECISION, content):
        for found in _NAMED_SIDE.finditer(text):
            side = sides.get(found[2], "")
            allowed = _SIDE_WORDS[SIDES[side].cuts_below_the_limit] if side else (found[1],)
            if found[1] not in allowed:
                yield (
                    f"{place_of(path)}: {found[0]!r}: the side of this limit is {side!r}; "
                    f"allowed: {', '.join(allowed)}; correct the words or the side"
                )


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
        elif name.startswith(_OF_A_LIMIT):
            if limits is not None and name.partition("_")[2] not in limits:
                yield (
                    f"{{{name}}} names no threshold; allowed: limit_ or side_ and the threshold's name, _ for .; "
                    "correct it"
                )
        elif not _is_fact(name, facts):
            yield f"{{{name}}} is no fact of this decision; allowed: its facts, alone or with _value, _date; correct it"


def _is_fact(name: str, facts: frozenset[str]) -> bool:
    return name in facts or any(name.removesuffix(end) in facts for end in _OF_A_RESULT if name.endswith(end))
