"""Turns a vignette of the specification into the FHIR a client would send.

A vignette speaks of classes and analytes; here they become a Patient, Conditions, Observations, MedicationRequests
and draft orders with the codes of the specification. Diagnoses are coded in SNOMED CT or ICD-10-CM by turns.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from fhir_fixtures import PatientFile
from fhir_fixtures.clients import PREFETCH_KEYS
from tests.golden.vignettes import codes
from tests.golden.vignettes import resources as make

Resource = dict[str, Any]
Vignette = Mapping[str, Any]

#: The day on which the vignettes are told.
TOLD_ON = date(2026, 6, 15)

_FHIR_BASE = "https://fhir.example.org/r4"


@dataclass(frozen=True, slots=True)
class VignetteCase:
    """A vignette as FHIR: `resources` by prefetch key (`patient` holds one), `drafts` a Bundle (empty on patient-view).

    `expected` holds CARD:indicator, for example IRON-LOW:warning, and is the exact set of cards.
    """

    id: str
    title: str
    hook: str
    patient_id: str
    resources: Mapping[str, tuple[Resource, ...]]
    drafts: Resource
    expected: frozenset[str]


def load_vignettes(spec: Path) -> tuple[Vignette, ...]:
    """The vignettes of the folder `spec`."""
    told = json.loads((spec / "vignettes.json").read_text(encoding="utf-8"))
    return tuple(told["vignettes"])


def build(vignette: Vignette, today: date = TOLD_ON) -> VignetteCase:
    """The vignette as if it were told today: every date moves by the same number of days."""
    patient_id = f"vignette-{vignette['id'].lower()}"
    moved = today - TOLD_ON
    orders = [make.order(row, place, patient_id, today) for place, row in enumerate(vignette["orders"], 1)]
    return VignetteCase(
        id=vignette["id"],
        title=vignette["title"],
        hook=vignette["hook"],
        patient_id=patient_id,
        resources={
            "patient": (make.patient(vignette["id"], patient_id, vignette["sex"], _birth(vignette, today)),),
            "conditions": tuple(_conditions(vignette, patient_id)),
            "labs": (*_labs(vignette, patient_id, moved), *_measures(vignette, patient_id, today)),
            "medications": tuple(
                make.medication(row, place, patient_id, date.fromisoformat(row["start"]) + moved)
                for place, row in enumerate(vignette["meds"], 1)
            ),
            "allergies": tuple(make.allergy(key, patient_id) for key in vignette.get("allergy", ())),
            "procedures": (),
            "orders": (),
        },
        drafts={"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in orders]},
        expected=frozenset(vignette["exp"]),
    )


def as_request(
    case: VignetteCase, prefetch: str = "full", fhir_server: str | None = None, hook: str | None = None
) -> Resource:
    """The hook request for a case; another `hook` (order-select) may be asked with the same drafts.

    `prefetch`: full, none, or half (patient and conditions only, the rest is to be read from `fhir_server`).
    """
    hook = hook or case.hook
    context: Resource = {"userId": "Practitioner/vignette-clinician", "patientId": case.patient_id}
    if hook != "patient-view":
        context["draftOrders"] = case.drafts
    if hook == "order-select":
        drafts = [entry["resource"] for entry in case.drafts["entry"]]
        context["selections"] = [f"{one['resourceType']}/{one['id']}" for one in drafts]
    name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{case.id}/{hook}/{prefetch}"))
    request: Resource = {"hook": hook, "hookInstance": name, "context": context}
    if fhir_server is not None:
        request["fhirServer"] = fhir_server
    if prefetch != "none":
        request["prefetch"] = _prefetch(
            case, ("conditions",) if prefetch == "half" else tuple(PREFETCH_KEYS), fhir_server
        )
    return request


def as_patient_file(case: VignetteCase) -> PatientFile:
    """The chart of a case (without its drafts), for the FHIR server."""
    entries = [{"resource": one} for listed in case.resources.values() for one in listed]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    return PatientFile(case.patient_id, case.title, case.title, bundle, case.patient_id)


def _prefetch(case: VignetteCase, keys: tuple[str, ...], fhir_server: str | None) -> Resource:
    filled: Resource = {"patient": case.resources["patient"][0]}
    for key in keys:
        filled[key] = _searchset(case.resources[key], fhir_server or _FHIR_BASE)
    return filled


def _searchset(found: tuple[Resource, ...], base: str) -> Resource:
    entries = [
        {"fullUrl": f"{base}/{one['resourceType']}/{one['id']}", "resource": one, "search": {"mode": "match"}}
        for one in found
    ]
    bundle: Resource = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
    return bundle | ({"entry": entries} if entries else {})


def _conditions(vignette: Vignette, patient_id: str) -> list[Resource]:
    turn = int(vignette["id"][1:]) % 2
    system = codes.ICD10CM if turn else codes.SNOMED
    rows = enumerate(vignette["dx"], 1)
    return [one for place, row in rows for one in make.condition(row, place, patient_id, system)]


def _labs(vignette: Vignette, patient_id: str, moved: timedelta) -> list[Resource]:
    rows = enumerate(vignette["labs"], 1)
    return [make.lab(row, date.fromisoformat(row[3]) + moved, place, patient_id) for place, row in rows]


def _measures(vignette: Vignette, patient_id: str, today: date) -> list[Resource]:
    found = []
    if "ga_weeks" in vignette:
        found.append(make.measure("11884-4", vignette["ga_weeks"], "wk", today, patient_id))
    if "kg" in vignette:
        found.append(make.measure("29463-7", vignette["kg"], "kg", today, patient_id))
    return found


def _birth(vignette: Vignette, today: date) -> date:
    """A birth date of that age; the birthday is today where the title says so, else some months ago."""
    last_birthday = today if "today" in vignette["title"] else today - timedelta(days=101)
    return last_birthday.replace(year=last_birthday.year - vignette["age"], day=min(last_birthday.day, 28))
