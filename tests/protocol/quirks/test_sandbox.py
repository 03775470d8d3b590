"""The public sandbox with the demo, from discovery to feedback, with its peculiarities."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from cds_service.config.load import load_settings
from cds_service.server.demo import demo_app
from fhir_fixtures import shapes
from fhir_fixtures.loading import PatientFile, draft, load_patient, load_patients
from tests.builders.service import NOW, TODAY, assert_nothing_empty, card_codes
from tests.builders.serving import in_threads
from tests.builders.tokens import with_secret
from tests.protocol.quirks.sandbox import Sandbox
from tests.protocol.test_envelope import recorded

OVERLOAD = "haemochromatosis-after-phlebotomy"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the demo as `rls-cds demo` does, with a fixed date."""
    folder = tmp_path_factory.mktemp("demo")
    options = {"data_folder": str(folder), "time_zone": "America/New_York"}
    app = demo_app(load_settings(None, {}, demo=True, options=options), today=NOW)
    with in_threads(app) as address:
        yield address
    app.extensions["rls_cds_scheduler"].stop()
    app.extensions["rls_cds"].fhir.close()


def at(base: str, slug: str = "ferritin-38-inside-the-lab-range", slash: str = "") -> Sandbox:
    return Sandbox(f"{base}/cds-services{slash}", f"{base}/fhir", load_patient(slug, TODAY).patient_id)


def draft_order(patient: str, name: str) -> dict[str, Any]:
    """Return a draft in the sandbox's shape: a Bundle without type, members as objects."""
    order = shapes.sandbox_order(draft(name, patient, TODAY), None)
    return {"resourceType": "Bundle", "entry": [{"resource": order}]}


@pytest.mark.parametrize(
    ("slash", "slug", "code"),
    [("", "ferritin-38-inside-the-lab-range", "IRONLOW"), ("/", "vitamin-d-35-nmol", "VITDLOW")],
)
def test_a_card_from_discovery_to_feedback(base: str, slash: str, slug: str, code: str) -> None:
    """If the discovery URL ends in a slash, every further URL has two slashes in a row, in the token too."""
    sandbox = at(base, slug, slash)
    service = sandbox.discover()["patient-view"]
    answer = sandbox.call(service)
    assert answer.status_code == 200 and answer.headers["Access-Control-Allow-Origin"] == "*"
    [card] = [each for each in answer.json()["cards"] if each["source"]["topic"]["code"] == code]
    assert card["uuid"] and card["overrideReasons"]
    for reason in (None, {"reason": {"code": card["overrideReasons"][0]["code"]}}):
        entry = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-06-30T14:59:00.123Z"}
        assert sandbox.feedback(service, entry | ({"overrideReason": reason} if reason else {})).status_code == 200


def test_prefetch_is_asked_with_sorted_parameters_by_post(base: str) -> None:
    sandbox = at(base)
    sandbox.call(sandbox.discover()["patient-view"])
    posts = [rest for method, rest in sandbox.asked if method == "POST"]
    assert ("GET", f"Patient/{sandbox.patient}") in sandbox.asked and len(posts) == 6
    for one in posts:
        names = [name for name, _ in parse_qsl(one.partition("?")[2])]
        assert names == sorted(names) and len(names) == len(set(names))
    assert not [rest for method, rest in sandbox.asked if method == "GET" and "?" in rest], "no search failed"


@pytest.mark.slow
@pytest.mark.parametrize("patient", load_patients(TODAY), ids=lambda patient: patient.slug)
def test_what_it_prefetches_gives_the_cards_that_reading_gives(base: str, patient: PatientFile) -> None:
    sandbox = Sandbox(f"{base}/cds-services", f"{base}/fhir", patient.patient_id)
    service = sandbox.discover()["patient-view"]
    prefetched, read = sandbox.call(service), sandbox.call(service | {"prefetch": {}})
    assert prefetched.status_code == read.status_code == 200
    assert card_codes(prefetched.json()) == card_codes(read.json())
    for card in prefetched.json()["cards"]:
        assert "<" not in card["detail"].replace("<=", ""), "it renders HTML in a detail"


