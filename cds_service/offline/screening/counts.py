"""What is counted in the lines of an export."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Counts:
    """What was counted in the lines of one piece, or of many.

    lines    all lines of the files that were read, but empty ones
    bad      lines that hold no resource: cut off, no JSON, too long
    nobodys  records of which no reference tells the patient, by type
    types    resources by type, where every line was looked at or the file holds one type
    cut      files that end too early and records that were cut off before they name anybody, by type; an empty one
             where it is not known
    """

    lines: int = 0
    bad: int = 0
    nobodys: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)

    def add(self, written: Mapping[str, Any]) -> None:
        """Add what `as_json` wrote of another piece."""
        self.lines += written["lines"]
        self.bad += written["bad"]
        self.nobodys.update(written["nobodys"])
        self.types.update(written["types"])
        self.cut.update(written["cut"])

    def as_json(self) -> dict[str, Any]:
        """Return the counts as a JSON value."""
        return {
            "lines": self.lines,
            "bad": self.bad,
            "nobodys": dict(sorted(self.nobodys.items())),
            "types": dict(sorted(self.types.items())),
            "cut": dict(sorted(self.cut.items())),
        }
