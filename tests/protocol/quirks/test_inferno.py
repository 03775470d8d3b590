"""What Inferno's CRD server tests check of any CDS service: discovery, calls with a token, the shape of cards.

Paraphrased: the service is found by its hook and called with tokens whose ids are random hex digits; it must answer
200, and every card and suggestion must be complete.
"""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from fhir_fixtures.clients import hook_request
from fhir_fixtures.loading import load_patients
from tests.builders.service import TODAY, card_codes
from tests.protocol.ehr import CLIENT, Ehr, hospital_settings, served

DRAFTS = ["ferrous-sulfate-325-once-daily", "ferric-carboxymaltose-750", "vitamin-d-50000-weekly"]


@pytest.fixture(scope="module")
def ehr(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with served(hospital_settings(tmp_path_factory.mktemp("inferno"))) as made:
        yield made


def discovered(ehr: Ehr, hook: str) -> str:
    """Return the URL of the first service of a hook in discovery."""
    answer = ehr.call("GET", "/cds-services", token=None, Content_Type="application/json")
    assert answer.status_code == 200
    services = answer.json()["services"]
    for each in services:
        assert each["hook"] and each["id"] and each["description"]
        assert all(isinstance(text, str) for text in each["prefetch"].values())
    return f"/cds-services/{next(each['id'] for each in services if each['hook'] == hook)}"


@pytest.mark.slow
@pytest.mark.parametrize(("kid", "key", "algorithm"), [("kid/+=1", "p384", "ES384"), ("rsa-1", "rsa", "RS384")])
@pytest.mark.parametrize("hook", ["patient-view", "order-sign", "order-select"])
def test_every_hook_answers_200_with_complete_cards(ehr: Ehr, hook: str, kid: str, key: str, algorithm: str) -> None:
    client = ehr.of(CLIENT, kid, key, algorithm)
    path, seen = discovered(ehr, hook), set()
    for patient in load_patients(TODAY)[::3]:
        drafts = DRAFTS if hook != "patient-view" else ()
        body = hook_request("generic", hook, patient, today=TODAY, drafts=drafts)
        answer = client.post(path, body, token=client.token(path, jti=secrets.token_hex(32)))
        assert answer.status_code == 200, answer.text
        for card in answer.json()["cards"]:
            assert_complete(card, body)
        seen |= set(card_codes(answer.json()))
    assert len(seen) > 5


def assert_complete(card: dict[str, Any], body: dict[str, Any]) -> None:
    assert isinstance(card["summary"], str) and len(card["summary"]) < 140
    assert card["indicator"] in ("info", "warning", "critical")
    assert isinstance(card["source"]["label"], str) and card["source"]["topic"]["code"]
    assert card["source"]["topic"]["system"]
    for one in card.get("suggestions", []):
        assert card["selectionBehavior"] in ("at-most-one", "any")
        assert isinstance(one["label"], str)
        for action in one["actions"]:
            assert_action(action, body)
    for link in card.get("links", []):
        assert link["label"] and link["url"] and link["type"] in ("absolute", "smart")
        assert link["type"] == "smart" or "appContext" not in link
    for reason in card.get("overrideReasons", []):
        assert reason["code"] and reason["system"] and reason["display"]


def assert_action(action: dict[str, Any], body: dict[str, Any]) -> None:
    assert action["description"] and action["type"] in ("create", "update", "delete")
    if action["type"] == "create":
        assert action["resource"]["resourceType"]
        return
    named = action.get("resourceId") or f"{action['resource']['resourceType']}/{action['resource']['id']}"
    drafts = [each["resource"] for each in body["context"]["draftOrders"]["entry"]]
    assert named in {f"{each['resourceType']}/{each['id']}" for each in drafts}
