"""What stands in every list of a real record and concerns no rule: other things of the patient, things of others."""

from __future__ import annotations

from typing import Any

from tests.properties.patients import DIAGNOSES, OWN, SNOMED, UCUM, Resource, coded, day, order_of

_OTHERS = {"reference": "Patient/somebody-else"}
_LOINC = "http://loinc.org"


def strangers(name: str) -> list[Resource]:
    """Resources to put into the list of this prefetch key: first the patient's own, then somebody else's."""
    return {
        "conditions": [
            _condition("x1", {"text": "Sprained ankle"}, OWN),
            _condition("x2", coded(SNOMED, "38341003"), OWN),
            _condition("x3", coded(*DIAGNOSES["haemochromatosis"]), _OTHERS),
        ],
        "labs": [
            _observation("x4", coded(_LOINC, "2345-7"), OWN, 98, "mg/dL"),
            _observation("x5", coded(_LOINC, "8867-4"), OWN, 72, "/min"),
            _observation("x6", coded(_LOINC, "2276-4"), _OTHERS, 5, "ng/mL"),
            _observation("x7", coded(_LOINC, "2502-3"), _OTHERS, 60, "%"),
        ],
        "medications": [
            order_of("lisinopril-10-once-daily", 100, "x8") | {"status": "active"},
            order_of("ferrous-sulfate-325-once-daily", 30, "x9") | {"status": "active", "subject": _OTHERS},
        ],
        "allergies": [
            _allergy("x10", {"text": "Peanut"}, OWN),
            _allergy("x11", coded("http://www.nlm.nih.gov/research/umls/rxnorm", "1433693"), _OTHERS),
        ],
        "procedures": [
            _procedure("x12", coded(SNOMED, "80146002"), OWN),
            _procedure("x13", coded(SNOMED, "302497006"), _OTHERS),
        ],
        "orders": [
            _order("x14", coded(_LOINC, "2345-7"), OWN),
            _order("x15", coded(_LOINC, "2276-4"), _OTHERS),
        ],
    }.get(name, [])


def _condition(id: str, code: Resource, subject: Resource) -> Resource:
    return {"resourceType": "Condition", "id": id, "clinicalStatus": {"coding": [{"code": "active"}]}, "code": code,
            "subject": subject}  # fmt: skip


def _observation(id: str, code: Resource, subject: Resource, value: Any, unit: str) -> Resource:
    quantity = {"value": value, "unit": unit, "system": UCUM, "code": unit}
    return {"resourceType": "Observation", "id": id, "status": "final", "code": code, "subject": subject,
            "effectiveDateTime": day(2), "valueQuantity": quantity}  # fmt: skip


def _allergy(id: str, code: Resource, patient: Resource) -> Resource:
    return {"resourceType": "AllergyIntolerance", "id": id, "clinicalStatus": {"coding": [{"code": "active"}]},
            "code": code, "patient": patient}  # fmt: skip


def _procedure(id: str, code: Resource, subject: Resource) -> Resource:
    return {"resourceType": "Procedure", "id": id, "status": "completed", "code": code, "subject": subject,
            "performedDateTime": day(3)}  # fmt: skip


def _order(id: str, code: Resource, subject: Resource) -> Resource:
    return {"resourceType": "ServiceRequest", "id": id, "status": "active", "intent": "order", "code": code,
            "subject": subject, "authoredOn": day(3)}  # fmt: skip


#: A draft that no rule asks about; it stands after the others, for a card may name an order by its place.
STRANGE_DRAFTS = [
    order_of("lisinopril-10-once-daily", 0, "x16"),
    {"resourceType": "ServiceRequest", "id": "x17", "status": "draft", "intent": "order", "subject": OWN,
     "code": {"text": "Chest X-ray"}, "authoredOn": day(0)},
]  # fmt: skip
