"""Tell resources from versions of one resource, by type, id and code (contract section 5, item 5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from cards.fhir.json_values import (
    Json,
    code_of_status,
    codings,
    cut,
    first,
    items,
    reference_of,
    text,
    text_of,
    type_and_id,
)
from cards.knowledge.code_systems import system_of

Resource = TypeVar("Resource", bound=Mapping[str, Json])

#: What a resource is about: its code, and the medication of an order, in every FHIR version.
_CODES = ("code", "medicationCodeableConcept", "medication", "medicationReference", "substance")
#: Of two versions without dates the one that takes most back counts. Statuses of results; of other records only an
#: error takes back what another version says.
_RESULT_STATUSES = ("registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error")
_ERROR = "entered-in-error"
_LONGEST_NUMBER = 18
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d\S*", re.IGNORECASE)
_Code = tuple[str, str]


def newest_versions(resources: Iterable[Resource]) -> tuple[Resource, ...]:
    """Return every resource once, in its newest version: one may come from prefetch, from a read and from two pages.

    Two resources of one type and id are two where their codes differ (for drugs the medication), otherwise versions of
    one: the later instant of `meta.lastUpdated` counts, else the higher `meta.versionId`, else the status that takes
    most back. Where none of them decides, both are returned. Resources without an id are all returned. The order of
    the resources decides nothing but the places of the results.
    """
    every = tuple(resources)
    names = [type_and_id(each) for each in every]
    nameless = [each for each, (_, logical_id) in zip(every, names, strict=True) if not logical_id]
    if not nameless and len(set(names)) == len(names):
        return every  # as nearly always
    named: dict[tuple[str, str], list[Resource]] = {}
    for name, each in zip(names, every, strict=True):
        if name[1]:
            named.setdefault(name, []).append(each)
    kept = [each for group in named.values() for each in (group if len(group) == 1 else _of_one_id(group))]
    return (*kept, *nameless)


def _of_one_id(group: list[Resource]) -> list[Resource]:
    found = [each for one in _told_apart(_different(group)) for each in _newest(one)]
    return sorted(found, key=content_of)


def _different(group: Iterable[Resource]) -> list[Resource]:
    """Each content once, in an order that does not depend on that of the group."""
    return [each for _, each in sorted({content_of(each): each for each in group}.items(), key=lambda pair: pair[0])]


def content_of(value: Json) -> str:
    """Return a text that equal contents share: to put resources that no id tells apart into one order."""
    try:
        return repr(value)
    except ValueError:  # a whole number of more digits than Python writes
        return _written(value)


def _written(value: Json) -> str:
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key!r}:{_written(member)}" for key, member in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_written, value)) + "]"
    return hex(value) if isinstance(value, int) else repr(value)


def _told_apart(group: list[Resource]) -> Iterable[list[Resource]]:
    """Parts that share a code; words alone belong to the part that says the same, and nothing to the only part."""
    joined = _Joined()
    for each in group:
        joined.add(_codes(each))
    parts: dict[object, list[Resource]] = {}
    said: dict[str, set[object]] = {}
    for each in group:
        for code in _codes(each):
            parts.setdefault(joined.top(code), []).append(each)
            said.setdefault(_words(each), set()).add(joined.top(code))
            break
    for each in group:
        words = _words(each)
        if words and not _codes(each):
            alike = said.get(words, set())
            parts.setdefault(next(iter(alike)) if len(alike) == 1 else words, []).append(each)
    for each in group:
        if not (_codes(each) or _words(each)):
            parts.setdefault(next(iter(parts)) if len(parts) == 1 else "", []).append(each)
    return parts.values()


class _Joined:
    """Codes that stand together on some version, and so mean one thing."""

    def __init__(self) -> None:
        self._above: dict[_Code, _Code] = {}

    def add(self, codes: Iterable[_Code]) -> None:
        named = sorted(codes)
        for code in named:
            self._above.setdefault(code, code)
            self._above[self.top(code)] = self.top(named[0])

    def top(self, code: _Code) -> _Code:
        while self._above[code] != code:
            self._above[code] = self._above[self._above[code]]
            code = self._above[code]
        return code


def _codes(resource: Mapping[str, Json]) -> frozenset[_Code]:
    concepts = [each for name in _CODES for each in items(cut(resource.get(name)))]
    return frozenset((system_of(system) or system, code) for each in concepts for system, code in codings(each))


def _words(resource: Mapping[str, Json]) -> str:
    concepts = [resource.get(name) for name in _CODES]
    said = (text_of(each) or reference_of(each) or text(first(each).get("display")) for each in concepts)
    return " ; ".join(" ".join(words.lower().split()) for words in said if words)


def _newest(versions: list[Resource]) -> list[Resource]:
    """What is left of the versions of one resource after date, number and status have decided as far as they can."""
    for tell in (_updated, _number, _rank):
        versions = _latest(versions, tell)
    return versions


def _latest(versions: list[Resource], tell: Callable[[Resource], datetime | int | None]) -> list[Resource]:
    """Those of the latest instant or the highest number, and those that tell none."""
    told = [(each, tell(each)) for each in versions]
    latest = max((value for _, value in told if value is not None), default=None)
    return [each for each, value in told if value is None or value == latest]


def _updated(resource: Mapping[str, Json]) -> datetime | None:
    """The instant, with its fraction of a second; without an offset it is taken as UTC."""
    sent = text(first(resource.get("meta")).get("lastUpdated"))
    if not _INSTANT.fullmatch(sent):
        return None
    try:
        found = datetime.fromisoformat(sent)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _number(resource: Mapping[str, Json]) -> int | None:
    sent = first(resource.get("meta")).get("versionId")
    digits = str(sent) if type(sent) is int and 0 <= sent < 10**_LONGEST_NUMBER else text(sent)
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _LONGEST_NUMBER else None


def _rank(resource: Mapping[str, Json]) -> int:
    status = code_of_status(resource.get("status"))
    if text(resource.get("resourceType")) in ("Observation", "DiagnosticReport") and status in _RESULT_STATUSES:
        return _RESULT_STATUSES.index(status)
    return len(_RESULT_STATUSES) if _ERROR in (status, code_of_status(resource.get("verificationStatus"))) else 0
