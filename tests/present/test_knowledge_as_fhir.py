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

from cards.fhir_export import bundle, export, resources
from cards.fhir_plan import plan_definition
from cards.rules import CardText, Citation, DatedValue, DecisionText, Rules, Switch, Threshold, load_rules
from cards.suggestions import orderables
from cards.valuesets import valueset_names

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
    plan_type = {"system": "http://terminology.hl7.org/CodeSystem/plan-definition-type", "code": "eca-rule"}
    order = {"title": "Order ferritin", "definitionCanonical": f"{BASE}/ActivityDefinition/order-ferritin"}
    assert plan_definition(DECISION, RULES) == {
        "resourceType": "PlanDefinition",
        "id": "iron-status",
        "extension": [
            {"url": f"{BASE}/StructureDefinition/threshold", "extension": low},
            {"url": f"{BASE}/StructureDefinition/threshold", "extension": high},
            {"url": f"{BASE}/StructureDefinition/switch", "extension": switch},
        ],
        "url": f"{BASE}/PlanDefinition/iron-status",
        "version": "1.2.0",
        "name": "IronStatus",
        "title": "Iron status",
        "type": {"coding": [plan_type]},
        "status": "draft",
        "date": "2026-06-01",
        "description": "Is iron low? Reads: diagnoses, sex.",
        "usage": "Sign-off: Dr A. For licensed health professionals; not for use without review.",
        "reviewer": [{"name": "Dr A"}],
        "relatedArtifact": [cited(AASM), cited(NICE)],
        "library": [f"{BASE}/Library/rls-cds-knowledge"],
        "action": [
            {
                "title": "Is iron low?",
                "trigger": [
                    {"type": "named-event", "name": "patient-view"},
                    {"type": "named-event", "name": "order-sign"},
                ],
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
    assert "reviewer" not in plan_definition(replace(DECISION, reviewer="awaits sign-off"), RULES)


# --- the bundle ------------------------------------------------------------------------------------------------

WHOLE = load_rules()


def test_the_library_holds_the_files_of_the_decisions() -> None:
    library = next(each for each in resources(WHOLE) if each["resourceType"] == "Library")
    content = library.pop("content")
    artifacts = library.pop("relatedArtifact")
    read = library.pop("dataRequirement")
    kind = {"system": "http://terminology.hl7.org/CodeSystem/library-type", "code": "logic-library"}
    assert library == {
        "resourceType": "Library",
        "id": "rls-cds-knowledge",
        "url": f"{BASE}/Library/rls-cds-knowledge",
        "version": max(decision.version for decision in WHOLE.decisions.values()),
        "name": "RlsCdsKnowledge",
        "title": "Decisions of rls-cds: limits, texts and sources as data",
        "status": "draft",
        "description": "The logic beside these files is code of the rls-cds project; it is named, not contained.",
        "type": {"coding": [kind]},
    }
    names = ["citations.toml", "definitions.toml", *(f"decisions/{name}.toml" for name in WHOLE.decisions)]
    assert [(each["title"], each["contentType"]) for each in content] == [(name, "application/toml") for name in names]
    for each in content:
        assert base64.b64decode(each["data"]) == (files("cards") / each["title"]).read_bytes()
    assert artifacts == [{"type": "depends-on", "resource": f"{BASE}/ValueSet/{name}"} for name in valueset_names()]
    assert {each["type"] for each in read} == {
        "Patient", "Condition", "Observation", "MedicationRequest", "AllergyIntolerance", "Procedure",
        "ServiceRequest",
    }  # fmt: skip
    assert len(read) == 7


def test_an_order_as_an_activity() -> None:
    panel = orderables()["iron-panel"]
    made = next(each for each in resources(WHOLE) if each["id"] == "order-iron-panel")
    assert made == {
        "resourceType": "ActivityDefinition",
        "id": "order-iron-panel",
        "url": f"{BASE}/ActivityDefinition/order-iron-panel",
        "name": "OrderIronPanel",
        "title": f"Order {panel.display}",
        "status": "draft",
        "kind": "ServiceRequest",
        "intent": "order",
        "code": {"coding": [{"system": "http://loinc.org", "code": panel.code, "display": panel.display}]},
        "usage": panel.instruction,
    }
    without = next(name for name, test in orderables().items() if not test.instruction)
    assert "usage" not in next(each for each in resources(WHOLE) if each["id"] == f"order-{without}")


def test_the_bundle_is_a_collection_of_all_of_them() -> None:
    made = list(resources(WHOLE))
    told = json.loads(export(WHOLE))
    assert (told["resourceType"], told["id"], told["type"]) == ("Bundle", "rls-cds-rules", "collection")
    assert [entry["fullUrl"] for entry in told["entry"]] == [each["url"] for each in made]
    assert [entry["resource"]["id"] for entry in told["entry"]] == [each["id"] for each in made]
    assert {each["id"] for each in made if each["resourceType"] == "ValueSet"} >= {"rls", "overload"}
    assert len(bundle(WHOLE).entry) == len(made)
    assert export(WHOLE).startswith('{\n  "resourceType"')
