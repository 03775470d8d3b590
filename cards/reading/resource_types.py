"""Which resource types each list of a chart is made of, by its prefetch key, in every FHIR version: the one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType

from cards.fhir.json_values import Json, objects, text
from cards.values import frozen

#: Drug orders of STU3 to R5, of DSTU2, and of the version before it.
DRUG_ORDERS = frozenset({"MedicationRequest", "MedicationOrder", "MedicationPrescription"})
#: Statements of what is taken, up to R4 and since R5.
DRUG_STATEMENTS = frozenset({"MedicationStatement", "MedicationUsage"})
DRUG_ADMINISTRATION = "MedicationAdministration"
DRUG_DISPENSE = "MedicationDispense"
LAB_ORDERS = frozenset(
    {"ServiceRequest", "ProcedureRequest", "DiagnosticOrder", "DiagnosticRequest", "ReferralRequest"}
)
#: Every resource type that is an order or a request, in every FHIR version; most of them no decision judges.
ORDERS = (
    DRUG_ORDERS
    | LAB_ORDERS
    | frozenset(
        {
            "Appointment",
            "CarePlan",
            "CommunicationRequest",
            "DeviceRequest",
            "DeviceUseRequest",
            "ImmunizationRecommendation",
            "NutritionOrder",
            "Order",
            "RequestGroup",
            "RequestOrchestration",
            "SupplyRequest",
            "Task",
            "VisionPrescription",
        }
    )
)


@frozen
class ListTypes:
    """The types of one list; anything else in it (Specimen, Practitioner) only accompanies.

    asked   what a server of R4 or R5 is asked for
    older   what a server of an older version is asked for instead
    also    further types that answer the same question: names of other versions, and a Medication, which `_include`
            brings along or which is read on demand
    within  types that answer it only where they contain one that does
    answering       every type that answers the question of the list; a list of others answers another question
    about_somebody  the types of the list that name their patient, and reports, which may contain results
    """

    asked: str
    older: Mapping[str, str] = field(default_factory=dict)
    also: frozenset[str] = frozenset()
    within: frozenset[str] = frozenset()
    answering: frozenset[str] = field(init=False)
    about_somebody: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        answering = frozenset({self.asked, *self.older.values()}) | self.also
        object.__setattr__(self, "answering", answering)
        object.__setattr__(self, "about_somebody", (answering | {"DiagnosticReport"}) - {"Medication", "Patient"})

    def holds(self, resource: Mapping[str, Json]) -> bool:
        """Return whether a resource answers the question of the list, itself or by what it contains."""
        kind = text(resource.get("resourceType"))
        if kind in self.within:
            return any(text(each.get("resourceType")) in self.answering for each in objects(resource.get("contained")))
        return kind in self.answering


LIST_TYPES: Mapping[str, ListTypes] = MappingProxyType(
    {
        "patient": ListTypes("Patient"),
        "conditions": ListTypes("Condition"),
        "labs": ListTypes("Observation", within=frozenset({"DiagnosticReport"})),
        "medications": ListTypes(
            "MedicationRequest",
            older={"DSTU2": "MedicationOrder"},
            also=DRUG_ORDERS | DRUG_STATEMENTS | {DRUG_ADMINISTRATION, DRUG_DISPENSE, "Medication"},
        ),
        "allergies": ListTypes("AllergyIntolerance"),
        "procedures": ListTypes("Procedure"),
        "orders": ListTypes(
            "ServiceRequest", older={"STU3": "ProcedureRequest", "DSTU2": "DiagnosticOrder"}, also=LAB_ORDERS
        ),
    }
)

#: Further lists of drugs, which a client may send beside `medications`, and which are read with it. Without them its
#: drug list is as long as it is: it is not cut.
MORE_DRUGS: Mapping[str, ListTypes] = MappingProxyType(
    {
        "statements": ListTypes("MedicationStatement", also=DRUG_STATEMENTS | {"Medication"}),
        "dispenses": ListTypes(DRUG_DISPENSE, also=frozenset({"Medication"})),
        "administrations": ListTypes(DRUG_ADMINISTRATION, also=frozenset({"Medication"})),
    }
)
_EVERY_LIST = {**LIST_TYPES, **MORE_DRUGS}

#: The list that a resource belongs to.
KEY_OF_TYPE: Mapping[str, str] = MappingProxyType(
    {kind: key for key, types in LIST_TYPES.items() for kind in types.answering}
)


def types_of(key: str) -> ListTypes:
    """Return the types of the list under a prefetch key."""
    return _EVERY_LIST[key]


def asked_type(key: str, fhir_version: str = "R4") -> str:
    """Return the resource type that a server of this version is asked for under a prefetch key."""
    types = types_of(key)
    return types.older.get(fhir_version, types.asked)
