"""What a token may read according to its SMART scopes (protocol A-05).

SMART 1 (`patient/Observation.read`) and SMART 2 (`patient/Observation.rs?category=...`) are both understood. A server
may answer a search beyond the scopes with an empty list instead of an error, which would be taken for "there is none";
so what is not covered is not searched for. No call is refused because of its scopes.

A text with a word that looks like a grant and is not understood says nothing: the server decides, and since it may
decide against a part of a list, no list that it answers is taken for whole (contract section 5, item 6).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from urllib.parse import parse_qsl

from cards.reading.resource_types import KEY_OF_TYPE

#: A longer text is no list of scopes; it is not understood.
_LONGEST = 16 * 1024
_OF_RESOURCES = re.compile(
    r"(?:patient|user|system)/(\*|[A-Z][A-Za-z]+)\.(\*|read|write|[cruds]+)(?:\?(.*))?", re.ASCII | re.DOTALL
)
#: SMART 1 permissions in the letters of SMART 2.
_LETTERS = {"read": "rs", "write": "cud", "*": "cruds"}
#: Scopes that give no access to records; a text with nothing else gives none at all.
_OF_NO_RESOURCE = re.compile(r"openid|profile|email|fhirUser|(?:on|off)line_access|launch(?:/.*)?", re.ASCII)
#: Parts of a text: words parted by blanks, or by commas outside of a filter or before the next grant.
_BETWEEN_WORDS = re.compile(r"\s+|,(?=(?:patient|user|system)/|\s|$)")
_KINDS = "|".join(KEY_OF_TYPE)
#: Words that look like a grant, understood or not: `user/Patient.Read`, `staff/*.read`, `patient.Observation.read`,
#: `Observation.Read` and `Condition.Search` (Epic's own words), `observation.read`, `Observation:read`,
#: `read:observation`.
_LIKE_A_GRANT = re.compile(
    r"^[^/]*/(?:\*|[A-Za-z]+)\."
    r"|(?<![A-Za-z0-9])(?:"
    r"(?i:(?:patient|user|system)(?:[/.]|%2f).)"
    r"|[A-Z][A-Za-z]*\.(?i:read|search|write|create|update|delete|\*|[cruds]{1,5})(?![A-Za-z])"
    rf"|(?i:(?:medication|{_KINDS})[.:]|(?:read|search):(?:medication|patient|{_KINDS})|patient:)"
    r")",
    re.ASCII,
)
#: The category of laboratory results, with the systems of R4 and of older versions, or without one.
_LABORATORY = frozenset(
    {
        "http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
        "http://hl7.org/fhir/observation-category|laboratory",
        "laboratory",
    }
)


class Coverage(Enum):
    """How much of a search the scopes cover."""

    WHOLE = "whole"
    LABORATORY = "laboratory"  # of the observations all laboratory results, which may be all there are
    PART = "part"  # only some records; there may be others
    UNCLEAR = "unclear"  # nobody knows: the scopes are written in words that are not understood
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Grant:
    """One scope: a resource type or `*`, the permissions in the letters of SMART 2, and what a filter leaves."""

    kind: str
    may: frozenset[str]
    leaves: Coverage = Coverage.WHOLE


@dataclass(frozen=True, slots=True)
class Scopes:
    """The scopes of a call; `grants` is None if it states none, so that the server alone decides.

    `is_unclear`: it does state some, but not all are understood.
    """

    grants: tuple[Grant, ...] | None = None
    is_unclear: bool = False

    @classmethod
    def of(cls, text: str | None) -> Scopes:
        """Parse the scopes of a call; a text without any known scope states nothing."""
        if text and len(text) > _LONGEST:
            return cls(is_unclear=True)
        words = [word for word in _words(text or "") if word]
        grants = tuple(_grant(word) for word in words)
        understood = tuple(grant for grant in grants if grant)
        others = [word for word, grant in zip(words, grants, strict=True) if not grant]
        unknown = [word for word in others if not _OF_NO_RESOURCE.fullmatch(word)]
        if any(map(_LIKE_A_GRANT.search, unknown)):
            return cls(is_unclear=True)
        is_stated = bool(understood) or (bool(words) and not unknown)
        return cls(understood if is_stated else None)

    def search(self, kind: str) -> Coverage:
        """Return how much of a search for all records of this type is covered."""
        return self._cover(kind, "s")

    def read(self, kind: str) -> Coverage:
        """Return whether reading one record of this type by its id is covered."""
        return self._cover(kind, "r")

    def _cover(self, kind: str, letter: str) -> Coverage:
        if self.is_unclear:
            return Coverage.UNCLEAR
        if self.grants is None:
            return Coverage.WHOLE
        found = {grant.leaves for grant in self.grants if grant.kind in ("*", kind) and letter in grant.may}
        if Coverage.WHOLE in found:
            return Coverage.WHOLE
        if Coverage.LABORATORY in found and kind == "Observation":
            return Coverage.LABORATORY
        return Coverage.PART if found else Coverage.NONE


#: The scopes of a call that states none.
UNSPECIFIED = Scopes()


def _words(text: str) -> list[str]:
    """Part a text into words; a comma inside a filter parts two codes of it."""
    return [
        each
        for word in _BETWEEN_WORDS.split(text)
        for each in (word.split(",") if "?" not in word else [word.rstrip(",")])
    ]


def _grant(word: str) -> Grant | None:
    found = _OF_RESOURCES.fullmatch(word)
    if not found:
        return None
    kind, may, query = found.groups()
    return Grant(kind, frozenset(_LETTERS.get(may, may)), _leaves(query or ""))


def _leaves(query: str) -> Coverage:
    """Return what the filter of a grant leaves: parameters that are repeated or of other names leave less."""
    if not query:
        return Coverage.WHOLE
    [(name, value), *more] = parse_qsl(query, keep_blank_values=True) or [("", "")]
    is_laboratory = name == "category" and not more and not _LABORATORY.isdisjoint(value.split(","))
    return Coverage.LABORATORY if is_laboratory else Coverage.PART
