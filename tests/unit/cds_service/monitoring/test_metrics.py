"""Metrics over HTTP: cards, decisions, lists, reads, refusals, missed deadlines."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from cds_service.config.client import Client
from cds_service.config.settings import Settings
from cds_service.monitoring import counting
from cds_service.monitoring.metrics import reason_label, result_label, source_label, system_label
from cds_service.monitoring.page import dispatch_by_port, metrics_page
from cds_service.server.gunicorn import with_metrics
from fhir_fixtures import load_patient
from fhir_fixtures.loading import PatientFile
from tests.builders.monitored import NORTH, SIGN, SOUTH, START, VIEW, Harness, start_harness, with_result
from tests.builders.service import bare, bundle, ferritin, prefetch, rls
from tests.fakes.fault_server import fault_server, status

LOW = "ferritin-38-inside-the-lab-range"


def patient(slug: str = LOW) -> PatientFile:
    return load_patient(slug, START.date())


def test_cards_and_decisions_are_counted(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        harness.cards(patient())
        harness.cards(patient(), client=SOUTH)
        labels = {"card": "IRONLOW", "indicator": "warning", "service": VIEW, "mode": "live"}
        assert harness.number("cards_total", **labels, client="north") == 1
        assert harness.number("cards_total", **labels, client="south") == 1
        assert harness.number("decisions_total", decision="iron_status", outcome="fires", service=VIEW) == 2
        assert harness.number("decisions_total", decision="folate", outcome="quiet", service=VIEW) == 2
        assert harness.number("requests_total", route="call", service=VIEW, client="north", status="200") == 1
        assert harness.number("request_seconds_count", route="call") == 2
        assert harness.number("in_flight") == 0


def test_lists_are_counted_by_source(tmp_path: Path) -> None:
    sent = prefetch() | {"conditions": bundle(rls()), "labs": bundle(ferritin(38)), "medications": None}
    sent["procedures"] = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    del sent["orders"]
    with start_harness(tmp_path) as harness:
        harness.post(VIEW, bare(prefetch=sent))
        found = {key: source for key in sent | {"orders": 0} for source in ("prefetched", "read", "failed", "absent")
                 if harness.number("prefetch_total", service=VIEW, key=key, source=source)}  # fmt: skip
    told = dict.fromkeys(("patient", "conditions", "labs", "medications", "allergies"), "prefetched")
    assert found == told | {"procedures": "failed", "orders": "absent"}


def reading(base: str) -> Client:
    return Client(
        "north", issuer="https://north.example.org", fhir_base=base, allow_http=True, allowed_networks=("127.0.0.0/8",)
    )


def test_failed_reads_are_counted_and_the_breaker_is_shown(tmp_path: Path) -> None:
    with fault_server(status(500)) as server, start_harness(tmp_path, clients=(reading(server.base),)) as harness:
        for _ in range(5):
            answer = harness.post(VIEW, bare(fhirServer=server.base))
            assert answer.status_code == 412
        assert harness.number("fhir_reads_failed_total", key="labs", reason="http-5xx") == 5
        assert harness.number("fhir_read_seconds_count", key="labs", result="http-5xx") == 5
        assert harness.number("prefetch_total", service=VIEW, key="labs", source="failed") == 5
        assert harness.number("fhir_breaker_open", client="north") == 1
        harness.post(VIEW, bare(fhirServer=server.base))
        assert harness.number("fhir_reads_failed_total", key="labs", reason="breaker-open") == 1
        assert harness.number("requests_total", route="call", service=VIEW, client="north", status="412") == 6


@pytest.mark.parametrize(("unit", "why"), [("bananas", "unknown-unit"), ("ng/mL", None)])
def test_results_with_unreadable_units_are_counted(tmp_path: Path, unit: str, why: str | None) -> None:
    with start_harness(tmp_path) as harness:
        harness.cards(with_result(patient("no-iron-studies-yet"), "2276-4", 38, unit, START))
        assert harness.number("results_unusable_total", analyte="ferritin", why="unknown-unit") == (1 if why else 0)


@pytest.mark.parametrize(
    ("system", "label"),
    [("urn:oid:1.2.840.114350.1.13.0.1.7.2.768282", "oid"), ("https://lab.example.org/codes", "other"), ("", "none")],
)
def test_local_codes_in_no_map_are_counted_without_naming_them(tmp_path: Path, system: str, label: str) -> None:
    local = ferritin(38) | {"code": {"coding": [{"system": system, "code": "CANARY-CODE"}]}}
    body = bare(prefetch=prefetch() | {"conditions": bundle(rls()), "labs": bundle(local)})
    with start_harness(tmp_path) as harness:
        harness.post(VIEW, body)
        assert harness.number("codes_unknown_total", key="labs", system=label) == 1
        assert "CANARY" not in harness.page() and (not system or system not in harness.page())


def test_drugs_that_cannot_be_told_are_counted_by_system_and_names_as_numbers(tmp_path: Path) -> None:
    ndc = {"coding": [{"system": "http://hl7.org/fhir/sid/ndc", "code": "0517-0650-01"}]}
    drugs = [
        {"resourceType": "MedicationRequest", "id": str(number), "status": "active", "intent": "order",
         "subject": {"reference": "Patient/p1"}, "medicationCodeableConcept": concept}
        for number, concept in enumerate((ndc, {"text": "Canaryprazine 10 mg"}, {"text": "lisinopril 10 mg"}))
    ]  # fmt: skip
    body = bare(prefetch=prefetch() | {"conditions": bundle(rls()), "labs": bundle(), "medications": bundle(*drugs)})
    with start_harness(tmp_path) as harness:
        harness.post(VIEW, body)
        assert harness.number("codes_unknown_total", key="medications", system="http://hl7.org/fhir/sid/ndc") == 1
        assert harness.number("drugs_untold_total", key="medications", reason="code") == 1
        assert harness.number("drugs_untold_total", key="medications", reason="name") == 1
        assert "anary" not in harness.page()


def test_public_codes_that_tell_nothing_are_counted_by_their_system(tmp_path: Path) -> None:
    """A SNOMED code that no list holds may lie below a root of ours; one of ICD or LOINC cannot."""
    snomed = "http://snomed.info/sct"
    untold = rls() | {"id": "d", "code": {"coding": [{"system": snomed, "code": "999999991"}]}}
    told = rls() | {"id": "e", "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "I10"}]}}
    result = ferritin(38, name="l2") | {"code": {"coding": [{"system": snomed, "code": "489004"}]}}
    conditions = bundle(rls(), untold, told)
    body = bare(prefetch=prefetch() | {"conditions": conditions, "labs": bundle(ferritin(38), result)})
    with start_harness(tmp_path) as harness:
        harness.post(VIEW, body)
        assert harness.number("codes_untold_total", key="conditions", system=snomed) == 1
        assert harness.number("codes_untold_total", key="labs", system=snomed) == 1
        assert "999999991" not in harness.page() and "489004" not in harness.page()


def test_resources_of_other_patients_are_counted(tmp_path: Path) -> None:
    labs = bundle(ferritin(38), ferritin(12, patient_id="p2", name="l2"))
    with start_harness(tmp_path) as harness:
        harness.post(VIEW, bare(prefetch=prefetch() | {"conditions": bundle(rls()), "labs": labs}))
        assert harness.number("resources_discarded_total", client="north") == 1


@pytest.mark.parametrize(("grace", "missed"), [(0.02, 0), (-60.0, 1)])
def test_an_answer_after_its_deadline_and_grace_is_counted(
    tmp_path: Path, grace: float, missed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "GRACE", grace)  # a call whose time is over is answered 503 before it is decided
    hurried = Client("north", issuer="https://north.example.org", deadline_ms=5000)
    with start_harness(tmp_path, clients=(hurried,)) as harness:
        harness.cards(patient())
        assert harness.number("deadline_missed_total", service=VIEW, client="north") == missed


@pytest.mark.parametrize(
    ("reason", "label"),
    [
        ("", "none"),
        ("patient-refuses", "patient-refuses"),
        ("specialist-plan", "specialist-plan"),
        ("Jane Doe", "other"),
    ],
)
def test_feedback_is_counted_by_card_outcome_and_reason(tmp_path: Path, reason: str, label: str) -> None:
    with start_harness(tmp_path) as harness:
        card = harness.cards(patient())["IRONLOW"]
        for _ in range(3):  # repeats are no news
            assert harness.override(card, reason).status_code == 200
        assert harness.number("feedback_total", card="IRONLOW", outcome="overridden", reason=label, client="north") == 1
        assert "Jane" not in harness.page() and "Jane" not in harness.text()


def test_unknown_urls_share_one_route_label(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        for number in range(50):
            harness.app.test_client().get(f"/CANARY-{number}")
        assert harness.number("requests_total", route="none", service="", client="", status="404") == 50
        assert "CANARY" not in harness.page()


def test_the_number_of_series_does_not_grow_with_patients(tmp_path: Path) -> None:
    from tests.builders.monitored import as_somebody_else

    with start_harness(tmp_path) as harness:
        harness.cards(as_somebody_else(patient(), "person-0"))
        first = series(harness)
        for number in range(1, 30):
            harness.cards(as_somebody_else(patient(), f"person-{number}"))
        assert series(harness) == first
        assert "person-" not in harness.page()


def series(harness: Harness) -> int:
    return len([line for line in harness.page().splitlines() if not line.startswith("#")])


def test_orders_are_counted_under_their_service(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        harness.cards(patient("haemochromatosis-after-phlebotomy"), SIGN, drafts=("ferrous-sulfate-325-once-daily",))
        labels = {"card": "OSIRONOVL", "indicator": "critical", "service": SIGN, "client": "north", "mode": "live"}
        assert harness.number("cards_total", **labels) == 1


@pytest.mark.parametrize(
    ("fault", "label"),
    [(None, "ok"), ("timeout", "timeout"), ("http-401", "http-401"), ("http-503", "http-503"), ("http-418", "http-4xx"),
     ("http-599", "http-5xx"), ("breaker-open", "breaker-open")],
)  # fmt: skip
def test_results_of_reads_are_a_short_list(fault: str | None, label: str) -> None:
    assert result_label(fault) == label


def test_labels_come_from_fixed_sets() -> None:
    assert [source_label("missing", True), source_label("missing", False), source_label("read", False)] == [
        "failed",
        "absent",
        "read",
    ]
    assert system_label("urn:oid:1.2", {"urn:oid:1.2"}) == "urn:oid:1.2"  # the settings name it
    assert reason_label("=HYPERLINK()") == "other"


def asked(page: Any, port: int, path: str, method: str = "GET") -> tuple[str, bytes]:
    answers: list[str] = []
    environ = {"PATH_INFO": path, "REQUEST_METHOD": method, "SERVER_PORT": str(port), "HTTP_HOST": "x:9464"}
    body = b"".join(page(environ, lambda status, headers, exc_info=None: answers.append(status)))
    return answers[0], body


def test_metrics_have_a_port_of_their_own_without_other_pages() -> None:
    def public(environ: Any, start: Any) -> list[bytes]:
        start("418 public", [])
        return [b"public"]

    both = dispatch_by_port(public, {9464: metrics_page(lambda: b"numbers")})
    assert asked(both, 9464, "/metrics") == ("200 OK", b"numbers")
    assert asked(both, 9464, "/metrics", "HEAD") == ("200 OK", b"")
    assert asked(both, 9464, "/cds-services")[0] == "404 Not Found"
    assert asked(both, 9464, "/metrics", "POST")[0] == "404 Not Found"
    assert asked(both, 8080, "/metrics") == ("418 public", b"public")
    assert with_metrics(public, Settings()) is public


def test_the_page_is_text_that_prometheus_reads(tmp_path: Path) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    with start_harness(tmp_path) as harness:
        harness.cards(patient())
        families = {family.name for family in text_string_to_metric_families(harness.page())}
    assert {"rls_cds_cards", "rls_cds_request_seconds", "rls_cds_in_flight"} <= families
    assert all(re.fullmatch(r"rls_cds_[a-z_]+", name) for name in families)


def test_clients_are_labelled_by_their_names_in_the_settings(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        harness.cards(patient())
        assert NORTH.issuer not in harness.page()
