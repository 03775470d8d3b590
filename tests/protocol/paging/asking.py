"""Gather the data of one call from a simulated server, without deciding anything."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from typing import Any

from cards.reading import Site
from cds_service.calls.gather import Gathered, gather
from cds_service.fhir.access import FhirAccess
from cds_service.fhir.parallel import MOST_AT_ONCE
from cds_service.hooks.prefetch import sent_lists
from cds_service.hooks.request import FhirAuthorization, HookRequest
from cds_service.web.deadline import Deadline
from tests.builders.deadlines import unhurried
from tests.fakes.fault_server import FaultServer

KEYS = ("patient", "conditions", "labs", "medications", "procedures", "orders")


def asked(
    server: FaultServer,
    *,
    keys: Iterable[str] = KEYS,
    seconds: float = 30.0,
    site: Site | None = None,
    prefetch: dict[str, Any] | None = None,
    scope: str | None = None,
) -> Gathered:
    """Gather the data of a call that starts now and has so many seconds."""
    given = FhirAuthorization("t", scope=scope) if scope else None
    request = HookRequest(
        "patient-view",
        str(uuid.uuid4()),
        "p1",
        "Practitioner/1",
        fhir_server=server.base,
        authorization=given,
        prefetch=prefetch or {},
    )
    client = unhurried(fhir_version="R4")
    access = FhirAccess(MOST_AT_ONCE, sites={client.name: site or Site()})
    reader = access.reader_for(request, client, Deadline.of(time.monotonic(), seconds))
    assert reader
    try:
        return gather(request, sent_lists(request.prefetch, keys), reader)
    finally:
        reader.close()
        access.close()


def ids(gathered: Gathered, key: str) -> list[str]:
    """Return the ids of a list in order."""
    return [str(each["id"]) for each in gathered.lists[key].resources]
