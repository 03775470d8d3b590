"""Which FHIR version a call is in: what the client's settings say, else what the shape of its records shows.

A server of an older version has other names for the same lists, and cards must offer orders in the client's version.
"""

from __future__ import annotations

from collections.abc import Mapping

from cards.reading import Listed, unwrap
from cards.reading.versions import version_by_shape
from cds_service.clients.client import Client
from cds_service.hook_request import HookRequest
from cds_service.services import KIND_OF_KEY

#: What a client's settings hold where they leave it to the records.
BY_SHAPE = "auto"
_USUAL = "R4"
#: Resource types that R4's took the place of, by prefetch key.
_OLDER_KINDS: Mapping[str, Mapping[str, str]] = {
    "STU3": {"orders": "ProcedureRequest"},
    "DSTU2": {"orders": "DiagnosticOrder", "medications": "MedicationOrder"},
}


def version_of_request(request: HookRequest, client: Client) -> str:
    """The version of what the request brings along: of its drafts, else of its prefetch, else R4."""
    if client.fhir_version != BY_SHAPE:
        return client.fhir_version
    sent = (each for value in request.prefetch.values() for each in unwrap(value).resources)
    return version_by_shape(unwrap(request.draft_orders).resources) or version_by_shape(sent) or _USUAL


def version_of_lists(request: HookRequest, client: Client, lists: Mapping[str, Listed]) -> str:
    """The same once everything was read; the drafts come first, since cards speak of them."""
    if client.fhir_version != BY_SHAPE:
        return client.fhir_version
    known = (each for listed in lists.values() for each in listed.resources)
    return version_by_shape(unwrap(request.draft_orders).resources) or version_by_shape(known) or _USUAL


def kind_of(key: str, fhir_version: str) -> str:
    """The resource type that a server of this version has for a prefetch key."""
    return _OLDER_KINDS.get(fhir_version, {}).get(key, KIND_OF_KEY[key])
