"""Charts that change: the patients of the model population (clinical amendments 2, section 6), as FHIR R4."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

LOINC = {
    "ferritin": ("2276-4", "ng/mL"),
    "tsat": ("2502-3", "%"),
    "b12": ("2132-9", "pg/mL"),
    "haemoglobin": ("718-7", "g/dL"),
}
DRUGS = {
    "pramipexole": "pramipexole 0.25 MG Oral Tablet", "gabapentin": "gabapentin 300 MG Oral Capsule",
    "sertraline": "sertraline 50 MG Oral Tablet", "omeprazole": "omeprazole 20 MG Oral Capsule",
    "metformin": "metformin 500 MG Oral Tablet", "ferrous sulfate": "ferrous sulfate 325 MG Oral Tablet",
    "diphenhydramine": "diphenhydramine 25 MG Oral Tablet",
}  # fmt: skip
#: The share of patients who take each drug.
_TAKEN = {"pramipexole": 0.30, "gabapentin": 0.40, "sertraline": 0.30, "omeprazole": 0.25, "metformin": 0.13,
          "ferrous sulfate": 0.12}  # fmt: skip
_WITH_IRON_STUDIES = 0.45
#: The spread of the logarithm of ferritin; its medians are those of the model population.
_SPREAD = 0.8

Resource = dict[str, Any]


@dataclass(frozen=True)
class Result:
    """A result; its code is the usual one unless the laboratory has another."""

    analyte: str
    value: float
    day: date
    code: str = ""


@dataclass
class Course:
    drug: str
    start: date
    end: date | None = None


@dataclass
class Patient:
    """One simulated patient; the record grows as tests, orders and drugs come and go."""

    id: str
    sex: str
    born: date
    results: list[Result] = field(default_factory=list)
    courses: list[Course] = field(default_factory=list)
    ordered: list[tuple[str, date]] = field(default_factory=list)
    #: Code and day of each entry of a diagnosis.
    diagnoses: list[tuple[str, date]] = field(default_factory=list)

    def lists(self, today: date) -> dict[str, list[Resource]]:
        """Return what the record holds on a day, by prefetch key."""
        return {
            "conditions": [_condition(self.id, n, *each) for n, each in enumerate(self.diagnoses) if each[1] <= today],
            "labs": [_observation(self.id, n, each) for n, each in enumerate(self.results) if each.day <= today],
            "medications": [_request(self.id, n, each, today) for n, each in enumerate(self.courses)
                            if each.start <= today],
            "allergies": [],
            "procedures": [],
            "orders": [_order(self.id, n, *each) for n, each in enumerate(self.ordered) if each[1] <= today],
        }  # fmt: skip

    def prefetch(self, today: date) -> Resource:
        """Return a complete prefetch."""
        person = {"resourceType": "Patient", "id": self.id, "gender": self.sex, "birthDate": self.born.isoformat()}
        return {"patient": person, **{key: bundle(each) for key, each in self.lists(today).items()}}


def bundle(resources: list[Resource]) -> Resource:
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(resources),
        "entry": [{"resource": each} for each in resources],
    }


def opening(patient: Patient, user: str, today: date, instance: str) -> Resource:
    """Return the request of a chart opening."""
    return {
        "hook": "patient-view",
        "hookInstance": instance,
        "context": {"userId": user, "patientId": patient.id},
        "prefetch": patient.prefetch(today),
    }


def model_patient(dice: Random, id: str, today: date) -> Patient:
    """Return a patient drawn from the model population."""
    sex = "female" if dice.random() < 0.65 else "male"
    age = min(95, max(19, round(dice.gauss(60, 15))))
    patient = Patient(id, sex, today - timedelta(days=365 * age + dice.randrange(365)))
    patient.diagnoses.append(("32914008", today - timedelta(days=dice.randrange(100, 2000))))
    if dice.random() < _WITH_IRON_STUDIES:
        add_iron_studies(dice, patient, today - timedelta(days=dice.randrange(1, 365)), age)
    for drug, share in _TAKEN.items():
        if dice.random() < share:
            patient.courses.append(Course(drug, today - timedelta(days=dice.randrange(40, 1500))))
    return patient


def add_iron_studies(dice: Random, patient: Patient, day: date, age: int = 60, factor: float = 1.0) -> None:
    """Add ferritin and transferrin saturation of one day."""
    median = 140 if patient.sex == "male" else 90 if age >= 50 else 45
    ferritin = round(median * factor * 2.718281828 ** dice.gauss(0, _SPREAD), 1)
    patient.results.append(Result("ferritin", ferritin, day))
    patient.results.append(Result("tsat", round(min(44.0, max(6.0, dice.gauss(26, 7))), 1), day))


def _own(id: str) -> Resource:
    return {"reference": f"Patient/{id}"}


def _condition(id: str, number: int, code: str, day: date) -> Resource:
    return {
        "resourceType": "Condition",
        "id": f"{id}-condition-{number}",
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "verificationStatus": {"coding": [{"code": "confirmed"}]},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": code}]},
        "subject": _own(id),
        "recordedDate": day.isoformat(),
    }


def _observation(id: str, number: int, result: Result) -> Resource:
    usual, unit = LOINC[result.analyte]
    return {
        "resourceType": "Observation",
        "id": f"{id}-result-{number}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": result.code or usual}]},
        "subject": _own(id),
        "effectiveDateTime": result.day.isoformat(),
        "valueQuantity": {
            "value": result.value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit,
        },
    }  # fmt: skip


def _request(id: str, number: int, course: Course, today: date) -> Resource:
    ended = course.end is not None and course.end <= today
    return {
        "resourceType": "MedicationRequest",
        "id": f"{id}-drug-{number}",
        "status": "stopped" if ended else "active",
        "intent": "order",
        "medicationCodeableConcept": {"text": DRUGS[course.drug]},
        "subject": _own(id),
        "authoredOn": course.start.isoformat(),
        "dosageInstruction": [{"text": "1 tablet by mouth once daily"}],
    }


def _order(id: str, number: int, analyte: str, day: date) -> Resource:
    return {
        "resourceType": "ServiceRequest",
        "id": f"{id}-order-{number}",
        "status": "active",
        "intent": "order",
        "code": {"coding": [{"system": "http://loinc.org", "code": LOINC[analyte][0]}]},
        "subject": _own(id),
        "authoredOn": day.isoformat(),
    }
