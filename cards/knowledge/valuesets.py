"""Clinical concepts as FHIR ValueSets, one file each, and the index that finds the concepts of a code.

A file (`cards/valuesets/<name>.json`) is a plain R4 ValueSet; beside it stands where each code was seen
(extension `code-source`), a remark (`code-note`), how a laboratory code may be used (`code-use`), the week of pregnancy
it means (`code-weeks`) and whether the code still awaits verification (`code-unverified`). ICD categories and SNOMED
roots stand as `filter: concept is-a G20`. What lies below an ICD category is told by its code; what lies below a SNOMED
root is known to a terminology server alone (`rls-cds valuesets expand`), so that without one the root and the
descendants that a file lists are found.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from cards.knowledge.code_systems import ICD_SYSTEMS, LOINC, plain_code, split_certainty, system_of
from cards.knowledge.icd_editions import edition_of
from cards.knowledge.rules import BadKnowledge
from cards.values import frozen

_LONGEST_ICD_CODE = 7

EXTENSIONS = "https://rls-cds.example.org/StructureDefinition/"

#: The laboratory and measure sets in the order of clinical rationale 4.1, without red-cell folate: no rule judges it.
_ASKED_FOR = (
    *("measure-body-weight", "lab-ferritin", "lab-iron", "lab-tibc", "lab-uibc", "lab-transferrin", "lab-tsat"),
    *("lab-iron-panel", "lab-b12", "lab-mma", "lab-homocysteine", "lab-folate", "lab-vitd", "lab-vitd3", "lab-vitd2"),
    *("lab-magnesium", "lab-plp", "lab-crp", "lab-haemoglobin", "lab-mcv", "lab-egfr", "lab-calcium"),
    *("lab-calcium-corrected", "lab-calcium-ionised", "lab-albumin", "lab-phosphate", "lab-creatinine"),
    *("measure-gestational-age", "measure-due-date", "measure-pregnancy-status"),
)


@frozen
class Member:
    """One code of a value set.

    use    accept, only-with-unit or low-priority (laboratory), else accept
    weeks  the completed weeks of gestation that the code means, else 0
    """

    display: str
    source: str
    unverified: bool = False
    note: str = ""
    use: str = "accept"
    weeks: int = 0


Code = tuple[str, str]  # (canonical system, code as published)


@frozen
class ValueSet:
    """A concept. `codes` match exactly, `categories` with everything below them, `excluded` never.

    A root of a system that is no ICD is among `codes` as well, since its code does not tell what lies below it.
    """

    name: str
    title: str
    url: str
    codes: Mapping[Code, Member]
    categories: Mapping[Code, Member] = field(default_factory=lambda: MappingProxyType({}))
    excluded: frozenset[Code] = frozenset()
    excluded_categories: frozenset[Code] = frozenset()

    def unverified(self) -> tuple[Code, ...]:
        """Return the codes that still await verification, for the rule list and the configuration check."""
        return tuple(code for code, member in self._members() if member.unverified)

    def roots(self) -> tuple[Code, ...]:
        """Return the codes whose descendants only a terminology server knows."""
        return tuple(code for code in self.categories if _is_root(code))

    def _members(self) -> Iterator[tuple[Code, Member]]:
        yield from self.codes.items()
        yield from ((code, member) for code, member in self.categories.items() if code not in self.codes)


@cache
def load_valueset(name: str) -> ValueSet:
    """Return the value set of that name that ships with the package. Raises `KeyError` where there is none."""
    file = files("cards") / "valuesets" / f"{name}.json"
    if not file.is_file():
        raise KeyError(name)
    return valueset_from(json.loads(file.read_text(encoding="utf-8")), f"cards/valuesets/{name}.json")


@cache
def valueset_names() -> tuple[str, ...]:
    """Return the names of all value sets that ship with the package."""
    folder = files("cards") / "valuesets"
    return tuple(sorted(entry.name.removesuffix(".json") for entry in folder.iterdir() if entry.name.endswith(".json")))


@cache
def lab_codes() -> tuple[str, ...]:
    """Return the LOINC codes to ask a server for: all that clinical rationale 4.1 accepts, in its order."""
    codes = (code for name in _ASKED_FOR for system, code in load_valueset(name).codes if system == LOINC)
    return tuple(dict.fromkeys(codes))


def valueset_from(content: Mapping[str, Any], where: str) -> ValueSet:
    """Build a value set from its JSON, shipped or a site's. Raises `BadKnowledge`, naming the file `where`."""
    try:
        compose = content["compose"]
        included = [entry for part in compose["include"] for entry in _entries(part)]
        excluded = [entry for part in compose.get("exclude", []) for entry in _entries(part)]
        return ValueSet(
            name=content["id"],
            title=content["title"],
            url=content["url"],
            codes=MappingProxyType({code: member for code, member, below in included if not below or _is_root(code)}),
            categories=MappingProxyType({code: member for code, member, below in included if below}),
            excluded=frozenset(code for code, _, below in excluded if not below or _is_root(code)),
            excluded_categories=frozenset(code for code, _, below in excluded if below),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as fault:
        raise BadKnowledge(
            f"{where}: not a usable ValueSet; needs id, title, url, compose.include with system and concept or filter"
        ) from fault


def _is_root(code: Code) -> bool:
    return code[0] not in ICD_SYSTEMS


def _entries(part: Mapping[str, Any]) -> Iterator[tuple[Code, Member, bool]]:
    """Yield each code of an include or exclude, what is known of it, and whether it stands for all below it."""
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
        weeks=said.get("code-weeks", 0),
    )


