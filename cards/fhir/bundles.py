"""What a client or a FHIR server answered for one prefetch key: its resources, and how far the list can be trusted.

`null` and an empty search are answers (there is none); an OperationOutcome is a failed look; anything that is not
FHIR at all is as if it had not been sent (contract section 5; protocol F-01 to F-13).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from cards.facts.chart import Gap, Listing
from cards.fhir.identity import newest_versions
from cards.fhir.json_values import Json, code_of_status, codings, first, is_cut, items, objects, text
from cards.values import frozen

_NOTES = frozenset({"information", "warning", "success"})
#: FHIR's codes (issue-type) of an answer that is not whole: a source did not answer, or the server gave up. What the
#: caller may not see (`suppressed`, `forbidden`, `security`) is none: it would cut every list of that caller for ever.
_NOT_WHOLE = frozenset(
    {"incomplete", "timeout", "throttled", "too-costly", "transient", "exception", "no-store", "lock-error"}
)
#: Codes of a vendor's notes: results were left out; a search found nothing.
_LEFT_OUT = "59204"
_FOUND_NOTHING = "4101"
_LEFT_OUT_WORDS = re.compile(r"suppressed|not been included|not included|outside record", re.IGNORECASE)
#: How every resource type is written; what writes it otherwise (`condition`) is no resource that can be read.
_TYPE = re.compile(r"(?:[A-Z][a-z]+)+")
#: A Bundle inside a Bundle is opened this often, no deeper.
DEEPEST = 3
#: The members of a Bundle that may hold resources, and are no entries: those of another name belong to no FHIR version.
_BESIDE_ENTRIES = frozenset({"entry", "link", "extension", "modifierExtension", "signature", "issues"})
#: Resources that carry others in themselves, and are no Bundle.
_CARRIERS = frozenset({"Parameters", "List"})
#: A number of entries, however it is written; a larger one than the most is read as this.
_NUMBER = re.compile(r"\+?[0-9]+(?:\.[0-9]*)?(?:[eE]\+?[0-9]{1,3})?")
_LONGEST_TOTAL, _MOST_TOTAL = 30, Decimal(10**9)
#: What a search adds to its matches, so that `Bundle.total` does not count it.
_NO_MATCH = frozenset({"include", "outcome"})
#: Where a resource says what it is about.
_CODES = ("code", "medicationCodeableConcept", "medication")
#: Values that hold no objects.
_PLAIN = (str, int, float)


@frozen
class Listed:
    """The resources for one prefetch key.

    listing   COMPLETE: read to its end, perhaps empty; CUT: a page or an entry is missing; NOT_KNOWN: not read
    withheld  a note said that results were left out
    laboratory_only  the access covers the category of laboratory results and no other (only labs)
    refused   the client looked and failed: asking the same again is of no use (only where NOT_KNOWN)
    gap       why the list is not COMPLETE
    answered  value sets or analytes of which every entry was read although the list is CUT (`Chart.answered`)
    addresses the `fullUrl` of entries, each with its resource (`cards.fhir.references`)
    added     those of the resources that the search added to its matches
    """

    resources: tuple[dict[str, Json], ...] = ()
    listing: Listing = Listing.COMPLETE
    withheld: bool = False
    refused: bool = False
    gap: Gap | None = None
    answered: frozenset[str] = frozenset()
    laboratory_only: bool = False
    addresses: tuple[tuple[str, dict[str, Json]], ...] = field(default=(), repr=False)
    added: tuple[dict[str, Json], ...] = field(default=(), repr=False)


NOT_READ = Listed(listing=Listing.NOT_KNOWN, gap=Gap("absent"))
NOT_FHIR = Listed(listing=Listing.NOT_KNOWN, gap=Gap("shape"))
REFUSED = Listed(listing=Listing.NOT_KNOWN, refused=True, gap=Gap("failed"))
_PARTIAL = Gap("partial")


def unwrap(value: Json, *, kind: str = "", pages_followed: bool = False) -> Listed:
    """Read a prefetch value or the body of a FHIR answer; any JSON is tolerated.

    `kind` is the resource type that was asked for: a single resource of another type was not asked for and counts as
    not read. `pages_followed`: whoever calls has put all pages together, so a next link cuts nothing.
    """
    return _unwrap(value, kind, pages_followed, DEEPEST)


def next_link(value: Json) -> str | None:
    """Return the address of the next page as the Bundle gives it; empty where there is a next page without an
    address.
    """
    return _link(value, "next")


def self_link(value: Json) -> str:
    """Return the address under which the server sees this page; empty where it does not say."""
    return _link(value, "self") or ""


def _link(value: Json, relation: str) -> str | None:
    for link in items(_innermost(value).get("link")):
        named = link if isinstance(link, Mapping) else {"relation": link}
        address = named.get("url")
        if relation not in map(code_of_status, items(named.get("relation") or named.get("rel"))):
            address = named.get(relation)  # `{"next": address}`, as other interfaces write it
            if address is None:
                continue
        return address if isinstance(address, str) else ""
    return None


def count_matches(listed: Iterable[Listed]) -> int:
    """Return how many records these lists hold that a search matched, each counted once however often it was sent."""
    lists = tuple(listed)
    added = {id(each) for one in lists for each in one.added}
    return len(newest_versions(each for one in lists for each in one.resources if id(each) not in added))


def total_of(value: Json) -> int:
    """Return how many entries the server says there are on all pages together; 0 where it does not say.

    A whole number counts in any form of JSON: 400, 400.0, "400", "4e2".
    """
    total = next(iter(items(_innermost(value).get("total"))), 0)
    if type(total) is int:
        return total
    written = total.strip() if isinstance(total, str) else "" if isinstance(total, bool) else str(total)
    found = Decimal(written) if len(written) <= _LONGEST_TOTAL and _NUMBER.fullmatch(written) else Decimal(0)
    return int(min(found, _MOST_TOTAL)) if found > _MOST_TOTAL or found % 1 == 0 else 0


def _innermost(value: Json) -> Mapping[str, Json]:
    """The resource inside `{response, resource}`, or the value itself."""
    for _ in range(DEEPEST):
        if not isinstance(value, dict) or text(value.get("resourceType")) or "resource" not in value:
            break
        value = value["resource"]
    return value if isinstance(value, dict) else {}


def _unwrap(value: Json, kind: str, pages_followed: bool, depth: int) -> Listed:
    if value is None:
        return Listed()
    if isinstance(value, list):
        return _unwrap_array(value, kind, depth)
    if not isinstance(value, dict):
        return NOT_FHIR
    found = text(value.get("resourceType"))
    if found == "Bundle":
        return _unwrap_bundle(value, kind, pages_followed, depth)
    if found == "OperationOutcome":
        return _instead_of_an_answer(value)
    if found in _CARRIERS and found != kind and depth > 0:
        return _unwrap_carried(value, kind, pages_followed, depth)
    if found:
        return NOT_FHIR if kind and found != kind else _single(value)
    return _unwrap_response(value, kind, pages_followed, depth)


def _single(resource: dict[str, Json]) -> Listed:
    """The list of one resource that came by itself."""
    listed = Listed((_of_plain_type(resource),))
    return replace(listed, listing=Listing.CUT, gap=Gap("unreadable-entry")) if _has_more_codes(resource) else listed


def _of_plain_type(resource: dict[str, Json]) -> dict[str, Json]:
    """The resource as it is, but with no blanks around its type, which readers compare exactly."""
    kind = resource.get("resourceType")
    return resource if not isinstance(kind, str) or kind == kind.strip() else {**resource, "resourceType": kind.strip()}


def _has_more_codes(resource: Mapping[str, Json]) -> bool:
    """Return whether it, or what it holds, has more codings than are read, so that what it is about may be missed."""
    for name in _CODES:
        if name in resource and is_cut(resource[name]):
            return True
    if "component" not in resource and "contained" not in resource:
        return False
    held = (*objects(resource.get("component")), *objects(resource.get("contained")))
    return any(is_cut(each[name]) for each in held for name in _CODES if name in each)


def _unwrap_array(values: list[Json], kind: str, depth: int) -> Listed:
    """Resources without a Bundle around them: they count, and nothing says that they are all (protocol F-09)."""
    heap = _Heap()
    for each in values:
        _sort_in(heap, {"resource": each}, kind, depth)
    if not heap.resources and not heap.failed:
        return NOT_FHIR
    listed = heap.listed()
    return listed if heap.failed else replace(listed, listing=Listing.CUT, gap=Gap("shape"))


def _unwrap_carried(carrier: Mapping[str, Json], kind: str, pages_followed: bool, depth: int) -> Listed:
    """What a Parameters or a List carries: a Bundle as it is, resources as those of an array. None is no answer."""
    held = _carried(carrier)
    if len(held) == 1 and text(first(held).get("resourceType")) == "Bundle":
        return _unwrap(held[0], kind, pages_followed, depth - 1)
    return _unwrap_array(held, kind, depth - 1)


def _carried(carrier: Mapping[str, Json]) -> list[Json]:
    """Return the resources of a Parameters or List; contained ones without the id that holds inside the List alone."""
    if text(carrier.get("resourceType")) == "List":
        contained = objects(carrier.get("contained"))
        return [{name: value for name, value in each.items() if name != "id"} for each in contained]
    found, left = list[Json](), list(reversed(objects(carrier.get("parameter"))))
    while left:
        parameter = left.pop()
        left += reversed(objects(parameter.get("part")))
        found += [parameter["resource"]] if "resource" in parameter else []
    return found


def _unwrap_response(value: dict[str, Json], kind: str, pages_followed: bool, depth: int) -> Listed:
    """The `{response, resource}` of clients before CDS Hooks 1.0, or a Bundle that does not say that it is one."""
    if isinstance(value.get("entry"), list | dict):
        return _unwrap_bundle(value, kind, pages_followed, depth)
    if "resource" not in value or depth <= 0:
        return NOT_FHIR
    if _failed(value):
        return REFUSED
    return _unwrap(value["resource"], kind, pages_followed, depth - 1)


def _failed(entry: Mapping[str, Json]) -> bool:
    """The entry's own response says 4xx or 5xx."""
    return text(first(entry.get("response")).get("status"))[:1] in ("4", "5")


