"""Oracle Health as a client: one issuer for all customers, its own codes first, pages without a total."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cds_service.config.profiles import builtin_profiles
from fhir_fixtures.clients import hook_request
from fhir_fixtures.loading import load_patients
from tests.builders.service import TODAY, card_codes
from tests.builders.tokens import DROP, by_pyjwt, jwk
from tests.protocol.ehr import SIGN, VIEW, Ehr, outcome
from tests.protocol.quirks.hospital import configured


def site(name: str, tenant: str) -> str:
    key = jwk("p384", "kid/+=1")
    inline = ", ".join(f'{member} = "{value}"' for member, value in key.items())
    return f"""
[clients.{name}]
profile = "oracle-health"
jwks_inline = {{keys = [{{{inline}}}]}}
jku = ["https://keys.example.org/t-north", "https://keys.example.org/more"]
tenants = ["{tenant}"]
fhir_base = "https://fhir.example.org/{tenant}"
"""


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ehr]:
    with configured(tmp_path_factory.mktemp("oracle"), site("north", "t-north"), site("south", "t-south")) as ehr:
        yield ehr


def test_the_profile_knows_the_issuer_and_leaves_the_keys_to_the_customer(oracle: Ehr) -> None:
    assert oracle.client.issuer == builtin_profiles()["oracle-health"]["issuer"] == "https://cds-hooks.cerner.com"
    assert "jwks_url" not in builtin_profiles()["oracle-health"]


@pytest.mark.parametrize(
    ("jku", "status"), [("t-north", 200), ("more", 200), ("t-south", 401), ("", 401), (None, 200), (DROP, 200)]
)
def test_a_token_may_name_any_of_the_addresses_that_are_configured(oracle: Ehr, jku: Any, status: int) -> None:
    body = hook_request("oracle-health", "patient-view", load_patients(TODAY)[0], today=TODAY)
    head = oracle.head(jku=f"https://keys.example.org/{jku}" if isinstance(jku, str) else jku)
    token = by_pyjwt(head, oracle.claims(VIEW, tenant="t-north"))
    assert oracle.post(VIEW, body, token=token).status_code == status


@pytest.mark.slow
@pytest.mark.parametrize(("tenant", "status"), [("t-north", 200), ("t-south", 200), ("t-west", 401), (DROP, 401)])
def test_customers_are_told_apart_by_tenant(oracle: Ehr, tenant: object, status: int) -> None:
    body = hook_request("oracle-health", "patient-view", load_patients(TODAY)[0], today=TODAY)
    answer = oracle.post(VIEW, body, token=oracle.token(VIEW, tenant=tenant))
    assert answer.status_code == status
    if status == 401:
        outcome(answer, 401)


@pytest.mark.slow
@pytest.mark.parametrize("patient", load_patients(TODAY), ids=lambda patient: patient.slug)
def test_its_own_codes_before_the_standard_ones_change_nothing(oracle: Ehr, patient: Any) -> None:
    bodies = [hook_request(client, "patient-view", patient, today=TODAY) for client in ("generic", "oracle-health")]
    plain, odd = (oracle.post(VIEW, body, token=oracle.token(VIEW, tenant="t-north")).json() for body in bodies)
    assert card_codes(odd) == card_codes(plain)


@pytest.mark.slow
def test_it_is_offered_orders_to_create_and_nothing_to_delete(oracle: Ehr) -> None:
    """The card says what is wrong with the draft, without a suggestion to remove it."""
    drafts = ["ferrous-sulfate-325-once-daily"]
    kinds, codes = set(), set()
    for patient in load_patients(TODAY):
        body = hook_request("oracle-health", "order-sign", patient, today=TODAY, drafts=drafts)
        found = oracle.post(SIGN, body, token=oracle.token(SIGN, tenant="t-north")).json()
        codes |= set(card_codes(found)) if "cards" in found else set()
        for card in found.get("cards", []):
            for one in card.get("suggestions", []):
                kinds |= {action["type"] for action in one["actions"]}
    assert kinds <= {"create"} and "OSIRONOVL" in codes


def test_a_settings_file_is_enough(tmp_path: Path) -> None:
    with configured(tmp_path, site("north", "t-north")) as ehr:
        assert ehr.call("GET", "/cds-services", token=None).status_code == 200
