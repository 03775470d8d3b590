"""Why a change that no test notices does not matter: the reasons of survivors.toml."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

_FILE = Path(__file__).parent / "survivors.toml"


@dataclass(frozen=True, slots=True)
class SurvivorReason:
    """Covers mutants whose name fits one of `names` and whose change holds the expression `change`."""

    why: str
    names: tuple[str, ...]
    change: re.Pattern[str]

    def covers(self, name: str, change: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self.names) and bool(self.change.search(change))


@dataclass(frozen=True, slots=True)
class SurvivorReasons:
    entries: tuple[SurvivorReason, ...]

    def of(self, name: str, change: str) -> str:
        """The first reason that covers a survivor; empty where none does."""
        return next((entry.why for entry in self.entries if entry.covers(name, change)), "")


def read_reasons() -> SurvivorReasons:
    entries = tomllib.loads(_FILE.read_text(encoding="utf-8")).get("survivor", [])
    return SurvivorReasons(
        tuple(
            SurvivorReason(each["why"], tuple(each["names"]), re.compile(each.get("change", ""), re.M))
            for each in entries
        )
    )
