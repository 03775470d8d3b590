"""The pages to read the rules and to connect a client."""

from __future__ import annotations

import base64
import json
import tomllib
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from cards.quantity import plain
from cards.rules import load_rules
from cds_service.console.cases import cases_of
from cds_service.console.connect_view import CLIENTS
from cds_service.services import SERVICES, template
from cds_service.settings import load_settings
from fhir_fixtures import hook_request, load_patient
from tests.console.conftest import NOON

RULES = load_rules()
TABLES = sorted(Path(__file__).parents[1].glob("decisions/*.toml"))


@pytest.mark.parametrize("name", RULES.decisions)
def test_a_decision_page_holds_limits_cards_and_sentences(reader: FlaskClient, name: str) -> None:
    text, decision = unescape(reader.get(f"/console/rules/{name}").text), RULES.decisions[name]
    assert decision.question in text and decision.reviewer in text
    for card in decision.cards.values():
        assert f'id="card-{card.id}"' in text and card.title in text and card.grade in text
        assert all(RULES.citations[each].label in text for each in card.citations)


def test_every_limit_stands_on_the_page_of_its_decision_with_source_and_range(reader: FlaskClient) -> None:
    folder = Path(__file__).parents[2] / "cards" / "decisions"
    seen = set()
    for name in RULES.decisions:
        text = unescape(reader.get(f"/console/rules/{name}").text)
        for limit in tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8")).get("thresholds", {}):
            threshold, seen = RULES.limit(limit), seen | {limit}
            row = text.split(f'id="limit-{limit}"')[1].split("</tr>")[0]
            assert plain(threshold.value) in row and threshold.meaning in row and threshold.certainty in row
            assert RULES.citations[threshold.citation].label in row
    assert seen == set(RULES.thresholds)


def test_the_index_leads_to_every_decision(reader: FlaskClient) -> None:
    text = reader.get("/console/rules").text
    assert all(f'href="/console/rules/{name}"' in text for name in RULES.decisions)
    assert all(switch in text for switch in RULES.switches)


def test_a_decision_that_is_none_is_not_found(reader: FlaskClient) -> None:
    for name in ("nothing", "..%2f..%2fpyproject", "iron_status.toml"):
        assert reader.get(f"/console/rules/{name}").status_code == 404


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.stem)
def test_every_case_of_a_table_is_shown_as_given_and_expected(table: Path) -> None:
    written = tomllib.loads(table.read_text(encoding="utf-8"))["case"]
    shown = cases_of(table.stem)
    assert shown and [case.says for case in shown] == [case["says"] for case in written]
    assert all(case.given or set(each) <= {"says", "expect", "limit", "side"}
               for case, each in zip(shown, written, strict=True))  # fmt: skip


def test_without_the_source_tree_there_are_no_cases(tmp_path: Path) -> None:
    assert cases_of("iron_status", tmp_path) is None


@pytest.mark.parametrize("client", CLIENTS)
def test_a_guide_names_every_address_and_template(reader: FlaskClient, client: str) -> None:
    text = unescape(reader.get(f"/console/connect?client={client}", base_url="http://127.0.0.1:8080").text)
    for service in SERVICES:
        assert f"http://127.0.0.1:8080/cds-services/{service.id}<" in text
        assert all(template(key) in text for key in service.keys)


@pytest.mark.parametrize("client", CLIENTS)
def test_the_settings_of_a_guide_are_settings(reader: FlaskClient, client: str, tmp_path: Path) -> None:
    text = unescape(reader.get(f"/console/connect?client={client}").text)
    written = text.split('id="settings"')[1].split(">", 1)[1].split("</pre>")[0]
    file = tmp_path / "rls-cds.toml"
    file.write_text(written, encoding="utf-8")
    names = ("RLS_CDS_PSEUDONYM_KEY", "RLS_CDS_ENCRYPTION_KEY")
    keys = {name: base64.b64encode(bytes(range(n, n + 32))).decode() for n, name in enumerate(names)}
    settings = load_settings(file, keys)
    assert [each.name for each in settings.clients] == [client]
    assert settings.mode("rls-patient-view", settings.clients[0]) == "shadow"


def test_the_sandbox_guide_tells_what_was_seen_there(reader: FlaskClient) -> None:
    text = unescape(reader.get("/console/connect").text)
    for words in ("typed or pasted", "override without a reason", "silences this card for this patient for 90 days",
                  "a critical card is never silenced", "status 400"):  # fmt: skip
        assert words in text
    assert "Dismiss" not in reader.get("/console/connect?client=epic").text


def test_what_the_sandbox_guide_says_of_dismissing_is_so(client: FlaskClient) -> None:
    """Dismissed without a reason: silent on the same results, back on others."""
    patient = load_patient("ferritin-38-inside-the-lab-range", NOON.date())
    body = hook_request("sandbox", "patient-view", patient, today=NOON.date(), fhir_server="")
    card = client.post("/cds-services/rls-patient-view", json=body).json["cards"][0]
    entry = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": NOON.isoformat()}
    answer = client.post("/cds-services/rls-patient-view/feedback", json={"feedback": [entry]})
    assert answer.status_code == 200
    assert client.post("/cds-services/rls-patient-view", json=body).json["cards"] == []
    changed = json.loads(json.dumps(body).replace('"value": 38', '"value": 37'))
    again = client.post("/cds-services/rls-patient-view", json=changed).json["cards"]
    assert [each["source"]["topic"]["code"] for each in again] == ["IRONLOW"]


def test_a_client_that_is_none_is_not_found(reader: FlaskClient) -> None:
    assert reader.get("/console/connect?client=nobody").status_code == 404


def test_the_test_call_of_the_page_returns_a_card(reader: FlaskClient) -> None:
    text = unescape(reader.get("/console/connect").text)
    body = json.loads(text.split('id="example"')[1].split(">", 1)[1].split("</pre>")[0])
    answer = reader.post("/cds-services/rls-patient-view", json=body)
    assert [card["source"]["topic"]["code"] for card in answer.json["cards"]] == ["IRONLOW"]
