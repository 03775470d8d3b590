"""The bodies of the benchmarks: one synthetic chart in several sizes, each in variants as different patients send it.

The variants differ in patient, values and dates and not in what they mean, so that nothing that is remembered from one
call to the next gains more here than in a hospital.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from fhir_fixtures.clients import hook_request
from fhir_fixtures.loading import PatientFile, Resource, draft

_LOINC = "http://loinc.org"
_SNOMED = "http://snomed.info/sct"
_ICD = "http://hl7.org/fhir/sid/icd-10-cm"
_RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
_HL7 = "http://terminology.hl7.org/CodeSystem"


@dataclass(frozen=True, slots=True)
class Contents:
    """How many resources of each kind a chart holds, besides its Patient.

    Where it `is_full`, results carry what no decision reads: when they were issued, by whom, and the usual range.
    """

    labs: int
    conditions: int = 2
    drugs: int = 3
    allergies: int = 1
    procedures: int = 1
    orders: int = 1
    is_full: bool = True

    @property
    def resources(self) -> int:
        """Return the number of resources, with the Patient."""
        return 1 + self.labs + self.conditions + self.drugs + self.allergies + self.procedures + self.orders


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of call.

    name       as `--case` takes it
    variants   how many patients take turns
    most       connections at which it is measured; a worker admits four bodies above 1 MiB at once
    """

    name: str
    says: str
    contents: Contents
    drafts: tuple[str, ...] = ()
    variants: int = 40
    most: int = 16

    @property
    def hook(self) -> str:
        """Return the hook that is called."""
        return "order-sign" if self.drafts else "patient-view"

    @property
    def path(self) -> str:
        """Return the path of the service."""
        return f"/cds-services/rls-{self.hook}"

    def bodies(self, today: date) -> tuple[str, ...]:
        """Return the body of each variant, dated so that the newest results are some days old."""
        return tuple(_body(self, number, today) for number in range(self.variants))


_DRAFTS = (
    "ferrous-sulfate-325-once-daily",
    "gabapentin-300-at-bedtime",
    "metoclopramide-10-before-meals",
    "vitamin-c-500-once-daily",
)
_TWENTY = Contents(labs=11, is_full=False)
CASES = (
    Case("view-20", "patient-view, 20 resources", _TWENTY),
    Case("view-60-labs", "patient-view, 60 labs", Contents(labs=60)),
    Case(
        "view-248",
        "patient-view, 248 resources",
        Contents(labs=180, conditions=16, drugs=24, allergies=7, procedures=12, orders=8),
        variants=20,
    ),
    Case("view-2000-labs", "patient-view, 2,000 Observations", Contents(labs=2000), variants=6, most=1),
    Case("sign-1", "order-sign, 20 resources, 1 draft", _TWENTY, drafts=_DRAFTS[:1]),
    Case("sign-4", "order-sign, 20 resources, 4 drafts", _TWENTY, drafts=_DRAFTS),
)
BY_NAME = {case.name: case for case in CASES}
#: The call that is measured with each store, with tokens and beside the services of others.
USUAL = CASES[0]


@dataclass(frozen=True, slots=True)
class _Lab:
    code: str
    name: str
    low: float
    high: float
    unit: str
    digits: int = 0


