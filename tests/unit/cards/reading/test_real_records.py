"""Third-party records as they are: what is said of each must be defensible to a clinician (../shared/data)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cards.facts.results import LabResult
from cards.labs.saturation import tsat_results
from cards.reading.results import Results, read_results
from tests.builders.observations import chart, lab

#: Data set and id (or code, where a row has none), and what is read of it.
EXPECTED = {
    # no date at all: the number may be named, never compared
    "gfhir o23-3: iron 27.9 µg/dL no-date",
    "gfhir o23-4: iron 44.7 µg/dL no-date",
    "gfhir o23-5: iron 27.9 µg/dL no-date",
    "gfhir o23-15: iron 27.9 µg/dL no-date",
    "gfhir f205: egfr >60 mL/min/1.73 m² no-date",
    "gfhir f205: egfr 60 mL/min/1.73 m² no-date",
    # the period's end is the date; g/dl as display beside g/dL as code is one unit
    "gfhir f005: haemoglobin 7.2 g/dL 2013-04-05",
    # every laboratory row of these samples has status unknown
    "STU-3 smart-2578-lab: vitd3 31 ng/mL status-not-known",
    "STU-3 smart-2623-lab: vitd3 30 ng/mL status-not-known",
    "STU-3 smart-2669-lab: vitd3 24 ng/mL status-not-known",
    "STU-3 smart-3246-lab: folate status-not-known",
    # a haemoglobin of 15 without a unit may be anything
    "ips 224063: haemoglobin no-unit",
    # Austria: ratio code with unit %, transferrin in g/L
    "ips 2498-4: iron 91 µg/dL 2016-12-01",
    "ips 3034-6: transferrin 210 mg/dL 2016-12-01",
    "ips 2505-6: tsat 30.7 % 2016-12-01",
    # the Netherlands: mmol/l
    "ips 718-7: haemoglobin 18.5 g/dL 2022-01-02",
    # New Zealand: molar B12, text-only reference range
    "ips 0669cc1c-08cc-4382-959e-35f9d91b0377: b12 287.3 pg/mL 2024-03-11",
    # Australia: g/L as code without display; a cancelled weight
    "au_test 718-7: haemoglobin 12.5 g/dL 2024-06-12",
    "au_test bodyweight-cancelled: body-weight cancelled",
    # gm/L where g/dL was meant: 1.5 g/dL is no living patient's
    "meditech-sandbox LA.7f2b8537-65f3-538d-91f4-5ba4bc0ad5c6: haemoglobin 1.5 g/dL implausible",
    # haemoglobin in µmol/L: not a unit it is read in
    "cerner-sandbox L-206974023: haemoglobin unknown-unit",
    "cerner-sandbox L-206974009: haemoglobin unknown-unit",
    # a range is not a value
    "DSTU-2 hca-obs-0f04562cdbce: egfr not-a-number",
    "DSTU-2 hca-obs-8eaf3eeb3764: egfr not-a-number",
    "DSTU-2 hca-obs-4d02130ef3ea: egfr not-a-number",
    # a SNOMED CT code: named, never compared
    "ips 2ab7d1bf-e8e4-40fc-9f5b-39e70c68b5cd: egfr 77 mL/min/1.73 m² code-not-mapped",
    "ips e8367f0d-b508-45ed-8ca9-864317fcefc8: egfr 77 mL/min/1.73 m² code-not-mapped",
    "ips ec8c5d11-da26-44d2-be4b-75733bd3de91: egfr 83 mL/min/1.73 m² code-not-mapped",
    "ips f8b867ec-e00b-4931-be50-946f014484cf: egfr 54 mL/min/1.73 m² code-not-mapped",
    "uk_gp 01EC53CF-38F8-464D-BB6D-84EEF227646C: b12 301 pg/mL code-not-mapped",
    "uk_gp 770b982d-be09-4744-a5d7-54e757947ffe: haemoglobin 142 g/dL code-not-mapped",
    "uk_gp F022B5F4-66E8-4DDD-ABAA-10C98713E7EE: b12 >=1000 pg/mL code-not-mapped",
    # creatinine
    "DSTU-2 DDME-OBS4: creatinine 1.1 mg/dL 2016-01-04",
    "cerner-sandbox L-206974025: creatinine 0.36 mg/dL 2024-11-15",
    "uk_gp F022B5F4-66E8-4DDD-ABAA-10C98713E7EE: b12 >=1000 pg/mL status-not-known",
    "ips 161714006: due-date 2025-02-03",
    "au_test 161714006: due-date 2025-02-03",
    "au_test ad82d71b-ca1c-4db6-a726-cc70cf638306: due-date 2025-02-03",
    "ips ad82d71b-ca1c-4db6-a726-cc70cf638306: due-date 2025-02-03",
}


def said_of(row: dict[str, Any]) -> Iterator[str]:
    resource = row["resource"]
    code = next((coding.get("code") for coding in resource.get("code", {}).get("coding", [])), "")
    name = f"{row['dataset']} {resource.get('id') or code}"
    results = read_anybodys(resource)
    for result in results.labs:
        yield f"{name}: {result.analyte} {result.quantity.text} {result.when.text}"
    for unusable in results.unusable:
        quantity = f" {unusable.quantity.text}" if unusable.quantity else ""
        yield f"{name}: {unusable.analyte}{quantity} {unusable.why}"
    for measure in results.measures:
        yield f"{name}: {measure.kind} {measure.day or measure.value}"


def read_anybodys(*resources: dict[str, Any]) -> Results:
    """Read without asking whose they are."""
    nobodys = [{key: each[key] for key in each if key not in ("subject", "patient")} for each in resources]
    return read_results(nobodys, patient_id="x", today=date(2026, 6, 15), zone=ZoneInfo("Europe/Vienna"))


def test_every_catalogued_oddity_reads_as_a_clinician_would_want(shared: Path) -> None:
    rows = [json.loads(line) for line in (shared / "data" / "quirks.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {said for row in rows for said in said_of(row)} == EXPECTED


def iron_deficient_patient(shared: Path) -> list[dict[str, Any]]:
    folder = shared / "data" / "smart-iron-deficient-8888803"
    bundles = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]
    return [entry["resource"] for bundle in bundles for entry in bundle["entry"]]


def test_status_unknown_is_never_used_however_low_the_ferritin(shared: Path) -> None:
    results = read_anybodys(*iron_deficient_patient(shared))
    assert results.labs == ()
    named = {each.quantity.text for each in results.unusable if each.analyte == "ferritin" and each.quantity}
    assert named == {"4 ng/mL", "9 ng/mL", "11 ng/mL"}
    assert {each.why for each in results.unusable} == {"status-not-known"}


def test_the_same_patient_with_a_final_status_is_read_and_the_iron_is_taken_at_its_word(shared: Path) -> None:
    resources = [
        {**each, "status": "final"} if each["resourceType"] == "Observation" else each
        for each in iron_deficient_patient(shared)
    ]
    labs: dict[str, list[LabResult]] = {}
    for result in read_anybodys(*resources).labs:
        labs.setdefault(result.analyte, []).append(result)
    assert {each.quantity.text for each in labs["ferritin"]} == {"4 ng/mL", "9 ng/mL", "11 ng/mL"}
    assert "2 µg/dL" in {each.quantity.text for each in labs["iron"]}
    assert min(each.quantity.value for each in labs["tsat"]) == lab("tsat", "4").quantity.value


def test_the_austrian_saturation_agrees_with_the_one_we_calculate(shared: Path) -> None:
    bundle = json.loads((shared / "data" / "ips" / "AT_ELGA_GmbH_01.json").read_text(encoding="utf-8"))
    labs = read_anybodys(*(entry["resource"] for entry in bundle["entry"])).labs
    parts = [each for each in labs if each.analyte in ("iron", "transferrin")]
    (calculated,) = tsat_results(chart(*parts))
    (reported,) = (each for each in labs if each.analyte == "tsat")
    assert calculated.quantity == reported.quantity
