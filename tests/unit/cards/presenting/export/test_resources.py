"""One decision, the library and one order as whole FHIR resources (design page, section 5)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import pytest

from cards.knowledge.rules import CardText, Citation, DatedValue, DecisionText, Rules, Switch, Threshold
from cards.knowledge.valuesets import valueset_names
from cards.presenting.export.plan_definition import plan_definition
from cards.presenting.fhir_models import model_of
from cards.presenting.orders import orderables
from cards.presenting.present import CARD_SYSTEM
from cds_service.knowledge.load import national_rules
from tests.builders.knowledge import RELEASE, exported

AASM = Citation("aasm", "AASM 2025", "J Clin Sleep Med 2025", "https://doi.org/1", "retrieved")
NICE = Citation("nice", "NICE", "NG239", "https://doi.org/2", "quoted")
LOW = Threshold(
    "iron.low", Decimal(50), "ug/L", "Iron is given", "at or below", "nice", "quoted", Decimal(1),
    (Decimal(30), Decimal(100)), (DatedValue(date(2020, 1, 1), Decimal(60), "aasm"),), site_reason="Ours",
    national=Decimal(75), national_unit="ng/mL",
)  # fmt: skip
HIGH = Threshold("iron.high", Decimal(300), "ng/mL", "Too much", "above", "nice", "quoted", Decimal(1),
                 (Decimal(200), Decimal(400)))  # fmt: skip
CARD = CardText("IRON-LOW", "Iron is low", "warning", "s", " Give iron below {limit_iron_low} after {last_iv}. ",
                "At or below {limit_iron_low}", "conditional", ("aasm", "nice"))  # fmt: skip
STOP = replace(CARD, id="IRON-OVL", title="Overload", indicator="critical", citations=("aasm",), grade="strong")
NOTE = replace(CARD, id="IRON-MID", title="Middle", indicator="info", citations=("aasm",))
DECISION = DecisionText(
    "iron_status", "Iron status", "Is iron low?", "1.2.0", date(2026, 6, 1), ("patient-view", "order-sign"),
    "Dr A", None, MappingProxyType({}), MappingProxyType({}), {card.id: card for card in (CARD, STOP, NOTE)},
    reads=("diagnoses", "sex"), orders=("ferritin",), thresholds=("iron.low", "iron.high"), switches=("show_mid",),
)  # fmt: skip
RULES = Rules(
    {"iron.low": LOW, "iron.high": HIGH},
    {"show_mid": Switch("show_mid", "info", ("info", "off"), "Whether it is shown")},
    {"iron_status": DECISION},
    {"aasm": AASM, "nice": NICE},
)
BASE = "https://rls-cds.example.org"


def cited(citation: Citation, **more: str) -> dict[str, str]:
    said = f"{citation.label}: {citation.reference} ({citation.certainty})"
    return {"type": "citation", "display": citation.label, "citation": said, "url": citation.url, **more}


NEVER = {
    "kind": "applicability",
    "expression": {
        "description": "False for every patient: rls-cds decides, not the server that holds this plan.",
        "language": "text/fhirpath",
        "expression": "false",
    },
}


def action(card: CardText, priority: str, *documents: Mapping[str, str]) -> dict[str, Any]:
    code = {"system": f"{BASE}/CodeSystem/card", "code": card.topic, "display": card.title}
    return {
        "id": card.id,
        "title": card.title,
        "description": "At or below 50 ug/L",
        "textEquivalent": "Give iron below 50 ug/L after [last iv].",
        "priority": priority,
        "code": [{"coding": [code]}],
        "documentation": list(documents),
        "condition": [NEVER],
    }


def quantity(value: int, unit: str) -> dict[str, Any]:
    return {"value": Decimal(value), "unit": unit}


def test_a_decision_as_a_plan() -> None:
    low = [
        {"url": "name", "valueString": "iron.low"},
        {"url": "value", "valueQuantity": quantity(50, "ug/L")},
        {"url": "side", "valueString": "at or below"},
        {"url": "meaning", "valueString": "Iron is given"},
        {"url": "certainty", "valueCode": "quoted"},
        {"url": "source", "valueString": "nice"},
        {"url": "range", "valueRange": {"low": quantity(30, "ng/mL"), "high": quantity(100, "ng/mL")}},
        {
            "url": "history",
            "extension": [
                {"url": "since", "valueDate": "2020-01-01"},
                {"url": "value", "valueQuantity": quantity(60, "ng/mL")},
                {"url": "source", "valueString": "aasm"},
            ],
        },
        {"url": "national", "valueQuantity": quantity(75, "ng/mL")},
        {"url": "site-reason", "valueString": "Ours"},
    ]
    high = [
        {"url": "name", "valueString": "iron.high"},
        {"url": "value", "valueQuantity": quantity(300, "ng/mL")},
        {"url": "side", "valueString": "above"},
        {"url": "meaning", "valueString": "Too much"},
        {"url": "certainty", "valueCode": "quoted"},
        {"url": "source", "valueString": "nice"},
        {"url": "range", "valueRange": {"low": quantity(200, "ng/mL"), "high": quantity(400, "ng/mL")}},
    ]
    switch = [
        {"url": "name", "valueString": "show_mid"},
        {"url": "value", "valueString": "info"},
        {"url": "meaning", "valueString": "Whether it is shown"},
        {"url": "choice", "valueString": "info"},
        {"url": "choice", "valueString": "off"},
    ]
    plan_type = {"system": "http://terminology.hl7.org/CodeSystem/plan-definition-type", "code": "clinical-protocol"}
    order = {
        "title": "Order ferritin",
        "condition": [NEVER],
        "definitionCanonical": f"{BASE}/ActivityDefinition/order-ferritin|7.0",
    }
    assert plan_definition(DECISION, RULES, "7.0") == {
        "resourceType": "PlanDefinition",
        "id": "rls-cds-iron-status",
        "extension": [
            {"url": f"{BASE}/StructureDefinition/threshold", "extension": low},
            {"url": f"{BASE}/StructureDefinition/threshold", "extension": high},
            {"url": f"{BASE}/StructureDefinition/switch", "extension": switch},
            {"url": f"{BASE}/StructureDefinition/hook", "valueCode": "patient-view"},
            {"url": f"{BASE}/StructureDefinition/hook", "valueCode": "order-sign"},
        ],
        "url": f"{BASE}/PlanDefinition/iron-status",
        "version": "1.2.0",
        "name": "IronStatus",
        "title": "Iron status",
        "type": {"coding": [plan_type]},
        "status": "draft",
        "date": "2026-06-01",
        "description": "Is iron low? Reads: diagnoses, sex.",
        "usage": "Sign-off: Dr A. For licensed health professionals; not for use without review. "
        "To be read, not to be run: no trigger, and conditions that are false for every patient.",
        "reviewer": [{"name": "Dr A"}],
        "relatedArtifact": [
            cited(AASM),
            cited(NICE),
            {"type": "depends-on", "resource": f"{BASE}/Library/rls-cds-knowledge|7.0"},
        ],
        "action": [
            {
                "title": "Is iron low?",
                "condition": [NEVER],
                "selectionBehavior": "any",
                "action": [
                    action(CARD, "urgent", cited(AASM, label="conditional"), cited(NICE, label="conditional")),
                    action(STOP, "stat", cited(AASM, label="strong")),
                    action(NOTE, "routine", cited(AASM, label="conditional")),
                    order,
                ],
            }
        ],
    }


def test_a_plan_that_awaits_its_reviewer_names_none() -> None:
    assert "reviewer" not in plan_definition(replace(DECISION, reviewer="awaits sign-off"), RULES, "7.0")


def test_what_another_plan_defines_is_named_with_the_version_of_that_plan() -> None:
    owner = replace(DECISION, name="iron_order", version="2.0.0", thresholds=("iron.high",), switches=())
    rules = replace(RULES, decisions={"iron_order": owner})
    reader = replace(owner, name="folate", version="1.0.0")
    linked = [
        part["valueCanonical"]
        for limit in plan_definition(reader, rules, "7.0")["extension"]
        for part in limit.get("extension", ())
        if part["url"] == "defined-in"
    ]
    assert linked == [f"{BASE}/PlanDefinition/iron-order|2.0.0"]


# --- the whole -------------------------------------------------------------------------------------------------

WHOLE = national_rules()


def test_the_library_holds_the_files_of_the_decisions() -> None:
    library = dict(next(each for each in exported() if each["resourceType"] == "Library"))
    content = library.pop("content")
    artifacts = library.pop("relatedArtifact")
    read = library.pop("dataRequirement")
    kind = {"system": "http://terminology.hl7.org/CodeSystem/library-type", "code": "asset-collection"}
    assert library == {
        "resourceType": "Library",
        "id": "rls-cds-knowledge",
        "url": f"{BASE}/Library/rls-cds-knowledge",
        "version": RELEASE,
        "name": "RlsCdsKnowledge",
        "title": "Decisions of rls-cds: limits, texts and sources as data",
        "status": "draft",
        "description": "The logic beside these files is code of the rls-cds project; it is named, not contained.",
        "type": {"coding": [kind]},
    }
    names = [
        "knowledge/citations.toml",
        "knowledge/definitions.toml",
        *(f"decisions/{name}.toml" for name in WHOLE.decisions),
    ]
    assert [(each["title"], each["contentType"]) for each in content] == [(name, "application/toml") for name in names]
    for each in content:
        assert base64.b64decode(each["data"]) == (files("cards") / each["title"]).read_bytes()
    assert artifacts == [
        {"type": "depends-on", "resource": f"{BASE}/ValueSet/{name}|{RELEASE}"} for name in valueset_names()
    ]
    assert {each["type"] for each in read} == {
        "Patient", "Condition", "Observation", "MedicationRequest", "AllergyIntolerance", "Procedure",
        "ServiceRequest",
    }  # fmt: skip
    assert len(read) == 7


def test_an_order_as_an_activity() -> None:
    panel = orderables()["iron-panel"]
    made = next(each for each in exported() if each["id"] == "rls-cds-order-iron-panel")
    assert made == {
        "resourceType": "ActivityDefinition",
        "id": "rls-cds-order-iron-panel",
        "url": f"{BASE}/ActivityDefinition/order-iron-panel",
        "version": RELEASE,
        "name": "OrderIronPanel",
        "title": f"Order {panel.display}",
        "status": "draft",
        "kind": "ServiceRequest",
        "intent": "proposal",
        "code": {"coding": [{"system": "http://loinc.org", "code": panel.code, "display": panel.display}]},
        "usage": panel.instruction,
        "dynamicValue": [{"path": "status", "expression": {"language": "text/fhirpath", "expression": "'draft'"}}],
    }
    without = next(name for name, test in orderables().items() if not test.instruction)
    assert "usage" not in next(each for each in exported() if each["id"] == f"rls-cds-order-{without}")


def test_the_codes_of_the_cards_are_a_code_system() -> None:
    made = next(each for each in exported() if each["resourceType"] == "CodeSystem")
    assert (made["url"], made["content"], made["count"]) == (CARD_SYSTEM, "complete", len(made["concept"]))
    topics = [card.topic for decision in WHOLE.decisions.values() for card in decision.cards.values()]
    assert [each["code"] for each in made["concept"]] == [*topics, "NOTEVALUATED"]


def test_each_resource_has_an_id_of_ours_an_address_and_a_version() -> None:
    made = exported()
    plans = {f"rls-cds-{name.replace('_', '-')}": decision.version for name, decision in WHOLE.decisions.items()}
    assert (
        len({each["url"] for each in made}) == len({(each["resourceType"], each["id"]) for each in made}) == len(made)
    )
    for each in made:
        assert each["id"].startswith("rls-cds-")
        assert each["url"].startswith(f"{BASE}/{each['resourceType']}/")
        assert each["version"] == (plans[each["id"]] if each["resourceType"] == "PlanDefinition" else RELEASE)
        assert each["status"] == "draft"


@pytest.mark.slow
def test_the_models_take_every_resource_as_it_is_written() -> None:
    for each in exported():
        written = json.loads(json.dumps(each))
        read = model_of(each["resourceType"], "R4").model_validate(written)
        assert json.loads(read.model_dump_json()) == written
