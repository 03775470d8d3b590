"""A site's expansion file: what lies below the SNOMED roots of our value sets, as a terminology server told it.

`rls-cds valuesets expand` writes it, and the setting `site.expansions` names it. One JSON value a line: a header, then
one line for each value set. While it is being written, lines of pages stand in it too, so that a command that was
killed goes on with the page after the last one (`cds_service/offline/expand.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from cards.fhir.local_codes import Code, local_key
from cards.knowledge.code_systems import SNOMED
from cards.knowledge.valuesets import load_valueset, valueset_names
from cards.reading.procedures import PROCEDURES
from cds_service.knowledge.code_formats import code_fault

FORMAT = "rls-cds expansion 1"
#: From then on `check-config` warns: SNOMED CT is published every month, and national editions twice a year.
OLD_AFTER_DAYS = 365
_COMMAND = "rls-cds valuesets expand --server URL --out FILE"
_BACK = f"write it again: {_COMMAND}"


@dataclass(frozen=True, slots=True)
class ExpandedSet:
    """The codes below the roots of one value set, when the server was asked, and which roots it was asked for."""

    name: str
    at: datetime
    roots: tuple[str, ...]
    codes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Expansion:
    """A whole file; empty where a site has none."""

    server: str = ""
    sets: Mapping[str, ExpandedSet] = field(default_factory=dict)

    @property
    def codes(self) -> int:
        """Return how many codes of value sets it holds."""
        return sum(len(each.codes) for each in self.sets.values())

    @property
    def oldest(self) -> datetime | None:
        """Return when the first of its value sets was expanded."""
        return min((each.at for each in self.sets.values()), default=None)

    def concepts(self, *, procedures: bool) -> Mapping[Code, frozenset[str]]:
        """Return the value sets of each code: of diagnoses, or of procedures."""
        found: dict[Code, frozenset[str]] = {}
        for each in self.sets.values():
            if (each.name in PROCEDURES) is procedures:
                for code in each.codes:
                    key = local_key(SNOMED, code)
                    found[key] = found.get(key, frozenset()) | {each.name}
        return found

    def missing(self) -> tuple[str, ...]:
        """Return the value sets with roots that it does not hold, or expanded from other roots than today's."""
        return tuple(name for name, roots in rooted_sets().items() if not self._holds(name, roots))

    def _holds(self, name: str, roots: tuple[str, ...]) -> bool:
        return name in self.sets and self.sets[name].roots == roots

    def lines(self, today: date) -> Iterator[str]:
        """Yield what `check-config` says of it: its age, and the value sets without an expansion."""
        if self.oldest is None:
            yield "expansions: none; below its SNOMED roots a code counts only where our lists name it"
            yield f"to have one: {_COMMAND}"
            return
        days = (today - self.oldest.date()).days
        yield f"expansions: {len(self.sets)} value sets, {self.codes} codes, {days} days old, from {self.server}"
        if self.missing():
            yield f"value sets without an expansion: {', '.join(self.missing())}"

    def warnings(self, today: date) -> Iterator[str]:
        """Yield a warning where it is old or does not fit the value sets of this release."""
        if self.oldest is None:
            return
        days = (today - self.oldest.date()).days
        if days > OLD_AFTER_DAYS:
            yield f"the expansion file is {days} days old; {_BACK}"
        if self.missing():
            yield f"the expansion file lacks {', '.join(self.missing())}; {_BACK}"


NO_EXPANSION = Expansion()


@cache
def rooted_sets() -> Mapping[str, tuple[str, ...]]:
    """Return the SNOMED roots of every value set that has any, by its name."""
    found = {name: tuple(code for _, code in load_valueset(name).roots()) for name in valueset_names()}
    return {name: roots for name, roots in found.items() if roots}


def header(server: str) -> Mapping[str, Any]:
    """Return the first line of a file."""
    return {"format": FORMAT, "server": server}


def line_of(each: ExpandedSet) -> Mapping[str, Any]:
    """Return the line of one value set."""
    return {"set": each.name, "at": each.at.isoformat(), "roots": list(each.roots), "codes": sorted(each.codes)}


def read_expansion(path: Path) -> tuple[Expansion, tuple[str, ...]]:
    """Read a finished file, and return what is sound in it with every fault."""
    try:
        texts = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return NO_EXPANSION, (f"{path.name}: cannot be read as UTF-8; {_BACK}",)
    head = parsed(texts[0]) if texts else None
    if not head or head.get("format") != FORMAT or not isinstance(head.get("server"), str):
        return NO_EXPANSION, (f"{path.name}: no expansion file ({FORMAT!r} in its first line); {_BACK}",)
    sets, faults = {}, []
    for number, words in enumerate(texts[1:], 2):
        try:
            each = set_of(parsed(words))
        except (KeyError, TypeError, ValueError) as fault:
            faults.append(f"{path.name}:{number}: {fault}; {_BACK}")
        else:
            sets[each.name] = each
    return Expansion(head["server"], sets), tuple(faults)


def parsed(words: str) -> Mapping[str, Any] | None:
    """Return the JSON object of a line, or None for anything else, such as a line that was cut off."""
    try:
        found = json.loads(words)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def set_of(line: Mapping[str, Any] | None) -> ExpandedSet:
    """Return the value set of a line. Raises `ValueError` for another kind of line, an unknown set or a wrong code."""
    if line is None or not isinstance(line.get("set"), str):
        raise ValueError("no line of a value set")
    name, codes = line["set"], line.get("codes")
    if name not in rooted_sets():
        raise ValueError(f"no value set with roots is called {name[:60]!r}")
    at = datetime.fromisoformat(line["at"])
    if at.tzinfo is None:
        raise ValueError("at: a time without a zone")
    return ExpandedSet(name, at, tuple(map(str, line["roots"])), frozenset(sound_codes(name, codes)))


def sound_codes(name: str, codes: Any) -> Iterable[str]:
    """Return the codes of a value set. Raises `ValueError` for what is no SNOMED code."""
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise ValueError(f"{name}: codes is no list of texts")
    wrong = next((code for code in codes if code_fault(SNOMED, code)), None)
    if wrong is not None:
        raise ValueError(f"{name}: {wrong[:40]!r} is no SNOMED code ({code_fault(SNOMED, wrong)})")
    return codes
