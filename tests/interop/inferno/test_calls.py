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
from tests.interop.inferno.rules import RULES, Exchange
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
        told = Exchange(f"{hook} {patient.slug}", body, answer.json())
        assert {name: faults for name, rule in RULES.items() if (faults := list(rule(told)))} == {}
        seen |= set(card_codes(answer.json()))
    assert len(seen) > 5
