"""What a card offers to do: laboratory orders to create, drafts to remove."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from cards.facts.card import Action
from cards.presenting.fhir_models import model_of
from cards.values import frozen
from cards.wording.render import wording

RLS_REASON = {"system": "http://snomed.info/sct", "code": "32914008", "display": "Restless legs"}
_LABORATORY = {"system": "http://snomed.info/sct", "code": "108252007", "display": "Laboratory procedure"}


@frozen
class Orderable:
    """A test a site can order: LOINC code, name, what to tell the patient; `site` is the local catalogue code."""

    name: str
    code: str
    display: str
    instruction: str = ""


@cache
def orderables() -> Mapping[str, Orderable]:
    """Return the tests this service may suggest, from cards/presenting/orderables.toml."""
    content = tomllib.loads((files("cards") / "presenting" / "orderables.toml").read_text(encoding="utf-8"))
    return {
        name: Orderable(name, entry["code"], entry["display"], entry.get("instruction", ""))
        for name, entry in content["tests"].items()
    }


def order_test(
    name: str,
    patient_id: str,
    fhir_version: str,
    site_coding: Mapping[str, str] | None = None,
    due: date | None = None,
) -> Action:
    """Return a create action for one test as a draft order of `fhir_version` (R4, R4B, R5 or STU3)."""
    resource = json.loads(_template(name, fhir_version))
    resource["subject"] = {"reference": f"Patient/{patient_id}"}
    if site_coding:
        codings = resource["code"]["concept"]["coding"] if fhir_version == "R5" else resource["code"]["coding"]
        codings.append(dict(site_coding))
    if due:
        resource["occurrenceDateTime"] = due.isoformat()
    return Action("create", render_order(name, due), resource)


def render_order(name: str, due: date | None = None) -> str:
    """Return what ordering a test is called, on a button or in a sentence."""
    display = orderables()[name].display
    return say_action("order_for", test=display, day=due.isoformat()) if due else say_action("order", test=display)


def say_action(key: str, **parts: str) -> str:
    """Return the words of `[actions]` in cards/wording/wording.toml, with these parts in place."""
    template: str = wording()["actions"][key]
    return template.format_map(parts)


@cache
def _template(name: str, fhir_version: str) -> str:
    """The JSON text of a draft order without its subject, built and validated once per test and version."""
    built = _validated(_draft(orderables()[name], fhir_version), fhir_version)
    built.pop("subject")
    return json.dumps(built)


def _draft(test: Orderable, fhir_version: str) -> dict[str, Any]:
    code = {
        "coding": [{"system": "http://loinc.org", "code": test.code, "display": test.display}],
        "text": test.display,
    }
    reason = {"coding": [RLS_REASON], "text": RLS_REASON["display"]}
    order: dict[str, Any] = {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "order",
        "category": [{"coding": [_LABORATORY]}],
        "code": code,
        "subject": {"reference": "Patient/template"},
    }
    if fhir_version == "R5":
        order |= {"code": {"concept": code}, "reason": [{"concept": reason}]}
        instruction: dict[str, Any] = {"patientInstruction": [{"instructionMarkdown": test.instruction}]}
    elif fhir_version == "STU3":
        order |= {"resourceType": "ProcedureRequest", "reasonCode": [reason]}
        instruction = {"note": [{"text": test.instruction}]}
    else:
        order |= {"reasonCode": [reason]}
        instruction = {"patientInstruction": test.instruction}
    return order | (instruction if test.instruction else {})


def _validated(order: dict[str, Any], fhir_version: str) -> dict[str, Any]:
    """The order read back from its fhir.resources model: valid by construction."""
    valid: dict[str, Any] = json.loads(
        model_of(order["resourceType"], fhir_version).model_validate(order).model_dump_json()
    )
    return valid


def alone(label: str, rest: Iterable[str]) -> str:
    """Return the label of a suggestion that does only a part of what is needed, and shuts the others out."""
    steps = "; ".join(rest)
    return say_action("and_by_hand", action=label, steps=steps) if steps else label


def remove_draft(reference: str, name: str) -> Action:
    """Return a delete action for a draft of this call; `name` is our own name for the order."""
    return Action("delete", render_removal(name), resource_id=reference)


def render_removal(name: str) -> str:
    return say_action("remove", order=name)


def split(actions: Iterable[Action], one_per_suggestion: bool) -> tuple[tuple[Action, ...], ...]:
    """Return one group of actions, or one group each for clients that take one action per suggestion (Epic)."""
    together = tuple(actions)
    return tuple((action,) for action in together) if one_per_suggestion else (together,)
