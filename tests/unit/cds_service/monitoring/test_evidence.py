"""What charts hold is counted without a word of a patient, and kept until the store takes it."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from cds_service.app import create_app
from cds_service.calls.report import RequestReport
from cds_service.config.settings import Settings
from cds_service.monitoring.evidence import EvidenceCounter
from cds_service.monitoring.follow_up import ChangeMark, report
from cds_service.store import EvidenceCount, Store
from fhir_fixtures import hook_request, load_patient
from tests.builders.monitored import START, VIEW, start_harness

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
    assert found["chart", "charts"] == found["ferritin", "usable"] == found["ferritin", "unit ng/mL"] == 1
    assert found["ferritin", "value 21"] == found["labs", "list prefetch"] == 1
    assert ("b12", "usable") not in found
    assert counter.take() == ()


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
