"""Every fact that is read from the synthetic patients and drafts, and that other FHIR versions are read alike."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from cards.facts.chart import Chart
from cards.fhir.bundles import Listed
from cards.reading import read_chart
from fhir_fixtures import PatientFile, draft, draft_names, load_patients
from tests.builders.versions import convert
from tests.mutation.compact.telling import told

CHARTS = Path(__file__).parent / "charts.txt"
TODAY = date(2026, 6, 15)
_NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
_LISTS = {
    "patient": ("Patient",),
    "conditions": ("Condition",),
    "labs": ("Observation", "DiagnosticReport", "Specimen"),
    "medications": ("MedicationRequest", "MedicationStatement", "MedicationAdministration", "MedicationDispense",
                    "Medication"),
    "allergies": ("AllergyIntolerance",),
    "procedures": ("Procedure",),
    "orders": ("ServiceRequest",),
}  # fmt: skip


def lines() -> Iterator[str]:
    for patient in load_patients(TODAY):
        yield f"# {patient.slug}"
        yield from _facts(_chart(patient))
    yield "# every draft"
    yield from _facts(replace(_chart(load_patients(TODAY)[0], draft_names()), labs=(), diagnoses=()))


def _facts(chart: Chart) -> Iterator[str]:
    for field in (each for each in fields(chart) if each.init):
        value = getattr(chart, field.name)
        if isinstance(value, tuple):
            yield from (f"{field.name} {told(each)}" for each in value)
        elif field.name != "today":
            yield f"{field.name} {told(value)}"


def _chart(patient: PatientFile, drafts: tuple[str, ...] = (), version: str = "R4") -> Chart:
    orders = [draft(name, patient.patient_id, TODAY) for name in drafts]
    basket: dict[str, Any] = {"resourceType": "Bundle", "entry": [{"resource": each} for each in orders]}
    gathered = {name: tuple(patient.resources(*kinds)) for name, kinds in _LISTS.items()}
    told_so = {name: tuple(convert(dict(each), version) for each in found) for name, found in gathered.items()}
    return read_chart(
        {name: Listed(resources) for name, resources in told_so.items()},
        patient_id=patient.patient_id,
        now=_NOW,
        zone=UTC,
        drafts=convert(basket, version),
        selections=None,
    )


def test_a_chart_is_read_whole() -> None:
    recorded = CHARTS.read_text(encoding="utf-8").splitlines()
    title = ""
    for fact, expected in zip(lines(), recorded, strict=True):
        title = expected if expected.startswith("#") else title
        assert fact == expected, title


@pytest.mark.parametrize("version", ["DSTU2", "STU3", "R5"])
def test_another_version_is_read_alike(version: str) -> None:
    for patient in load_patients(TODAY):
        assert _without_references(_chart(patient, version=version)) == _without_references(_chart(patient))


def _without_references(chart: Chart) -> list[str]:
    """Orders are called otherwise in other versions, and DSTU2 has no status corrected."""
    called = [re.sub(r"reference='\w+/", "reference='", fact) for fact in _facts(chart)]
    return [fact.replace("status='corrected'", "status='amended'") for fact in called]
