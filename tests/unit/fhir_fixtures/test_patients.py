"""The synthetic charts: valid FHIR, real codes, and up-to-date dates."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from fhir_fixtures import PatientFile, draft, draft_names, load_patient, load_patients
from fhir_fixtures.dates import ANCHOR, shift_birth, shift_date, shift_resource

PATIENTS = load_patients(ANCHOR)
SPECIFIED = ("http://loinc.org", "http://snomed.info/sct", "http://hl7.org/fhir/sid/icd-10-cm")
RXNORM = ("http://www.nlm.nih.gov/research/umls/rxnorm", "urn:oid:2.16.840.1.113883.6.88")
#: FHIR's own examples and third-party records use these; no decision reads them.
OUTSIDE_THE_SPECIFICATION = {
    "26643006": "oral route",
    "47625008": "intravenous route",
    "108252007": "laboratory procedure",
    "39579001": "anaphylaxis",
    "44054006": "type 2 diabetes mellitus",
}


def _named(patient: PatientFile) -> str:
    return patient.slug


def test_there_are_enough_distinct_patients() -> None:
    assert len(PATIENTS) >= 34
    for what in ("slug", "title", "patient_id"):
        assert len({getattr(patient, what) for patient in PATIENTS}) == len(PATIENTS)
    held = Counter((one["resourceType"], one["id"]) for patient in PATIENTS for one in patient.resources())
    assert [key for key, times in held.items() if times > 1] == []


@pytest.mark.parametrize("patient", PATIENTS, ids=_named)
def test_a_chart_is_valid_and_about_one_patient(patient: PatientFile) -> None:
    get_fhir_model_class("Bundle").model_validate(patient.bundle)
    assert next(patient.resources())["resourceType"] == "Patient"
    for resource in patient.resources():
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        subject = resource.get("subject") or resource.get("patient")
        assert subject is None or subject == {"reference": f"Patient/{patient.patient_id}"}


@pytest.mark.parametrize("patient", PATIENTS, ids=_named)
def test_the_sandbox_can_show_the_chart(patient: PatientFile) -> None:
    for name in next(patient.resources("Patient"))["name"]:
        assert name["family"] and name["given"], "the picker of the sandbox fails on a name without a given name"
    for condition in patient.resources("Condition"):
        assert condition["code"]["text"] and condition["code"]["coding"][0]["code"]


@pytest.mark.parametrize("name", draft_names())
def test_a_draft_order_is_valid(name: str) -> None:
    order = draft(name, "demo-alder", ANCHOR)
    get_fhir_model_class(order["resourceType"]).model_validate(order)
    assert (order["status"], order["intent"], order["id"]) == ("draft", "order", name)
    assert order["subject"] == {"reference": "Patient/demo-alder"}


def test_a_draft_is_a_copy() -> None:
    draft("ferritin-lab", "a", ANCHOR)["code"].clear()
    assert draft("ferritin-lab", "a", ANCHOR)["code"]


def _codings(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [one for inner in value for one in _codings(inner)]
    if not isinstance(value, dict):
        return []
    own = [value] if "system" in value and "code" in value else []
    return own + [one for inner in value.values() for one in _codings(inner)]


def _specified(spec: Path) -> tuple[set[str], str]:
    with (spec / "codes.csv").open(encoding="utf-8") as rows:
        codes = {row["code"] for row in csv.DictReader(rows)}
    pages = ("clinical.md", "clinical-amendments.md")
    return codes, " ".join((spec / page).read_text(encoding="utf-8") for page in pages)


def _is_named(code: str, pages: str) -> bool:
    """Return whether the page names the code, or its category with a dash (`A41.-` for A41.9, `I50.-`)."""
    category = code.split(".")[0]
    return any(re.search(rf"(?<![\w.]){re.escape(word)}(?!\d)", pages) for word in (code, f"{category}.-"))


def test_every_code_is_one_of_the_specification(shared: Path) -> None:
    codes, pages = _specified(shared / "spec")
    prescribable = json.loads((shared / "data" / "rxnorm-prescribables.json").read_text(encoding="utf-8"))
    products = {row["code"] for row in prescribable}
    resources: list[Any] = [patient.bundle for patient in PATIENTS]
    resources += [draft(name, "a", ANCHOR) for name in draft_names()]
    unknown = set()
    for coding in _codings(resources):
        system, code = coding["system"], coding["code"]
        if system in SPECIFIED:
            known = code in codes or code in OUTSIDE_THE_SPECIFICATION or _is_named(code, pages)
        elif system in RXNORM:
            known = code in codes or code in products or _is_named(code, pages)
        else:
            continue
        if not known:
            unknown.add((system, code))
    assert unknown == set()


@pytest.mark.parametrize(
    ("written", "days", "expected"),
    [
        ("2026-05-20", 0, "2026-05-20"),
        ("2026-05-20", 40, "2026-06-29"),
        ("2026-02-28", 1, "2026-03-01"),
        ("2028-02-28", 1, "2028-02-29"),
        ("2026-05-20T23:30:00-05:00", 1, "2026-05-21T23:30:00-05:00"),
        ("2026-05-20T08:10:00Z", -20, "2026-04-30T08:10:00Z"),
        ("2026-03", 10, "2026-03"),
        ("2026-03", 31, "2026-04"),
        ("2001", 100, "2001"),
        ("2001", 365, "2002"),
        ("Haemolysed", 365, "Haemolysed"),
        ("20260520", 5, "20260520"),
    ],
)
def test_a_shifted_date_keeps_its_precision(written: str, days: int, expected: str) -> None:
    assert shift_date(written, days) == expected


@pytest.mark.parametrize("born", ["2008-06-15", "2008-06-16", "1960-02-29", "1987-01-01", "2026-06-01"])
@pytest.mark.parametrize("today", [date(2026, 6, 15), date(2027, 3, 1), date(2028, 2, 29), date(2031, 12, 31)])
def test_a_shifted_birth_date_keeps_the_age(born: str, today: date) -> None:
    moved = shift_birth(born, ANCHOR, today)
    assert _age(date.fromisoformat(moved), today) == _age(date.fromisoformat(born), ANCHOR)


def test_a_birth_year_alone_stays_a_year() -> None:
    assert shift_birth("1970", ANCHOR, ANCHOR + timedelta(days=366)) == "1971"


def _age(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def test_codes_and_numbers_that_look_like_dates_are_unchanged() -> None:
    written = {"code": "2026-05-20", "valueString": "2026", "authoredOn": "2026-05-20", "period": {"start": "2026-05"}}
    moved = shift_resource(written, ANCHOR + timedelta(days=365))
    assert moved == written | {"authoredOn": "2027-05-20", "period": {"start": "2027-05"}}


@pytest.mark.parametrize("days", [0, 163, 366, 4000])
def test_a_chart_is_up_to_date_on_any_day(days: int) -> None:
    today = ANCHOR + timedelta(days=days)
    chart = load_patient("ferritin-38-inside-the-lab-range", today)
    ferritin = next(chart.resources("Observation"))
    drawn = date.fromisoformat(ferritin["effectiveDateTime"][:10])
    assert today - drawn == date(2026, 6, 15) - date(2026, 5, 20)
    eighteen = load_patient("eighteen-today-ferritin-60", today)
    assert _age(date.fromisoformat(next(eighteen.resources("Patient"))["birthDate"]), today) == 18


def test_no_date_is_in_the_future_on_a_leap_day() -> None:
    today = date(2028, 2, 29)
    for patient in load_patients(today):
        for result in patient.resources("Observation"):
            assert result["effectiveDateTime"][:10] <= today.isoformat()


def test_an_unknown_patient_raises() -> None:
    with pytest.raises(FileNotFoundError):
        load_patient("nobody", ANCHOR)
