"""Read the test cases of the decisions for display: what is given and what is expected.

The tables (tests/decisions/<name>.toml) are not part of an installed package, so they are shown only when the service
runs from a source tree.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

#: Folder of the tables in the source tree, which a page names if it is missing.
CASES_FOLDER = "tests/decisions"
_FOLDER = Path(__file__).resolve().parents[2] / CASES_FOLDER
_NAMES = {"dx": "diagnoses", "labs": "results", "person": "patient", "listings": "lists"}
#: Expectations besides the cards: what they print and offer, and the sentences they contain or omit.
_EXPECTED = {"prints": "prints", "texts": "says", "without": "does not say", "offers": "offers"}
_NOT_GIVEN = ("says", "expect", "limit", "side", *_EXPECTED)


@dataclass(frozen=True, slots=True)
class Case:
    """One test case. `expected` are the cards, `details` further expectations.

    `limit` is the threshold that the case tests and `side` the side of it; both may be empty.
    """

    says: str
    given: tuple[tuple[str, str], ...]
    expected: tuple[str, ...]
    details: tuple[tuple[str, str], ...] = ()
    limit: str = ""
    side: str = ""


@cache
def cases_of(decision: str, folder: Path = _FOLDER) -> tuple[Case, ...] | None:
    """Return the cases of a decision in the order of its table, or None if the table is not available."""
    file = folder / f"{decision}.toml"
    if not file.is_file():
        return None
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    return tuple(_case(entry) for entry in content.get("case", ()))


def _case(entry: Mapping[str, Any]) -> Case:
    given = tuple((_NAMES.get(key, key), _text(value)) for key, value in entry.items() if key not in _NOT_GIVEN)
    expected = entry.get("expect", ())
    return Case(
        says=str(entry.get("says", "")),
        given=given,
        expected=tuple(map(str, expected if isinstance(expected, list) else [expected])),
        details=tuple((label, _text(entry[key])) for key, label in _EXPECTED.items() if key in entry),
        limit=str(entry.get("limit", "")),
        side=str(entry.get("side", "")),
    )


def _text(value: Any) -> str:
    if isinstance(value, list):
        if not value:
            return "none"
        return "; ".join(map(_text, value))
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_text(each)}" for key, each in value.items())
    return str(value)
