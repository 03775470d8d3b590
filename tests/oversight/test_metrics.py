"""What is counted, over HTTP: cards, decisions, lists, reads, refusals, lateness."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from cds_service.clients.client import Client
from cds_service.metrics import reason_label, result_label, source_label, system_label
from cds_service.metrics_page import by_port, metrics_page
from cds_service.serving import with_metrics
from cds_service.settings import Settings
from fhir_fixtures import load_patient
from fhir_fixtures.loading import PatientFile
from tests.http.build import bare, bundle, ferritin, prefetch, rls
from tests.http.fault_server import fault_server, status
from tests.oversight.build import NORTH, SIGN, SOUTH, START, VIEW, House, house, with_result

LOW = "ferritin-38-inside-the-lab-range"


def patient(slug: str = LOW) -> PatientFile:
    return load_patient(slug, START.date())


def test_cards_and_decisions_by_what_they_are(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        home.cards(patient())
        home.cards(patient(), client=SOUTH)
        labels = {"card": "IRONLOW", "indicator": "warning", "service": VIEW, "mode": "live"}
        assert home.number("cards_total", **labels, client="north") == 1
        assert home.number("cards_total", **labels, client="south") == 1
        assert home.number("decisions_total", decision="iron_status", outcome="fires", service=VIEW) == 2
        assert home.number("decisions_total", decision="folate", outcome="quiet", service=VIEW) == 2
        assert home.number("requests_total", route="call", service=VIEW, client="north", status="200") == 1
        assert home.number("request_seconds_count", route="call") == 2
        assert home.number("in_flight") == 0


def test_lists_by_where_they_came_from(tmp_path: Path) -> None:
    sent = prefetch() | {"conditions": bundle(rls()), "labs": bundle(ferritin(38)), "medications": None}
    sent["procedures"] = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    del sent["orders"]
    with house(tmp_path) as home:
        home.post(VIEW, bare(prefetch=sent))
        found = {key: source for key in sent | {"orders": 0} for source in ("prefetched", "read", "failed", "absent")
                 if home.number("prefetch_total", service=VIEW, key=key, source=source)}  # fmt: skip
    assert found == {"patient": "prefetched", "conditions": "prefetched", "labs": "prefetched",
                     "medications": "prefetched", "procedures": "failed", "orders": "absent"}  # fmt: skip


def reading(base: str) -> Client:
    return Client(
        "north", issuer="https://north.example.org", fhir_base=base, allow_http=True, allowed_networks=("127.0.0.0/8",)
    )


def test_reads_that_fail_by_key_and_reason_and_the_breaker(tmp_path: Path) -> None:
    with fault_server(status(500)) as server, house(tmp_path, clients=(reading(server.base),)) as home:
        for _ in range(5):
            answer = home.post(VIEW, bare(fhirServer=server.base))
            assert answer.status_code == 412
        assert home.number("fhir_reads_failed_total", key="labs", reason="http-5xx") == 5
        assert home.number("fhir_read_seconds_count", key="labs", result="http-5xx") == 5
        assert home.number("prefetch_total", service=VIEW, key="labs", source="failed") == 5
        assert home.number("fhir_breaker_open", client="north") == 1
        home.post(VIEW, bare(fhirServer=server.base))
        assert home.number("fhir_reads_failed_total", key="labs", reason="breaker-open") == 1
        assert home.number("requests_total", route="call", service=VIEW, client="north", status="412") == 6


@pytest.mark.parametrize(("unit", "why"), [("bananas", "unknown-unit"), ("ng/mL", None)])
def test_results_with_unreadable_units_by_test(tmp_path: Path, unit: str, why: str | None) -> None:
    with house(tmp_path) as home:
        home.cards(with_result(patient("no-iron-studies-yet"), "2276-4", 38, unit, START))
        assert home.number("results_unusable_total", analyte="ferritin", why="unknown-unit") == (1 if why else 0)


@pytest.mark.parametrize(
    ("system", "label"),
    [("urn:oid:1.2.840.114350.1.13.0.1.7.2.768282", "oid"), ("https://lab.example.org/codes", "other"), ("", "none")],
)
def test_local_codes_in_no_map_are_counted_without_naming_them(tmp_path: Path, system: str, label: str) -> None:
    local = ferritin(38) | {"code": {"coding": [{"system": system, "code": "CANARY-CODE"}]}}
    body = bare(prefetch=prefetch() | {"conditions": bundle(rls()), "labs": bundle(local)})
    with house(tmp_path) as home:
        home.post(VIEW, body)
        assert home.number("codes_unknown_total", key="labs", system=label) == 1
        assert "CANARY" not in home.page() and (not system or system not in home.page())


def test_resources_of_other_patients(tmp_path: Path) -> None:
    labs = bundle(ferritin(38), ferritin(12, patient_id="p2", name="l2"))
    with house(tmp_path) as home:
        home.post(VIEW, bare(prefetch=prefetch() | {"conditions": bundle(rls()), "labs": labs}))
        assert home.number("resources_discarded_total", client="north") == 1


@pytest.mark.parametrize(("deadline", "missed"), [(5000, 0), (-1000, 1)])
def test_an_answer_after_its_deadline_and_grace_is_counted(tmp_path: Path, deadline: int, missed: int) -> None:
    hurried = Client("north", issuer="https://north.example.org", deadline_ms=deadline)
    with house(tmp_path, clients=(hurried,)) as home:
        home.cards(patient())
        assert home.number("deadline_missed_total", service=VIEW, client="north") == missed


@pytest.mark.parametrize(
    ("reason", "label"),
    [
        ("", "none"),
        ("patient-refuses", "patient-refuses"),
        ("specialist-plan", "specialist-plan"),
        ("Jane Doe", "other"),
    ],
)
def test_feedback_by_card_outcome_and_reason_of_ours(tmp_path: Path, reason: str, label: str) -> None:
    with house(tmp_path) as home:
        card = home.cards(patient())["IRONLOW"]
        for _ in range(3):  # repeats are no news
            assert home.override(card, reason).status_code == 200
        assert home.number("feedback_total", card="IRONLOW", outcome="overridden", reason=label, client="north") == 1
        assert "Jane" not in home.page() and "Jane" not in home.text()


def test_addresses_that_do_not_exist_are_one_route_however_many_are_tried(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        for number in range(50):
            home.app.test_client().get(f"/CANARY-{number}")
        assert home.number("requests_total", route="none", service="", client="", status="404") == 50
        assert "CANARY" not in home.page()


def test_the_number_of_series_does_not_grow_with_patients(tmp_path: Path) -> None:
    from tests.oversight.build import as_somebody_else

    with house(tmp_path) as home:
        home.cards(as_somebody_else(patient(), "person-0"))
        first = series(home)
        for number in range(1, 30):
            home.cards(as_somebody_else(patient(), f"person-{number}"))
        assert series(home) == first
        assert "person-" not in home.page()


def series(home: House) -> int:
    return len([line for line in home.page().splitlines() if not line.startswith("#")])


def test_orders_are_counted_under_their_service(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        home.cards(patient("haemochromatosis-after-phlebotomy"), SIGN, drafts=("ferrous-sulfate-325-once-daily",))
        labels = {"card": "OSIRONOVL", "indicator": "critical", "service": SIGN, "client": "north", "mode": "live"}
        assert home.number("cards_total", **labels) == 1


@pytest.mark.parametrize(
    ("fault", "label"),
    [(None, "ok"), ("timeout", "timeout"), ("http-401", "http-401"), ("http-503", "http-503"), ("http-418", "http-4xx"),
     ("http-599", "http-5xx"), ("breaker-open", "breaker-open")],
)  # fmt: skip
def test_results_of_reads_are_a_short_list(fault: str | None, label: str) -> None:
    assert result_label(fault) == label


def test_labels_are_words_of_ours() -> None:
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


def test_numbers_are_on_their_own_port_and_nothing_else_is() -> None:
    def public(environ: Any, start: Any) -> list[bytes]:
        start("418 public", [])
        return [b"public"]

    both = by_port(public, {9464: metrics_page(lambda: b"numbers")})
    assert asked(both, 9464, "/metrics") == ("200 OK", b"numbers")
    assert asked(both, 9464, "/metrics", "HEAD") == ("200 OK", b"")
    assert asked(both, 9464, "/cds-services")[0] == "404 Not Found"
    assert asked(both, 9464, "/metrics", "POST")[0] == "404 Not Found"
    assert asked(both, 8080, "/metrics") == ("418 public", b"public")
    assert with_metrics(public, Settings()) is public


def test_the_page_is_text_that_prometheus_reads(tmp_path: Path) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    with house(tmp_path) as home:
        home.cards(patient())
        families = {family.name for family in text_string_to_metric_families(home.page())}
    assert {"rls_cds_cards", "rls_cds_request_seconds", "rls_cds_in_flight"} <= families
    assert all(re.fullmatch(r"rls_cds_[a-z_]+", name) for name in families)


def test_clients_are_told_apart_only_by_their_names_in_the_settings(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        home.cards(patient())
        assert NORTH.issuer not in home.page()
