"""How long an encounter diagnosis counts as confirmed, as set by a site."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from cards.decisions.decide import PATIENT_VIEW, decide
from cards.facts.chart import LISTS, Listing
from cards.fhir.bundles import Listed
from cards.reading import read_chart
from cds_service.config.settings import Settings
from cds_service.knowledge.load import load_knowledge
from tests.unit.cds_service.knowledge.test_site_files import faults

_NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
_OVERRIDE = """[thresholds.encounter_months]
value = "{months}"
replaces = "24"
reason = "Few problem lists are kept here"
date = 2026-05-01
"""


def _record(recorded: str) -> dict[str, Listed]:
    """Build a record with an encounter diagnosis of RLS on that day and a low ferritin."""
    person = {"resourceType": "Patient", "id": "p", "birthDate": "1980-01-01", "gender": "female"}
    visit = {
        "resourceType": "Condition",
        "id": "c",
        "subject": {"reference": "Patient/p"},
        "category": [{"coding": [{"code": "encounter-diagnosis"}]}],
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "G25.81"}]},
        "recordedDate": recorded,
    }
    ferritin = {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "2276-4"}]},
        "effectiveDateTime": "2026-05-20",
        "valueQuantity": {"value": 60, "unit": "ng/mL"},
    }
    held: dict[str, dict[str, Any]] = {"patient": person, "conditions": visit, "labs": ferritin}
    return {name: Listed((held[name],) if name in held else (), Listing.COMPLETE) for name in LISTS}


def _card(recorded: str, tmp_path: Path, months: str = "") -> set[str]:
    site = {}
    if months:
        file = tmp_path / "overrides.toml"
        file.write_text(_OVERRIDE.format(months=months), encoding="utf-8")
        site = {"overrides": str(file)}
    rules = load_knowledge(Settings(site=site), today=date(2026, 11, 25)).rules
    chart = read_chart(_record(recorded), patient_id="p", now=_NOW, zone=UTC)
    return {f"{each.card}:{each.indicator}" for each in decide(chart, rules, PATIENT_VIEW).fired}


@pytest.mark.parametrize(
    ("recorded", "months", "card"),
    [
        ("2024-06-15", "", "IRON-LOW:warning"),
        ("2024-06-14", "", "IRON-LOW:info"),
        ("2024-06-14", "36", "IRON-LOW:warning"),
        ("2023-06-15", "36", "IRON-LOW:warning"),
        ("2023-06-14", "36", "IRON-LOW:info"),
        ("2025-06-15", "12", "IRON-LOW:warning"),
        ("2025-06-14", "12", "IRON-LOW:info"),
    ],
)
def test_an_encounter_diagnosis_counts_for_the_months_of_the_site(
    recorded: str, months: str, card: str, tmp_path: Path
) -> None:
    assert _card(recorded, tmp_path, months) == {card}


@pytest.mark.parametrize(
    ("months", "fault"),
    [("5", "allowed: 6 to 120 mo"), ("121", "allowed: 6 to 120 mo"), ("24.5", "months and years are not divided")],
)
def test_a_number_outside_the_range_stops_the_start(months: str, fault: str, tmp_path: Path) -> None:
    assert any(fault in each for each in faults(tmp_path, _OVERRIDE.format(months=months)))
