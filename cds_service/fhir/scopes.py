"""What a token may read, as the scopes of the call say it: SMART 1 (`patient/Observation.read`) and SMART 2
(`patient/Observation.rs?category=...`), side by side (CDS Hooks A-05).

A server may answer a search beyond its scopes with an empty list instead of a refusal, and an empty list would be
taken for "there is none": what is not covered is therefore not asked for. No call is refused on account of this text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

#: Longer texts are no list of scopes; nothing is told by them.
_LONGEST = 16 * 1024
_OF_RESOURCES = re.compile(r"(?:patient|user|system)/(\*|[A-Za-z]+)\.(\*|read|write|[cruds]+)(?:\?(.*))?", re.ASCII)
#: What each word of SMART 1 is in the letters of SMART 2.
_LETTERS = {"read": "rs", "write": "cud", "*": "cruds"}
#: Scopes that give no access to any record; a text with nothing else gives none at all.
_OF_NO_RESOURCE = re.compile(r"openid|profile|email|fhirUser|(?:on|off)line_access|launch(?:/.*)?", re.ASCII)


class Cover(Enum):
    """How much of what is asked for the scopes cover."""

    WHOLE = "whole"
    PART = "part"  # only records with certain properties: there may be others
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Grant:
    """One scope. `kind` is a resource type or `*`, `may` the letters of SMART 2."""

    kind: str
    may: frozenset[str]
    filtered: bool = False


@dataclass(frozen=True, slots=True)
class Scopes:
    """`grants` None: nothing was said, so that the server alone decides."""

    grants: tuple[Grant, ...] | None = None

    @classmethod
    def of(cls, text: str | None) -> Scopes:
        """The scopes of a call. A text of which no word is known says nothing about records."""
        words = text.split() if text and len(text) <= _LONGEST else []
        grants = tuple(grant for word in words if (grant := _grant(word)))
        is_told = bool(grants) or (bool(words) and all(map(_OF_NO_RESOURCE.fullmatch, words)))
        return cls(grants if is_told else None)

    def search(self, kind: str) -> Cover:
        """A search for all records of this type."""
        return self._cover(kind, "s")

    def read(self, kind: str) -> Cover:
        """One record of this type by its id."""
        return self._cover(kind, "r")

    def _cover(self, kind: str, letter: str) -> Cover:
        if self.grants is None:
            return Cover.WHOLE
        fitting = [grant for grant in self.grants if grant.kind in ("*", kind) and letter in grant.may]
        if not fitting:
            return Cover.NONE
        return Cover.PART if all(grant.filtered for grant in fitting) else Cover.WHOLE


#: Nothing was said.
UNTOLD = Scopes()


def _grant(word: str) -> Grant | None:
    found = _OF_RESOURCES.fullmatch(word)
    if not found:
        return None
    kind, may, query = found.groups()
    return Grant(kind, frozenset(_LETTERS.get(may, may)), bool(query))
