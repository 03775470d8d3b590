"""Ownership of the resources in a file: their list, their patient, and patients that cannot be told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from cards.fhir.json_values import reference_of
from cards.fhir.ownership import Owner, Ownership, subject_is
from cards.fhir.references import address_of
from cards.reading.resource_types import KEY_OF_TYPE, LIST_TYPES

Resource = dict[str, Any]


#: Types that no list asks for and that tell more of what is in one.
_ACCOMPANYING = {"labs": frozenset({"Specimen"})}


def of_key(everything: tuple[Resource, ...], key: str) -> tuple[Resource, ...]:
    """Return the resources of the list under a prefetch key, reports that contain them, and what accompanies them."""
    if not any(map(LIST_TYPES[key].holds, everything)):
        return ()
    beside = _ACCOMPANYING.get(key, frozenset())
    return tuple(each for each in everything if LIST_TYPES[key].holds(each) or each.get("resourceType") in beside)


def _key(resource: Resource) -> str:
    return KEY_OF_TYPE.get(str(resource.get("resourceType")), "")


def ambiguous(people: Iterable[Resource]) -> str:
    """Return why these Patients cannot be told apart by their ids, or an empty text if they can."""
    ids = Counter(str(each.get("id") or "") for each in people)
    if len(ids) > 1 and ids[""]:
        return "a Patient without an id beside another; each needs its own, so that nothing is mixed up"
    shared = next((patient_id for patient_id, count in ids.items() if count > 1), None)
    return "" if shared is None else f"found {ids[shared]} Patients of one id ({shared or 'none'}); expected one"


def deduplicate(people: Iterable[Resource]) -> list[Resource]:
    """Return the Patients without identical repeats."""
    found: list[Resource] = []
    for person in people:
        if person not in found:
            found.append(person)
    return found


def unowned(everything: tuple[Resource, ...], people: int) -> str:
    """Return why resources have no known patient, or an empty text.

    A resource without a reference belongs to the only Patient of the file; if there are several, it has no owner.
    """
    found = [each for each in everything if _key(each) not in ("", "patient") and subject_is(each, "")]
    found = [each for each in found if each.get("resourceType") != "Medication"] if people > 1 else []
    if not found:
        return ""
    kinds = ", ".join(dict.fromkeys(str(each["resourceType"]) for each in found))
    return (
        f"{people} Patients, and {len(found)} of the records ({kinds}) name none of them; expected each to name its own"
    )


def subjects(everything: tuple[Resource, ...]) -> tuple[str, ...]:
    """Return the ids of the patients that the resources reference, or one empty id if they reference none."""
    named = (address_of(reference_of(each.get("subject")) or reference_of(each.get("patient"))) for each in everything)
    found = (each for each in named if each.id and not each.is_contained and each.type in ("", "patient"))
    return tuple(dict.fromkeys(each.id for each in found)) or ("",)


def may_be_of(resource: Resource, ownership: Ownership) -> bool:
    """Return whether a resource is about a patient, or it is not to be told about whom it is."""
    return ownership.owner_of(resource) is not Owner.OTHER
