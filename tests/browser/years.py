"""A synthetic patient with years of results, to be uploaded to the console."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

_LOINC = "http://loinc.org"
#: LOINC code and unit of each test, then value and days before the day of the chart.
_RESULTS = {
    ("2276-4", "ng/mL"): [(96, 1290), (81, 1000), (64, 700), (41, 420), (22, 250), (58, 130), (47, 20)],
    ("2502-3", "%"): [(29, 1290), (26, 1000), (22, 700), (17, 420), (11, 250), (24, 130), (18, 20)],
    ("718-7", "g/dL"): [(13.6, 1290), (13.2, 700), (12.4, 420), (11.4, 250), (12.8, 130), (12.6, 20)],
    ("2132-9", "pg/mL"): [(420, 1000), (355, 420), (288, 20)],
    ("62292-8", "ng/mL"): [(34, 700), (26, 250), (31, 20)],
    ("19123-9", "mg/dL"): [(2.0, 420), (1.9, 60)],
    ("1988-5", "mg/L"): [(2, 420), (3, 20)],
    ("98979-8", "mL/min/{1.73_m2}"): [(92, 420), (88, 20)],
}


def years_of_results(today: date) -> dict[str, Any]:
    """Build a Bundle with RLS, sertraline and the results above."""
    subject = {"reference": "Patient/years"}
    resources: list[dict[str, Any]] = [
        {"resourceType": "Patient", "id": "years", "gender": "female", "birthDate": f"{today.year - 44}-02-11"},
        {
            "resourceType": "Condition",
            "id": "rls",
            "subject": subject,
            "clinicalStatus": {"coding": [{"code": "active"}]},
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "32914008"}]},
            "onsetDateTime": "2021-05-04",
        },
        {
            "resourceType": "MedicationRequest",
            "id": "sertraline",
            "status": "active",
            "intent": "order",
            "subject": subject,
            "authoredOn": (today - timedelta(days=500)).isoformat(),
            "medicationCodeableConcept": {"text": "sertraline 50 mg oral tablet"},
        },
    ]
    for number, ((code, unit), results) in enumerate(_RESULTS.items()):
        for value, days in results:
            resources.append(_result(f"r{number}-{days}", code, value, unit, today - timedelta(days=days)))
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources]}


def _result(name: str, code: str, value: float, unit: str, day: date) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": _LOINC, "code": code}]},
        "subject": {"reference": "Patient/years"},
        "effectiveDateTime": day.isoformat(),
        "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
    }
