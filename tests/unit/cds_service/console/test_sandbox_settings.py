"""The sandbox settings from Connect work unchanged: a call with the sandbox's token shows cards."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient

from cds_service.config.load import load_settings
from cds_service.config.settings import Settings
from cds_service.console import console_app
from cds_service.hooks.services import SERVICES
from cds_service.offline.check_config import check_configuration
from cds_service.server.assembly import assemble
from cds_service.server.gunicorn import with_own_address
from cds_service.store import NullStore
from fhir_fixtures import hook_request, load_patient
from tests.builders.tokens import jwk, private_key

NOW = datetime.now(UTC).replace(microsecond=0)
BASE = "http://127.0.0.1:8080"
KEYS = {
    name: base64.b64encode(bytes(range(n, n + 32))).decode()
    for n, name in enumerate(("RLS_CDS_PSEUDONYM_KEY", "RLS_CDS_ENCRYPTION_KEY"))
}
_DRAFT = "ferrous-sulfate-325-once-daily"


def block(client: FlaskClient) -> str:
    text = unescape(client.get("/console/connect?client=sandbox", base_url=BASE).text)
    return text.split('id="settings"')[1].split(">", 1)[1].split("</pre>")[0]


@pytest.fixture
def served_console() -> FlaskClient:
    return console_app(with_own_address(Settings(database_url="")), NullStore()).test_client()


def test_the_settings_pass_check_config(reader: FlaskClient, served_console: FlaskClient, tmp_path: Path) -> None:
    for client, fhir in ((reader, f"{BASE}/fhir"), (served_console, "https://launch.smarthealthit.org/v/r4/fhir")):
        file = tmp_path / "rls-cds.toml"
        file.write_text(block(client), encoding="utf-8")
        checked = check_configuration(file, KEYS, NOW.date())
        assert checked.faults == () and checked.settings
        assert checked.settings.clients[0].fhir_base == fhir and checked.settings.public_base == BASE
        assert {checked.settings.mode(each.id, checked.settings.clients[0]) for each in SERVICES} == {"live"}


@pytest.fixture
def service(served_console: FlaskClient, tmp_path: Path) -> Iterator[Flask]:
    """Start the service with these settings, but with a test key instead of the sandbox's remote key."""
    file = tmp_path / "rls-cds.toml"
    file.write_text(block(served_console), encoding="utf-8")
    settings = load_settings(file, KEYS | {"RLS_CDS_DATABASE_URL": f"sqlite:///{tmp_path / 'store.sqlite'}"})
    sandbox = settings.clients[0]
    keys = {"keys": [jwk("p384", "ours", alg="ES384")]}
    ours = replace(sandbox, jwks_inline=keys, jku=sandbox.jku, jwks_url=None)
    app = assemble(replace(settings, clients=(ours,)), clock=lambda: NOW)
    yield app
    app.extensions["rls_cds_scheduler"].stop()
    app.extensions["rls_cds"].store.close()


def token(path: str, number: int) -> str:
    """Sign a token like the sandbox: ES384, its jku, five minutes, a fresh jti."""
    seconds = int(NOW.timestamp())
    claims = {
        "iss": "https://sandbox.cds-hooks.org",
        "aud": f"{BASE}{path}",
        "exp": seconds + 300,
        "iat": seconds,
        "jti": f"9a1e5f52-0000-4000-8000-{number:012}",
    }
    headers = {"kid": "ours", "jku": "https://sandbox.cds-hooks.org/.well-known/jwks.json"}
    return jwt.encode(claims, private_key("p384"), "ES384", headers=headers)


@pytest.mark.parametrize(
    ("hook", "slug", "drafts", "card"),
    [
        ("patient-view", "ferritin-38-inside-the-lab-range", [], "IRONLOW"),
        ("order-select", "haemochromatosis-after-phlebotomy", [_DRAFT], "OSIRONOVL"),
        ("order-sign", "haemochromatosis-after-phlebotomy", [_DRAFT], "OSIRONOVL"),
    ],
)
def test_a_call_with_a_token_shows_its_card(service: Flask, hook: str, slug: str, drafts: list[str], card: str) -> None:
    patient, path = load_patient(slug, NOW.date()), f"/cds-services/rls-{hook}"
    fhir = "https://launch.smarthealthit.org/v/r4/fhir"
    body = hook_request("sandbox", hook, patient, today=NOW.date(), drafts=drafts, fhir_server=fhir)
    headers = {"Authorization": f"Bearer {token(path, len(hook))}", "Origin": "https://sandbox.cds-hooks.org"}
    client = service.test_client()
    answer = client.post(path, data=json.dumps(body), content_type="application/json", headers=headers)
    assert answer.status_code == 200, answer.text
    assert [each["source"]["topic"]["code"] for each in answer.json["cards"]] == [card]
    assert answer.json["cards"][0]["source"]["url"] == f"{BASE}{path}/source-attributes"
    assert client.post(path, json=body).status_code == 401
