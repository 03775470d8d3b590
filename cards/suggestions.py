"""What a card offers to do: laboratory orders to create, drafts to remove."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from cards.card import Action
from cards.fhir_models import model_of

RLS_REASON = {"system": "http://snomed.info/sct", "code": "32914008", "display": "Restless legs"}
_LABORATORY = {"system": "http://snomed.info/sct", "code": "108252007", "display": "Laboratory procedure"}


@dataclass(frozen=True, slots=True)
class Orderable:
    """A test a site can order: LOINC code, name, what to tell the patient; `site` is the local catalogue code."""

    name: str
    code: str
    display: str
    instruction: str = ""


@cache
def orderables() -> Mapping[str, Orderable]:
    """The tests this service may suggest, from cards/orderables.toml."""
    content = tomllib.loads((files("cards") / "orderables.toml").read_text(encoding="utf-8"))
    return {
        name: Orderable(name, entry["code"], entry["display"], entry.get("instruction", ""))
        for name, entry in content["tests"].items()
    }


def order_test(name: str, patient_id: str, fhir_version: str, site_coding: Mapping[str, str] | None = None) -> Action:
    """A create action for one test as a draft order of `fhir_version` (R4, R4B, R5 or STU3)."""
    resource = copy.deepcopy(_template(name, fhir_version))
    resource["subject"] = {"reference": f"Patient/{patient_id}"}
    if site_coding:
        codings = resource["code"]["concept"]["coding"] if fhir_version == "R5" else resource["code"]["coding"]
        codings.append(dict(site_coding))
    return Action("create", order_in_words(name), resource)


def order_in_words(name: str) -> str:
    """What ordering a test is called, on a button or in a sentence."""
    return f"Order {orderables()[name].display}"


@cache
def _template(name: str, fhir_version: str) -> dict[str, Any]:
    """Built and validated once per test and version; the subject is replaced per call."""
    built = _validated(_draft(orderables()[name], fhir_version), fhir_version)
    built.pop("subject")
    return built


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
    """The label of a suggestion that does only a part of what is needed, and shuts the others out."""
    steps = "; ".join(rest)
    return f"{label} (needed as well, by hand: {steps})" if steps else label


def remove_draft(reference: str, name: str) -> Action:
    """A delete action for a draft of this call; `name` is our own name for the order."""
    return Action("delete", removal_in_words(name), resource_id=reference)


def removal_in_words(name: str) -> str:
    return f"Remove the order: {name}"


def split(actions: Iterable[Action], one_per_suggestion: bool) -> tuple[tuple[Action, ...], ...]:
    """One group of actions, or one group each for clients that take one action per suggestion (Epic)."""
    together = tuple(actions)
    return tuple((action,) for action in together) if one_per_suggestion else (together,)
