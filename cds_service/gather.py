"""What is known for a call, key by key: from the prefetch where it is there, else read from the FHIR server.

absent → read it; `null` or an empty search → there is none; an OperationOutcome → the client looked and failed, so it
is not asked again; a wrong shape, a wrong type or another patient's record → as if absent (CDS Hooks F-01 to F-13).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cards.chart import Listing
from cards.reading import Listed, unwrap
from cards.reading.shapes import first, reference_of, text
from cds_service.fhir.pages import next_link
from cds_service.fhir.reader import Reader
from cds_service.hook_request import HookRequest
from cds_service.prefetch import prefetched
from cds_service.services import template

#: Medication resources that orders point at and nobody sent: so many are read on demand.
MOST_MEDICATIONS = 10
_MEDICATION = re.compile(r"Medication/(?!\.+$)[A-Za-z0-9\-.]{1,64}")


@dataclass(frozen=True, slots=True)
class Gathered:
    """The lists by prefetch key; `sources` says for each where it came from: prefetch, read or missing.
    `faults` says why reads failed and `seconds` how long each read took."""

    lists: Mapping[str, Listed]
    sources: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def queries(self) -> tuple[str, ...]:
        """The templates that were read from the server; no patient in them."""
        return tuple(template(key) for key, source in self.sources.items() if source == "read")


def gather(request: HookRequest, keys: Iterable[str], reader: Reader | None) -> Gathered:
    """Every key of the service. Without a reader only what was prefetched; never raises on account of data."""
    keys = tuple(keys)
    sent = {key: prefetched(request.prefetch, key, request.patient_id) for key in keys}
    absent = tuple(key for key, listed in sent.items() if _is_absent(listed))
    read: dict[str, Listed] = {}
    if reader:
        unfinished = {key: request.prefetch[key] for key in keys if _goes_on(sent[key], request.prefetch.get(key))}
        read = reader.search(absent, request.patient_id, unfinished)
    lists = {key: read.get(key, sent[key]) for key in keys}
    if reader:
        lists = _with_medications(lists, request, reader)
    sources = {key: _source(key, absent, lists[key]) for key in keys}
    return Gathered(lists, sources, dict(reader.faults) if reader else {}, dict(reader.seconds) if reader else {})


def _is_absent(listed: Listed) -> bool:
    return listed.listing is Listing.NOT_KNOWN and not listed.refused


def _goes_on(listed: Listed, value: Any) -> bool:
    """The client sent the first page of several."""
    return listed.listing is Listing.CUT and next_link(value) is not None


def _source(key: str, absent: tuple[str, ...], listed: Listed) -> str:
    if listed.listing is Listing.NOT_KNOWN:
        return "missing"
    return "read" if key in absent else "prefetch"


def _with_medications(lists: dict[str, Listed], request: HookRequest, reader: Reader) -> dict[str, Listed]:
    """The Medication resources that drafts and drug orders point at, put beside the drug orders."""
    if "medications" not in lists:
        return lists
    drafts, known = unwrap(request.draft_orders).resources, lists["medications"]
    records = (*drafts, *sorted(known.resources, key=_is_over))
    have = {f"Medication/{text(each.get('id'))}" for each in records if each.get("resourceType") == "Medication"}
    wanted = dict.fromkeys(ref for record in records for ref in _medications_of(record, reader.server.base))
    unknown = [reference for reference in wanted if reference not in have][:MOST_MEDICATIONS]
    found = reader.by_reference(unknown) if unknown else ()
    return lists | {"medications": replace(known, resources=(*known.resources, *found))} if found else lists


def _is_over(record: Mapping[str, Any]) -> bool:
    return text(record.get("status")) not in ("active", "draft", "on-hold", "")


def _medications_of(record: Mapping[str, Any], base: str) -> Iterator[str]:
    """References to Medication resources of this server, as `Medication/id`."""
    for value in (record.get("medicationReference"), first(record.get("medication")).get("reference")):
        reference = reference_of(value).removeprefix(f"{base}/").partition("/_history/")[0]
        if _MEDICATION.fullmatch(reference):
            yield reference
