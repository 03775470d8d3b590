"""FHIR resources for the facts of a vignette, with the codes and units real clients send."""

from __future__ import annotations

from datetime import date
from typing import Any

from fhir_fixtures import draft
from tests.golden.vignettes import codes

Resource = dict[str, Any]


def patient(name: str, patient_id: str, sex: str, birth: date) -> Resource:
    return {
        "resourceType": "Patient",
        "id": patient_id,
        "name": [{"use": "official", "family": "Vignette", "given": [name]}],
        "gender": {"F": "female", "M": "male"}[sex],
        "birthDate": birth.isoformat(),
    }


def condition(row: dict[str, str], number: int, patient_id: str, system: str) -> list[Resource]:
    """The Conditions for one diagnosis: RLS in pregnancy is one code of SNOMED CT, or two of ICD-10-CM."""
    if row["k"] == "rls_preg" and system == codes.SNOMED:
        return [
            _condition(
                "Restless legs syndrome in pregnancy", codes.SNOMED, "1052284009", row, f"dx-{number}", patient_id
            )
        ]
    keys = ("rls", "pregnant") if row["k"] == "rls_preg" else (row["k"],)
    found = []
    for place, key in enumerate(keys):
        words, snomed, icd = codes.DIAGNOSES[key]
        code = snomed if system == codes.SNOMED else icd
        found.append(_condition(words, system, code, row, f"dx-{number}-{place}", patient_id))
    return found


def _condition(words: str, system: str, code: str, row: dict[str, str], name: str, patient_id: str) -> Resource:
    certainty = row.get("ver", "confirmed")
    made: Resource = {
        "resourceType": "Condition",
        "id": f"{patient_id}-{name}",
        "verificationStatus": {"coding": [{"system": codes.TERMINOLOGY + "condition-ver-status", "code": certainty}]},
        "category": [{"coding": [{"system": codes.TERMINOLOGY + "condition-category", "code": "problem-list-item"}]}],
        "code": {"coding": [{"system": system, "code": code, "display": words}], "text": words},
        "subject": {"reference": f"Patient/{patient_id}"},
    }
    if certainty != "entered-in-error":  # R4: such a Condition carries no clinical status
        clinical = row.get("clin", "active")
        made["clinicalStatus"] = {"coding": [{"system": codes.TERMINOLOGY + "condition-clinical", "code": clinical}]}
    return made


def lab(row: list[Any], day: date, number: int, patient_id: str) -> Resource:
    """The Observation for a row [analyte, value, unit, date, status?, time?]; `day` is its date as it is to be."""
    analyte, value, unit = row[:3]
    made = _observation(
        codes.LABS.get((analyte, unit)) or codes.LABS[analyte], f"{patient_id}-lab-{number}", patient_id
    )
    made["category"] = [{"coding": [{"system": codes.TERMINOLOGY + "observation-category", "code": "laboratory"}]}]
    made["status"] = row[4] if len(row) > 4 and row[4] else "final"
    made["effectiveDateTime"] = f"{day}T{row[5]}:00Z" if len(row) > 5 else day.isoformat()
    if isinstance(value, str):
        return made | {"valueString": f"{value} {unit}"}
    return made | {"valueQuantity": _quantity(value, unit)}


def measure(loinc: str, value: float, unit: str, day: date, patient_id: str) -> Resource:
    made = _observation(loinc, f"{patient_id}-{loinc}", patient_id)
    return made | {"status": "final", "effectiveDateTime": day.isoformat(), "valueQuantity": _quantity(value, unit)}


def _observation(loinc: str, name: str, patient_id: str) -> Resource:
    return {
        "resourceType": "Observation",
        "id": name,
        "code": {"coding": [{"system": codes.LOINC, "code": loinc}]},
        "subject": {"reference": f"Patient/{patient_id}"},
    }


def _quantity(value: float, unit: str | None) -> Resource:
    if unit is None:
        return {"value": value}
    return {"value": value, "unit": unit} | ({} if unit in codes.NOT_UCUM else {"system": codes.UCUM, "code": unit})


def allergy(key: str, patient_id: str) -> Resource:
    code, name = codes.ALLERGENS[key]
    return {
        "resourceType": "AllergyIntolerance",
        "id": f"{patient_id}-allergy-{key}",
        "clinicalStatus": {"coding": [{"system": codes.TERMINOLOGY + "allergyintolerance-clinical", "code": "active"}]},
        "verificationStatus": {
            "coding": [{"system": codes.TERMINOLOGY + "allergyintolerance-verification", "code": "confirmed"}]
        },
        "type": "allergy",
        "category": ["medication"],
        "criticality": "high",
        "code": {"coding": [{"system": codes.RXNORM, "code": code, "display": name}], "text": name},
        "patient": {"reference": f"Patient/{patient_id}"},
        "reaction": [
            {"manifestation": [{"coding": [{"system": codes.SNOMED, "code": "39579001", "display": "Anaphylaxis"}]}]}
        ],
    }


def order(row: dict[str, Any], number: int, patient_id: str, today: date) -> Resource:
    """The draft order for a row of `orders`."""
    name = f"{patient_id}-draft-{number}"
    if row["cls"] == "lab":
        return draft(codes.TESTS[row["lab"]], patient_id, today, id=name)
    made = draft(_order_name(row), patient_id, today, id=name)
    if "reason" in row:
        code, words = codes.REASONS[row["reason"]]
        made["reasonCode"] = [{"coding": [{"system": codes.ICD10CM, "code": code, "display": words}], "text": words}]
    return made


def medication(row: dict[str, Any], number: int, patient_id: str, start: date) -> Resource:
    """The MedicationRequest for a row of `meds`: active unless it says otherwise, written on `start`."""
    made = draft(_order_name(row), patient_id, start, id=f"{patient_id}-med-{number}")
    made["status"] = row.get("status", "active")
    return made


def _order_name(row: dict[str, Any]) -> str:
    amount = row.get("fe_day", row.get("mg_day"))
    names = codes.ONE_DOSE if row.get("oneoff") else codes.ORDERS
    return names[(row["cls"], row.get("drug"), amount)]
