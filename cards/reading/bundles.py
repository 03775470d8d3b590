"""What a client or a FHIR server answered for one prefetch key: its resources, and how far the list can be trusted.

`null` and an empty search are answers (there is none); an OperationOutcome is a failed look; anything that is not
FHIR at all is as if it had not been sent (product.md section 5; cds-hooks F-01 to F-13).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cards.chart import Listing
from cards.reading.shapes import Json, code_of_status, codings, first, objects, text

_NOTES = frozenset({"information", "warning", "success"})
#: Codes of a vendor's notes: results were left out; a search found nothing.
_LEFT_OUT = "59204"
_FOUND_NOTHING = "4101"
_LEFT_OUT_WORDS = re.compile(r"suppressed|not been included|not included|outside record", re.IGNORECASE)
#: A Bundle inside a Bundle is opened this often, no deeper.
_DEEPEST = 3


@dataclass(frozen=True, slots=True)
class Listed:
    """The resources for one prefetch key.

    listing   COMPLETE: read to its end, perhaps empty; CUT: a page or an entry is missing; NOT_KNOWN: not read
    withheld  a note said that results were left out
    refused   the client looked and failed: asking the same again is of no use (only where NOT_KNOWN)
    """

    resources: tuple[dict[str, Json], ...] = ()
    listing: Listing = Listing.COMPLETE
    withheld: bool = False
    refused: bool = False


NOT_READ = Listed(listing=Listing.NOT_KNOWN)
REFUSED = Listed(listing=Listing.NOT_KNOWN, refused=True)


def unwrap(value: Json, *, kind: str = "", pages_followed: bool = False) -> Listed:
    """Read a prefetch value or the body of a FHIR answer; any JSON is tolerated.

    `kind` is the resource type that was asked for: a single resource of another type was not asked for and counts as
    not read. `pages_followed`: whoever calls has put all pages together, so a next link cuts nothing.
    """
    return _unwrap(value, kind, pages_followed, _DEEPEST)


def _unwrap(value: Json, kind: str, pages_followed: bool, depth: int) -> Listed:
    if value is None:
        return Listed()
    if not isinstance(value, dict):
        return NOT_READ
    found = text(value.get("resourceType"))
    if found == "Bundle":
        return _unwrap_bundle(value, kind, pages_followed, depth)
    if found == "OperationOutcome":
        return _instead_of_an_answer(value)
    if found:
        return NOT_READ if kind and found != kind else Listed((value,))
    return _unwrap_response(value, kind, pages_followed, depth)


def _unwrap_response(value: dict[str, Json], kind: str, pages_followed: bool, depth: int) -> Listed:
    """The `{response, resource}` that clients before CDS Hooks 1.0 sent."""
    if "resource" not in value or depth <= 0:
        return NOT_READ
    if _failed(value):
        return REFUSED
    return _unwrap(value["resource"], kind, pages_followed, depth - 1)


def _failed(entry: Mapping[str, Json]) -> bool:
    """The entry's own response says 4xx or 5xx."""
    return text(first(entry.get("response")).get("status"))[:1] in ("4", "5")


def _unwrap_bundle(bundle: dict[str, Json], kind: str, pages_followed: bool, depth: int) -> Listed:
    entries = bundle.get("entry")
    if entries is not None and not isinstance(entries, list | dict):
        return NOT_READ
    heap = _Heap()
    for entry in entries if isinstance(entries, list) else (entries,) if entries else ():
        _sort_in(heap, entry, kind, depth)
    if not pages_followed and (_has_next(bundle) or _is_short_of_its_total(bundle, heap)):
        heap.cut = True
    return heap.listed()


@dataclass(slots=True)
class _Heap:
    """What was found in a Bundle so far."""

    resources: list[dict[str, Json]] = field(default_factory=list)
    cut: bool = False
    failed: bool = False
    withheld: bool = False

    def listed(self) -> Listed:
        listing = Listing.NOT_KNOWN if self.failed else Listing.CUT if self.cut else Listing.COMPLETE
        return Listed(tuple(self.resources), listing, self.withheld, self.failed)

    def take(self, inner: Listed) -> None:
        self.resources += inner.resources
        self.withheld |= inner.withheld
        self.failed |= inner.refused
        self.cut |= inner.listing is not Listing.COMPLETE


def _sort_in(heap: _Heap, entry: Json, kind: str, depth: int) -> None:
    """One entry: data, a note, a failure, or a hole."""
    resource = entry.get("resource") if isinstance(entry, dict) else None
    if not isinstance(resource, dict) or not text(resource.get("resourceType")):
        heap.failed |= isinstance(entry, dict) and _failed(entry)
        heap.cut = True
    elif resource["resourceType"] == "OperationOutcome":
        heap.failed |= _is_failure(resource) or _failed(entry)
        heap.withheld |= _says_left_out(resource)
    elif resource["resourceType"] == "Bundle":
        heap.take(_unwrap(resource, kind, False, depth - 1) if depth > 0 else NOT_READ)
    else:
        heap.resources.append(_named(resource, entry))


def _named(resource: dict[str, Json], entry: Mapping[str, Json]) -> dict[str, Json]:
    """A Medication without an id is found by the address of its entry."""
    if resource["resourceType"] != "Medication" or resource.get("id"):
        return resource
    return resource | {"id": re.split("[/:]", text(entry.get("fullUrl")))[-1]}


def _has_next(bundle: Mapping[str, Json]) -> bool:
    return any(text(link.get("relation")) == "next" for link in objects(bundle.get("link")))


def _is_short_of_its_total(bundle: Mapping[str, Json], heap: _Heap) -> bool:
    """More were found than are here. A smaller total means nothing: some servers count the page."""
    total = bundle.get("total")
    return isinstance(total, int) and not isinstance(total, bool) and total > len(heap.resources) and not heap.withheld


def _instead_of_an_answer(outcome: Mapping[str, Json]) -> Listed:
    """A failed look, but for the note that a search found nothing."""
    nothing = not _is_failure(outcome) and _FOUND_NOTHING in _codes(outcome)
    return Listed(withheld=_says_left_out(outcome)) if nothing else REFUSED


def _is_failure(outcome: Mapping[str, Json]) -> bool:
    """At least one issue is an error, or does not say that it is none."""
    issues = objects(outcome.get("issue"))
    return not issues or any(code_of_status(issue.get("severity")) not in _NOTES for issue in issues)


def _says_left_out(outcome: Mapping[str, Json]) -> bool:
    suppressed = any(code_of_status(issue.get("code")) == "suppressed" for issue in objects(outcome.get("issue")))
    return suppressed or _LEFT_OUT in _codes(outcome) or any(map(_LEFT_OUT_WORDS.search, _words(outcome)))


def _codes(outcome: Mapping[str, Json]) -> frozenset[str]:
    return frozenset(code for issue in objects(outcome.get("issue")) for _, code in codings(issue.get("details")))


def _words(outcome: Mapping[str, Json]) -> Iterator[str]:
    for issue in objects(outcome.get("issue")):
        yield text(issue.get("diagnostics"))[:500]
        yield from _said(first(issue.get("details")))


def _said(details: Mapping[str, Json]) -> Iterable[str]:
    return (
        text(each)[:500] for each in (details.get("text"), *(c.get("display") for c in objects(details.get("coding"))))
    )
