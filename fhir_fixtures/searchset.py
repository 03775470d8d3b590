"""Answer a search with a searchset Bundle: matching resources, sorted and paged, without server state."""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fhir_fixtures.search import Parameter, Resource, count_records, matches, parameters_of, span, values_at

Pairs = Sequence[tuple[str, str]]

OFFSET = "_offset"
SESSION = "sessionID"
_INCLUDE = "MedicationRequest:medication"
#: Parameters that control the result, with the values that this server does what they say for; None: whatever they are.
_RESULT_PARAMETERS: Mapping[str, frozenset[str] | None] = {
    "_count": None,
    OFFSET: None,
    "_pretty": None,
    "_format": frozenset({"json", "application/json", "application/fhir+json", "application/fhir json"}),  # bare plus
    "_include": frozenset({_INCLUDE}),
    "_summary": frozenset({"count", "false"}),
    "_total": frozenset({"accurate", "estimate", "none"}),
}


class SearchError(Exception):
    """A search that cannot be answered, with HTTP status, issue type and message."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status, self.code, self.text = status, code, text


@dataclass(frozen=True, slots=True)
class Quirks:
    """Deviations of real servers from FHIR R4; none by default.

    `next_cut`: the `next` link leads to 410. `epic_style`: an opaque `next` link, a total that counts the page, and a
    note in every searchset that outside records were left out. `without_total`: no total, as from Oracle Health.
    """

    ignores_sort: bool = False
    ignores_count: bool = False
    next_cut: bool = False
    epic_style: bool = False
    without_total: bool = False


NO_QUIRKS = Quirks()


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed search: its parameters that are followed, the names of those that are not, and the requested page."""

    kind: str
    pairs: tuple[tuple[str, str], ...]
    offset: int
    count: int
    ignored: tuple[str, ...]

    @property
    def only_counts(self) -> bool:
        """Return whether the number of matches is asked for alone."""
        return self.count == 0 or self.last("_summary") == "count"

    def last(self, name: str) -> str:
        """Return the last value of a parameter, or an empty text."""
        return next((value for key, value in reversed(self.pairs) if key == name), "")


def read_query(kind: str, pairs: Pairs, *, page_size: int, quirks: Quirks) -> Query:
    """Parse the parameters of a search. Raises SearchError."""
    asked = _expand_session([pair for pair in pairs if pair[1]])
    followed = tuple(pair for pair in asked if _is_followed(kind, *pair))
    ignored = tuple(key for key, value in asked if (key, value) not in followed)
    query = Query(kind, followed, 0, page_size, ignored)
    count = page_size if quirks.ignores_count else _number(query.last("_count"), page_size)
    return Query(kind, followed, _number(query.last(OFFSET), 0), count, ignored)


def _is_followed(kind: str, key: str, value: str) -> bool:
    """Return whether this server does what a parameter of a search asks for."""
    known = parameters_of(kind)
    if key == "_sort":
        return all(each.removeprefix("-") in known for each in value.split(","))
    if key not in _RESULT_PARAMETERS:
        return _plain(key) in known
    allowed = _RESULT_PARAMETERS[key]
    return allowed is None or value in allowed


def searchset(
    query: Query, stored: Iterable[Resource], find: Callable[[str], Resource | None], base: str, quirks: Quirks
) -> Resource:
    """Build the Bundle for this query; `find` resolves a relative reference, `base` is the server's address."""
    found = _selected(query, stored)
    if not quirks.ignores_sort:
        found = _sorted(query, found)
    page = [] if query.only_counts else found[query.offset : query.offset + query.count]
    entries = [_entry(base, resource, "match") for resource in page]
    if query.last("_include") == _INCLUDE:
        entries += [_entry(base, resource, "include") for resource in _included(page, find)]
    entries += [_note(text) for text in _notes(query, quirks)]
    bundle: Resource = {"resourceType": "Bundle", "type": "searchset"}
    if query.only_counts or not quirks.without_total:
        bundle["total"] = count_records(page if quirks.epic_style and not query.only_counts else found)
    bundle["link"] = _links(query, len(found), base, quirks)
    return bundle | ({"entry": entries} if entries else {})


def _selected(query: Query, stored: Iterable[Resource]) -> list[Resource]:
    known = parameters_of(query.kind)
    tests = [(_plain(key), value) for key, value in query.pairs if _plain(key) in known]
    return [one for one in stored if all(matches(one, name, known[name], value) for name, value in tests)]


def _sorted(query: Query, found: list[Resource]) -> list[Resource]:
    known = parameters_of(query.kind)
    for key in reversed(query.last("_sort").split(",")):
        parameter = known.get(key.removeprefix("-"))
        if parameter is not None:
            found = _sorted_by(found, parameter, descending=key.startswith("-"))
    return found


def _sorted_by(found: list[Resource], parameter: Parameter, *, descending: bool) -> list[Resource]:
    """Sort by one parameter; resources without a value come last in either direction."""
    held = [(next(values_at(one, parameter.members), None), one) for one in found]
    keyed = [(span(value)[0] if parameter.kind == "date" else json.dumps(value), one) for value, one in held if value]
    keyed.sort(key=lambda pair: pair[0], reverse=descending)
    return [one for _, one in keyed] + [one for value, one in held if not value]


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
    followed = f"?{urlencode(query.pairs)}" if query.pairs else ""
    links = [{"relation": "self", "url": f"{base}/{query.kind}{followed}"}]
    further = query.offset + query.count
    if not query.only_counts and further < total:
        page = [*asked, (OFFSET, str(further))]
        onward = opaque_page([]) if quirks.next_cut else opaque_page(page) if quirks.epic_style else urlencode(page)
        links.append({"relation": "next", "url": f"{base}/{query.kind}?{onward}"})
    return links


def opaque_page(pairs: Pairs) -> str:
    """Return the query of an opaque page link, as Epic writes it; without parameters, that of an expired link."""
    asked = base64.urlsafe_b64encode(urlencode(pairs).encode()).decode()
    return urlencode({SESSION: asked or "expired"})


def _expand_session(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the parameters that an opaque page link encodes. Raises SearchError if the link has expired."""
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
    """Return an entry about the search. Its outcome has no address, so that a name by its content stands for one."""
    name = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(issue))
    outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
    return {"fullUrl": f"urn:uuid:{name}", "resource": outcome, "search": {"mode": "outcome"}}


def _plain(key: str) -> str:
    """Drop the modifier of `subject:Patient`; any other modifier is unknown and kept."""
    return key.removesuffix(":Patient")


def _number(written: str, default: int) -> int:
    if not written:
        return default
    if not (written.isascii() and written.isdigit() and len(written) < 10):
        raise SearchError(400, "invalid", "_count must be a whole number that is not negative.")
    return int(written)
