"""Find what a reference of a call points at, in every spelling that clients send (contract section 5, item 5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import compress

from cards.fhir.bundles import Listed
from cards.fhir.identity import newest_versions
from cards.fhir.json_values import Json, objects, text
from cards.values import frozen

#: The resource that a reference points at; `None` where it is not at hand.
Resolve = Callable[[str], Mapping[str, Json] | None]

_URL = re.compile(r"([a-z][a-z0-9+.-]*://[^/]*)(.*)", re.IGNORECASE | re.DOTALL)
_URN = re.compile(r"urn:(?:uuid|oid):", re.IGNORECASE)
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
_ENCODED = re.compile(rb"%([0-9A-Fa-f]{2})")
_Key = tuple[str, str]


@frozen
class Address:
    """A reference taken apart, without its version, query and percent signs.

    whole         what is compared with the `fullUrl` of an entry; empty for a relative reference
    type          the resource type it names, in lower case, or what stands in its place; empty for `#p1`,
                  `urn:uuid:...`, a bare id and a URL that names none
    id            the logical id, as it was sent; empty for a search such as `Patient?identifier=7`
    is_contained  it begins with `#`
    is_urn        it is a `urn:uuid:` or `urn:oid:`
    """

    whole: str = ""
    type: str = ""
    id: str = ""
    is_contained: bool = False
    is_urn: bool = False

    @property
    def is_absolute(self) -> bool:
        """Return whether it is a URL or a URN, which some `fullUrl` may answer."""
        return bool(self.whole)

    @property
    def is_bare(self) -> bool:
        """Return whether it is an id alone, which is how some clients write the id of a contained resource."""
        return bool(self.id) and not (self.type or self.whole or self.is_contained)


def address_of(reference: str) -> Address:
    """Take a reference, or a `fullUrl`, apart; any text is tolerated."""
    sent = _without_percent_signs(reference.strip())
    if sent.startswith("#"):
        return Address(id=sent.lstrip("#"), is_contained=True)
    plain, mark, _ = sent.partition("?")
    plain = plain.partition("#")[0].partition("/_history/")[0].rstrip("/")
    if _URN.match(plain):
        return Address(whole=plain.lower(), id=plain.split(":", 2)[2], is_urn=True)
    url = _URL.fullmatch(plain)
    parts = [part for part in (url[2] if url else plain).split("/") if part]
    if mark and not (url or len(parts) > 1):
        return Address()
    named = parts[-2] if len(parts) > 1 else ""
    return Address(
        whole=url[1].lower() + "/" + "/".join(parts) if url else "",
        type=named.lower() if not url or _TYPE.fullmatch(named) else "",
        id=parts[-1] if parts else "",
    )


def _without_percent_signs(reference: str) -> str:
    if "%" not in reference:
        return reference
    raw = _ENCODED.sub(lambda found: bytes([int(found[1], 16)]), reference.encode("utf-8", "replace"))
    return raw.decode("utf-8", "replace")


def name_of(reference: str) -> str:
    """Return `Type/id` of a reference that names both, as it was sent; empty for any other."""
    sent = _without_percent_signs(reference.strip())
    parts = sent.partition("?")[0].partition("/_history/")[0].rstrip("/").split("/")
    return "/".join(parts[-2:]) if len(parts) > 1 and _TYPE.fullmatch(parts[-2]) and parts[-1] else ""


def contained_in(resource: Mapping[str, Json], reference: str) -> Mapping[str, Json] | None:
    """Return the contained resource that a reference of this resource names, with or without `#` on either side."""
    return _among(_contained(resource), reference) if resource.get("contained") else None


def within(resource: Mapping[str, Json], resolve: Resolve) -> Resolve:
    """Return a resolver that looks among the resources contained in this one first."""
    if not resource.get("contained"):
        return resolve
    held = _contained(resource)
    return lambda reference: _among(held, reference) or resolve(reference)


def _contained(resource: Mapping[str, Json]) -> Mapping[str, Mapping[str, Json]]:
    """The contained resources by id; of two under one id the first."""
    held = reversed(objects(resource.get("contained")))
    return {text(each.get("id")).lstrip("#"): each for each in held}


def _among(held: Mapping[str, Mapping[str, Json]], reference: str) -> Mapping[str, Json] | None:
    address = address_of(reference)
    return held.get(address.id) if (address.is_contained or address.is_bare) and address.id else None


def resolver(resources: Iterable[Json]) -> Resolve:
    """Return a resolver over resources without addresses of their own."""
    return References.of([Listed(tuple(dict(each) for each in objects(list(resources))))]).find


class References:
    """The index of every resource of a call: the Bundles of its prefetch, what was read, and the draft orders.

    An address that two different resources answer is answered by neither; of versions of one the newest counts. The
    index is made when the first reference is looked up: most records name nothing but their patient.
    """

    def __init__(self, lists: Iterable[Listed] = ()) -> None:
        self._lists = tuple(lists)
        self._known: dict[int, Mapping[str, Json] | None] = {}

    @classmethod
    def of(cls, lists: Iterable[Listed]) -> References:
        """Index the resources of these lists by type and id, and by the `fullUrl` of their entries."""
        return cls(lists)

    @cached_property
    def people(self) -> tuple[dict[str, Json], ...]:
        """Every Patient."""
        resources = [each for listed in self._lists for each in listed.resources]
        kinds = [each.get("resourceType") for each in resources]
        patients = [isinstance(kind, str) and kind.strip() == "Patient" for kind in kinds]
        return tuple(compress(resources, patients))

    @cached_property
    def _index(self) -> _Index:
        return _Index.of(self._lists)

    def find(self, reference: str) -> Mapping[str, Json] | None:
        """Return the resource of the call that a reference points at; `None` where it is none or not to be told.

        By the `fullUrl` of an entry; else by type and id on any host; else by type and the end of a `fullUrl`. A
        reference that names no type is answered by its id, or that end, alone.
        """
        address = address_of(reference)
        if address.is_contained or not address.id:
            return None
        for found in self._index.answers(address):
            if found:
                if id(found) not in self._known:  # which of many versions counts is told once for all references
                    self._known[id(found)] = _the_one(found)
                return self._known[id(found)]
        return None


@frozen
class _Index:
    by_address: Mapping[str, list[dict[str, Json]]]
    by_name: Mapping[_Key, list[dict[str, Json]]]
    by_end: Mapping[_Key, list[dict[str, Json]]]

    @classmethod
    def of(cls, lists: tuple[Listed, ...]) -> _Index:
        by_address: dict[str, list[dict[str, Json]]] = {}
        by_name: dict[_Key, list[dict[str, Json]]] = {}
        by_end: dict[_Key, list[dict[str, Json]]] = {}
        for each in (resource for listed in lists for resource in listed.resources):
            logical_id = text(each.get("id"))
            if logical_id:
                by_name.setdefault((text(each.get("resourceType")).lower(), logical_id), []).append(each)
                by_name.setdefault(("", logical_id), []).append(each)
        for full_url, each in (pair for listed in lists for pair in listed.addresses):
            address = address_of(full_url)
            if address.whole:
                by_address.setdefault(address.whole, []).append(each)
            if address.id:
                by_end.setdefault((text(each.get("resourceType")).lower(), address.id), []).append(each)
                by_end.setdefault(("", address.id), []).append(each)
        return cls(by_address, by_name, by_end)

    def answers(self, address: Address) -> Iterator[list[dict[str, Json]] | None]:
        """Yield what answers an address, the best first."""
        name = (address.type, address.id)
        yield self.by_address.get(address.whole)
        yield self.by_name.get(name)
        yield self.by_end.get(name)


def _the_one(found: list[dict[str, Json]]) -> Mapping[str, Json] | None:
    """The newest of several versions; `None` where they are different resources."""
    if len(found) == 1 or all(each is found[0] for each in found):
        return found[0]
    kinds = {(text(each.get("resourceType")), text(each.get("id"))) for each in found}
    if len(kinds) > 1:
        return None
    versions = newest_versions(found)
    return versions[0] if len(versions) == 1 else None
