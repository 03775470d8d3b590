"""The test cases of the decisions, as a reader wants them: what is given, and what is expected.

They lie in the source tree (tests/decisions/<name>.toml) and are not part of an installed package, so that a page
can only show them where the source is.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

#: Where the tables are, seen from the source tree; also what a page names where they are not there.
PLACE = "tests/decisions"
_FOLDER = Path(__file__).resolve().parents[2] / PLACE
_NAMES = {"dx": "diagnoses", "labs": "results", "person": "patient", "listings": "lists"}
#: Expected beside the cards: what they print and offer, which sentences they hold and which not.
_EXPECTED = {"prints": "prints", "texts": "says", "without": "does not say", "offers": "offers"}
_NOT_GIVEN = ("says", "expect", "limit", "side", *_EXPECTED)


@dataclass(frozen=True, slots=True)
class Case:
    """`expected` are the cards, `besides` what else is expected of them; `limit` names the threshold that the case
    stands at, `side` on which side of it; both may be empty."""

    says: str
    given: tuple[tuple[str, str], ...]
    expected: tuple[str, ...]
    besides: tuple[tuple[str, str], ...] = ()
    limit: str = ""
    side: str = ""


@cache
def cases_of(decision: str, folder: Path = _FOLDER) -> tuple[Case, ...] | None:
    """The cases of one decision in the order of its table; None where its table is not beside this code."""
    file = folder / f"{decision}.toml"
    if not file.is_file():
        return None
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    return tuple(_case(entry) for entry in content.get("case", ()))


def _case(entry: Mapping[str, Any]) -> Case:
    given = tuple((_NAMES.get(key, key), _words(value)) for key, value in entry.items() if key not in _NOT_GIVEN)
    expected = entry.get("expect", ())
    return Case(
        says=str(entry.get("says", "")),
        given=given,
        expected=tuple(map(str, expected if isinstance(expected, list) else [expected])),
        besides=tuple((words, _words(entry[key])) for key, words in _EXPECTED.items() if key in entry),
        limit=str(entry.get("limit", "")),
        side=str(entry.get("side", "")),
    )


def _words(value: Any) -> str:
    if isinstance(value, list):
        if not value:
            return "none"
        return "; ".join(map(_words, value))
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_words(each)}" for key, each in value.items())
    return str(value)
