"""Build hook requests as Epic, Oracle Health, the public sandbox or a plain R4 client sends them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from fhir_fixtures import shapes
from fhir_fixtures.loading import PatientFile, Resource, draft

#: The prefetch keys that the services use, besides `patient`, and the resource type of each.
PREFETCH_KEYS = {
    "conditions": "Condition",
    "labs": "Observation",
    "medications": "MedicationRequest",
    "allergies": "AllergyIntolerance",
    "procedures": "Procedure",
    "orders": "ServiceRequest",
}
_HALF = ("conditions",)


@dataclass(frozen=True, slots=True)
class ClientDialect:
    """How one kind of client writes requests: its address, its user, its searchsets and its draft orders."""

    fhir_server: str
    user: str
    searchset: shapes.Shaper
    order: Callable[[Resource], Resource]
    encounter: str | None = None
    extension: Resource | None = None


_EPIC_EXTENSION = {
    "com.epic.cdshooks.request.bpa-trigger-action": "60",
    "com.epic.cdshooks.request.cds-hooks-specification-version": "1.1",
    "com.epic.cdshooks.request.fhir-version": "R4",
}

CLIENTS = {
    "generic": ClientDialect(
        "https://fhir.example.org/r4", "Practitioner/clinician-1", shapes.plain_searchset, lambda order: order, "enc-1"
    ),
    "epic": ClientDialect(
        "https://ehr.example.org/interconnect/api/FHIR/R4",
        "PractitionerRole/eRole.501-B3",
        shapes.epic_searchset,
        shapes.epic_resource,
        "eEnc.501-A3",
        _EPIC_EXTENSION,
    ),
    "oracle-health": ClientDialect(
        "https://fhir.example.org/tenant",
        "Practitioner/4464007",
        shapes.oracle_searchset,
        lambda order: order,
        "97953477",
    ),
    "sandbox": ClientDialect(
        "http://127.0.0.1:8080/fhir",
        "Practitioner/COREPRACTITIONER1",
        shapes.plain_searchset,
        lambda order: shapes.sandbox_order(order, _first_reason(order)),
    ),
}


def hook_request(
    client: str,
    hook: str,
    patient: PatientFile,
    *,
    today: date,
    drafts: Sequence[str | Resource] | None = (),
    prefetch: str = "full",
    fhir_server: str | None = None,
) -> Resource:
    """Build the body that this client would post.

    `client`: a name of CLIENTS. `drafts`: names of draft orders or whole resources; None omits the order context, as
    the sandbox does when the open tab is clicked again. `prefetch`: full, none, half (patient and conditions only) or
    cut (the first page of labs has half of them, and a `next` link). `fhir_server`: None is the client's own address,
    empty is none.
    """
    dialect = CLIENTS[client]
    base = dialect.fhir_server if fhir_server is None else fhir_server
    name = uuid.uuid5(uuid.NAMESPACE_URL, f"{client}/{hook}/{patient.slug}/{drafts}/{prefetch}")
    body: Resource = {"hookInstance": str(name), "hook": hook}
    if base:
        body["fhirServer"] = base
    body["context"] = _context(client, dialect, hook, patient, today, drafts)
    if prefetch != "none":
        body["prefetch"] = _prefetch(dialect, patient, prefetch, base or dialect.fhir_server)
    if dialect.extension:
        body["extension"] = dict(dialect.extension)
    return body


def _context(
    client: str,
    dialect: ClientDialect,
    hook: str,
    patient: PatientFile,
    today: date,
    drafts: Sequence[str | Resource] | None,
) -> Resource:
    context: Resource = {"patientId": patient.patient_id, "userId": dialect.user}
    if dialect.encounter:
        context["encounterId"] = dialect.encounter
    if hook == "patient-view" or drafts is None:
        return context
    named = [draft(one, patient.patient_id, today) if isinstance(one, str) else one for one in drafts]
    orders = [dialect.order(one) for one in named]
    if client == "sandbox" and not orders:
        orders = [shapes.sandbox_nothing_chosen(f"Patient/{patient.patient_id}", today.isoformat())]
    if hook == "order-select":
        context["selections"] = [f"{one['resourceType']}/{one['id']}" for one in orders]
    bundle: Resource = {"resourceType": "Bundle"} | ({} if client == "sandbox" else {"type": "collection"})
    return context | {"draftOrders": bundle | {"entry": [{"resource": one} for one in orders]}}


def _prefetch(dialect: ClientDialect, patient: PatientFile, how_much: str, base: str) -> Resource:
    filled: Resource = {"patient": next(patient.resources("Patient"))}
    for key in _HALF if how_much == "half" else PREFETCH_KEYS:
        found = _newest_first(list(patient.resources(PREFETCH_KEYS[key])))
        pairs = (("patient", patient.patient_id), ("_sort", "-date"))
        page = (len(found) + 1) // 2 if how_much == "cut" and key == "labs" else len(found)
        filled[key] = dialect.searchset(shapes.Search(base, PREFETCH_KEYS[key], pairs, page), found)
    return filled


def _newest_first(found: list[Resource]) -> list[Resource]:
    return sorted(found, key=lambda one: str(one.get("effectiveDateTime", "")), reverse=True)


def _first_reason(order: Resource) -> Resource | None:
    reasons: list[Resource] = order.get("reasonCode") or []
    return reasons[0] if reasons else None
