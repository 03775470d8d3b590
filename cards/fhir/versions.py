"""Which FHIR version a record was written in, told by its shape: requests do not say (protocol R-18)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from cards.fhir.json_values import Json, first, objects, text

#: Resource types that only DSTU2 has (and its draft for trial use, which clients still name).
_ONLY_DSTU2 = frozenset({"MedicationOrder", "MedicationPrescription", "DiagnosticOrder", "DeviceUseRequest"})
#: What tells R4 from older versions, and leaves open whether it is R5.
_R4_OR_LATER = "R4 or later"


def version_by_shape(resources: Iterable[Mapping[str, Json]]) -> str | None:
    """Return DSTU2, STU3, R4 or R5, as most of these resources show it; `None` where none of them tells."""
    votes = Counter([found for each in resources if (found := _version_of(each))])
    later = votes.pop(_R4_OR_LATER, 0)
    if later:
        votes["R5" if votes["R5"] > votes["R4"] else "R4"] += later
    return max(votes, key=lambda version: (votes[version], version == "R4"), default=None)


def _version_of(resource: Mapping[str, Json]) -> str | None:
    kind = text(resource.get("resourceType"))
    if kind in _ONLY_DSTU2:
        return "DSTU2"
    tell = _TELLS.get(kind)
    return tell(resource) if tell else None


def _of_problem(resource: Mapping[str, Json]) -> str | None:
    """A Condition or an AllergyIntolerance: statuses became concepts with R4; DSTU2 names the patient otherwise."""
    if "substance" in resource or "dateRecorded" in resource or isinstance(resource.get("category"), Mapping):
        return "DSTU2"
    if isinstance(resource.get("clinicalStatus"), str):
        return "STU3" if "subject" in resource or resource["resourceType"] != "Condition" else "DSTU2"
    return _R4_OR_LATER if isinstance(resource.get("clinicalStatus"), Mapping) else None


def _of_drug_order(resource: Mapping[str, Json]) -> str | None:
    if isinstance(resource.get("medication"), Mapping):
        return "R5"
    dosages = objects(resource.get("dosageInstruction"))
    if any("doseAndRate" in each for each in dosages):
        return "R4"
    older = "context" in resource or any("doseQuantity" in each or "doseRange" in each for each in dosages)
    return "STU3" if older else None


def _of_lab_order(resource: Mapping[str, Json]) -> str | None:
    return "R5" if isinstance(first(resource.get("code")).get("concept"), Mapping) else "R4"


def _of_procedure_request(resource: Mapping[str, Json]) -> str | None:
    return "STU3" if "intent" in resource else "DSTU2"


#: Members that a result has in STU3 alone.
_ONLY_STU3_RESULTS = frozenset({"comment", "context", "related"})


def _of_observation(resource: Mapping[str, Json]) -> str | None:
    if "comments" in resource:
        return "DSTU2"
    return None if _ONLY_STU3_RESULTS.isdisjoint(resource) else "STU3"


_TELLS: Mapping[str, Callable[[Mapping[str, Json]], str | None]] = {
    "Condition": _of_problem,
    "AllergyIntolerance": _of_problem,
    "MedicationRequest": _of_drug_order,
    "ServiceRequest": _of_lab_order,
    "ProcedureRequest": _of_procedure_request,
    "Observation": _of_observation,
}
