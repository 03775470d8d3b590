"""Clinical concepts as FHIR ValueSets, one file each, and the index that finds the concepts of a code.

A file (`cards/valuesets/<name>.json`) is a plain R4 ValueSet; beside it stands where each code was seen
(extension `code-source`), a remark (`code-note`), how a laboratory code may be used (`code-use`) and whether the
code still awaits verification (`code-unverified`). ICD categories stand as `filter: concept is-a G20`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from cards.code_systems import LOINC, plain_code, system_of
from cards.rules import BadKnowledge

__all__ = [
    "ConceptIndex",
    "Member",
    "ValueSet",
    "lab_codes",
    "load_valueset",
    "system_of",
    "valueset_from",
    "valueset_names",
]

_LONGEST_ICD_CODE = 7

EXTENSIONS = "https://rls-cds.example.org/StructureDefinition/"

#: The laboratory and measure sets in the order of clinical page 4.1. Red-cell folate is never judged, so not asked for.
_ASKED_FOR = (
    *("measure-body-weight", "lab-ferritin", "lab-iron", "lab-tibc", "lab-uibc", "lab-transferrin", "lab-tsat"),
    *("lab-iron-panel", "lab-b12", "lab-mma", "lab-homocysteine", "lab-folate", "lab-vitd", "lab-vitd3", "lab-vitd2"),
    *("lab-magnesium", "lab-plp", "lab-crp", "lab-haemoglobin", "lab-mcv", "lab-egfr", "lab-calcium"),
    *("lab-calcium-corrected", "lab-calcium-ionised", "lab-albumin", "lab-phosphate"),
    *("measure-gestational-age", "measure-due-date", "measure-pregnancy-status"),
)


@dataclass(frozen=True, slots=True)
class Member:
    """One code of a value set. `use`: accept, only-with-unit or low-priority (laboratory), else accept."""

    display: str
    source: str
    unverified: bool = False
    note: str = ""
    use: str = "accept"


Code = tuple[str, str]  # (canonical system, code as published)


@dataclass(frozen=True, slots=True)
class ValueSet:
    """A concept. `codes` match exactly, `categories` with everything below them, `excluded` never."""

    name: str
    title: str
    url: str
    codes: Mapping[Code, Member]
    categories: Mapping[Code, Member] = field(default_factory=lambda: MappingProxyType({}))
    excluded: frozenset[Code] = frozenset()
    excluded_categories: frozenset[Code] = frozenset()

    def unverified(self) -> tuple[Code, ...]:
        """The codes that still await verification, for the rule list and the configuration check."""
        return tuple(code for code, member in self._members() if member.unverified)

    def _members(self) -> Iterator[tuple[Code, Member]]:
        yield from self.codes.items()
        yield from self.categories.items()


@cache
def load_valueset(name: str) -> ValueSet:
    """The value set of that name which ships with the package; `KeyError` where there is none."""
    file = files("cards") / "valuesets" / f"{name}.json"
    if not file.is_file():
        raise KeyError(name)
    return valueset_from(json.loads(file.read_text(encoding="utf-8")), f"cards/valuesets/{name}.json")


@cache
def valueset_names() -> tuple[str, ...]:
    """Every value set that ships with the package, by name."""
    folder = files("cards") / "valuesets"
    return tuple(sorted(entry.name.removesuffix(".json") for entry in folder.iterdir() if entry.name.endswith(".json")))


@cache
def lab_codes() -> tuple[str, ...]:
    """The LOINC codes to ask a server for: all that clinical page 4.1 accepts, in its order."""
    codes = (code for name in _ASKED_FOR for system, code in load_valueset(name).codes if system == LOINC)
    return tuple(dict.fromkeys(codes))


def valueset_from(content: Mapping[str, Any], where: str) -> ValueSet:
    """Build a value set from its JSON, ours or a site's; `where` names the file in the `BadKnowledge` it may raise."""
    try:
        compose = content["compose"]
        included = [entry for part in compose["include"] for entry in _entries(part)]
        excluded = [entry for part in compose.get("exclude", []) for entry in _entries(part)]
        return ValueSet(
            name=content["id"],
            title=content["title"],
            url=content["url"],
            codes=MappingProxyType({code: member for code, member, below in included if not below}),
            categories=MappingProxyType({code: member for code, member, below in included if below}),
            excluded=frozenset(code for code, _, below in excluded if not below),
            excluded_categories=frozenset(code for code, _, below in excluded if below),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as fault:
        raise BadKnowledge(
            f"{where}: not a usable ValueSet; needs id, title, url, compose.include with system and concept or filter"
        ) from fault


def _entries(part: Mapping[str, Any]) -> Iterator[tuple[Code, Member, bool]]:
    """Each code of an include or exclude: the code, what we know of it, and whether it stands for all below it."""
    system = system_of(part["system"]) or part["system"]
    for concept in part.get("concept", []):
        yield (system, concept["code"]), _member(concept, concept.get("display", "")), False
    for condition in part.get("filter", []):
        if (condition["property"], condition["op"]) != ("concept", "is-a"):
            raise ValueError("only the filter concept is-a is understood")
        yield (system, condition["value"]), _member(part, ""), True


def _member(element: Mapping[str, Any], display: str) -> Member:
    said = {
        extension["url"].removeprefix(EXTENSIONS): value
        for extension in element.get("extension", [])
        for key, value in extension.items()
        if key.startswith("value")
    }
    return Member(
        display=display or said.get("code-display", ""),
        source=said.get("code-source", ""),
        unverified=bool(said.get("code-unverified", False)),
        note=said.get("code-note", ""),
        use=said.get("code-use", "accept"),
    )


class ConceptIndex:
    """Which of these value sets a code belongs to. Sets of one name are taken together (ours and a site's)."""

    def __init__(self, sets: Iterable[ValueSet]) -> None:
        self._codes: dict[Code, frozenset[str]] = {}
        self._categories: dict[Code, frozenset[str]] = {}
        self._excluded: dict[Code, frozenset[str]] = {}
        self._excluded_categories: dict[Code, frozenset[str]] = {}
        self._unverified: set[tuple[str, Code]] = set()
        for each in sets:
            _add(self._codes, each.name, each.codes)
            _add(self._categories, each.name, each.categories)
            _add(self._excluded, each.name, each.excluded)
            _add(self._excluded_categories, each.name, each.excluded_categories)
            self._unverified.update((each.name, _plain(code)) for code in each.unverified())

    def concepts_of(self, system: object, code: object) -> frozenset[str]:
        """The names of the value sets that hold this code; empty for anything unknown or malformed."""
        if not (isinstance(system, str) and isinstance(code, str)):
            return frozenset()
        key = _plain((system_of(system) or system, code))
        found = self._codes.get(key, frozenset()) | _below(self._categories, key)
        if not found:
            return found
        return found - self._excluded.get(key, frozenset()) - _below(self._excluded_categories, key)

    def is_unverified(self, system: str, code: str, concept: str) -> bool:
        """This code is in that set only on the word of someone's memory."""
        return (concept, _plain((system_of(system) or system, code))) in self._unverified

    def all_unverified(self, codes: Iterable[Code], concepts: Iterable[str] | None = None) -> bool:
        """Of these codes, all that are in one of these sets (none given: in any) are there unverified, and some is."""
        wanted = None if concepts is None else frozenset(concepts)
        known = [
            self.is_unverified(system, code, name)
            for system, code in codes
            for name in self.concepts_of(system, code)
            if wanted is None or name in wanted
        ]
        return bool(known) and all(known)


def _plain(code: Code) -> Code:
    return code[0], plain_code(*code)


def _add(index: dict[Code, frozenset[str]], name: str, codes: Iterable[Code]) -> None:
    for code in codes:
        index[_plain(code)] = index.get(_plain(code), frozenset()) | {name}


def _below(categories: Mapping[Code, frozenset[str]], key: Code) -> frozenset[str]:
    """Categories by every beginning of the code: `G20A1` is below `G20`. Only ICD has such, of 7 signs at most."""
    system, code = key
    if not categories or len(code) > _LONGEST_ICD_CODE:
        return frozenset()
    return frozenset().union(*(categories.get((system, code[:n]), frozenset()) for n in range(3, len(code) + 1)))