def _unwrap_bundle(bundle: dict[str, Json], kind: str, pages_followed: bool, depth: int) -> Listed:
    entries = bundle.get("entry")
    if entries is not None and not isinstance(entries, list | dict):
        return NOT_FHIR
    heap = _Heap(cut=_holds_resources_elsewhere(bundle))
    if heap.cut and not entries:
        return NOT_FHIR
    for entry in entries if isinstance(entries, list) else () if entries is None else (entries,):
        _sort_in(heap, entry, kind, depth)
    heap.note(bundle.get("issues"))
    listed, total = heap.listed(), total_of(bundle)
    goes_on = next_link(bundle) is not None
    if pages_followed or heap.failed or not (total or goes_on):
        return listed
    count = count_matches([listed])
    is_short = total > count and not heap.withheld  # a smaller total means nothing: some servers count the page
    if not (is_short or goes_on):
        return listed
    return replace(listed, listing=Listing.CUT, gap=Gap("cut", read=count, total=total if total > count else None))


def _holds_resources_elsewhere(bundle: Mapping[str, Json]) -> bool:
    """Return whether a member of another name than `entry` holds what looks like entries."""
    members = [value for name, value in bundle.items() if name not in _BESIDE_ENTRIES and not isinstance(value, _PLAIN)]
    beside = [each for value in members for each in objects(value)]
    return any("resource" in each or "entry" in each or text(each.get("resourceType")) for each in beside)


