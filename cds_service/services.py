"""The services and what each asks an EHR to prefetch (product.md section 3): the one list everything else follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from cards.valuesets import lab_codes

CDS_HOOKS_VERSION = "2.0.1"
PATIENT = "{{context.patientId}}"

_PATIENT_VIEW_KEYS = ("patient", "conditions", "labs", "medications", "procedures", "orders")
_ORDER_KEYS = ("patient", "conditions", "labs", "medications", "allergies", "procedures", "orders")


@dataclass(frozen=True, slots=True)
class Service:
    """One CDS service: an id, the hook it answers and the prefetch keys it asks for, in order."""

    id: str
    hook: str
    title: str
    description: str
    usage: str
    keys: tuple[str, ...]

    @property
    def judges_orders(self) -> bool:
        return self.hook != "patient-view"


_USAGE = (
    "Works from prefetch alone; what is not prefetched is read from the FHIR server where that is allowed. "
    "Patient, conditions and laboratory results are required, the other keys are secondary. For licensed health "
    "professionals; adds to clinical judgement and does not replace it."
)

SERVICES = (
    Service(
        "rls-patient-view",
        "patient-view",
        "Restless legs syndrome: iron, vitamins, minerals and drugs",
        "When the chart of a patient with restless legs syndrome is opened: iron status and its cause, vitamin B12, "
        "folate, vitamin D, magnesium, drugs that worsen it, and dopaminergic treatment.",
        _USAGE,
        _PATIENT_VIEW_KEYS,
    ),
    Service(
        "rls-order-sign",
        "order-sign",
        "Restless legs syndrome: safety and fit of draft orders",
        "Before orders are signed: stops iron that would harm, and points at drugs and supplements that do not fit.",
        _USAGE,
        _ORDER_KEYS,
    ),
    Service(
        "rls-order-select",
        "order-select",
        "Restless legs syndrome: safety and fit of selected orders",
        "While an order is being chosen: the same review as at signing, for the selected drafts.",
        _USAGE,
        _ORDER_KEYS,
    ),
)

BY_ID: Mapping[str, Service] = MappingProxyType({service.id: service for service in SERVICES})

#: The resource type each key asks for.
KIND_OF_KEY: Mapping[str, str] = MappingProxyType(
    {
        "patient": "Patient",
        "conditions": "Condition",
        "labs": "Observation",
        "medications": "MedicationRequest",
        "allergies": "AllergyIntolerance",
        "procedures": "Procedure",
        "orders": "ServiceRequest",
    }
)


@cache
def parameters(key: str) -> tuple[tuple[str, str], ...]:
    """The search parameters of a key; no key twice, no filter a server might not know (sandbox page 4.5)."""
    patient = ("patient", PATIENT)
    if key != "labs":
        return (patient,)
    codes = ",".join(f"http://loinc.org|{code}" for code in lab_codes())
    return (patient, ("code", codes), ("_sort", "-date"), ("_count", "200"))


@cache
def template(key: str) -> str:
    """The prefetch template of a key, as discovery shows it."""
    kind = KIND_OF_KEY[key]
    if key == "patient":
        return f"{kind}/{PATIENT}"
    return f"{kind}?" + "&".join(f"{name}={value}" for name, value in parameters(key))