#: What decisions read. Values are drawn between the two numbers, which lie inside one band of every rule.
_READ = (
    _Lab("2276-4", "Ferritin [Mass/volume] in Serum or Plasma", 31, 47, "ng/mL"),
    _Lab("2498-4", "Iron [Mass/volume] in Serum or Plasma", 63, 70, "ug/dL"),
    _Lab("2500-7", "Iron binding capacity [Mass/volume] in Serum or Plasma", 360, 375, "ug/dL"),
    _Lab("2502-3", "Iron saturation [Mass Fraction] in Serum or Plasma", 16, 19, "%"),
    _Lab("718-7", "Hemoglobin [Mass/volume] in Blood", 12.6, 13.9, "g/dL", 1),
    _Lab("787-2", "MCV [Entitic volume] by Automated count", 84, 92, "fL"),
    _Lab("1988-5", "C reactive protein [Mass/volume] in Serum or Plasma", 1, 4, "mg/L", 1),
    _Lab("2132-9", "Cobalamin (Vitamin B12) [Mass/volume] in Serum or Plasma", 420, 610, "pg/mL"),
    _Lab("2284-8", "Folate [Mass/volume] in Serum or Plasma", 9, 16, "ng/mL", 1),
    _Lab("62292-8", "25-hydroxyvitamin D2+D3 [Mass/volume] in Serum or Plasma", 31, 44, "ng/mL"),
    _Lab("19123-9", "Magnesium [Mass/volume] in Serum or Plasma", 1.9, 2.2, "mg/dL", 1),
)
#: What no decision reads, as a laboratory sends it along.
_BESIDE = (
    _Lab("2951-2", "Sodium [Moles/volume] in Serum or Plasma", 136, 144, "mmol/L"),
    _Lab("2823-3", "Potassium [Moles/volume] in Serum or Plasma", 3.6, 4.9, "mmol/L", 1),
    _Lab("2075-0", "Chloride [Moles/volume] in Serum or Plasma", 98, 106, "mmol/L"),
    _Lab("2345-7", "Glucose [Mass/volume] in Serum or Plasma", 78, 99, "mg/dL"),
    _Lab("3094-0", "Urea nitrogen [Mass/volume] in Serum or Plasma", 9, 18, "mg/dL"),
    _Lab("1742-6", "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma", 12, 38, "U/L"),
    _Lab("6690-2", "Leukocytes [#/volume] in Blood by Automated count", 4.4, 9.8, "10*3/uL", 1),
    _Lab("777-3", "Platelets [#/volume] in Blood by Automated count", 180, 340, "10*3/uL"),
    _Lab("3016-3", "Thyrotropin [Units/volume] in Serum or Plasma", 0.8, 3.6, "m[IU]/L", 1),
    _Lab("2085-9", "Cholesterol in HDL [Mass/volume] in Serum or Plasma", 42, 68, "mg/dL"),
    _Lab("2571-8", "Triglyceride [Mass/volume] in Serum or Plasma", 70, 148, "mg/dL"),
    _Lab("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", 5.1, 5.6, "%", 1),
)
_DIAGNOSES = (
    ("Restless legs syndrome", "32914008", "G25.81"),
    ("Essential hypertension", "59621000", "I10"),
    ("Hyperlipidemia", "55822004", "E78.5"),
    ("Hypothyroidism", "40930008", "E03.9"),
    ("Gastroesophageal reflux disease", "235595009", "K21.9"),
    ("Migraine", "37796009", "G43.909"),
    ("Low back pain", "279039007", "M54.50"),
    ("Seasonal allergic rhinitis", "367498001", "J30.2"),
)
_DRUGS = (
    "lisinopril-10-once-daily",
    "levothyroxine-100-once-daily",
    "omeprazole-20-once-daily",
    "metformin-500-twice-daily",
    "vitamin-d-1000-once-daily",
)
_PROCEDURES = (("Colonoscopy", "73761001"), ("Electrocardiographic procedure", "29303009"), ("Mammography", "71651007"))


def _body(case: Case, number: int, today: date) -> str:
    """Write the body of one variant without blanks, as clients do."""
    chart = _Chart(number, today)
    entries = [{"resource": each} for each in chart.resources(case.contents)]
    patient = PatientFile(chart.patient_id, "", "", {"resourceType": "Bundle", "entry": entries}, chart.patient_id)
    body = hook_request("generic", case.hook, patient, today=today, drafts=case.drafts)
    return json.dumps(body, separators=(",", ":"))