@dataclass(slots=True)
class _Heap:
    """What was found in a Bundle so far."""

    resources: list[dict[str, Json]] = field(default_factory=list)
    addresses: list[tuple[str, dict[str, Json]]] = field(default_factory=list)
    cut: bool = False
    failed: bool = False
    withheld: bool = False
    gap: Gap | None = None
    added: list[dict[str, Json]] = field(default_factory=list)

    def listed(self) -> Listed:
        found = Listed(
            tuple(self.resources),
            withheld=self.withheld,
            addresses=tuple(self.addresses),
            added=tuple(self.added),
        )
        if self.failed:
            return replace(found, listing=Listing.NOT_KNOWN, refused=True, gap=REFUSED.gap)
        if self.cut:
            return replace(found, listing=Listing.CUT, gap=self.gap or Gap("unreadable-entry"))
        return found

    def take(self, inner: Listed) -> None:
        self.resources += inner.resources
        self.addresses += inner.addresses
        self.added += inner.added
        self.withheld |= inner.withheld
        self.failed |= inner.refused
        self.cut |= inner.listing is not Listing.COMPLETE
        self.gap = self.gap or inner.gap

    def note(self, outcome: Json) -> None:
        """Take in what an OperationOutcome says of the answer that it stands in."""
        for each in objects(outcome):
            self.withheld |= _says_left_out(each)
            if _says_not_whole(each):
                self.cut, self.gap = True, self.gap or _PARTIAL


