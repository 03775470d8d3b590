"""Epic as a client: per-site keys by RS384, its extension, its Bundles, its OIDs, its cards, its feedback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fhir_fixtures.clients import hook_request
from fhir_fixtures.loading import load_patient, load_patients
from tests.clients.forging import jwk
from tests.clients.keys_server import KeysServer, keys_server, serve_keys
from tests.http.build import TODAY, bare, bundle, card_codes, prefetch, rls
from tests.protocol.ehr import SECONDS, SIGN, VIEW, Ehr, outcome
from tests.quirks.hospital import configured

ISSUER = "https://ehr.example.org/interconnect/api/FHIR/R4"
SITE = """
[clients.{name}]
profile = "epic"
issuer = "{issuer}"
jwks_url = "{keys}"
jku = "{keys}"
allow_http = true
algorithms = ["RS384"]
fhir_base = "{issuer}"
"""


@pytest.fixture(scope="module")
def keys() -> Iterator[KeysServer]:
    with keys_server(serve_keys(jwk("rsa", "c2l0ZS9rZXkrMQ=="))) as server:
        yield server


@pytest.fixture(scope="module")
def epic(keys: KeysServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ehr]:
    site = SITE.format(name="general", issuer=ISSUER, keys=keys.url)
    other = SITE.format(name="county", issuer=ISSUER.replace("ehr.", "county."), keys=keys.url + "/county")
    with configured(tmp_path_factory.mktemp("epic"), site, other) as ehr:
        yield ehr.of(ehr.client, "c2l0ZS9rZXkrMQ==", "rsa", "RS384")


def epic_token(ehr: Ehr, path: str, **changes: Any) -> str:
    """Fifteen minutes of life, a subject, and a `nbf` five minutes back."""
    return ehr.token(path, sub="app-1", nbf=SECONDS - 300, exp=SECONDS + 900, **changes)


def view(slug: str, **how: Any) -> dict[str, Any]:
    return hook_request("epic", "patient-view", load_patient(slug, TODAY), today=TODAY, **how)


def test_the_first_call_needs_no_discovery_and_its_extension_does_no_harm(epic: Ehr) -> None:
    body = view("ferritin-38-inside-the-lab-range")
    assert body["extension"]["com.epic.cdshooks.request.bpa-trigger-action"] == "60"
    answer = epic.post(VIEW, body, token=epic_token(epic, VIEW))
    assert card_codes(answer.json()) == ["IRONLOW"]


def test_a_site_is_known_by_its_own_key_address_and_by_no_other(epic: Ehr, keys: KeysServer) -> None:
    body = view("ferritin-38-inside-the-lab-range")
    other_site = epic_token(epic, VIEW, iss=ISSUER.replace("ehr.", "county."))
    outcome(epic.post(VIEW, body, token=other_site), 401)
    assert set(keys.asked) <= {"/keys", "/keys/county"}


def test_es384_is_refused_where_the_site_signs_with_rs384_only(epic: Ehr) -> None:
    outcome(epic.of(epic.client, "kid/+=1", "p384", "ES384").post(VIEW, view("folate-low")), 401)


@pytest.mark.parametrize("patient", load_patients(TODAY), ids=lambda patient: patient.slug)
def test_its_oids_references_and_notes_give_the_same_cards_as_plain_r4(epic: Ehr, patient: Any) -> None:
    bodies = [hook_request(client, "patient-view", patient, today=TODAY) for client in ("generic", "epic")]
    plain, odd = (epic.post(VIEW, body).json() for body in bodies)
    assert card_codes(odd) == card_codes(plain)


def note(code: str, severity: str = "warning") -> dict[str, Any]:
    details = {"coding": [{"system": "urn:oid:1.2.840.114350.1.13.0.1.7.2.657369", "code": code}], "text": "a note"}
    issue = {"severity": severity, "code": "processing", "details": details}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


@pytest.mark.parametrize("codes", [("4101",), ("59204",), ("59204", "4101")])
def test_a_bundle_with_nothing_but_notes_is_an_empty_answer(epic: Ehr, codes: tuple[str, ...]) -> None:
    """Nothing measured, so iron studies are asked for; where results were left out, the card says so."""
    empty = bundle(*(note(code) for code in codes)) | {"total": 0}
    body = bare(prefetch=prefetch() | {"conditions": bundle(rls()), "labs": empty})
    found = epic.post(VIEW, body).json()
    assert card_codes(found) == ["IRONTEST"]
    assert ("withheld" in found["cards"][0]["detail"]) == ("59204" in codes)


def test_a_bundle_with_nothing_but_an_error_is_a_failed_read(epic: Ehr) -> None:
    body = bare(prefetch=prefetch() | {"conditions": bundle(rls()), "labs": bundle(note("4130", "error"))})
    outcome(epic.post(VIEW, body), 412)


def test_its_cards_hold_what_it_can_show(epic: Ehr) -> None:
    seen = 0
    for patient in load_patients(TODAY):
        drafts = ["ferrous-sulfate-325-once-daily", "vitamin-d-50000-weekly", "iron-panel-lab"]
        for path, hook, orders in ((VIEW, "patient-view", ()), (SIGN, "order-sign", drafts)):
            body = hook_request("epic", hook, patient, today=TODAY, drafts=orders)
            answer = epic.post(path, body)
            for card in answer.json().get("cards", []):
                suggestions = card.get("suggestions", [])
                seen += len(suggestions)
                assert card.get("selectionBehavior", "any") == "any"
                assert all(len(one["actions"]) == 1 for one in suggestions)
                assert {one["actions"][0]["type"] for one in suggestions} <= {"create", "delete"}
                assert all(one["actions"][0]["description"] for one in suggestions)
                assert card["source"]["topic"]["code"].isalnum() and len(card["source"]["topic"]["code"]) <= 100
                assert "extension" not in card
    assert seen > 50


def test_feedback_names_the_override_reason_that_the_card_offered(epic: Ehr) -> None:
    card = epic.post(VIEW, view("vitamin-d-35-nmol")).json()["cards"][0]
    reason = card["overrideReasons"][0]
    entries = [
        {
            "card": card["uuid"],
            "outcome": "overridden",
            "overrideReason": {"reason": {"code": reason["code"], "system": reason["system"]}, "userComment": "seen"},
            "outcomeTimestamp": "2026-06-30T14:59:00Z",
        }
    ]
    path = f"{VIEW}/feedback"
    assert epic.post(path, {"feedback": entries}, token=epic_token(epic, path)).status_code == 200
    again = epic.post(VIEW, view("vitamin-d-35-nmol")).json()
    assert card["source"]["topic"]["code"] not in card_codes(again), "an overridden card stays silent"
