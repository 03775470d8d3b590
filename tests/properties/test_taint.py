"""No string of a request or resource reaches a card, an error or the log (over HTTP, with canaries)."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as how

from fhir_fixtures.clients import CLIENTS, hook_request
from fhir_fixtures.loading import PatientFile, load_patients
from tests.builders.service import application, settings
from tests.golden.calls import DRAFTS, TODAY
from tests.properties.charts import PATIENT, Generated, generated
from tests.properties.tainting import CANARY, Taint, canaries

PATIENTS = {each.slug: each for each in load_patients(TODAY)}
CALLS = [("patient-view", slug, ()) for slug in PATIENTS] + [("order-sign", slug, drafts) for slug, drafts in DRAFTS]


@pytest.fixture(scope="module")
def http() -> Iterator[FlaskClient]:
    changed = settings(public_base="https://cds.example.org", max_cards=0)
    with application(changed, clock=lambda: datetime(2026, 6, 15, 16, tzinfo=UTC)) as app:
        yield app.test_client()


def post(http: FlaskClient, hook: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = http.post(f"/cds-services/rls-{hook}", json=body)
    held: dict[str, Any] = json.loads(answer.text)
    return answer.status_code, held


def kinds(answer: dict[str, Any]) -> list[str]:
    return sorted(card["source"]["topic"]["code"] for card in answer.get("cards", []))


@pytest.mark.control("OUT-1")
@pytest.mark.parametrize("client", sorted(CLIENTS))
def test_no_canary_in_any_card_of_any_patient(http: FlaskClient, client: str, caplog: pytest.LogCaptureFixture) -> None:
    """Most cards still fire, since the strings that rules need are kept."""
    caplog.set_level(logging.DEBUG)
    expected = found = 0
    for hook, slug, drafts in CALLS:
        body = hook_request(client, hook, PATIENTS[slug], today=TODAY, drafts=drafts)
        _, plain = post(http, hook, body)
        status, answer = post(http, hook, Taint()(body))
        assert status == 200, (slug, answer)
        assert canaries(answer) == [], slug
        expected, found = expected + len(kinds(plain)), found + len(kinds(answer))
    assert found >= expected * 0.9, f"only {found} of {expected} cards fired: the test would prove little"
    assert not CANARY.search(caplog.text)


@pytest.mark.parametrize("chance", [0.05, 0.3, 1.0])
def test_no_canary_in_any_card_with_tainted_codes_dates_and_units(http: FlaskClient, chance: float) -> None:
    for number, (hook, slug, drafts) in enumerate(CALLS):
        body = hook_request("generic", hook, PATIENTS[slug], today=TODAY, drafts=drafts)
        body.pop("fhirServer")
        _, answer = post(http, hook, Taint(chance, seed=number)(body))
        assert canaries(answer) == [], slug


def _request(patient: Generated) -> dict[str, Any]:
    """Build a fully prefetched hook request of a plain client."""
    lists = patient.lists()
    prefetch = {key: {"resourceType": "Bundle", "entry": [{"resource": each} for each in found]}
                for key, found in lists.items() if key != "patient"}  # fmt: skip
    context = {"userId": "Practitioner/1", "patientId": PATIENT}
    if patient.hook != "patient-view":
        context |= {"draftOrders": patient.basket()}  # type: ignore[dict-item]
    return {
        "hook": patient.hook,
        "hookInstance": "7f3c1d52-9a0e-4b8e-8c41-0d6c2b7f9e11",
        "context": context,
        "prefetch": {"patient": lists["patient"][0], **prefetch},
    }


@pytest.mark.control("OUT-1")
@how(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(patient=generated())
def test_no_canary_in_any_card_of_a_generated_chart(http: FlaskClient, patient: Generated) -> None:
    for chance in (0, 0.1):
        status, answer = post(http, patient.hook, Taint(chance)(_request(patient)))
        assert status in (200, 412)
        assert canaries(answer) == []


# --- the taint itself -------------------------------------------------------------------------------------------


def test_every_kind_of_string_is_tainted() -> None:
    patient = PATIENTS["local-laboratory-codes"]
    before = hook_request("generic", "patient-view", patient, today=TODAY)
    after = json.dumps(Taint()(before))
    for words in ("Practitioner/clinician-1", *_names(patient), '"display": "F', '"text": "R'):
        assert words not in after
    assert after.count("canary") > 50


def _names(patient: PatientFile) -> list[str]:
    person = next(patient.resources("Patient"))
    return [name["family"] for name in person.get("name", []) if "family" in name] + [f'"{patient.patient_id}"']


def test_the_search_finds_a_canary_in_a_card() -> None:
    card = {"summary": "canary 7", "suggestions": [{"actions": [{"resourceId": "MedicationRequest/canary-id-1"}]}]}
    assert canaries({"cards": [card]}) == [".cards.0.summary"]
    in_a_label = {"suggestions": [{"label": "Remove canary-id-1", "actions": []}]}
    assert canaries({"cards": [in_a_label]}) == [".cards.0.suggestions.0.label"]
