"""The passes over an export: whose line is whose, in every spelling, and what is missing of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cds_service.offline.screening.export import BadExport, find_export
from cds_service.offline.screening.recipe import Recipe
from cds_service.offline.screening.run import Outcome, run
from cds_service.offline.screening.state import State
from fhir_fixtures.loading import load_patient
from tests.builders.export_lines import Resource, write_export, written

_NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
_TODAY = _NOW.date()


def screened(folder: Path, **how: Any) -> tuple[dict[str, dict[str, Any]], Outcome]:
    """Screen an export, and return its findings by patient."""
    state = State(folder.with_name(f"{folder.name}.state"))
    try:
        outcome = run(find_export(folder), Recipe(_NOW), state, **{"workers": 1, "max_bad": 10, **how})
        found = [json.loads(line) for line in outcome.findings()]
    finally:
        state.close(done=True)
    assert [each["patient"] for each in found] == sorted(each["patient"] for each in found)
    return {each["patient"]: each for each in found}, outcome


def low(patient_id: str = "p1") -> list[Resource]:
    """Return a patient with restless legs syndrome and a ferritin of 38, under this id."""
    text = json.dumps(list(load_patient("ferritin-38-inside-the-lab-range", _TODAY).resources()))
    known = load_patient("ferritin-38-inside-the-lab-range", _TODAY).patient_id
    found: list[Resource] = json.loads(text.replace(known, patient_id))
    return found


def codes(finding: dict[str, Any]) -> list[str]:
    return [card["code"] for card in finding["cards"]]


def healthy(patient_id: str) -> list[Resource]:
    return [{"resourceType": "Patient", "id": patient_id, "gender": "male"}]


def test_every_patient_has_one_line_and_only_rls_has_cards(tmp_path: Path) -> None:
    found, outcome = screened(write_export(tmp_path / "x", [*low("p1"), *healthy("p0"), *healthy("p2")]))
    assert {name: codes(each) for name, each in found.items()} == {"p0": [], "p1": ["IRONLOW"], "p2": []}
    assert found["p0"] == {"patient": "p0", "cards": [], "unknown": [], "scope": "no RLS"}
    # information, not a warning: the export holds neither allergies nor procedures
    assert found["p1"]["cards"] == [{"code": "IRONLOW", "indicator": "info"}]
    assert not outcome.counts.bad


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/p1",
        "Patient/p1/_history/3",
        "https://ehr.example.org/fhir/Patient/p1",
        "https://ehr.example.org/fhir/Patient/p1/_history/3",
        "urn:uuid:p1",
        "p1",
        "patient/p1",
        "Patient%2Fp1",
    ],
)
@pytest.mark.parametrize("escaped", [False, True])
def test_a_record_is_found_by_every_spelling_of_its_patient(tmp_path: Path, reference: str, escaped: bool) -> None:
    folder = tmp_path / "x"
    folder.mkdir()
    lines = []
    for each in [*low(), *low("p2")]:
        if each.get("subject", {}).get("reference") == "Patient/p1":
            each = {**each, "subject": {"reference": reference}}
        line = written(each)
        lines.append(line.replace(b"/", b"\\/").replace(b'"p1"', b'"\\u00701"') if escaped else line)
    (folder / "all.ndjson").write_bytes(b"\n".join(lines))
    found, _ = screened(folder)
    assert codes(found["p1"]) == codes(found["p2"]) == ["IRONLOW"]


def test_another_patient_in_a_record_makes_it_not_theirs(tmp_path: Path) -> None:
    """A ferritin of p2 that p1 took part in: the card of p1 rests on their own."""
    mine, theirs = low("p1"), low("p2")
    for each in theirs:
        if each["resourceType"] == "Observation":
            each["performer"] = [{"reference": "Patient/p1"}]
            each["valueQuantity"] = {**each["valueQuantity"], "value": 900}
    found, _ = screened(write_export(tmp_path / "x", [*mine, *theirs]))
    assert codes(found["p1"]) == ["IRONLOW"]
    assert codes(found["p2"]) != ["IRONLOW"]


def test_a_merged_record_counts_for_who_replaced_it(tmp_path: Path) -> None:
    person, *records = low("old")
    newer = {**person, "id": "new", "link": [{"other": {"reference": "Patient/old"}, "type": "replaces"}]}
    found, outcome = screened(write_export(tmp_path / "x", [newer, person, *records]))
    assert {name: codes(each) for name, each in found.items()} == {"new": ["IRONLOW"]}
    assert outcome.merged == 1


def test_what_the_export_says_was_deleted_does_not_count(tmp_path: Path) -> None:
    resources = [*low("p1"), *low("p2"), *healthy("p3")]
    gone = [f"Condition/{each['id']}" for each in low("p1") if each["resourceType"] == "Condition"]
    entries = [{"request": {"method": "DELETE", "url": url}} for url in (*gone, "Patient/p2", "Patient/p3")]
    bundle = {"resourceType": "Bundle", "id": "d", "type": "transaction", "entry": entries}
    for each in resources:
        if each["id"].startswith("p2") or each.get("subject", {}).get("reference") == "Patient/p2":
            each["id"] = f"two-{each['id']}" if each["resourceType"] != "Patient" else "p2"
    found, _ = screened(write_export(tmp_path / "x", [*resources, bundle]))
    assert found["p1"]["scope"] == "no RLS"
    assert found["p2"] == {"patient": "p2", "cards": [], "unknown": [], "scope": "deleted"}
    assert found["p3"]["scope"] == "deleted"


def drug_by_reference() -> list[Resource]:
    """Return a patient whose orders name their drug by the reference alone."""
    resources = list(load_patient("drugs-by-reference", _TODAY).resources())
    return [
        {**each, "medicationReference": {"reference": each["medicationReference"]["reference"]}}
        if "medicationReference" in each
        else each
        for each in resources
    ]


def test_a_drug_is_fetched_by_its_reference(tmp_path: Path) -> None:
    resources = drug_by_reference()
    assert any(each["resourceType"] == "Medication" for each in resources)
    whole, _ = screened(write_export(tmp_path / "x", [*resources, *low("p1")]))
    without = [each for each in resources if each["resourceType"] != "Medication"]
    lacking, _ = screened(write_export(tmp_path / "y", [*without, *low("p1")]))
    patient = next(each["id"] for each in resources if each["resourceType"] == "Patient")
    assert "drugs" not in whole[patient]["quality"]
    assert lacking[patient]["quality"]["drugs"]


def test_a_diagnosis_in_a_file_of_results_is_found(tmp_path: Path) -> None:
    resources = [*low("p1"), *low("p2")]
    kinds = {each["resourceType"] for each in resources}
    folder = tmp_path / "x"
    folder.mkdir()
    for kind in kinds:
        held = [each for each in resources if each["resourceType"] == kind]
        if kind == "Condition":
            held = [each for each in held if each["subject"]["reference"] == "Patient/p2"]
        if kind == "Observation":
            many = [{**held[0], "id": f"o{n}", "subject": {"reference": "Patient/p3"}} for n in range(300)]
            held = [*many, *held]
            held += [e for e in resources if e.get("subject") == {"reference": "Patient/p1"} and e not in held]
        (folder / f"{kind}.ndjson").write_bytes(b"".join(written(each) + b"\n" for each in held))
    found, _ = screened(folder)
    assert codes(found["p1"]) == codes(found["p2"]) == ["IRONLOW"]


def with_lines(folder: Path, resources: Iterable[Resource], *more: bytes) -> Path:
    write_export(folder, resources)
    (folder / "more.ndjson").write_bytes(b"".join(line + b"\n" for line in more))
    return folder


def test_a_line_that_was_cut_off_cuts_the_list_of_its_patient(tmp_path: Path) -> None:
    ferritin = next(each for each in low("p1") if each["resourceType"] == "Observation")
    broken = written(ferritin)[:-9]
    found, outcome = screened(with_lines(tmp_path / "x", [*low("p1"), *low("p2")], broken, b"{nonsense", b"", b"  "))
    assert outcome.counts.bad == 2
    assert found["p1"]["quality"]["damaged"] == 1
    assert "damaged" not in found["p2"]["quality"]
    assert codes(found["p1"]) != [] and found["p1"] != found["p2"]


def test_no_json_between_braces_is_bad_where_it_is_looked_at(tmp_path: Path) -> None:
    line = b'{"resourceType":"Observation","subject":{"reference":"Patient/p1"},"code":{]}'
    found, _ = screened(with_lines(tmp_path / "x", low("p1"), line))
    assert found["p1"]["quality"]["damaged"] == 1


def test_too_many_bad_lines_end_the_run(tmp_path: Path) -> None:
    folder = with_lines(tmp_path / "x", low("p1"), *(b"{" for _ in range(11)))
    with pytest.raises(BadExport, match=r"11 of \d+ lines hold no resource .*--max-bad"):
        screened(folder)
    found, outcome = screened(folder, max_bad=11)
    assert codes(found["p1"]) == ["IRONLOW"]
    assert outcome.counts.bad == 11


def test_an_export_without_diagnoses_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadExport, match="no Condition in the export"):
        screened(write_export(tmp_path / "x", healthy("p1")))


def test_a_list_of_which_the_export_says_nothing_is_not_known(tmp_path: Path) -> None:
    resources = [each for each in low("p1") if each["resourceType"] != "Observation"]
    found, outcome = screened(write_export(tmp_path / "x", resources))
    assert "labs" in outcome.not_exported
    assert found["p1"]["missing"] == ["labs"]


def test_a_type_that_was_asked_for_and_is_not_there_is_empty(tmp_path: Path) -> None:
    resources = [each for each in low("p1") if each["resourceType"] != "Observation"]
    folder = write_export(tmp_path / "x", resources)
    kinds = "Patient,Condition,Observation,MedicationRequest,AllergyIntolerance,Procedure,ServiceRequest"
    request = f"https://ehr.example.org/fhir/$export?_type={kinds}"
    (folder / "manifest.json").write_text(
        json.dumps({"transactionTime": "2026-06-30", "request": request, "output": []})
    )
    found, outcome = screened(folder)
    assert outcome.not_exported == ()
    assert codes(found["p1"]) == ["IRONTEST"]


def test_fewer_lines_than_the_manifest_says_cut_the_list(tmp_path: Path) -> None:
    folder = write_export(tmp_path / "x", low("p1"))
    held = sum(each["resourceType"] == "Observation" for each in low("p1"))
    for count, cut in ((held, ()), (held + 1, ("labs",))):
        output = [{"type": "Observation", "url": "https://x.example.org/Observation.000.ndjson", "count": count}]
        (folder / "manifest.json").write_text(json.dumps({"transactionTime": "2026-06-30", "output": output}))
        _, outcome = screened(folder)
        assert outcome.cut == cut


def test_a_file_that_ends_too_early_cuts_its_list(tmp_path: Path) -> None:
    folder = write_export(tmp_path / "x", [*low("p1"), *low("p2")], layout="gzip")
    file = folder / "Observation.000.ndjson.gz"
    file.write_bytes(file.read_bytes()[:-20])
    _, outcome = screened(folder)
    assert outcome.cut == ("labs",)


def test_records_of_nobody_are_counted(tmp_path: Path) -> None:
    masked = {"resourceType": "Observation", "id": "x", "subject": {"display": "Jane"}}
    _, outcome = screened(write_export(tmp_path / "x", [*low("p1"), masked]))
    assert outcome.counts.nobodys == 1
