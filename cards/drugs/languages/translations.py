"""Names of our ingredients in other languages that no spelling rule yields, out of translations.csv."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from importlib.resources import files
from typing import NamedTuple


class Translation(NamedTuple):
    """One name. `languages` are ISO 639-1 codes in one string, `la` for Latin, `*` for every language."""

    ingredient: str
    languages: str
    name: str
    source: str


def translations() -> Iterator[Translation]:
    """Yield every row of the table."""
    text = (files("cards") / "drugs" / "languages" / "translations.csv").read_text(encoding="utf-8")
    rows = csv.reader(line for line in text.splitlines() if not line.startswith("#"))
    next(rows)
    for row in rows:
        yield Translation(*row)
