"""FHIR resources for the facts of a vignette, with the codes and units real clients send."""

from __future__ import annotations

from datetime import date
from typing import Any

from fhir_fixtures import draft

Resource = dict[str, Any]

SNOMED = "http://snomed.info/sct"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"

#: Diagnoses by vignette key: words, SNOMED CT, ICD-10-CM.
DIAGNOSES = {
    "rls": ("Restless legs syndrome", "32914008", "G25.81"),
    "plmd": ("Periodic limb movement disorder", "418763003", "G47.61"),
    "pregnant": ("Pregnancy", "77386006", "Z33.1"),
    "esrd": ("End-stage renal disease", "46177005", "N18.6"),
    "dialysis": ("Dependence on renal dialysis", "105502003", "Z99.2"),
    "haemochromatosis": ("Hereditary haemochromatosis", "35400008", "E83.110"),
    "polycythaemia_vera": ("Polycythaemia vera", "109992005", "D45"),
    "parkinson": ("Parkinson's disease", "49049000", "G20"),
    "sepsis": ("Sepsis", "91302008", "A41.9"),
}

#: LOINC by analyte; by analyte and unit where the unit asks for another code.
LABS = {
    "ferritin": "2276-4",
    ("ferritin", "pmol/L"): "14723-1",
    "tsat": "2502-3",
    "iron": "2498-4",
    "tibc": "2500-7",
    "crp": "1988-5",
    "hb": "718-7",
    "b12": "2132-9",
    "folate": "2284-8",
    "vitd": "62292-8",
    ("vitd", "nmol/L"): "68438-1",
    "ca": "17861-6",
    "egfr": "98979-8",
}

_NOT_UCUM = ("mcg/L", "mL/min/1.73m2")

#: The draft order (file name in fhir_fixtures/drafts) that stands for a drug, by class, name and daily amount.
ORDERS: dict[tuple[str, str | None, float | None], str] = {
    ("iron_oral", "ferrous sulfate", None): "ferrous-sulfate-325-once-daily",
    ("iron_oral", "ferrous sulfate", 65): "ferrous-sulfate-325-once-daily",
    ("iron_oral", "ferrous sulfate", 195): "ferrous-sulfate-325-three-times-daily",
    ("iron_oral", "ferrous sulfate", 200): "ferrous-sulfate-200-five-tablets-daily",
    ("iron_oral", "ferrous sulfate", 27): "prenatal-vitamin-27-iron",
    ("iron_oral", "multivitamin with iron", 18): "iron-carbonyl-18-once-daily",
    ("iron_iv", "fcm", None): "ferric-carboxymaltose-750",
    ("iron_iv", "sucrose", None): "iron-sucrose-200",
    ("iron_iv", "ferumoxytol", None): "ferumoxytol-510",
    ("iron_iv", "fdi", None): "ferric-derisomaltose-1000",
    ("da", "ropinirole", None): "ropinirole-025-at-bedtime",
    ("da", "pramipexole", None): "pramipexole-0125-at-bedtime",
    ("levodopa", "carbidopa/levodopa", None): "carbidopa-levodopa-25-100-three-times-daily",
    ("agg_sub", "metoclopramide", None): "metoclopramide-10-before-meals",
    ("agg_sub", "diphenhydramine", None): "diphenhydramine-25-at-bedtime",
    ("agg_psy", "sertraline", None): "sertraline-50-once-daily",
    ("folate", None, 1): "folic-acid-1-mg-once-daily",
    ("folate", None, 0.4): "folic-acid-400-micrograms-once-daily",
    ("b12", "cyanocobalamin", None): "cyanocobalamin-1-mg-once-daily",
    ("b6", None, 200): "pyridoxine-200-once-daily",
    ("b6", None, 50): "pyridoxine-50-once-daily",
    ("vitd", None, None): "vitamin-d-50000-weekly",
    ("mg_oral", None, None): "magnesium-oxide-400-once-daily",
    ("vitc", None, 200): "vitamin-c-200-once-daily",
    ("vitc", None, 1000): "vitamin-c-1000-once-daily",
    ("gaba", "gabapentin", 900): "gabapentin-300-three-times-daily",
    ("metformin", "metformin", None): "metformin-500-twice-daily",
    ("levothyroxine", "levothyroxine", None): "levothyroxine-100-once-daily",
    ("ppi", "omeprazole", None): "omeprazole-20-once-daily",
    ("isoniazid", "isoniazid", None): "isoniazid-300-once-daily",
    ("other", "norethindrone/EE + ferrous fumarate 75 mg", None): "oral-contraceptive-with-iron-pills",
}
#: Orders for one dose.
ONE_DOSE: dict[tuple[str, str | None, float | None], str] = {
    ("agg_sub", "diphenhydramine", None): "diphenhydramine-25-once",
    ("mg_oral", "magnesium citrate", None): "magnesium-citrate-bowel-preparation",
}
TESTS = {"ferritin": "ferritin-lab", "iron_panel": "iron-panel-lab"}

