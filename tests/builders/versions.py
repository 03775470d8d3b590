"""Convert the synthetic R4 records to DSTU2, STU3 and R5."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

Resource = dict[str, Any]

VERSIONS = ("DSTU2", "STU3", "R4", "R5")


def convert(body: Any, version: str) -> Any:
    """Convert every resource in a hook request, or a part of one, to `version`."""
    if isinstance(body, list):
        return [convert(each, version) for each in body]
    if not isinstance(body, dict):
        return body
    made = {name: convert(value, version) for name, value in body.items()}
    change = _CHANGES.get(version, {}).get(made.get("resourceType", ""))
    return change(made) if change else made


def _code(concept: Any) -> str:
    return str(concept["coding"][0]["code"])


def _move(resource: Resource, **names: str) -> Resource:
    """Rename the members that are present."""
    return {names.get(name, name): value for name, value in resource.items()}


def _without(resource: Resource, *names: str) -> Resource:
    return {name: value for name, value in resource.items() if name not in names}


def _flat_statuses(resource: Resource) -> Resource:
    """Write statuses as codes instead of concepts."""
    flat = {name: _code(resource[name]) for name in ("clinicalStatus", "verificationStatus") if name in resource}
    return resource | flat


# DSTU2

_DSTU2_PROBLEM = {"problem-list-item": "problem", "encounter-diagnosis": "diagnosis", "health-concern": "finding"}
_DSTU2_ORDER = {"active": "requested", "revoked": "cancelled", "on-hold": "suspended"}


def _condition_dstu2(resource: Resource) -> Resource:
    made = _move(_flat_statuses(resource), subject="patient", recordedDate="dateRecorded")
    if made.get("clinicalStatus") == "inactive":
        made["clinicalStatus"] = "resolved"
    if "category" in made:
        code = _code(made["category"][0])
        made["category"] = {"coding": [{"system": "http://hl7.org/fhir/condition-category", "code": code}]}
        made["category"]["coding"][0]["code"] = _DSTU2_PROBLEM.get(code, code)
    return made


def _observation_dstu2(resource: Resource) -> Resource:
    """Write the status `corrected` as `amended`, and one category."""
    one = {"category": resource["category"][0]} if "category" in resource else {}
    return resource | one | {"status": {"corrected": "amended"}.get(resource["status"], resource["status"])}


def _drug_order_dstu2(resource: Resource) -> Resource:
    made = _move(_older_dosage(resource), subject="patient", authoredOn="dateWritten")
    for dosage in made.get("dosageInstruction", []):
        repeat = dosage.get("timing", {}).get("repeat", {})
        if "periodUnit" in repeat:
            repeat["periodUnits"] = repeat.pop("periodUnit")
    if "reasonCode" in made:
        made["reasonCodeableConcept"] = made.pop("reasonCode")[0]
    status = {"cancelled": "stopped"}.get(made["status"], made["status"])
    return _without(made, "intent", "category") | {"resourceType": "MedicationOrder", "status": status}


def _older_dosage(resource: Resource) -> Resource:
    """Move the dose into the dosage itself."""
    made = copy.deepcopy(resource)
    for dosage in made.get("dosageInstruction", []):
        for dose in dosage.pop("doseAndRate", [])[:1]:
            dosage.update(_without(dose, "type"))
    return made


def _lab_order_dstu2(resource: Resource) -> Resource:
    status = _DSTU2_ORDER.get(resource["status"], resource["status"])
    made: Resource = {"resourceType": "DiagnosticOrder", "id": resource["id"], "subject": resource["subject"]}
    event = {"status": status, "dateTime": resource["authoredOn"]}
    return made | {"status": status, "event": [event], "item": [{"code": resource["code"]}]}


def _allergy_dstu2(resource: Resource) -> Resource:
    made = _move(resource, code="substance")
    status = "confirmed" if _code(made["verificationStatus"]) == "confirmed" else "active"
    hazard = {"high": "CRITH", "low": "CRITL"}.get(made.get("criticality", ""), "CRITU")
    made |= {"status": status, "criticality": hazard, "category": made["category"][0]}
    return _without(made, "clinicalStatus", "verificationStatus")


# STU3


def _condition_stu3(resource: Resource) -> Resource:
    return _move(_flat_statuses(resource), recordedDate="assertedDate")


def _drug_order_stu3(resource: Resource) -> Resource:
    """Write `context` instead of `encounter`, and one category."""
    made = _older_dosage(_move(resource, encounter="context"))
    return made | ({"category": made["category"][0]} if "category" in made else {})


def _lab_order_stu3(resource: Resource) -> Resource:
    status = {"revoked": "cancelled", "on-hold": "suspended"}.get(resource["status"], resource["status"])
    return resource | {"resourceType": "ProcedureRequest", "status": status}


# R5


def _drug_order_r5(resource: Resource) -> Resource:
    made = _with_reason(resource)
    if "medicationCodeableConcept" in made:
        made["medication"] = {"concept": made.pop("medicationCodeableConcept")}
    if "medicationReference" in made:
        made["medication"] = {"reference": made.pop("medicationReference")}
    return made


def _lab_order_r5(resource: Resource) -> Resource:
    return _with_reason(resource) | {"code": {"concept": resource["code"]}}


def _with_reason(resource: Resource) -> Resource:
    reasons = [{"concept": each} for each in resource.get("reasonCode", [])]
    reasons += [{"reference": each} for each in resource.get("reasonReference", [])]
    return _without(resource, "reasonCode", "reasonReference") | ({"reason": reasons} if reasons else {})


def _procedure_r5(resource: Resource) -> Resource:
    return _move(resource, performedDateTime="occurrenceDateTime", performedPeriod="occurrencePeriod")


def _allergy_r5(resource: Resource) -> Resource:
    made = copy.deepcopy(resource)
    if "type" in made:
        made["type"] = {"coding": [{"code": made["type"]}]}
    for reaction in made.get("reaction", []):
        reaction["manifestation"] = [{"concept": each} for each in reaction.get("manifestation", [])]
    return made


_CHANGES: dict[str, dict[str, Callable[[Resource], Resource]]] = {
    "DSTU2": {
        "Condition": _condition_dstu2,
        "Observation": _observation_dstu2,
        "MedicationRequest": _drug_order_dstu2,
        "ServiceRequest": _lab_order_dstu2,
        "AllergyIntolerance": _allergy_dstu2,
    },
    "STU3": {
        "Condition": _condition_stu3,
        "AllergyIntolerance": _condition_stu3,
        "MedicationRequest": _drug_order_stu3,
        "ServiceRequest": _lab_order_stu3,
    },
    "R5": {
        "MedicationRequest": _drug_order_r5,
        "ServiceRequest": _lab_order_r5,
        "Procedure": _procedure_r5,
        "AllergyIntolerance": _allergy_r5,
    },
}
