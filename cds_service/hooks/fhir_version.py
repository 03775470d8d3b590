"""Determine the FHIR version of a call, from the client's settings or else from the shape of its records.

Suggested orders must be in the client's version.
"""

from __future__ import annotations

from collections.abc import Mapping

from cards.fhir.bundles import Listed, unwrap
from cards.fhir.versions import version_by_shape
from cds_service.config.client import Client
from cds_service.hooks.request import HookRequest

#: The value of a client's setting that leaves the version to the shape of the records.
BY_SHAPE = "auto"
_DEFAULT = "R4"


def version_of_request(request: HookRequest, client: Client) -> str:
    """Return the version of the request: that of its drafts, else of its prefetch, else R4."""
    if client.fhir_version != BY_SHAPE:
        return client.fhir_version
    sent = (each for value in request.prefetch.values() for each in unwrap(value).resources)
    return version_by_shape(request.drafts.resources) or version_by_shape(sent) or _DEFAULT


def version_of_lists(request: HookRequest, client: Client, lists: Mapping[str, Listed]) -> str:
    """Return the version once all lists are read; the drafts come first, since the cards are about them."""
    if client.fhir_version != BY_SHAPE:
        return client.fhir_version
    known = [each for listed in lists.values() for each in listed.resources]
    return version_by_shape(request.drafts.resources) or version_by_shape(known) or _DEFAULT
