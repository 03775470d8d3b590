"""An `update` of a draft: the client's own order with another timing, every other digit and member as it was sent.

The request's text is read a second time, for that draft alone, and its numbers are kept as they were written
(design section 5). Only where a site switches drug suggestions on.
"""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from cards.facts.card import Action
from cards.presenting.fhir_models import INVALID, model_of
from cards.presenting.orders import say_action
from cards.values import frozen

#: What a new timing replaces besides frequency and period; a translation or extension of these goes with them.
_REPLACED = ("frequencyMax", "periodMax", "timeOfDay", "dayOfWeek", "when", "offset")
#: What says how often in a way that we cannot rewrite: then nothing is offered.
_UNCLEAR_IN_TIMING = ("event", "modifierExtension")
_UNCLEAR_IN_REPEAT = ("count", "countMax", "duration", "durationMax")
_UNCLEAR_IN_DOSAGE = ("patientInstruction", "additionalInstruction", "modifierExtension", "maxDosePerPeriod")
_DOSES = ("doseAndRate", "doseQuantity", "doseRange")


@frozen
class Digits:
    """A number of the request exactly as it was written: `1.50`, `0.10`, `1E2`."""

    text: str


@frozen
class Revision:
    """Another timing, of cards/presenting/orderables.toml; `display` is in our own words."""

    display: str
    dosage: str
    frequency: int
    period: int
    period_unit: str


@cache
def revisions() -> Mapping[str, Revision]:
    """Return the timings that may be offered, by name."""
    content = tomllib.loads((files("cards") / "presenting" / "orderables.toml").read_text(encoding="utf-8"))
    return {name: Revision(**entry) for name, entry in content["revisions"].items()}


#: The drafts of a request by Type/id, each with its numbers as they were written.
Drafts = Mapping[str, dict[str, Any]]


def revise_draft(drafts: Drafts, reference: str, revision: str, name: str, fhir_version: str) -> Action | None:
    """Return the update action for the draft `reference` (Type/id) of a hook request, or `None` where none is safe.

    None is offered where the draft is not there or has no single structured dose, where other words of it say how
    often, where it already has this timing, and where a draft that was valid would not stay so. `name` is our own
    name for the order. Raises `KeyError` for a revision that is not in cards/presenting/orderables.toml.
    """
    wanted = revisions()[revision]
    draft = drafts.get(reference)
    revised = _revised(draft, wanted) if draft else None
    if draft is None or revised is None or not _stays_valid(draft, revised, fhir_version):
        return None
    return Action("update", say_action("change", timing=wanted.display, order=name), revised)


def encode(value: object) -> str:
    """Return JSON with every number of the request as it was written; for whole responses as well as for a draft."""
    if isinstance(value, Digits):
        return value.text
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_text(key)}:{encode(member)}" for key, member in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(encode(member) for member in value) + "]"
    return _text(value)


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


# ------------------------------------------------------------------ reading again


def drafts_as_written(request_text: bytes) -> Drafts:
    """Return the drafts of a hook request; a name that two different ones bear is left out.

    A request that holds a value nested deeper than this parser goes has none, so that no change of a draft is offered.
    """
    try:
        request = json.loads(request_text, parse_float=Digits, parse_int=Digits)
    except RecursionError:
        return {}
    entries = _listed(_member(_member(request, "context"), "draftOrders"), "entry")
    found: dict[str, dict[str, Any]] = {}
    shared: set[str] = set()
    for entry in entries:
        draft = _member(entry, "resource")
        if isinstance(draft, dict):
            name = f"{draft.get('resourceType')}/{draft.get('id')}"
            shared |= {name} if found.setdefault(name, draft) != draft else set()
    return {name: draft for name, draft in found.items() if name not in shared}


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _listed(value: Any, name: str) -> list[Any]:
    found = _member(value, name)
    return found if isinstance(found, list) else []


# ------------------------------------------------------------------ the change


def _revised(draft: dict[str, Any], wanted: Revision) -> dict[str, Any] | None:
    """A copy with the new timing; the narrative and the words of the dosage, which told the old one, are replaced."""
    revised = copy.deepcopy(draft)
    dosages = _listed(revised, "dosageInstruction")
    dosage = dosages[0] if len(dosages) == 1 else None
    if not isinstance(dosage, dict) or not any(name in dosage for name in _DOSES) or _holds(dosage, _UNCLEAR_IN_DOSAGE):
        return None
    timing = dosage.setdefault("timing", {})
    repeat = timing.setdefault("repeat", {}) if isinstance(timing, dict) else None
    if not isinstance(repeat, dict) or _holds(timing, _UNCLEAR_IN_TIMING) or _holds(repeat, _UNCLEAR_IN_REPEAT):
        return None
    if _has_already(repeat, wanted):
        return None
    _drop(revised, "text", "renderedDosageInstruction")
    _drop(dosage, "text")
    _drop(timing, "code")
    _drop(repeat, *_REPLACED)
    repeat |= {"frequency": wanted.frequency, "period": wanted.period, "periodUnit": wanted.period_unit}
    dosage["text"] = wanted.dosage
    return revised


def _holds(element: dict[str, Any], names: tuple[str, ...]) -> bool:
    return any(name in element or f"_{name}" in element for name in names)


def _has_already(repeat: dict[str, Any], wanted: Revision) -> bool:
    told = [value.text if isinstance(value, Digits) else value for value in map(repeat.get, ("frequency", "period"))]
    return told == [str(wanted.frequency), str(wanted.period)] and repeat.get("periodUnit") == wanted.period_unit


def _drop(element: dict[str, Any], *names: str) -> None:
    for name in names:
        element.pop(name, None)
        element.pop(f"_{name}", None)


# ------------------------------------------------------------------ validity


def _stays_valid(draft: dict[str, Any], revised: dict[str, Any], fhir_version: str) -> bool:
    """Real drafts are often not valid; one that is must stay so."""
    return not _is_valid(draft, fhir_version) or _is_valid(revised, fhir_version)


def _is_valid(resource: dict[str, Any], fhir_version: str) -> bool:
    try:
        model_of("MedicationRequest", fhir_version).model_validate_json(encode(resource))
    except INVALID:
        return False
    return True
