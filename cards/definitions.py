"""Who the patient is, and which data count: numbers that several decisions share and no site may change.

They stand in `cards/definitions.toml`, each with its meaning and source, and are read once, as value sets are; so a
function that takes only a chart can ask for them by name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from cards.rules import BadKnowledge

#: Where the file that ships stands, as messages name it.
WHERE = "cards/definitions.toml"


@dataclass(frozen=True, slots=True)
class Definition:
    """One number with its unit; `side` says in words how it is meant, `step` by how much it may be off unnoticed."""

    name: str
    value: Decimal
    unit: str
    side: str
    meaning: str
    since: date
    citation: str
    certainty: str
    reviewer: str
    next_review: date
    step: Decimal = Decimal(1)


def text_of_definitions() -> str:
    """The file that ships with the package, unread."""
    return (files("cards") / "definitions.toml").read_text(encoding="utf-8")


@cache
def definitions() -> Mapping[str, Definition]:
    """All definitions by name. Raises `BadKnowledge` where the file is no TOML."""
    return definitions_from(text_of_definitions())


def definitions_from(text: str) -> Mapping[str, Definition]:
    """The definitions in this text, whose form has been checked. Raises `BadKnowledge` where it is no TOML."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise BadKnowledge(f"{WHERE}: not TOML: {fault}") from fault
    return MappingProxyType({name: _definition(name, entry) for name, entry in content.items()})


def _definition(name: str, entry: Mapping[str, Any]) -> Definition:
    numbers = {key: Decimal(entry[key]) for key in ("value", "step") if key in entry}
    return Definition(name=name, **{**entry, **numbers})


def amount(name: str) -> Decimal:
    """The number of that name."""
    return definitions()[name].value


def whole(name: str) -> int:
    """The number of that name, where it counts days, years or ingredients."""
    return int(definitions()[name].value)