def test_opening_the_tab_before_a_drug_is_chosen_shows_nothing(base: str) -> None:
    sandbox = at(base, OVERLOAD)
    nothing = shapes.sandbox_nothing_chosen(f"Patient/{sandbox.patient}", TODAY.isoformat())
    drafts = {"resourceType": "Bundle", "entry": [{"resource": nothing}]}
    answer = sandbox.call(
        sandbox.discover()["order-select"], draftOrders=drafts, selections=["MedicationRequest/request-123"]
    )
    assert (answer.status_code, answer.json()) == (200, {"cards": []})


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_a_chosen_drug_is_judged(base: str, hook: str) -> None:
    sandbox = at(base, OVERLOAD)
    context = {"draftOrders": draft_order(sandbox.patient, "ferrous-sulfate-325-once-daily")}
    if hook == "order-select":
        context["selections"] = ["MedicationRequest/request-123"]
    found = sandbox.call(sandbox.discover()[hook], **context).json()
    assert "OSIRONOVL" in card_codes(found)
    [stop] = [card for card in found["cards"] if card["source"]["topic"]["code"] == "OSIRONOVL"]
    actions = [action for one in stop["suggestions"] for action in one["actions"]]
    assert {action.get("resourceId") for action in actions} == {"MedicationRequest/request-123"}


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_a_tab_clicked_again_sends_no_drafts_and_gets_400_that_its_panel_can_show(base: str, hook: str) -> None:
    sandbox = at(base)
    answer = sandbox.call(sandbox.discover()[hook])
    assert answer.status_code == 400 and answer.headers["Access-Control-Allow-Origin"] == "*"
    named = {path for issue in answer.json()["issue"] for path in issue["expression"]}
    assert named == {"context.draftOrders"} | ({"context.selections"} if hook == "order-select" else set())


def test_what_could_not_be_read_is_no_all_clear(base: str) -> None:
    """It shows an error as "All clear!", so its profile turns missing data into a card."""
    sandbox = at(base)
    sandbox.fhir = f"{base}/nothing-here"
    found = sandbox.call(sandbox.discover()["patient-view"])
    assert found.status_code == 200 and card_codes(found.json()) == ["NOTEVALUATED"]
    assert "**Not read to the end:** patient record" in found.json()["cards"][0]["detail"]


def test_dismissing_a_card_about_missing_data_does_not_silence_it(base: str) -> None:
    """Otherwise the next call, with the data still missing, would show "All clear!"."""
    sandbox = at(base)
    sandbox.fhir = f"{base}/nothing-here"
    service = sandbox.discover()["patient-view"]
    [card] = sandbox.call(service).json()["cards"]
    entry = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-06-30T14:59:00.123Z"}
    assert sandbox.feedback(service, entry).status_code == 200
    assert card_codes(sandbox.call(service).json()) == ["NOTEVALUATED"]


def test_its_public_key_proves_nothing_and_is_never_fetched(base: str) -> None:
    """Any token is accepted, except one that claims no signature or a shared secret."""
    sandbox = at(base)
    url = f"{sandbox.discovery}/rls-patient-view"
    for token, status in (("x", 400), ("", 400), (with_secret("HS256", b"k"), 401)):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        assert sandbox.session.post(url, json={}, headers=headers, timeout=20).status_code == status


def test_recorded_requests_are_answered_whole(base: str, shared: Path) -> None:
    """Recorded bodies: only a tab clicked again is refused, and no answer is empty."""
    statuses: dict[str, set[int]] = {}
    sandbox = at(base)
    paths = {"patient-view": "rls-patient-view", "order-sign": "rls-order-sign", "order-select": "rls-order-select"}
    for file in sorted((shared / "data" / "sandbox-requests").glob("*.json")):
        for body in recorded(json.loads(file.read_text(encoding="utf-8"))):
            answer = sandbox.session.post(f"{sandbox.discovery}/{paths[body['hook']]}", json=body, timeout=20)
            statuses.setdefault(file.stem, set()).add(answer.status_code)
            if answer.status_code == 200:
                assert_nothing_empty(answer.json())
    assert statuses.pop("reclick-tab-no-draftOrders") == {400}
    assert set().union(*statuses.values()) == {200}