ALLERGENS = {
    "fcm": ("1433693", "ferric carboxymaltose"),
    "dextran": ("5992", "Iron-Dextran Complex"),
}
REASONS = {"hf": ("I50.9", "Heart failure, unspecified")}


def patient(name: str, patient_id: str, sex: str, birth: date) -> Resource:
    return {
        "resourceType": "Patient",
        "id": patient_id,
        "name": [{"use": "official", "family": "Vignette", "given": [name]}],
        "gender": {"F": "female", "M": "male"}[sex],
        "birthDate": birth.isoformat(),
    }


def condition(row: dict[str, str], number: int, patient_id: str, system: str) -> list[Resource]:
    """The Conditions for one diagnosis of a vignette: RLS in pregnancy is one SNOMED code, or two of ICD-10-CM."""
    if row["k"] == "rls_preg" and system == SNOMED:
        return [
            _condition("Restless legs syndrome in pregnancy", SNOMED, "1052284009", row, f"dx-{number}", patient_id)
        ]
    keys = ("rls", "pregnant") if row["k"] == "rls_preg" else (row["k"],)
    found = []
    for place, key in enumerate(keys):
        words, snomed, icd = DIAGNOSES[key]
        code = snomed if system == SNOMED else icd
        found.append(_condition(words, system, code, row, f"dx-{number}-{place}", patient_id))
    return found


def _condition(words: str, system: str, code: str, row: dict[str, str], name: str, patient_id: str) -> Resource:
    certainty = row.get("ver", "confirmed")
    made: Resource = {
        "resourceType": "Condition",
        "id": f"{patient_id}-{name}",
        "verificationStatus": {"coding": [{"system": _TERMINOLOGY + "condition-ver-status", "code": certainty}]},
        "category": [{"coding": [{"system": _TERMINOLOGY + "condition-category", "code": "problem-list-item"}]}],
        "code": {"coding": [{"system": system, "code": code, "display": words}], "text": words},
        "subject": {"reference": f"Patient/{patient_id}"},
    }
    if certainty != "entered-in-error":  # R4: such a Condition carries no clinical status
        clinical = row.get("clin", "active")
        made["clinicalStatus"] = {"coding": [{"system": _TERMINOLOGY + "condition-clinical", "code": clinical}]}
    return made


def lab(row: list[Any], day: date, number: int, patient_id: str) -> Resource:
    """The Observation for a row [analyte, value, unit, date, status?, time?]; `day` is its date as it is to be."""
    analyte, value, unit = row[:3]
    made = _observation(LABS.get((analyte, unit)) or LABS[analyte], f"{patient_id}-lab-{number}", patient_id)
    made["category"] = [{"coding": [{"system": _TERMINOLOGY + "observation-category", "code": "laboratory"}]}]
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
        "code": {"coding": [{"system": LOINC, "code": loinc}]},
        "subject": {"reference": f"Patient/{patient_id}"},
    }


def _quantity(value: float, unit: str | None) -> Resource:
    if unit is None:
        return {"value": value}
    return {"value": value, "unit": unit} | ({} if unit in _NOT_UCUM else {"system": UCUM, "code": unit})


def allergy(key: str, patient_id: str) -> Resource:
    code, name = ALLERGENS[key]
    return {
        "resourceType": "AllergyIntolerance",
        "id": f"{patient_id}-allergy-{key}",
        "clinicalStatus": {"coding": [{"system": _TERMINOLOGY + "allergyintolerance-clinical", "code": "active"}]},
        "verificationStatus": {
            "coding": [{"system": _TERMINOLOGY + "allergyintolerance-verification", "code": "confirmed"}]
        },
        "type": "allergy",
        "category": ["medication"],
        "criticality": "high",
        "code": {"coding": [{"system": RXNORM, "code": code, "display": name}], "text": name},
        "patient": {"reference": f"Patient/{patient_id}"},
        "reaction": [
            {"manifestation": [{"coding": [{"system": SNOMED, "code": "39579001", "display": "Anaphylaxis"}]}]}
        ],
    }


def order(row: dict[str, Any], number: int, patient_id: str, today: date) -> Resource:
    """The draft order for a row of `orders`."""
    name = f"{patient_id}-draft-{number}"
    if row["cls"] == "lab":
        return draft(TESTS[row["lab"]], patient_id, today, id=name)
    made = draft(_order_name(row), patient_id, today, id=name)
    if "reason" in row:
        code, words = REASONS[row["reason"]]
        made["reasonCode"] = [{"coding": [{"system": ICD10CM, "code": code, "display": words}], "text": words}]
    return made


def medication(row: dict[str, Any], number: int, patient_id: str, start: date) -> Resource:
    """The MedicationRequest for a row of `meds`: active unless it says otherwise, written on `start`."""
    made = draft(_order_name(row), patient_id, start, id=f"{patient_id}-med-{number}")
    made["status"] = row.get("status", "active")
    return made


def _order_name(row: dict[str, Any]) -> str:
    amount = row.get("fe_day", row.get("mg_day"))
    names = ONE_DOSE if row.get("oneoff") else ORDERS
    return names[(row["cls"], row.get("drug"), amount)]
