"""Observations as servers send them, in as few words as a test needs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from cards.dates import PartialDate, cut_at, on_day, parse_partial_date
from cards.facts.chart import Chart
from cards.facts.results import LabResult
from cards.knowledge.limits import Limit
from cards.labs.analytes import analyte
from cards.quantity import Quantity
from cards.reading.results import Results, read_results

TODAY = date(2026, 6, 15)
ZONE = ZoneInfo("America/New_York")
NOW = datetime(2026, 6, 15, 16, 0, tzinfo=UTC)
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
CODES = {
    "ferritin": "2276-4",
    "iron": "2498-4",
    "tibc": "2500-7",
    "uibc": "2501-5",
    "transferrin": "3034-6",
    "tsat": "2502-3",
    "b12": "2132-9",
    "mma": "13964-2",
    "homocysteine": "13965-9",
    "folate": "2284-8",
    "folate-rbc": "2283-0",
    "vitd": "62292-8",
    "vitd3": "1989-3",
    "vitd2": "49054-0",
    "magnesium": "19123-9",
    "plp": "62236-5",
    "crp": "1988-5",
    "haemoglobin": "718-7",
    "mcv": "787-2",
    "egfr": "98979-8",
    "calcium": "17861-6",
    "calcium-corrected": "29265-6",
    "calcium-ionised": "1995-0",
    "albumin": "1751-7",
    "phosphate": "2777-1",
    "body-weight": "29463-7",
    "gestational-age": "11884-4",
}


def limit(analyte_name: str, side: str, value: int) -> Limit:
    return Limit(analyte_name, Decimal(value), analyte(analyte_name).unit, "", side, "ours", "ours")


def within(days: int) -> Limit:
    return Limit("window", Decimal(days), "d", "", "within", "ours", "ours")


def coded(*codes: str) -> dict[str, Any]:
    return {"coding": [{"system": LOINC, "code": code} for code in codes]}


def observation(name: str, value: Any = None, unit: str | None = None, **members: Any) -> dict[str, Any]:
    """A final result of patient 7 on 2026-05-20; a member set to None is left out."""
    built: dict[str, Any] = {
        "resourceType": "Observation",
        "status": "final",
        "code": coded(CODES[name]),
        "subject": {"reference": "Patient/7"},
        "effectiveDateTime": "2026-05-20",
    }
    if value is not None:
        built["valueQuantity"] = {"value": value, **({"unit": unit} if unit else {})}
    return {key: each for key, each in {**built, **members}.items() if each is not None}


def read(*resources: Mapping[str, Any], **options: Any) -> Results:
    return read_results(resources, patient_id="7", today=TODAY, zone=ZONE, **options)


def reason(*resources: Mapping[str, Any]) -> str:
    """Why the only result of these resources may not be compared; empty where it may."""
    results = read(*resources)
    assert len(results.labs) + len(results.unusable) == 1, results
    return results.unusable[0].why if results.unusable else ""


def value_of(*resources: Mapping[str, Any]) -> str:
    """The only result of these resources as a card prints it."""
    results = read(*resources)
    assert [each.why for each in results.unusable] == []
    (lab,) = results.labs
    return lab.quantity.text


def lab(name: str, value: str, when: str | int = "2026-05-20", comparator: str = "", **members: Any) -> LabResult:
    """A result in the canonical unit; `when` is a FHIR date or the number of days ago."""
    moment = on_day(TODAY - timedelta(days=when)) if isinstance(when, int) else partial_date_of(when)
    return LabResult(name, Quantity(Decimal(value), analyte(name).unit, comparator), cut_at(moment, TODAY), **members)


def partial_date_of(text: str) -> PartialDate:
    moment = parse_partial_date(text, ZONE)
    assert moment is not None
    return moment


def chart(*labs: LabResult, **members: Any) -> Chart:
    return Chart(today=TODAY, labs=labs, **members)
