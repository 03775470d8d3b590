"""Whose the resources of a file are: which list each belongs to, and when patients could be mixed up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from cards.reading.shapes import reference_id, reference_of, reference_type, subject_is

Resource = dict[str, Any]

#: Which prefetch key a resource type belongs to.
KEY_OF_TYPE = {
    "Patient": "patient",
    "Condition": "conditions",
    "Observation": "labs",
    "MedicationRequest": "medications",
    "MedicationOrder": "medications",
    "MedicationStatement": "medications",
    "MedicationAdministration": "medications",
    "Medication": "medications",
    "AllergyIntolerance": "allergies",
    "Procedure": "procedures",
    "ServiceRequest": "orders",
    "ProcedureRequest": "orders",
    "DiagnosticOrder": "orders",
}


def of_key(everything: tuple[Resource, ...], key: str) -> tuple[Resource, ...]:
    return tuple(each for each in everything if _key(each) == key)


def _key(resource: Resource) -> str:
    return KEY_OF_TYPE.get(str(resource.get("resourceType")), "")


def mixed_up(people: Iterable[Resource]) -> str:
    """Why these Patients cannot be told apart; empty where they can: each has an id of its own."""
    ids = Counter(str(each.get("id") or "") for each in people)
    if len(ids) > 1 and ids[""]:
        return "a Patient without an id beside another; each needs its own, so that nothing is mixed up"
    twice = next((patient_id for patient_id, count in ids.items() if count > 1), None)
    return "" if twice is None else f"found {ids[twice]} Patients of one id ({twice or 'none'}); expected one"


def once_each(people: Iterable[Resource]) -> list[Resource]:
    """A Patient that stands there twice, word for word, is one."""
    found: list[Resource] = []
    for person in people:
        if person not in found:
            found.append(person)
    return found


def nobodys(everything: tuple[Resource, ...], people: int) -> str:
    """A record that names nobody is that of the file's one Patient; where there are several, it may be anybody's."""
    found = [each for each in everything if _key(each) not in ("", "patient") and subject_is(each, "")]
    found = [each for each in found if each.get("resourceType") != "Medication"] if people > 1 else []
    if not found:
        return ""
    kinds = ", ".join(dict.fromkeys(str(each["resourceType"]) for each in found))
    return (
        f"{people} Patients, and {len(found)} of the records ({kinds}) name none of them; expected each to name its own"
    )


def subjects(everything: tuple[Resource, ...]) -> tuple[str, ...]:
    """The patients that the resources name; one without a name where they name none."""
    named = (each.get("subject") or each.get("patient") for each in everything)
    found = [each for each in named if reference_of(each) and reference_type(each) in ("", "Patient")]
    return tuple(dict.fromkeys(reference_id(each) for each in found if not reference_of(each).startswith("#"))) or ("",)
