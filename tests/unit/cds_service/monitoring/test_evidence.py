"""What charts hold is counted without a word of a patient, and kept until the store takes it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from cds_service.app import create_app
from cds_service.calls.call import Call
from cds_service.calls.report import RequestReport
from cds_service.config.settings import Settings
from cds_service.monitoring.evidence import AGES, FEEDBACK, LEAST_PATIENTS, VALUES, EvidenceCounter
from cds_service.monitoring.follow_up import ChangeMark, report
from cds_service.store import EvidenceCount, Store
from fhir_fixtures import hook_request, load_patient
from tests.builders.monitored import START, VIEW, start_harness
from tests.builders.service import bare, bundle, ferritin, prefetch, rls

DAY = date(2026, 6, 1)


def test_a_call_counts_results_units_values_and_lists() -> None:
    counter = EvidenceCounter()
    reports: list[RequestReport] = []
    app = create_app(Settings(database_url=""), clock=lambda: START, observers=(reports.append,))
    patient = load_patient("ferritin-38-inside-the-lab-range", START.date())
    body = hook_request("generic", "patient-view", patient, today=START.date(), drafts=())
    app.test_client().post(f"/cds-services/{VIEW}", json=body)
    app.extensions["rls_cds"].fhir.close()
    (told,) = reports
    assert told.call and told.answered
    counter.count(told.call, told.answered)
    found = {(each.subject, each.kind): each.number for each in counter.take()}
    assert not [kind for _, kind in found if kind.startswith((VALUES, AGES))], "the value of one patient"
    for number in range(1, LEAST_PATIENTS):
        counter.count(of_another_patient(told.call, number), told.answered)
    found = {(each.subject, each.kind): each.number for each in counter.take()}
    found = {key: number / (5 if key[1].startswith((VALUES, AGES)) else 4) for key, number in found.items()}
    assert found["chart", "charts"] == found["ferritin", "usable"] == found["ferritin", "unit ng/mL"] == 1
    assert found["ferritin", "value 21"] == found["labs", "list prefetch"] == 1
    assert found["ferritin", "code 2276-4"] == found["ferritin", "age 10"] == found["answers", "mode live"] == 1
    assert found["patient", "in scope"] == found["patient", "birth"] == found["patient", "sex"] == 1
    assert found["labs", "list filled"] == 1 and ("procedures", "list filled") not in found
    assert ("b12", "usable") not in found
    assert counter.take() == ()


def of_another_patient(call: Call, number: int) -> Call:
    return replace(call, request=replace(call.request, patient_id=f"patient-{number}"))


def test_a_chart_that_is_opened_again_counts_once_a_day(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        patient = load_patient("ferritin-38-inside-the-lab-range", START.date())
        for _ in range(8):
            harness.cards(patient)
        assert max(each.number for each in harness.evidence.take()) == 1
        harness.later(days=1)
        harness.cards(patient)
        assert ("chart", "charts") in {(each.subject, each.kind) for each in harness.evidence.take()}


def test_values_of_one_patient_on_many_days_are_never_together(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        for _ in range(12):
            harness.cards(load_patient("ferritin-38-inside-the-lab-range", harness.now.date()))
            harness.later(days=1)
        assert not [each for each in harness.evidence.take() if each.kind.startswith((VALUES, AGES))]


def counted(folder: Path, body: dict[str, Any], **settings: Any) -> set[tuple[str, str]]:
    with start_harness(folder, **settings) as harness:
        assert harness.post(VIEW, body).status_code == 200
        return {(each.subject, each.kind) for each in harness.evidence.take()}


def test_a_code_is_one_of_a_table_or_of_the_map_of_the_site(tmp_path: Path) -> None:
    (tmp_path / "codes.toml").write_text(
        '[laboratory."urn:oid:2.16.840.1.113883.19.5"]\n"FERR" = "ferritin"\n', encoding="utf-8"
    )
    local = {"system": "urn:oid:2.16.840.1.113883.19.5", "code": "FERR"}
    other = {"system": "https://lab.example.org/codes", "code": "CANARY"}
    body = bare(prefetch=prefetch() | {"conditions": bundle(rls()), "labs": bundle(
        ferritin(38) | {"code": {"coding": [other, local], "text": "CANARY"}})})  # fmt: skip
    found = counted(tmp_path, body, site={"local_codes": str(tmp_path / "codes.toml")})
    assert ("ferritin", "code urn:oid:2.16.840.1.113883.19.5|FERR") in found
    assert not [kind for _, kind in found if "CANARY" in kind]


def test_a_drug_that_cannot_be_told_cuts_its_list(tmp_path: Path) -> None:
    unknown = {"resourceType": "MedicationRequest", "id": "m1", "status": "active", "intent": "order",
               "subject": {"reference": "Patient/p1"}, "medicationCodeableConcept": {"coding": [
                   {"system": "urn:oid:2.16.840.1.113883.19.5", "code": "D1"}]}}  # fmt: skip
    body = bare(prefetch=prefetch() | {"conditions": bundle(rls()), "labs": bundle(), "medications": bundle(unknown)})
    found = counted(tmp_path, body)
    assert ("medications", "list cut") in found and ("medications", "list prefetch") not in found


def test_a_list_that_nobody_sent_is_missing_and_not_cut(tmp_path: Path) -> None:
    body = bare(prefetch={key: sent for key, sent in prefetch().items() if key != "allergies"})
    found = counted(tmp_path, body)
    assert ("allergies", "list missing") in found and ("allergies", "list cut") not in found


def test_answers_of_clinicians_are_counted_by_client(tmp_path: Path) -> None:
    patient = load_patient("ferritin-38-inside-the-lab-range", START.date())
    with start_harness(tmp_path) as harness:
        harness.override(harness.cards(patient)["IRONLOW"], "already-done")
        found = [each for each in harness.evidence.take() if each.subject == FEEDBACK]
        assert found == [EvidenceCount(START.date(), "north", FEEDBACK, FEEDBACK, 1)]


def test_counts_that_could_not_be_stored_are_kept() -> None:
    counter = EvidenceCounter()
    counter.note(DAY, "configuration", "release 1")
    counter.put_back(counter.take())
    counter.note(DAY, "configuration", "release 1")
    assert counter.take() == (EvidenceCount(DAY, "", "configuration", "release 1", 2),)


def test_the_store_adds_up(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        store: Store = harness.store
        counts = [EvidenceCount(DAY, "north", "ferritin", "usable", 2), EvidenceCount(DAY, "", "configuration", "a", 1)]
        store.add_evidence(counts)
        store.add_evidence(counts)
        store.add_evidence([EvidenceCount(DAY + timedelta(days=9), "", "configuration", "b", 1)])
        store.add_evidence([])
        assert [each.number for each in store.evidence(DAY, DAY + timedelta(days=1))] == [2, 4]
        marks = report(store, START, START + timedelta(days=30)).marks
        assert marks == (ChangeMark(DAY + timedelta(days=9), "b"),)
