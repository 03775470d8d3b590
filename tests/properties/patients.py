"""One generated patient, in the clinic's words, and how a record system would tell of it as FHIR R4."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from cards.labs.analytes import Conversion, analyte
from fhir_fixtures import draft

TODAY = date(2026, 6, 15)
PATIENT = "generated"
OWN = {"reference": f"Patient/{PATIENT}"}
#: The site's own code system; the severity score has no public code that is in use here.
SITE_CODES = "urn:site"

ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED = "http://snomed.info/sct"
CPT = "http://www.ama-assn.org/go/cpt"
UCUM = "http://unitsofmeasure.org"

LOINC = {
    "ferritin": "2276-4", "tsat": "2502-3", "iron": "2498-4", "tibc": "2500-7", "uibc": "2501-5",
    "transferrin": "3034-6", "b12": "2132-9", "mma": "13964-2", "folate": "2284-8", "vitd": "62292-8",
    "magnesium": "19123-9", "crp": "1988-5", "haemoglobin": "718-7", "mcv": "787-2", "egfr": "98979-8",
    "calcium": "17861-6", "phosphate": "2777-1", "plp": "62236-5",
    "body-weight": "29463-7", "gestational-age": "11884-4",
}  # fmt: skip
DIAGNOSES = {
    "rls": (SNOMED, "32914008"), "haemochromatosis": (ICD10CM, "E83.110"), "porphyria": (ICD10CM, "E80.1"),
    "polycythaemia": (ICD10CM, "D45"), "kidney failure": (ICD10CM, "N18.6"), "dialysis": (ICD10CM, "Z99.2"),
    "haemodialysis": (SNOMED, "428982002"),
    "kidney disease": (ICD10CM, "N18.4"), "kidney disease 5": (ICD10CM, "N18.5"),
    "transplant": (ICD10CM, "Z94.0"), "heart failure": (ICD10CM, "I50.9"), "parkinson": (SNOMED, "49049000"),
    "neuropathy": (SNOMED, "42345000"), "pregnant": (SNOMED, "77386006"), "sepsis": (ICD10CM, "A41.9"),
    "coeliac": (ICD10CM, "K90.0"), "bariatric": (ICD10CM, "Z98.84"), "parathyroid": (ICD10CM, "E21.0"),
    "copd": (ICD10CM, "J44.9"), "sleep apnoea": (ICD10CM, "G47.33"), "oxalosis": (ICD10CM, "E72.530"),
    "menorrhagia": (ICD10CM, "N92.0"), "plmd": (ICD10CM, "G47.61"), "iron deficiency anaemia": (ICD10CM, "D50.9"),
}  # fmt: skip
PROCEDURES = {
    "haemodialysis": (SNOMED, "302497006"), "peritoneal dialysis": (SNOMED, "71192002"), "phlebotomy": (CPT, "99195"),
    "bariatric surgery": (SNOMED, "430715008"), "transfusion": (SNOMED, "5447007"),
}  # fmt: skip
#: RxNorm ingredients an allergy may name, and an intolerance that is none of ours.
ALLERGIES = {
    "ferric carboxymaltose": ("http://www.nlm.nih.gov/research/umls/rxnorm", "1433693"),
    "oral iron, gut upset": ("http://www.nlm.nih.gov/research/umls/rxnorm", "4053"),
    "adverse reaction to iron": (SNOMED, "293354007"),
}
#: Drugs of which no draft lies among the fixtures, as a record system names them.
PLAIN_DRUGS = {
    "deferiprone": "deferiprone 500 MG Oral Tablet", "cabergoline": "cabergoline 0.5 MG Oral Tablet",
    "oxycodone": "oxycodone hydrochloride 5 MG Oral Tablet", "biotin": "biotin 5 MG Oral Tablet",
    "ferric citrate": "ferric citrate 210 MG Oral Tablet", "doxycycline": "doxycycline 100 MG Oral Tablet",
    "ibuprofen": "ibuprofen 400 MG Oral Tablet", "famotidine": "famotidine 20 MG Oral Tablet",
}  # fmt: skip

Resource = dict[str, Any]


@dataclass(frozen=True)
class Lab:
    """One result or measure in the canonical unit; `conversion` says in which unit it is written."""

    analyte: str
    value: Decimal
    days_ago: int
    conversion: Conversion
    status: str = "final"
    comparator: str = ""


@dataclass(frozen=True)
class Generated:
    """A patient with everything a hook may see, and the drafts of an order hook. Numbers beside names: days ago."""

    hook: str
    sex: str
    age: int
    diagnoses: tuple[tuple[str, str], ...] = ()  # name, verification
    labs: tuple[Lab, ...] = ()
    drugs: tuple[tuple[str, int], ...] = ()
    infusions: tuple[tuple[str, int], ...] = ()
    allergies: tuple[str, ...] = ()
    procedures: tuple[tuple[str, int], ...] = ()
    ordered: tuple[tuple[str, int], ...] = ()  # laboratory orders already placed
    drafts: tuple[tuple[str, str], ...] = ()  # name, reason (a name of DIAGNOSES or empty)
    switches: tuple[tuple[str, str], ...] = ()

    def lists(self) -> dict[str, list[Resource]]:
        """The resources by prefetch key."""
        return {
            "patient": [_person(self)],
            "conditions": [_condition(n, *entry) for n, entry in enumerate(self.diagnoses)],
            "labs": [observation(n, lab) for n, lab in enumerate(self.labs)],
            "medications": [_course(n, *entry) for n, entry in enumerate(self.drugs)]
            + [_infusion(n, *entry) for n, entry in enumerate(self.infusions)],
            "allergies": [_allergy(n, name) for n, name in enumerate(self.allergies)],
            "procedures": [_procedure(n, *entry) for n, entry in enumerate(self.procedures)],
            "orders": [_placed(n, *entry) for n, entry in enumerate(self.ordered)],
        }

    def basket(self) -> Resource:
        """The draft orders as they come in the context of an order hook."""
        return bundle([_draft(n, *entry) for n, entry in enumerate(self.drafts)])


def bundle(resources: list[Resource]) -> Resource:
    return {"resourceType": "Bundle", "entry": [{"resource": each} for each in resources]}


def day(days_ago: int) -> str:
    return (TODAY - timedelta(days=days_ago)).isoformat()


def coded(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}]}


def _person(generated: Generated) -> Resource:
    born = TODAY.replace(year=TODAY.year - generated.age, day=1)
    return {"resourceType": "Patient", "id": PATIENT, "gender": generated.sex, "birthDate": born.isoformat()}


def _condition(number: int, name: str, verification: str) -> Resource:
    return {
        "resourceType": "Condition",
        "id": f"condition-{number}",
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "verificationStatus": {"coding": [{"code": verification}]},
        "code": coded(*DIAGNOSES[name]),
        "subject": OWN,
        "recordedDate": day(20),
    }


def observation(number: int, lab: Lab, conversion: Conversion | None = None) -> Resource:
    """The result as FHIR, in its own unit or in `conversion`."""
    used = conversion or lab.conversion
    value = (lab.value * used.per / used.times).quantize(Decimal("1e-9")).normalize()
    quantity: Resource = {"value": float(value), "unit": used.unit, "system": UCUM, "code": used.unit}
    if lab.comparator:
        quantity["comparator"] = lab.comparator
    public = LOINC.get(lab.analyte)
    return {
        "resourceType": "Observation",
        "id": f"lab-{number}",
        "status": lab.status,
        "code": coded("http://loinc.org", public) if public else coded(SITE_CODES, lab.analyte),
        "subject": OWN,
        "effectiveDateTime": day(lab.days_ago),
        "valueQuantity": quantity,
    }


def order_of(name: str, days_ago: int, id: str) -> Resource:
    """An order by the name of a draft among the fixtures, or of PLAIN_DRUGS."""
    if name not in PLAIN_DRUGS:
        return draft(name, PATIENT, TODAY - timedelta(days=days_ago), id=id)
    return {
        "resourceType": "MedicationRequest",
        "id": id,
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": {"text": PLAIN_DRUGS[name]},
        "subject": OWN,
        "authoredOn": day(days_ago),
        "dosageInstruction": [{"text": "1 tablet by mouth once daily"}],
    }


def _course(number: int, name: str, days_ago: int) -> Resource:
    return order_of(name, days_ago, f"drug-{number}") | {"status": "active"}


def _infusion(number: int, name: str, days_ago: int) -> Resource:
    ordered = order_of(name, days_ago, f"infusion-{number}")
    return {
        "resourceType": "MedicationAdministration",
        "id": ordered["id"],
        "status": "completed",
        "medicationCodeableConcept": ordered["medicationCodeableConcept"],
        "subject": OWN,
        "effectiveDateTime": day(days_ago),
    }


def _allergy(number: int, name: str) -> Resource:
    return {
        "resourceType": "AllergyIntolerance",
        "id": f"allergy-{number}",
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "code": coded(*ALLERGIES[name]),
        "patient": OWN,
    }


def _procedure(number: int, name: str, days_ago: int) -> Resource:
    return {
        "resourceType": "Procedure",
        "id": f"procedure-{number}",
        "status": "completed",
        "code": coded(*PROCEDURES[name]),
        "subject": OWN,
        "performedDateTime": day(days_ago),
    }


def _placed(number: int, name: str, days_ago: int) -> Resource:
    return order_of(name, days_ago, f"order-{number}") | {"status": "active"}


def _draft(number: int, name: str, reason: str) -> Resource:
    order = order_of(name, 0, f"draft-{number}")
    return order | ({"reasonCode": [coded(*DIAGNOSES[reason])]} if reason else {})


def conversions(name: str) -> list[Conversion]:
    """Every unit the analyte is read in, but those that only a small number may stand in.

    Iron and what binds it in units that differ tenfold give no saturation, so that one of them is left out.
    """
    units = (entry for entry in analyte(name).units.values() if entry.up_to is None)
    found = {entry.unit: entry for entry in units if not (name in ("iron", "tibc", "uibc") and entry.unit == "ug/L")}
    return [found[unit] for unit in sorted(found)]
