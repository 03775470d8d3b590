"""The CDS services and their prefetch templates (contract section 3), from which everything else is derived."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from cards.knowledge.valuesets import lab_codes
from cards.reading.resource_types import asked_type

CDS_HOOKS_VERSION = "2.0.1"
PATIENT = "{{context.patientId}}"

_KEYS = ("patient", "conditions", "labs", "medications", "allergies", "procedures", "orders")


@dataclass(frozen=True, slots=True)
class Service:
    """One CDS service: its id, the hook it answers and its prefetch keys, in order."""

    id: str
    hook: str
    title: str
    description: str
    usage: str
    keys: tuple[str, ...]

    @property
    def judges_orders(self) -> bool:
        """Return whether the service reviews draft orders."""
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
        _KEYS,
    ),
    Service(
        "rls-order-sign",
        "order-sign",
        "Restless legs syndrome: safety and fit of draft orders",
        "Before orders are signed: stops iron that would harm, and points at drugs and supplements that do not fit.",
        _USAGE,
        _KEYS,
    ),
    Service(
        "rls-order-select",
        "order-select",
        "Restless legs syndrome: safety and fit of selected orders",
        "While an order is being chosen: the same review as at signing, for the selected drafts.",
        _USAGE,
        _KEYS,
    ),
)

BY_ID: Mapping[str, Service] = MappingProxyType({service.id: service for service in SERVICES})

#: The requested page size, last in every search; a server may send fewer.
_COUNT = ("_count", "200")

Parameters = tuple[tuple[str, str], ...]


@cache
def parameters(key: str) -> Parameters:
    """Return the search parameters of a key: none repeated, and no filter that a server might not support
    (sandbox 4.5)."""
    patient = ("patient", PATIENT)
    if key != "labs":
        return (patient, _COUNT)
    codes = ",".join(f"http://loinc.org|{code}" for code in lab_codes())
    return (patient, ("code", codes), ("_sort", "-date"), _COUNT)


def parameters_for_codes(codes: str) -> Parameters:
    """Return the search parameters for entries with one of these codes."""
    return (("patient", PATIENT), ("code", codes), _COUNT)


def query(kind: str, asked: Parameters) -> str:
    """Return a search as a prefetch template writes it."""
    return f"{kind}?" + "&".join(f"{name}={value}" for name, value in asked)


@cache
def template(key: str) -> str:
    """Return the prefetch template of a key, as discovery shows it."""
    kind = asked_type(key)
    return f"{kind}/{PATIENT}" if key == "patient" else query(kind, parameters(key))
