"""Epic as a client: RS384 keys per site, its extension, Bundles, OIDs, cards and feedback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cards.presenting.orders import orderables, render_order
from cds_service.config.checks import warnings
from cds_service.config.load import load_settings
from fhir_fixtures.clients import hook_request
from fhir_fixtures.loading import load_patient, load_patients
from tests.builders.service import TODAY, bare, bundle, card_codes, prefetch, rls
from tests.builders.tokens import jwk
from tests.fakes.keys_server import KeysServer, keys_server, serve_keys
from tests.protocol.ehr import SECONDS, SIGN, VIEW, Ehr, outcome
from tests.protocol.quirks.hospital import configured

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
ORDERS = {name: f"LAB-{name}" for name in orderables()}
MAPPED = "".join(
    f'site_orderables.{name} = {{system = "urn:oid:1.2.3", code = "{code}"}}\n' for name, code in ORDERS.items()
)


@pytest.fixture(scope="module")
def keys() -> Iterator[KeysServer]:
    with keys_server(serve_keys(jwk("rsa", "c2l0ZS9rZXkrMQ=="))) as server:
        yield server


@pytest.fixture(scope="module")
def epic(keys: KeysServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ehr]:
    site = SITE.format(name="general", issuer=ISSUER, keys=keys.url) + MAPPED
    other = SITE.format(name="county", issuer=ISSUER.replace("ehr.", "county."), keys=keys.url + "/county")
    with configured(tmp_path_factory.mktemp("epic"), site, other) as ehr:
        yield ehr.of(ehr.client, "c2l0ZS9rZXkrMQ==", "rsa", "RS384")


def epic_token(ehr: Ehr, path: str, **changes: Any) -> str:
    """Return a token that is valid for fifteen minutes, with a subject and an `nbf` five minutes ago."""
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


@pytest.mark.slow
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
    """Nothing was measured, so iron studies are suggested; if results were withheld, the card says so."""
    empty = bundle(*(note(code) for code in codes)) | {"total": 0}
    body = bare(prefetch=prefetch() | {"conditions": bundle(rls()), "labs": empty})
    found = epic.post(VIEW, body).json()
    assert card_codes(found) == ["IRONTEST"]
    assert ("withheld" in found["cards"][0]["detail"]) == ("59204" in codes)


def test_a_bundle_with_nothing_but_an_error_is_a_failed_read(epic: Ehr) -> None:
    body = bare(prefetch=prefetch() | {"conditions": bundle(rls()), "labs": bundle(note("4130", "error"))})
    outcome(epic.post(VIEW, body), 412)


@pytest.mark.slow
def test_its_cards_contain_only_what_it_can_show(epic: Ehr) -> None:
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


TESTS_OF_IRON = ("ferritin", "iron-panel", "b12")


@pytest.mark.parametrize("mapped", [(), *((name,) for name in TESTS_OF_IRON), TESTS_OF_IRON[:2], TESTS_OF_IRON])
def test_an_order_is_offered_only_under_a_code_of_the_site(
    keys: KeysServer, tmp_path: Path, mapped: tuple[str, ...]
) -> None:
    """Its orders are those of the site's lists; what is not mapped is told in words."""
    lines = [line for line in MAPPED.splitlines() if line.partition(" ")[0].rpartition(".")[2] in mapped]
    site = SITE.format(name="general", issuer=ISSUER, keys=keys.url) + "\n".join(lines)
    with configured(tmp_path, site) as ehr:
        untested = bare(prefetch=prefetch() | {"conditions": bundle(rls())})
        [card] = ehr.of(ehr.client, "c2l0ZS9rZXkrMQ==", "rsa", "RS384").post(VIEW, untested).json()["cards"]
    offered = [one["actions"][0]["resource"]["code"]["coding"][-1]["code"] for one in card.get("suggestions", [])]
    assert card["source"]["topic"]["code"] == "IRONTEST"
    assert offered == [ORDERS[name] for name in TESTS_OF_IRON if name in mapped]
    by_hand = (
        card["detail"]
        .partition("No order code of this site is known for these tests. To do by hand: ")[2]
        .partition("\n")[0]
    )
    for name in TESTS_OF_IRON:
        assert (render_order(name) in by_hand.rstrip(".").split("; ")) == (name not in mapped)
    warned = [each for each in warnings(load_settings(tmp_path / "rls-cds.toml", {})) if "site_orderables" in each]
    assert bool(warned) == (not mapped)


@pytest.mark.parametrize(("category", "is_silent"), [("45", False), ("46", True)])
def test_a_reason_in_its_extension_decides_how_long_a_card_is_silent(
    keys: KeysServer, tmp_path: Path, category: str, is_silent: bool
) -> None:
    """The site says for which of Epic's categories a card comes again at once."""
    site = SITE.format(name="general", issuer=ISSUER, keys=keys.url) + "\n[suppression_by_reason]\n45 = 0\n"
    body, path = view("vitamin-d-35-nmol"), f"{VIEW}/feedback"
    with configured(tmp_path, site) as served:
        ehr = served.of(served.client, "c2l0ZS9rZXkrMQ==", "rsa", "RS384")
        card = ehr.post(VIEW, body).json()["cards"][0]
        entry = {
            "card": card["uuid"],
            "outcome": "overridden",
            "outcomeTimestamp": "2026-06-30T14:59:00.000+0000",
            "overrideReasons": {
                "extension": {
                    "com.epic.cdshooks.feedback.overrideReason.reasonCategory": category,
                    "com.epic.cdshooks.feedback.overrideReason.reasonDisplay": "Does not meet criteria",
                }
            },
        }
        assert ehr.post(path, {"feedback": [entry]}).json() == {"status": "ok"}
        again = card_codes(ehr.post(VIEW, body).json())
    assert (card["source"]["topic"]["code"] not in again) == is_silent
