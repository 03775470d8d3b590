"""The knowledge as FHIR R4: one Bundle of PlanDefinitions, a Library, ActivityDefinitions and ValueSets.

Built with fhir.resources, so that it is valid by construction; the models are loaded when they are asked for.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from typing import Any

from cards.code_systems import LOINC
from cards.fhir_plan import BASE, plan_definition
from cards.rules import Rules
from cards.suggestions import Orderable, orderables
from cards.valuesets import valueset_names

Resource = dict[str, Any]

#: What is read for each entry of `reads`, and by which value sets it is chosen.
_TYPES = {
    "sex": "Patient",
    "date of birth": "Patient",
    "pregnancy": "Condition",
    "diagnoses": "Condition",
    "laboratory results": "Observation",
    "body weight": "Observation",
    "health status assessments": "Observation",
    "drugs": "MedicationRequest",
    "allergies": "AllergyIntolerance",
    "procedures": "Procedure",
    "laboratory orders": "ServiceRequest",
    "draft orders": "MedicationRequest",
}


def export(rules: Rules) -> str:
    """The Bundle as JSON: what `rls-cds rules --format fhir` prints."""
    return str(bundle(rules).model_dump_json(indent=2))


def bundle(rules: Rules) -> Any:
    """The Bundle as a fhir.resources model; every resource of it was built with its own model."""
    from fhir.resources.R4B.bundle import Bundle

    entries = [{"fullUrl": each["url"], "resource": each} for each in resources(rules)]
    return Bundle.model_validate(
        {"resourceType": "Bundle", "id": "rls-cds-rules", "type": "collection", "entry": entries}
    )


def resources(rules: Rules) -> Iterator[Resource]:
    """Every resource of the Bundle as JSON, each read back from its model."""
    for decision in rules.decisions.values():
        yield _valid(plan_definition(decision, rules))
    yield _valid(_library(rules))
    for test in orderables().values():
        yield _valid(_activity_definition(test))
    for name in valueset_names():
        yield _valid(json.loads((files("cards") / "valuesets" / f"{name}.json").read_text(encoding="utf-8")))


def _valid(resource: Resource) -> Resource:
    valid: Resource = json.loads(_model(resource["resourceType"]).model_validate(resource).model_dump_json())
    return valid


def _model(kind: str) -> Any:
    from fhir.resources.R4B.activitydefinition import ActivityDefinition
    from fhir.resources.R4B.library import Library
    from fhir.resources.R4B.plandefinition import PlanDefinition
    from fhir.resources.R4B.valueset import ValueSet

    known = (ActivityDefinition, Library, PlanDefinition, ValueSet)
    return {model.__name__: model for model in known}[kind]


def _library(rules: Rules) -> Resource:
    """The decision files themselves, what they read, and what they are made of."""
    return {
        "resourceType": "Library",
        "id": "rls-cds-knowledge",
        "url": f"{BASE}/Library/rls-cds-knowledge",
        "version": max(decision.version for decision in rules.decisions.values()),
        "name": "RlsCdsKnowledge",
        "title": "Decisions of rls-cds: limits, texts and sources as data",
        "status": "draft",
        "description": "The logic beside these files is code of the rls-cds project; it is named, not contained.",
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/library-type", "code": "logic-library"}]},
        "relatedArtifact": [{"type": "depends-on", "resource": f"{BASE}/ValueSet/{name}"} for name in valueset_names()],
        "dataRequirement": [{"type": kind} for kind in _kinds_read(rules)],
        "content": list(_attachments(rules)),
    }


def _kinds_read(rules: Rules) -> Iterable[str]:
    return dict.fromkeys(_TYPES[read] for decision in rules.decisions.values() for read in decision.reads)


def _attachments(rules: Rules) -> Iterator[Mapping[str, str]]:
    folder = files("cards")
    named = [(f"decisions/{name}.toml", folder / "decisions" / f"{name}.toml") for name in rules.decisions]
    shared = [(name, folder / name) for name in ("citations.toml", "definitions.toml")]
    for title, entry in (*shared, *named):
        data = base64.b64encode(entry.read_bytes()).decode("ascii")
        yield {"contentType": "application/toml", "title": title, "data": data}


def _activity_definition(test: Orderable) -> Resource:
    instruction = {"usage": test.instruction} if test.instruction else {}
    return {
        "resourceType": "ActivityDefinition",
        "id": f"order-{test.name}",
        "url": f"{BASE}/ActivityDefinition/order-{test.name}",
        "name": "Order" + "".join(word.capitalize() for word in test.name.split("-")),
        "title": f"Order {test.display}",
        "status": "draft",
        "kind": "ServiceRequest",
        "intent": "order",
        "code": {"coding": [{"system": LOINC, "code": test.code, "display": test.display}]},
        **instruction,
    }
