"""The knowledge as FHIR R4 resources: plans, a library, orders that may be suggested, codes and extensions.

What is built here is held against its fhir.resources model (design page, section 5). The value sets are files of this
package in another order; a test holds each of them against its model, not every export.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from typing import Any

from cards.knowledge.code_systems import LOINC
from cards.knowledge.rules import Rules
from cards.knowledge.valuesets import valueset_names
from cards.presenting.export.addresses import address, canonical, computable_name, resource_id
from cards.presenting.export.extensions import structure_definitions
from cards.presenting.export.plan_definition import plan_definition
from cards.presenting.export.value_sets import value_set
from cards.presenting.fhir_models import model_of
from cards.presenting.orders import Orderable, orderables
from cards.wording.render import wording

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

#: HAPI makes active requests of an activity that says nothing of their status.
_STATUS = {"path": "status", "expression": {"language": "text/fhirpath", "expression": "'draft'"}}


def resources(rules: Rules, release: str) -> Iterator[Resource]:
    """Yield every resource of the export; `release` is the version of all but the plans, which have their own."""
    for decision in rules.decisions.values():
        yield _valid(plan_definition(decision, rules, release))
    yield _valid(_library(rules, release))
    for test in orderables().values():
        yield _valid(_activity_definition(test, release))
    yield _valid(_card_codes(rules, release))
    for extension in structure_definitions(release):
        yield _valid(extension)
    for name in valueset_names():
        yield value_set(name, release)


def _valid(resource: Resource) -> Resource:
    """Return the resource; raise what pydantic raises if the model of its type refuses it."""
    model_of(resource["resourceType"], "R4").model_validate(resource)
    return resource


def _library(rules: Rules, release: str) -> Resource:
    """The decision files themselves, what they read, and what they are made of."""
    return {
        "resourceType": "Library",
        "id": resource_id("rls-cds-knowledge"),
        "url": address("Library", "rls-cds-knowledge"),
        "version": release,
        "name": "RlsCdsKnowledge",
        "title": "Decisions of rls-cds: limits, texts and sources as data",
        "status": "draft",
        "description": "The logic beside these files is code of the rls-cds project; it is named, not contained.",
        "type": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/library-type", "code": "asset-collection"}]
        },
        "relatedArtifact": [
            {"type": "depends-on", "resource": canonical("ValueSet", name, release)} for name in valueset_names()
        ],
        "dataRequirement": [{"type": kind} for kind in _kinds_read(rules)],
        "content": list(_attachments(rules)),
    }


def _kinds_read(rules: Rules) -> Iterable[str]:
    return dict.fromkeys(_TYPES[read] for decision in rules.decisions.values() for read in decision.reads)


def _attachments(rules: Rules) -> Iterator[Mapping[str, str]]:
    folder = files("cards")
    named = [(f"decisions/{name}.toml", folder / "decisions" / f"{name}.toml") for name in rules.decisions]
    shared = [(name, folder / name) for name in ("knowledge/citations.toml", "knowledge/definitions.toml")]
    for title, entry in (*shared, *named):
        data = base64.b64encode(entry.read_bytes()).decode("ascii")
        yield {"contentType": "application/toml", "title": title, "data": data}


def _activity_definition(test: Orderable, release: str) -> Resource:
    name = f"order-{test.name}"
    instruction = {"usage": test.instruction} if test.instruction else {}
    return {
        "resourceType": "ActivityDefinition",
        "id": resource_id(name),
        "url": address("ActivityDefinition", name),
        "version": release,
        "name": computable_name(name),
        "title": f"Order {test.display}",
        "status": "draft",
        "kind": "ServiceRequest",
        "intent": "proposal",
        "code": {"coding": [{"system": LOINC, "code": test.code, "display": test.display}]},
        **instruction,
        "dynamicValue": [_STATUS],
    }


def _card_codes(rules: Rules, release: str) -> Resource:
    """The codes of the cards, as they stand in `source.topic` and in the actions of the plans."""
    codes = {card.topic: card.title for decision in rules.decisions.values() for card in decision.cards.values()}
    codes["NOTEVALUATED"] = wording()["not_evaluated"]["title"]
    return {
        "resourceType": "CodeSystem",
        "id": resource_id("card"),
        "url": address("CodeSystem", "card"),
        "version": release,
        "name": "RlsCdsCard",
        "title": "Cards of rls-cds",
        "status": "draft",
        "description": "One code for each card that may be given; a code keeps its meaning for ever.",
        "caseSensitive": True,
        "content": "complete",
        "count": len(codes),
        "concept": [{"code": code, "display": title} for code, title in codes.items()],
    }
