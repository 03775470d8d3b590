"""The table behind fhir_fixtures/requests; `python -m tests.unit.fhir_fixtures.recorded_requests` writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fhir_fixtures
from fhir_fixtures import draft, hook_request, load_patient
from fhir_fixtures.dates import ANCHOR

FOLDER = Path(fhir_fixtures.__file__).parent / "requests"

_RLS = {
    "coding": [{"system": "http://snomed.info/sct", "code": "32914008", "display": "Restless legs syndrome"}],
    "text": "Restless legs syndrome",
}

#: File name: client, hook, patient, drafts (None: left out), prefetch.
TABLE: dict[str, tuple[str, str, str, list[str] | None, str]] = {
    "generic-patient-view": ("generic", "patient-view", "ferritin-38-inside-the-lab-range", [], "full"),
    "generic-patient-view-without-prefetch": ("generic", "patient-view", "no-iron-studies-yet", [], "none"),
    "generic-patient-view-half-prefetched": ("generic", "patient-view", "ferritin-in-pmol", [], "half"),
    "generic-order-sign": (
        "generic", "order-sign", "haemochromatosis-after-phlebotomy", ["ferrous-sulfate-325-once-daily"], "full",
    ),
    "generic-order-sign-drafts": (
        "generic", "order-sign", "iron-replete-nothing-to-say",
        ["ferrous-sulfate-325-three-times-daily", "metoclopramide-10-before-meals", "ferritin-lab"], "full",
    ),
    "generic-order-select": (
        "generic", "order-select", "ferritin-88-enough-transferrin-saturation",
        ["ferrous-sulfate-325-once-daily", "iron-panel-lab"], "full",
    ),
    "epic-patient-view": ("epic", "patient-view", "drugs-by-reference", [], "full"),
    "epic-patient-view-first-page": ("epic", "patient-view", "vitamin-d-toxic", [], "cut"),
    "epic-order-sign": (
        "epic", "order-sign", "anaphylaxis-to-carboxymaltose", ["ferric-carboxymaltose-750"], "full",
    ),
    "oracle-health-patient-view": ("oracle-health", "patient-view", "on-iron-target-reached", [], "full"),
    "oracle-health-order-sign": (
        "oracle-health", "order-sign", "levothyroxine-and-low-ferritin", ["ferrous-sulfate-325-once-daily"], "full",
    ),
    "sandbox-patient-view": ("sandbox", "patient-view", "pramipexole-two-mg", [], "full"),
    "sandbox-order-select-on-open": ("sandbox", "order-select", "ferritin-75-exactly-the-limit", [], "full"),
    "sandbox-order-select-with-reason": (
        "sandbox", "order-select", "metoclopramide-and-sertraline", ["ropinirole-0.25-at-bedtime"], "full",
    ),
    "sandbox-order-select-clicked-again": ("sandbox", "order-select", "no-iron-studies-yet", None, "full"),
    "sandbox-order-sign": (
        "sandbox", "order-sign", "high-saturation-low-ferritin", ["ferrous-sulfate-325-once-daily"], "full",
    ),
}  # fmt: skip


def body(name: str) -> dict[str, Any]:
    """Build the request of that name."""
    client, hook, slug, names, prefetch = TABLE[name]
    patient = load_patient(slug, ANCHOR)
    drafts = None if names is None else [draft(one, patient.patient_id, ANCHOR) for one in names]
    for order in drafts or []:
        if name.endswith("with-reason"):
            order["reasonCode"] = [_RLS]
    return hook_request(client, hook, patient, today=ANCHOR, drafts=drafts, prefetch=prefetch)


def written(name: str) -> str:
    return json.dumps(body(name), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for one in TABLE:
        (FOLDER / f"{one}.json").write_text(written(one), encoding="utf-8")
