"""A client of the service that fills the prefetch templates from a FHIR server, or lets the service read."""

from __future__ import annotations

import uuid
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import requests
from flask.testing import FlaskClient

from fhir_fixtures import PatientFile, draft
from fhir_fixtures.dates import ANCHOR
from tests.interop.real_server import ANSWERS, FHIR_JSON

Json = dict[str, Any]

#: Every kind of draft that is judged: intravenous and oral iron, a drug that worsens RLS, a dopaminergic drug.
DRAFTS = (
    "ferric-carboxymaltose-750",
    "ferrous-sulfate-325-once-daily",
    "diphenhydramine-25-at-bedtime",
    "pramipexole-0.125-at-bedtime",
)


def body(hook: str, patient: PatientFile, drafts: tuple[str, ...] = ()) -> Json:
    """Return a hook request without prefetch and without a FHIR server."""
    context: Json = {"userId": "Practitioner/clinician-1", "patientId": patient.patient_id}
    if hook != "patient-view":
        orders = [{"resource": draft(name, patient.patient_id, ANCHOR)} for name in drafts]
        context["draftOrders"] = {"resourceType": "Bundle", "type": "collection", "entry": orders}
    named = uuid.uuid5(uuid.NAMESPACE_URL, f"{hook}/{patient.slug}")
    return {"hookInstance": str(named), "hook": hook, "context": context}


def templates(service: FlaskClient, hook: str) -> dict[str, str]:
    """Return the prefetch templates of a hook in discovery."""
    found = service.get("/cds-services").json
    assert found
    return next(dict(each["prefetch"]) for each in found["services"] if each["id"] == f"rls-{hook}")


def prefetched(service: FlaskClient, base: str, request: Json, *, posted: bool = False) -> Json:
    """Return the request with every template resolved at `base`, by GET, or by POST as the public sandbox does."""
    filled = queries(service, request)
    return request | {"prefetch": {key: answer_of(f"{base}/{query}", posted) for key, query in filled.items()}}


def queries(service: FlaskClient, request: Json) -> dict[str, str]:
    """Return the query of every prefetch template for the patient of the request."""
    return {
        key: template.replace("{{context.patientId}}", request["context"]["patientId"])
        for key, template in templates(service, request["hook"]).items()
    }


@cache
def answer_of(url: str, posted: bool = False) -> Json:
    """Return what the server answers, cached, since no test changes a patient's records."""
    headers = {"Accept": FHIR_JSON}
    if posted and "?" in url:
        path, _, query = url.partition("?")
        found = requests.post(f"{path}/_search", data=parse_qsl(query), headers=headers, timeout=ANSWERS)
    else:
        found = requests.get(url, headers=headers, timeout=ANSWERS)
    assert found.status_code == 200, found.text[:500]
    return dict(found.json())


def cards(service: FlaskClient, request: Json) -> list[Json]:
    """Return the cards of the answer, without their UUIDs."""
    answer = service.post(f"/cds-services/rls-{request['hook']}", json=request)
    assert answer.status_code == 200, answer.text
    assert answer.json
    return [_lasting(card) for card in answer.json["cards"]]


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lasting(inner) for key, inner in value.items() if key != "uuid"}
    return [_lasting(inner) for inner in value] if isinstance(value, list) else value