def _sort_in(heap: _Heap, entry: Json, kind: str, depth: int) -> None:
    """One entry: data (some clients leave out the `resource` around it), a note, a failure, or a hole."""
    held = entry if isinstance(entry, dict) else {}
    resource = held if "resource" not in held and text(held.get("resourceType")) else held.get("resource")
    if not isinstance(resource, dict) or not _TYPE.fullmatch(text(resource.get("resourceType"))):
        heap.failed |= _failed(held)
        heap.cut = True
        return
    if "response" in held:
        heap.note(first(held["response"]).get("outcome"))
    resource = _of_plain_type(resource)
    if resource["resourceType"] == "OperationOutcome":
        heap.failed |= _is_failure(resource) or _failed(held)
        heap.note(resource)
    elif resource["resourceType"] == "Bundle":
        heap.take(_unwrap(resource, kind, False, depth - 1) if depth > 0 else NOT_FHIR)
    elif resource["resourceType"] in _CARRIERS and _carried(resource):
        heap.take(_unwrap_carried(resource, kind, False, depth) if depth > 0 else NOT_FHIR)
    else:
        heap.resources.append(resource)
        heap.cut |= _has_more_codes(resource)
        if "search" in held and code_of_status(first(held["search"]).get("mode")) in _NO_MATCH:
            heap.added.append(resource)
        address = text(held["fullUrl"]) if "fullUrl" in held else ""
        if address:
            heap.addresses.append((address, resource))


def _instead_of_an_answer(outcome: Mapping[str, Json]) -> Listed:
    """A failed look, but for the note that a search found nothing."""
    nothing = not _is_failure(outcome) and not _says_not_whole(outcome) and _FOUND_NOTHING in _codes(outcome)
    return Listed(withheld=_says_left_out(outcome)) if nothing else REFUSED


def _is_failure(outcome: Mapping[str, Json]) -> bool:
    """At least one issue is an error, or does not say that it is none."""
    issues = objects(outcome.get("issue"))
    return not issues or any(code_of_status(issue.get("severity")) not in _NOTES for issue in issues)


def _says_left_out(outcome: Mapping[str, Json]) -> bool:
    is_coded = "suppressed" in _kinds(outcome) or _LEFT_OUT in _codes(outcome)
    return is_coded or any(map(_LEFT_OUT_WORDS.search, _words(outcome)))


def _says_not_whole(outcome: Mapping[str, Json]) -> bool:
    """Return whether an issue of any severity says that the answer is not whole; other notes change no list."""
    return not _NOT_WHOLE.isdisjoint((*_kinds(outcome), *map(str.lower, _codes(outcome))))


def _kinds(outcome: Mapping[str, Json]) -> tuple[str, ...]:
    return tuple(code_of_status(issue.get("code")) for issue in objects(outcome.get("issue")))


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
