"""The passes over an export: whose line is whose, in every spelling, and what is missing of it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cards.facts.chart import LISTS
from cds_service.offline.screening.export import BadExport, find_export
from cds_service.offline.screening.line import UNPLAIN
from cds_service.offline.screening.recipe import Recipe
from cds_service.offline.screening.run import Outcome, run
from cds_service.offline.screening.spill import bucket_of
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


def merged_records(links: str) -> list[Resource]:
    """Return three records of one person, `a` with restless legs and `c` with the results, linked as in `b>a` (b
    replaces a) or `a<b` (a is replaced by b).
    """
    person, *records = low("a")
    told: dict[str, list[Resource]] = {"a": [], "b": [], "c": []}
    for one, kind, other in links.split():
        told[one].append(
            {"other": {"reference": f"Patient/{other}"}, "type": {">": "replaces", "<": "replaced-by"}[kind]}
        )
    people = [{**person, "id": each, **({"link": found} if found else {})} for each, found in told.items()]
    for each in records:
        if each["resourceType"] == "Observation":
            each["subject"] = {"reference": "Patient/c"}
    return [*people, *records]


@pytest.mark.parametrize(
    ("links", "patients", "merged"),
    [
        ("b>a b>c", "b", 2),
        ("a>b b>c", "a", 2),
        ("b>a c>b", "c", 2),
        ("a<b b<c", "c", 2),
        ("a<b b>a c>b", "c", 2),
        ("a>c b>c", "a b", 1),
        ("a>b b>a", "a b c", 0),
        ("a>b b>c c>a", "a b c", 0),
        ("a>b b>a a>c", "a b", 1),
    ],
)
def test_merged_records_are_one_patient_however_they_are_linked(
    tmp_path: Path, links: str, patients: str, merged: int
) -> None:
    """Records that replace each other stay by themselves; of two that claim one, the first has it."""
    resources = merged_records(links)
    for name, order in (("x", resources), ("y", resources[::-1])):
        found, outcome = screened(write_export(tmp_path / name, order))
        assert (" ".join(found), outcome.merged) == (patients, merged)
        asked = [who for who, each in found.items() if "IRONTEST" in codes(each)]
        assert asked == (["a"] if len(found) == 3 else [])  # the results of c are those of another only then


@pytest.mark.parametrize("engine", ["python", "duckdb"])
def test_patients_in_a_file_of_results_are_counted(tmp_path: Path, engine: str) -> None:
    pytest.importorskip("duckdb", reason="the extra [bulk] is not installed")
    folder = write_export(tmp_path / "x", low("p1"))
    others = [written(each) for n in range(3) for each in healthy(f"n{n}")]
    (folder / "Observation.ndjson").write_bytes(b"\n".join([*results_of("p1") * 300, *others, b""]))
    found, outcome = screened(folder, engine=engine)
    assert sorted(found) == ["n0", "n1", "n2", "p1"]
    assert outcome.counts.types["Patient"] == 4


@pytest.mark.parametrize("engine", ["python", "duckdb"])
@pytest.mark.parametrize("layout", ["by type", "one file"])
@pytest.mark.parametrize("kind", ["seealso", "refer", "replaces"])
def test_who_links_to_a_person_without_restless_legs_is_known(
    tmp_path: Path, kind: str, layout: str, engine: str
) -> None:
    pytest.importorskip("duckdb", reason="the extra [bulk] is not installed")
    person, *records = low("p1")
    linked = {**person, "link": [{"other": {"reference": "Patient/p2"}, "type": kind}]}
    found, _ = screened(write_export(tmp_path / "x", [linked, *records, *healthy("p2")], layout=layout), engine=engine)
    assert codes(found["p1"]) == ["IRONLOW"]
    assert ("p2" in found) is (kind != "replaces")


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


def on_prochlorperazine(patient_id: str, drug: str) -> list[Resource]:
    """Return a patient whose one order names its drug by this reference."""
    order = {"resourceType": "MedicationRequest", "id": f"m-{patient_id}", "status": "active", "intent": "order"}
    order |= {"subject": {"reference": f"Patient/{patient_id}"}, "authoredOn": "2026-06-01"}
    return [*low(patient_id), order | {"medicationReference": {"reference": drug}}]


@pytest.mark.parametrize("engine", ["python", "duckdb"])
@pytest.mark.parametrize("others", ["Medication/drug", "Medication/pack", "Medication/other", ""])
def test_a_drug_of_a_drug_is_fetched_whoever_else_refers_to_it(tmp_path: Path, others: str, engine: str) -> None:
    """Patients lie in buckets, each with the drugs that theirs refer to."""
    pytest.importorskip("duckdb", reason="the extra [bulk] is not installed")
    one, two = "p6", "p2"
    assert bucket_of(one, 8) != bucket_of(two, 8)
    name = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "8704"}]}
    drugs = [
        {"resourceType": "Medication", "id": "drug", "code": name},
        {
            "resourceType": "Medication",
            "id": "pack",
            "ingredient": [{"itemReference": {"reference": "Medication/drug"}}],
        },
    ]
    people = [*(on_prochlorperazine(one, others) if others else []), *on_prochlorperazine(two, "Medication/pack")]
    found, _ = screened(write_export(tmp_path / "x", [*people, *drugs]), engine=engine)
    assert "AGGACTIVE" in codes(found[two])
    assert others in ("", "Medication/other") or "AGGACTIVE" in codes(found[one])


@pytest.mark.parametrize("engine", ["python", "duckdb"])
def test_a_diagnosis_in_a_file_of_results_is_found(tmp_path: Path, engine: str) -> None:
    pytest.importorskip("duckdb", reason="the extra [bulk] is not installed")
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
    found, _ = screened(folder, engine=engine)
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


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            written({"resourceType": "Condition"}).decode().encode("utf-16"),
            "that can be read: 1; write NDJSON in UTF-8",
        ),
        (written({"resourceType": "Bundle", "entry": []}), "are Bundles, which are not read: 1; write each resource"),
    ],
)
def test_what_was_met_in_place_of_diagnoses_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    folder = write_export(tmp_path / "x", healthy("p1"))
    (folder / "more.ndjson").write_bytes(content)
    with pytest.raises(BadExport, match=f"no Condition in the export.*{told}"):
        screened(folder)


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


@pytest.mark.parametrize("engine", ["python", "duckdb"])
@pytest.mark.parametrize(("name", "cut"), [("Observation.ndjson.gz", ("labs",)), ("Observation.ndjson", ())])
def test_a_packed_file_of_no_bytes_cuts_its_list(tmp_path: Path, name: str, cut: tuple[str, ...], engine: str) -> None:
    pytest.importorskip("duckdb", reason="the extra [bulk] is not installed")
    folder = write_export(tmp_path / "x", [each for each in low("p1") if each["resourceType"] != "Observation"])
    (folder / name).touch()
    request = "https://ehr.example.org/fhir/$export?_type=Patient,Condition,Observation"
    (folder / "manifest.json").write_text(
        json.dumps({"transactionTime": "2026-06-30", "request": request, "output": []})
    )
    found, outcome = screened(folder, engine=engine)
    assert outcome.cut == cut
    assert codes(found["p1"]) == ([] if cut else ["IRONTEST"])


def test_a_packed_file_of_no_bytes_and_no_type_cuts_every_list(tmp_path: Path) -> None:
    folder = write_export(tmp_path / "x", low("p1"))
    (folder / "part-7.ndjson.gz").touch()
    assert set(screened(folder)[1].cut) == set(LISTS) - {"patient"}


def test_a_file_that_ends_too_early_cuts_its_list(tmp_path: Path) -> None:
    folder = write_export(tmp_path / "x", [*low("p1"), *low("p2")], layout="gzip")
    file = folder / "Observation.000.ndjson.gz"
    file.write_bytes(file.read_bytes()[:-20])
    _, outcome = screened(folder)
    assert outcome.cut == ("labs",)


def results_of(*patients: str) -> list[bytes]:
    return [written(each) for patient in patients for each in low(patient) if each["resourceType"] == "Observation"]


@pytest.mark.parametrize("engine", ["python", "duckdb"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("tail", "cut"),
    [
        (b"", ()),
        (b"\n", ()),
        (b"\n  ", ()),
        (b'\n{"resourceType":"Obs', ("labs",)),
        (b'\n{"resourceType":"Observation","code":{}', ("labs",)),
        (b"\n\0\0\0", ("labs",)),
        (b'\n{"resourceType":"Observation","id":"x","sta\n', ("labs",)),
        (b'\n{"resourceType":"Observation","subject":{"reference":"Patient/p\n', ("labs",)),
        (b'\n{"resourceType":"Observation","subject":{"reference":"Patient/p9"},"code\n', ()),
        (b"\n<html>\n", ()),
    ],
)
def test_a_file_that_ends_in_a_line_cuts_its_list(
    tmp_path: Path, tail: bytes, cut: tuple[str, ...], packed: bool, engine: str
) -> None:
    """As does a record that was cut off before it names anybody; one that names another patient, and none, do not."""
    pytest.importorskip("duckdb", reason="the extra [bulk] is not installed")
    folder = write_export(tmp_path / "x", [each for each in low("p1") if each["resourceType"] != "Observation"])
    content = b"\n".join(results_of("p1")) + tail
    name = f"Observation.ndjson{'.gz' * packed}"
    (folder / name).write_bytes(gzip.compress(content) if packed else content)
    found, outcome = screened(folder, engine=engine)
    assert outcome.cut == cut
    assert codes(found["p1"]) == ["IRONLOW"]


@pytest.mark.parametrize("engine", ["python", "duckdb"])
def test_whose_results_are_behind_the_cut_is_asked_for_no_test(tmp_path: Path, engine: str) -> None:
    pytest.importorskip("duckdb", reason="the extra [bulk] is not installed")
    people = [each for who in ("p1", "p2") for each in low(who) if each["resourceType"] != "Observation"]
    folder = write_export(tmp_path / "x", people)
    (folder / "Observation.ndjson").write_bytes(b"\n".join(results_of("p1")) + b"\n" + results_of("p2")[0][:40])
    found, _ = screened(folder, engine=engine)
    assert codes(found["p1"]) == ["IRONLOW"]
    assert (codes(found["p2"]), found["p2"]["missing"]) == ([], ["labs"])


def test_a_mark_of_the_byte_order_is_no_part_of_a_line(tmp_path: Path) -> None:
    folder = write_export(tmp_path / "x", low("p1"))
    for file in folder.iterdir():
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    found, outcome = screened(folder)
    assert not outcome.counts.bad
    assert codes(found["p1"]) == ["IRONLOW"]


@pytest.mark.parametrize("engine", ["python", "duckdb"])
@pytest.mark.parametrize(
    "reference",
    [
        "p1",
        "patient/p1",
        "PATIENT/p1",
        " Patient/p1",
        "Patient/p1 ",
        "Patient/p1\u00a0",
        "Patient%2Fp1",
        "fhir/Patient/p1",
        "https://ehr.example.org/fhir/patient/p1",
        "https://ehr.example.org/fhir/p1",
        "https://ehr.example.org/fhir/Patient/p1?x=1",
        "https://ehr.example.org/fhir/Patient/p1/",
        "urn:uuid:p1",
    ],
)
def test_a_record_that_names_another_patient_as_well_is_found(tmp_path: Path, reference: str, engine: str) -> None:
    """The reference of the subject is not one by which every `Patient/` of the line is known."""
    pytest.importorskip("duckdb", reason="the extra [bulk] is not installed")
    resources = low("p1")
    for each in resources:
        if each["resourceType"] == "Observation":
            each |= {"subject": {"reference": reference}, "performer": [{"reference": "Patient/other"}]}
    found, _ = screened(write_export(tmp_path / "x", resources), engine=engine)
    assert codes(found["p1"]) == ["IRONLOW"]


@pytest.mark.parametrize(
    ("reference", "is_plain"),
    [
        ("Patient/p1", True),
        ("Patient/p1/_history/3", True),
        ("MedicationRequest/h-1", True),
        ("https://ehr.example.org/fhir/Practitioner/7", True),
        ("#drug", True),
        ("", False),
        ("A", False),
        ("h1", False),
        ("hospital/p1", False),
        ("Patient?identifier=7", False),
        ("https://ehr.example.org/P/p1", False),
        ("https://ehr.example.org/PATIENT/p1", False),
        ("https://ehr.example.org/fhir/Patient/p1/_history/3", False),
    ],
)
def test_which_references_are_plain(reference: str, is_plain: bool) -> None:
    line = written({"subject": {"reference": reference}})
    assert (UNPLAIN.search(line) is None) is is_plain


def test_records_of_nobody_are_counted(tmp_path: Path) -> None:
    masked = {"resourceType": "Observation", "id": "x", "subject": {"display": "Jane"}}
    _, outcome = screened(write_export(tmp_path / "x", [*low("p1"), masked]))
    assert outcome.counts.nobodys == {"Observation": 1}
    assert outcome.cut == ()


def test_results_of_which_half_name_nobody_are_incomplete(tmp_path: Path) -> None:
    resources = low("p1")
    masked = [{**each, "id": f"{each['id']}-m", "subject": {"display": "Jane"}} for each in resources]
    folder = write_export(tmp_path / "x", [*resources, *(e for e in masked if e["resourceType"] == "Observation")])
    assert screened(folder)[1].cut == ("labs",)