class _Chart:
    """The records of one patient; the same number gives the same records."""

    def __init__(self, number: int, today: date) -> None:
        self.patient_id = f"b{number}"
        self._today = today
        self._dice = random.Random(number)  # noqa: S311 - a script, not a secret

    def resources(self, contents: Contents) -> list[Resource]:
        return [
            self._patient(),
            *(self._condition(each) for each in range(contents.conditions)),
            *(self._lab(*each, is_full=contents.is_full) for each in self._labs_of(contents.labs)),
            *(self._drug(each) for each in range(contents.drugs)),
            *(self._allergy(each) for each in range(contents.allergies)),
            *(self._procedure(each) for each in range(contents.procedures)),
            *(self._order(each) for each in range(contents.orders)),
        ]

    def _labs_of(self, count: int) -> Iterator[tuple[int, _Lab, int]]:
        """Yield number, test and days ago: the newest panel first, then older ones and what comes along."""
        panel = _READ if count == len(_READ) else (*_READ, *_BESIDE)
        newest = 3 + self._dice.randrange(20)
        for number in range(count):
            yield number, panel[number % len(panel)], newest + 7 * (number // len(panel))

    def _day(self, ago: int) -> str:
        return (self._today - timedelta(days=ago)).isoformat()

    def _about(self) -> dict[str, Any]:
        return {"reference": f"Patient/{self.patient_id}"}

    def _patient(self) -> Resource:
        return {
            "resourceType": "Patient",
            "id": self.patient_id,
            "identifier": [{"system": "urn:oid:2.16.840.1.113883.19.5", "value": self.patient_id.upper()}],
            "active": True,
            "name": [{"use": "official", "family": "Bench", "given": ["Beatrix"]}],
            "gender": "female",
            "birthDate": self._day(365 * 58 + self._dice.randrange(365 * 8)),
        }

    def _condition(self, number: int) -> Resource:
        name, snomed, icd = _DIAGNOSES[number % len(_DIAGNOSES)]
        coding = [
            {"system": _SNOMED, "code": snomed, "display": name},
            {"system": _ICD, "code": icd, "display": name},
        ]
        return {
            "resourceType": "Condition",
            "id": f"{self.patient_id}-condition-{number}",
            "clinicalStatus": _coded(f"{_HL7}/condition-clinical", "active"),
            "verificationStatus": _coded(f"{_HL7}/condition-ver-status", "confirmed"),
            "category": [_coded(f"{_HL7}/condition-category", "problem-list-item")],
            "code": {"coding": coding, "text": name},
            "subject": self._about(),
            "onsetDateTime": self._day(400 + self._dice.randrange(900)),
            "recordedDate": self._day(300 + self._dice.randrange(90)),
        }

    def _lab(self, number: int, lab: _Lab, ago: int, *, is_full: bool) -> Resource:
        value = round(self._dice.uniform(lab.low, lab.high), lab.digits) if lab.digits else self._whole(lab)
        day, minute = self._day(ago), self._dice.randrange(60)
        beside = {
            "issued": f"{day}T11:{minute:02}:00Z",
            "performer": [{"display": "Central laboratory"}],
            "referenceRange": [{"low": {"value": lab.low, "unit": lab.unit}}],
        }
        return (beside if is_full else {}) | {
            "resourceType": "Observation",
            "id": f"{self.patient_id}-lab-{number}",
            "status": "final",
            "category": [_coded(f"{_HL7}/observation-category", "laboratory")],
            "code": {"coding": [{"system": _LOINC, "code": lab.code, "display": lab.name}]},
            "subject": self._about(),
            "effectiveDateTime": f"{day}T07:{minute:02}:00Z",
            "valueQuantity": {
                "value": value,
                "unit": lab.unit,
                "system": "http://unitsofmeasure.org",
                "code": lab.unit,
            },
        }

    def _whole(self, lab: _Lab) -> int:
        return self._dice.randint(int(lab.low), int(lab.high))

    def _drug(self, number: int) -> Resource:
        order = draft(_DRUGS[number % len(_DRUGS)], self.patient_id, self._today)
        order |= {"id": f"{self.patient_id}-drug-{number}", "status": "active"}
        return order | {"authoredOn": self._day(40 + self._dice.randrange(200))}

    def _allergy(self, number: int) -> Resource:
        return {
            "resourceType": "AllergyIntolerance",
            "id": f"{self.patient_id}-allergy-{number}",
            "clinicalStatus": _coded(f"{_HL7}/allergyintolerance-clinical", "active"),
            "verificationStatus": _coded(f"{_HL7}/allergyintolerance-verification", "confirmed"),
            "code": _coded(_RXNORM, "723", "Amoxicillin"),
            "patient": self._about(),
            "recordedDate": self._day(1000 + self._dice.randrange(900)),
        }

    def _procedure(self, number: int) -> Resource:
        name, code = _PROCEDURES[number % len(_PROCEDURES)]
        return {
            "resourceType": "Procedure",
            "id": f"{self.patient_id}-procedure-{number}",
            "status": "completed",
            "code": _coded(_SNOMED, code, name),
            "subject": self._about(),
            "performedDateTime": self._day(500 + self._dice.randrange(900)),
        }

    def _order(self, number: int) -> Resource:
        lab = _BESIDE[number % len(_BESIDE)]
        return {
            "resourceType": "ServiceRequest",
            "id": f"{self.patient_id}-order-{number}",
            "status": "active",
            "intent": "order",
            "code": _coded(_LOINC, lab.code, lab.name),
            "subject": self._about(),
            "authoredOn": self._day(1 + self._dice.randrange(9)),
        }


def _coded(system: str, code: str, name: str = "") -> dict[str, Any]:
    if not name:
        return {"coding": [{"system": system, "code": code}]}
    return {"coding": [{"system": system, "code": code, "display": name}], "text": name}