class ConceptIndex:
    """Index of the value sets a code belongs to; sets of one name, shipped and a site's, are merged."""

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
        """Return the names of the value sets that hold this code; empty for anything unknown or malformed."""
        if not (isinstance(system, str) and isinstance(code, str)):
            return frozenset()
        key = _plain(_in_its_edition(system, code))
        found = self._codes.get(key, frozenset()) | _below(self._categories, key)
        if not found:
            return found
        return found - self.excluded_from(system, code)

    def excluded_from(self, system: str, code: str) -> frozenset[str]:
        """Return the names of the value sets that take this code out."""
        key = _plain(_in_its_edition(system, code))
        return self._excluded.get(key, frozenset()) | _below(self._excluded_categories, key)

    def is_unverified(self, system: str, code: str, concept: str) -> bool:
        """Return whether no source confirms that this code belongs to that set."""
        return (concept, _plain(_in_its_edition(system, code))) in self._unverified

    def all_unverified(self, codes: Iterable[Code], concepts: Iterable[str] | None = None) -> bool:
        """Return whether the sets hold any of these codes, and hold all that they do unverified.

        `concepts` names the sets to look at; without it, all of them are.
        """
        wanted = None if concepts is None else frozenset(concepts)
        known = [
            self.is_unverified(system, code, name)
            for system, code in codes
            for name in self.concepts_of(system, code)
            if wanted is None or name in wanted
        ]
        return bool(known) and all(known)


def _in_its_edition(system: str, code: str) -> Code:
    canonical = system_of(system) or system
    return edition_of(canonical, code), split_certainty(canonical, code)[0]


def _plain(code: Code) -> Code:
    return code[0], plain_code(*code)


def _add(index: dict[Code, frozenset[str]], name: str, codes: Iterable[Code]) -> None:
    for code in codes:
        index[_plain(code)] = index.get(_plain(code), frozenset()) | {name}


def _below(categories: Mapping[Code, frozenset[str]], key: Code) -> frozenset[str]:
    """Return the concepts of all categories above a code: `G20A1` is below `G20`.

    Only an ICD code tells what it lies below, and has 7 characters at most.
    """
    system, code = key
    if not categories or system not in ICD_SYSTEMS or len(code) > _LONGEST_ICD_CODE:
        return frozenset()
    return frozenset().union(*(categories.get((system, code[:n]), frozenset()) for n in range(3, len(code) + 1)))
