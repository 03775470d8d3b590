"""Open the Bundles of a file as deep as the service opens them, and say how far each list in them was read.

A record comes as one Bundle, as the answers to several searches in one (`batch-response`), or as a document in a
collection. What a file holds inside Bundles counts as if it lay at the top; a Bundle that is not opened is an error, so
that an unread record is never taken for an empty one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cards.facts.chart import LISTS, Listing
from cards.fhir.bundles import DEEPEST, Listed, self_link, unwrap
from cards.fhir.json_values import objects, text
from cards.fhir.references import address_of
from cards.reading.resource_types import KEY_OF_TYPE
from cds_service.offline.ownership import Resource

_WORST_FIRST = (Listing.NOT_KNOWN, Listing.CUT, Listing.COMPLETE)
_TYPE_ASKED = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)(?:\?|$|/_search)")


class UnreadableFile(ValueError):
    """A file without a patient or a hook request; the message names the file, the place and what was expected."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The resources of a Bundle and of all Bundles in it, with their addresses, and how far each list was read."""

    resources: tuple[Resource, ...]
    listings: Mapping[str, Listing]
    addresses: tuple[tuple[str, Resource], ...] = ()

    def listed(self, key: str, resources: tuple[Resource, ...]) -> Listed:
        """Return these resources of the file as the list of a key."""
        return Listed(resources, self.listings[key], addresses=self.addresses)


def opened(bundle: Resource, place: str) -> Opened:
    """Open a Bundle. Raises `UnreadableFile` where Bundles lie deeper in it than the service opens them.

    A Patient without an id, as in documents, takes it from its address.
    """
    named = [(text(entry.get("fullUrl")), _with_id(entry)) for entry in _entries(bundle, place, DEEPEST)]
    resources = tuple(resource for _, resource in named)
    return Opened(resources, _listings(bundle), tuple(pair for pair in named if pair[0]))


def refuse_unopened(resources: Iterable[Resource], place: str) -> None:
    """Raise `UnreadableFile` where a Bundle lies inside one of these resources, such as a Parameters."""
    found = [each for each in resources if any(map(_holds_bundle, each.values()))]
    if found:
        kinds = ", ".join(dict.fromkeys(text(each.get("resourceType")) or "no resourceType" for each in found))
        raise UnreadableFile(
            f"{place}: Bundles lie unopened inside other resources ({kinds}); write each Bundle as a file or a line of "
            "its own"
        )


def _holds_bundle(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_holds_bundle, value))
    if not isinstance(value, dict):
        return False
    return value.get("resourceType") == "Bundle" or any(map(_holds_bundle, value.values()))


def _entries(bundle: Resource, place: str, depth: int) -> Iterator[Resource]:
    """Yield every entry with a resource that is no Bundle, of this Bundle and those in it."""
    for entry in objects(bundle.get("entry")):
        resource = entry.get("resource")
        if not isinstance(resource, dict):
            continue
        if resource.get("resourceType") != "Bundle":
            yield dict(entry)
        elif depth > 0:
            yield from _entries(resource, place, depth - 1)
        else:
            raise UnreadableFile(
                f"{place}: Bundles lie unopened, more than {DEEPEST} deep inside Bundles; write the inner Bundles as "
                "files or lines of their own"
            )


def _with_id(entry: Resource) -> Resource:
    resource: Resource = entry["resource"]
    if resource.get("id") or resource.get("resourceType") != "Patient":
        return resource
    own_id = address_of(text(entry.get("fullUrl"))).id
    return {**resource, "id": own_id} if own_id else resource


def _listings(bundle: Resource) -> Mapping[str, Listing]:
    """Judge each list by the Bundles in which it was searched for, and by the outer Bundle where there is none.

    A search that failed without saying what it was for leaves every other list unread.
    """
    held = [each["resource"] for each in objects(bundle.get("entry")) if _is_bundle(each.get("resource"))]
    outer = [each for each in objects(bundle.get("entry")) if not _is_bundle(each.get("resource"))]
    rest = [unwrap({**bundle, "entry": outer}).listing]
    searched: dict[str, list[Listing]] = {}
    for inner in held:
        listed = unwrap(inner)
        keys = {KEY_OF_TYPE[kind] for kind in _kinds(inner, listed.resources) if kind in KEY_OF_TYPE}
        for key in keys:
            searched.setdefault(key, []).append(listed.listing)
        if not keys:
            rest.append(listed.listing)
    return {key: min(searched.get(key, rest), key=_WORST_FIRST.index) for key in LISTS}


def _is_bundle(resource: Any) -> bool:
    return isinstance(resource, dict) and resource.get("resourceType") == "Bundle"


def _kinds(bundle: Resource, resources: Iterable[Resource]) -> Iterator[str]:
    """Yield the types in the answer to a search, and the one that its own address says was asked for."""
    yield from (text(each.get("resourceType")) for each in resources)
    asked = _TYPE_ASKED.search(self_link(bundle).partition("?")[0])
    if asked:
        yield asked[1]
