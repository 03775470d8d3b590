"""Numbers that define patients and usable data, shared by several decisions and fixed for every site.

They are kept in `cards/knowledge/definitions.toml`, each with its meaning and source, and are read once, like value
sets, so that a function that takes only a chart can look them up by name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from cards.knowledge.limits import Limit
from cards.knowledge.rules import BadKnowledge
from cards.values import frozen

#: The path of the shipped file, as messages name it.
WHERE = "cards/knowledge/definitions.toml"


@frozen
class Definition(Limit):
    """A number that no site may change; `step`: by how much it may be off unnoticed. A `side` of "is" is no limit."""

    since: date
    reviewer: str
    next_review: date
    step: Decimal = Decimal(1)
    says: str = ""  # what the source says of it, in one line


def text_of_definitions() -> str:
    """Return the text of the file that ships with the package."""
    return (files("cards") / "knowledge" / "definitions.toml").read_text(encoding="utf-8")


@cache
def definitions() -> Mapping[str, Definition]:
    """Return all definitions by name. Raises `BadKnowledge` where the file is not TOML."""
    return definitions_from(text_of_definitions())


def definitions_from(text: str) -> Mapping[str, Definition]:
    """Return the definitions in this text, whose form has been checked.

    Raises `BadKnowledge` where it is not TOML.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise BadKnowledge(f"{WHERE}: not TOML: {fault}") from fault
    return MappingProxyType({name: _definition(name, entry) for name, entry in content.items()})


def _definition(name: str, entry: Mapping[str, Any]) -> Definition:
    numbers = {key: Decimal(entry[key]) for key in ("value", "step") if key in entry}
    return Definition(name=name, **{**entry, **numbers})


def defined(name: str) -> Definition:
    """Return the definition of that name, to be compared on its side."""
    return definitions()[name]


def amount(name: str) -> Decimal:
    """Return the number of the definition of that name."""
    return definitions()[name].value


def whole(name: str) -> int:
    """Return the number of that name as an integer: a count of days, years or ingredients."""
    return int(definitions()[name].value)
