"""The application with a fixed clock, and the valid requests, that HTTP tests start from."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from cds_service.app import create_app
from cds_service.config.settings import Settings
from cds_service.web.json_schema import load_schema
from fhir_fixtures.clients import hook_request
from fhir_fixtures.loading import PatientFile, load_patient
from tests.builders.bugs import bugs_shown
from tests.builders.deadlines import unhurried

TODAY = date(2026, 6, 30)
NOW = datetime(2026, 6, 30, 15, 0, tzinfo=UTC)
VIEW = "/cds-services/rls-patient-view"
SIGN = "/cds-services/rls-order-sign"
SELECT = "/cds-services/rls-order-select"
ALL_ON = {"rls-patient-view": "live", "rls-order-sign": "live", "rls-order-select": "live"}
#: What a call without any prefetch reads about patient p1 of an R4 server, before any further page.
FIRST_READS = (
    "AllergyIntolerance",
    "Condition",
    "MedicationAdministration",
    "MedicationDispense",
    "MedicationRequest",
    "MedicationStatement",
    "Observation",
    "Patient/p1",
    "Procedure",
    "ServiceRequest",
)
#: A patient with one known card, and a draft order with one.
IRON_LOW = "ferritin-38-inside-the-lab-range"
OVERLOAD = "haemochromatosis-after-phlebotomy"


def settings(**changes: Any) -> Settings:
    """Return settings of open mode with every service on, in a time zone other than UTC, and with time enough for an
    answer on a busy machine.
    """
    given = {"services": ALL_ON, "time_zone": ZoneInfo("America/New_York"), "profile": unhurried(), **changes}
    return Settings(**given)


@contextmanager
def application(changed: Settings | None = None, **more: Any) -> Iterator[Flask]:
    app = create_app(changed or settings(), **{"clock": lambda: NOW, **more})
    with bugs_shown():
        try:
            yield app
        finally:
            app.extensions["rls_cds"].fhir.close()


def reporting(reports: list[Any]) -> dict[str, Any]:
    """Return options that make an application append the log fields of each request to `reports`."""
    return {"observers": [lambda report: reports.append(report.fields())]}


def patient(slug: str = IRON_LOW) -> PatientFile:
    return load_patient(slug, TODAY)


def good(hook: str = "patient-view", slug: str = IRON_LOW, **how: Any) -> dict[str, Any]:
    """Return a request as a plain R4 client sends it; an order hook without `drafts` gets one of iron sucrose."""
    drafts = how.pop("drafts", ["ferrous-sulfate-325-once-daily"] if hook != "patient-view" else ())
    return hook_request("generic", hook, patient(slug), today=TODAY, drafts=drafts, **how)


def bare(**members: Any) -> dict[str, Any]:
    """Return a patient-view request with only its required members."""
    return {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "context": {"userId": "Practitioner/1", "patientId": "p1"},
        **members,
    }


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": each} for each in resources]}


def prefetch(patient_id: str = "p1") -> dict[str, Any]:
    """Return a complete prefetch with empty lists, of an adult without restless legs syndrome."""
    names = ("conditions", "labs", "medications", "allergies", "procedures", "orders")
    person = {"resourceType": "Patient", "id": patient_id, "birthDate": "1970-01-01"}
    return {"patient": person, **dict.fromkeys(names)}


def rls(patient_id: str = "p1") -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": "c1",
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "verificationStatus": {"coding": [{"code": "confirmed"}]},
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "G25.81"}]},
        "subject": {"reference": f"Patient/{patient_id}"},
    }


def ferritin(value: float, patient_id: str = "p1", name: str = "l1", on: str = "2026-06-01") -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "2276-4"}]},
        "subject": {"reference": f"Patient/{patient_id}"},
        "effectiveDateTime": on,
        "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": "ng/mL"},
    }


def card_codes(answer: Any) -> list[str]:
    return [card["source"]["topic"]["code"] for card in answer["cards"]]


def is_outcome(answer: TestResponse, status: int) -> list[dict[str, Any]]:
    """Return the issues of a response, after checking that it is a valid OperationOutcome with this status."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.content_type.startswith("application/json")
    Draft202012Validator(load_schema("operation-outcome")).validate(answer.get_json())
    issues: list[dict[str, Any]] = answer.get_json()["issue"]
    return issues


def missing_keys(issue: Mapping[str, Any]) -> str:
    """Return the prefetch keys that a 412 names, without their causes."""
    named: str = issue["diagnostics"].partition("; ")[0]
    assert named.startswith("Missing prefetch keys: ")
    return named.removeprefix("Missing prefetch keys: ")


def is_response(answer: TestResponse) -> dict[str, Any]:
    """Return the body of a response, after checking that it is valid CDS Hooks."""
    assert answer.status_code == 200, answer.get_data(as_text=True)
    Draft202012Validator(load_schema("response")).validate(answer.get_json())
    assert_nothing_empty(answer.get_json())
    body: dict[str, Any] = answer.get_json()
    return body


def assert_nothing_empty(value: Any, path: str = "") -> None:
    """Check protocol T-03: no null, "", [] or {} except `cards: []` and `services: []`."""
    if path not in (".cards", ".services"):
        assert value not in (None, "", [], {}), path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in pairs:
        assert_nothing_empty(inner, f"{path}.{name}")
