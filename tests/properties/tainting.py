"""Replace every string of a request by its own canary, except those that rules need to fire."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any

from cards.knowledge.code_systems import system_of

#: The form of a canary, with markup, which must never reach a card.
CANARY = re.compile(r"canary", re.IGNORECASE)
#: Members whose values rules need: types, dates and amounts.
_KEPT = frozenset({
    "resourceType", "hook", "hookInstance", "fhirServer", "system", "code", "status", "intent", "gender", "unit",
    "comparator", "relation", "url", "periodUnit", "durationUnit", "contentType", "criticality", "type", "mode", "use",
    "severity",
})  # fmt: skip
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d(T.*)?)?)?")
_NUMBER = re.compile(r"[<>=]*\s*[\d.,]+( \S+)?")
_REFERENCE = re.compile(r"(#|[A-Z]\w+/)?([\w.-]+)")
_REFERRING = frozenset({"reference", "selections", "userId", "encounterId"})
#: Members required for a valid CDS Hooks request.
_ENVELOPE = frozenset({"hook", "hookInstance", "resourceType"})


class Taint:
    """A replacement of strings by canaries; an id gets the same canary everywhere.

    `chance`: how often strings that rules need (codes, dates, units, states) are replaced as well.
    """

    def __init__(self, chance: float = 0, seed: int = 0) -> None:
        self._chance, self._random = chance, random.Random(seed)  # noqa: S311 - no secret
        self._count = 0
        self._ids: dict[str, str] = {}

    def __call__(self, body: Mapping[str, Any]) -> dict[str, Any]:
        self._note_ids(body)
        tainted: dict[str, Any] = self._walk(body, "")
        return tainted

    def _note_ids(self, value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("id"), str):
                self._id(value["id"])
            if isinstance(value.get("patientId"), str):
                self._id(value["patientId"])
            for inner in value.values():
                self._note_ids(inner)
        elif isinstance(value, list):
            for inner in value:
                self._note_ids(inner)

    def _id(self, old: str) -> str:
        return self._ids.setdefault(old, f"canary-id-{len(self._ids)}")

    def _walk(self, value: Any, key: str, parent: Mapping[str, Any] | None = None) -> Any:
        if isinstance(value, dict):
            return {name: self._walk(inner, name, value) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._walk(inner, key, parent) for inner in value]
        return self._leaf(value, key, parent or {}) if isinstance(value, str) else value

    def _leaf(self, text: str, key: str, parent: Mapping[str, Any]) -> str:
        if key in ("id", "patientId"):
            return self._id(text)
        found = _REFERENCE.fullmatch(text) if key in _REFERRING else None
        if found:
            return f"{found[1] or ''}{self._id(found[2])}"
        if key in _ENVELOPE or (self._is_needed(text, key, parent) and self._random.random() >= self._chance):
            return text
        return self._canary()

    def _canary(self) -> str:
        self._count += 1
        return f"canary {self._count} <img src=x onerror=canary()> [canary](https://canary.example.org) ferritin"

    @staticmethod
    def _is_needed(text: str, key: str, parent: Mapping[str, Any]) -> bool:
        if key in ("code", "system") and "code" in parent and "value" not in parent:
            is_bare = key == "code" and "system" not in parent
            return is_bare or system_of(parent.get("system")) is not None or _is_fhir(parent)
        is_result_in_words = key == "valueString" and bool(_NUMBER.fullmatch(text))
        return key in _KEPT or is_result_in_words or bool(_DATE.fullmatch(text))


def _is_fhir(coding: Mapping[str, Any]) -> bool:
    """Return whether the text is a code defined by FHIR, such as active or confirmed."""
    return "hl7.org" in str(coding.get("system"))


def canaries(answer: Mapping[str, Any]) -> list[str]:
    """Return the paths of canaries in an answer; actions of suggestions may contain ids, but nothing else."""
    return [place for place, text in _strings(answer, "") if CANARY.search(text) and not _may_name_an_id(place, text)]


def _may_name_an_id(place: str, text: str) -> bool:
    in_action = ".suggestions." in place and ".actions." in place
    named = place.endswith((".resourceId", ".resource.subject.reference"))
    return in_action and named and bool(re.fullmatch(r"[A-Z]\w+/canary-id-\d+", text))


def _strings(value: Any, place: str) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        keys = [(f"{place} (a name)", name) for name in value if CANARY.search(name)]
        return keys + [found for name, inner in value.items() for found in _strings(inner, f"{place}.{name}")]
    if isinstance(value, list):
        return [found for number, inner in enumerate(value) for found in _strings(inner, f"{place}.{number}")]
    return [(place, value)] if isinstance(value, str) else []
