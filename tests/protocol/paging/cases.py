"""Charts with many entries, the newest last, and the table of their lengths and page sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from tests.builders.service import ferritin, rls

Resource = dict[str, Any]
Records = Mapping[str, Sequence[Resource]]

LENGTHS = (10, 25, 45, 70, 300)
PAGE_SIZES = (10, 20, 100)
CASES = [(length, size) for length in LENGTHS for size in PAGE_SIZES]
SUBJECT = {"reference": "Patient/p1"}
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
LAST_DAY = date(2026, 6, 20)


def many(
    length: int, filler: Resource, last: Sequence[Resource] = (), first: Sequence[Resource] = ()
) -> list[Resource]:
    """Return `length` entries: the first, copies of the filler with ids of their own, and the last."""
    between = [filler | {"id": f"{filler['resourceType'].lower()}-{n}"} for n in range(length - len(first) - len(last))]
    return [*first, *between, *last]


def condition(name: str, code: str, system: str = ICD) -> Resource:
    return rls() | {"id": name, "code": {"coding": [{"system": system, "code": code}]}}


def medication(name: str, text: str) -> Resource:
    order = {"resourceType": "MedicationRequest", "id": name, "status": "active", "intent": "order"}
    return order | {"subject": SUBJECT, "medicationCodeableConcept": {"text": text}, "authoredOn": "2026-05-01"}


def dialysis(length: int, days_between: int = 2) -> list[Resource]:
    """Return sessions of haemodialysis up to the last day."""
    coding = {"system": "http://www.ama-assn.org/go/cpt", "code": "90935"}
    days = [LAST_DAY - timedelta(days=days_between * back) for back in reversed(range(length))]
    return [
        {"resourceType": "Procedure", "id": f"session-{n}", "status": "completed", "subject": SUBJECT,
         "code": {"coding": [coding]}, "performedDateTime": day.isoformat()}
        for n, day in enumerate(days)
    ]  # fmt: skip


def weight(name: str = "w") -> Resource:
    value = {"value": 70, "system": "http://unitsofmeasure.org", "code": "kg"}
    coding = {"system": "http://loinc.org", "code": "29463-7"}
    return ferritin(0, name=name, on="2025-01-01") | {"code": {"coding": [coding]}, "valueQuantity": value}


def saturation(percent: int) -> Resource:
    value = {"value": percent, "system": "http://unitsofmeasure.org", "code": "%"}
    coding = {"system": "http://loinc.org", "code": "2502-3"}
    return ferritin(0, name="tsat", on=LAST_DAY.isoformat()) | {"code": {"coding": [coding]}, "valueQuantity": value}


HAEMOCHROMATOSIS = condition("haemochromatosis", "E83.110")
DEFERASIROX = medication("deferasirox", "deferasirox 360 mg tablet")
FERRITIN = ferritin(38, name="ferritin", on=LAST_DAY.isoformat())
DRAFT = {
    "resourceType": "MedicationRequest",
    "id": "d",
    "status": "draft",
    "intent": "order",
    "subject": SUBJECT,
    "medicationCodeableConcept": {"text": "ferrous sulfate 325 mg tablet"},
    "dosageInstruction": [{"text": "1 tablet once daily"}],
}
#: The entry that decides, the newest of each list, by prefetch key.
NEWEST = {"conditions": "haemochromatosis", "medications": "deferasirox", "labs": "ferritin"}


def chart(length: int) -> Records:
    """Return a patient with restless legs syndrome and long lists, of which the newest entries decide."""
    hypertension = condition("c", "I10")
    return {
        "Patient": [{"resourceType": "Patient", "id": "p1", "birthDate": "1970-01-01"}],
        "Condition": many(length, hypertension, [HAEMOCHROMATOSIS], [rls()]),
        "MedicationRequest": many(length, medication("m", "lisinopril 10 mg tablet"), [DEFERASIROX]),
        "Procedure": dialysis(length),
        "Observation": many(length, weight(), [FERRITIN]),
    }


def without_overload(length: int) -> Records:
    return {**chart(length), "Condition": many(length, condition("c", "I10"), first=[rls()]), "Procedure": []}


def on_dialysis(length: int) -> Records:
    """Return a chart with low iron and many dialysis sessions, of which only the newest are within 90 days."""
    results = many(length, weight(), [saturation(15), chart(length)["Observation"][-1]])
    records = {**without_overload(length), "MedicationRequest": [], "Observation": results}
    return {**records, "Procedure": dialysis(length, days_between=5)}


def without_rls(length: int) -> Records:
    return {**chart(length), "Condition": many(length, condition("c", "I10"))}
