"""The page behind each card: its rule, sources, grade, general limits, and what an override reason says."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from cards.knowledge.rules import CardText, DecisionText
from cards.wording.render import wording
from cds_service.calls.source_attributes_page import register_source_attributes
from cds_service.hooks.services import SERVICES, Service
from cds_service.knowledge.card_page import card_page
from cds_service.knowledge.load import national_rules
from tests.builders.service import ALL_ON, application, settings

RULES = national_rules()
PAGES = [
    (service, decision, card)
    for service in SERVICES
    for decision in RULES.decisions.values()
    if service.hook in decision.hooks
    for card in decision.cards.values()
]


@pytest.fixture(scope="module")
def http() -> Iterator[FlaskClient]:
    with application(settings(services=ALL_ON), register=(register_source_attributes,)) as app:
        yield app.test_client()


def test_every_card_has_a_page_that_holds_what_the_card_leaves_out(http: FlaskClient) -> None:
    faults = [fault for service, decision, card in PAGES for fault in _faults(http, service, decision, card)]
    assert faults == []


def _faults(http: FlaskClient, service: Service, decision: DecisionText, card: CardText) -> list[str]:
    content = card_page(service, RULES, card.topic)
    if content is None:
        return [f"{service.id} {card.id}: no page"]
    where = f"/cds-services/{service.id}/source-attributes/{card.topic}"
    shown = http.get(where, headers={"Accept": "text/html"})
    told = {
        "rule": content["rule"] and "{" not in content["rule"],
        "grade": content["grade"] == card.grade,
        "sources": [each["label"] for each in content["sources"]]
        == [RULES.citations[name].label for name in card.citations],
        "limits": content["limits"][-1] == wording()["sentences"]["physician"],
        "version": content["version"] == decision.version,
        "reasons": all(each["meaning"] for each in content["overrideReasons"]),
        "page": shown.status_code == 200 and shown.mimetype == "text/html",
        "policy": "default-src 'none'" in shown.headers["Content-Security-Policy"],
        "filled": not re.search(r"\{[a-z_]+\}", shown.text),
        "json": http.get(where, headers={"Accept": "application/json"}).json == content,
    }
    return [f"{service.id} {card.id}: {name}" for name, holds in told.items() if not holds]


@pytest.mark.parametrize("code", ["NOSUCHCARD", "ironlow", "OSIRONOVL", "%3Cscript%3E"])
def test_a_card_that_the_service_does_not_show_has_no_page(http: FlaskClient, code: str) -> None:
    answer = http.get(f"/cds-services/rls-patient-view/source-attributes/{code}")
    assert answer.status_code == 404
    assert answer.json is not None and answer.json["resourceType"] == "OperationOutcome"
    assert "script" not in answer.text


def test_a_service_that_is_off_has_no_card_page() -> None:
    modes = {**ALL_ON, "rls-order-sign": "off"}
    with application(settings(services=modes), register=(register_source_attributes,)) as app:
        answer = app.test_client().get("/cds-services/rls-order-sign/source-attributes/OSIRONOVL")
    assert answer.status_code == 404
