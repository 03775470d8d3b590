"""Answers a search: the matching resources, sorted, cut into pages, as a searchset Bundle. No state is kept."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fhir_fixtures.search import Parameter, Resource, matches, parameters_of, span, values_at

Pairs = Sequence[tuple[str, str]]

#: Parameters about the form of an answer; accepted, and those we do not act on change nothing.
RESULT_PARAMETERS = frozenset({"_count", "_sort", "_include", "_format", "_pretty", "_summary", "_total", "_elements"})
OFFSET = "_offset"
SESSION = "sessionID"
_INCLUDE = "MedicationRequest:medication"


class SearchError(Exception):
    """A search that cannot be answered: `status` is the HTTP status, `code` the issue type, `text` our words."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status, self.code, self.text = status, code, text


@dataclass(frozen=True, slots=True)
class Quirks:
    """How real servers differ from the book. All off: a server that keeps to FHIR R4.

    `next_cut`: the `next` link leads to 410. `epic_style`: an opaque `next`, a total that counts the page, and a
    note that outside records were left out in every searchset. `without_total`: as Oracle Health answers.
    """

    ignores_sort: bool = False
    ignores_count: bool = False
    next_cut: bool = False
    epic_style: bool = False
    without_total: bool = False


NO_QUIRKS = Quirks()


@dataclass(frozen=True, slots=True)
class Query:
    """A search as asked: parameters that select, parameters that were ignored, and the page wanted."""

    kind: str
    pairs: tuple[tuple[str, str], ...]
    offset: int
    count: int
    ignored: tuple[str, ...]

    def last(self, name: str) -> str:
        return next((value for key, value in reversed(self.pairs) if key == name), "")


def read_query(kind: str, pairs: Pairs, *, page_size: int, quirks: Quirks) -> Query:
    """The search that these parameters ask for. Raises SearchError."""
    asked = _opened([pair for pair in pairs if pair[1]])
    known = parameters_of(kind)
    ignored = tuple(key for key, _ in asked if _plain(key) not in known and key not in RESULT_PARAMETERS | {OFFSET})
    query = Query(kind, tuple(asked), 0, page_size, ignored)
    count = page_size if quirks.ignores_count else _number(query.last("_count"), page_size)
    return Query(kind, query.pairs, _number(query.last(OFFSET), 0), count, ignored)


def searchset(
    query: Query, stored: Iterable[Resource], find: Callable[[str], Resource | None], base: str, quirks: Quirks
) -> Resource:
    """The Bundle for this query; `find` resolves a relative reference, `base` is the server's address."""
    found = _selected(query, stored)
    if not quirks.ignores_sort:
        found = _sorted(query, found)
    page = found[query.offset : query.offset + query.count]
    entries = [_entry(base, resource, "match") for resource in page]
    if query.last("_include") == _INCLUDE:
        entries += [_entry(base, resource, "include") for resource in _included(page, find)]
    entries += [_note(text) for text in _notes(query, quirks)]
    bundle: Resource = {"resourceType": "Bundle", "type": "searchset"}
    if not quirks.without_total:
        bundle["total"] = len(page) if quirks.epic_style else len(found)
    return bundle | {"link": _links(query, len(found), base, quirks), "entry": entries}


def _selected(query: Query, stored: Iterable[Resource]) -> list[Resource]:
    known = parameters_of(query.kind)
    tests = [(_plain(key), value) for key, value in query.pairs if _plain(key) in known]
    return [one for one in stored if all(matches(one, name, known[name], value) for name, value in tests)]


def _sorted(query: Query, found: list[Resource]) -> list[Resource]:
    known = parameters_of(query.kind)
    for key in reversed(query.last("_sort").split(",")):
        parameter = known.get(key.removeprefix("-"))
        if parameter is not None:
            found = _by(found, parameter, falling=key.startswith("-"))
    return found


def _by(found: list[Resource], parameter: Parameter, *, falling: bool) -> list[Resource]:
    """Sorted by one parameter; what lacks the value comes last either way."""

    held = [(next(values_at(one, parameter.members), None), one) for one in found]
    having = [(span(value)[0] if parameter.kind == "date" else json.dumps(value), one) for value, one in held if value]
    having.sort(key=lambda pair: pair[0], reverse=falling)
    return [one for _, one in having] + [one for value, one in held if not value]


def _included(page: list[Resource], find: Callable[[str], Resource | None]) -> list[Resource]:
    references = dict.fromkeys(one.get("medicationReference", {}).get("reference", "") for one in page)
    return [resource for reference in references if (resource := find(reference)) is not None]


def _notes(query: Query, quirks: Quirks) -> list[dict[str, Any]]:
    notes = []
    if query.ignored:
        text = f"{len(query.ignored)} search parameter(s) are not supported and were ignored."
        notes.append({"severity": "information", "code": "not-supported", "details": {"text": text}})
    if quirks.epic_style:
        coding = {"system": "urn:oid:1.2.840.114350.1.13.0.1.7.2.657369", "code": "59204"}
        text = f"Outside records of type {query.kind} are not included in this result."
        notes.append({"severity": "warning", "code": "suppressed", "details": {"coding": [coding], "text": text}})
    return notes


def _links(query: Query, total: int, base: str, quirks: Quirks) -> list[dict[str, str]]:
    asked = [pair for pair in query.pairs if pair[0] != OFFSET]
    links = [{"relation": "self", "url": f"{base}/{query.kind}?{urlencode(query.pairs)}"}]
    further = query.offset + query.count
    if query.count > 0 and further < total:
        page = [*asked, (OFFSET, str(further))]
        onward = opaque_page([]) if quirks.next_cut else opaque_page(page) if quirks.epic_style else urlencode(page)
        links.append({"relation": "next", "url": f"{base}/{query.kind}?{onward}"})
    return links


def opaque_page(pairs: Pairs) -> str:
    """The query of a page link that does not show what it asks, as Epic writes it; no parameters: an expired one."""
    asked = base64.urlsafe_b64encode(urlencode(pairs).encode()).decode()
    return urlencode({SESSION: asked or "expired"})


def _opened(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The parameters an opaque page link stands for. Raises SearchError where the link has expired."""
    session = next((value for key, value in pairs if key == SESSION), None)
    if session is None:
        return pairs
    try:
        return parse_qsl(base64.b64decode(session, altchars=b"-_", validate=True).decode(), strict_parsing=True)
    except (binascii.Error, ValueError) as fault:
        raise SearchError(410, "expired", "This page of a search result is no longer kept.") from fault


def _entry(base: str, resource: Resource, mode: str) -> Resource:
    address = f"{base}/{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": address, "resource": resource, "search": {"mode": mode}}


def _note(issue: dict[str, Any]) -> Resource:
    return {"resource": {"resourceType": "OperationOutcome", "issue": [issue]}, "search": {"mode": "outcome"}}


def _plain(key: str) -> str:
    """`subject:Patient` asks what `subject` asks here; any other modifier is unknown and left as it is."""
    return key.removesuffix(":Patient")


def _number(written: str, default: int) -> int:
    if not written:
        return default
    if not (written.isascii() and written.isdigit() and len(written) < 10):
        raise SearchError(400, "invalid", "_count must be a whole number that is not negative.")
    return int(written)
