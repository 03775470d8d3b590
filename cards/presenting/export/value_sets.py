"""The value sets as a server without SNOMED CT or ICD can expand them: every code that is known by name, in a list.

A server that lacks the code system of an `is-a` expands nothing of the whole set. So a root stands in the list as a
code, marked `code-and-below`, and the definition by `is-a` beside the list as a contained value set, for servers that
have the code systems. What lies below a root is not listed; a warning on the set says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from cards.knowledge.valuesets import EXTENSIONS
from cards.presenting.export.addresses import address, canonical, resource_id

Element = dict[str, Any]

WARNING = "http://hl7.org/fhir/StructureDefinition/valueset-warning"
_WITH_DESCENDANTS = "with-descendants"
_AND_BELOW: Element = {"url": f"{EXTENSIONS}code-and-below", "valueBoolean": True}
_DISPLAY = f"{EXTENSIONS}code-display"
_INCOMPLETE = (
    "Listed by name, not complete: a code marked code-and-below stands for everything below it too, and what lies "
    "below is not listed. A code that is missing here may belong all the same. A server that has the code systems "
    "expands the contained set with-descendants; below an ICD code lie those that begin with it."
)


def value_set(name: str, release: str) -> Element:
    """Return a shipped value set as a plain list, with its definition by `is-a` beside it where it has one.

    What a set excludes lies below a root of its own and is listed nowhere, so that the list excludes nothing.
    """
    content: Element = json.loads((files("cards") / "valuesets" / f"{name}.json").read_text(encoding="utf-8"))
    compose = content.pop("compose")
    listed: dict[str, list[Element]] = {}
    for part in compose["include"]:
        listed.setdefault(part["system"], []).extend(_concepts(part))
    made = {
        **content,
        "id": resource_id(name),
        "url": address("ValueSet", name),
        "version": release,
        "compose": {"include": [{"system": system, "concept": codes} for system, codes in listed.items()]},
    }
    return made | _beside(made, compose) if any("filter" in part for part in compose["include"]) else made


def _concepts(part: Mapping[str, Any]) -> Iterator[Element]:
    """Yield the codes of an include; the root of an `is-a` as a code that is marked."""
    yield from part.get("concept", ())
    said = part.get("extension", ())
    for condition in part.get("filter", ()):
        display = next(each["valueString"] for each in said if each["url"] == _DISPLAY)
        yield {
            "extension": [_AND_BELOW, *(each for each in said if each["url"] != _DISPLAY)],
            "code": condition["value"],
            "display": display,
        }


def _beside(made: Element, compose: Mapping[str, Any]) -> Element:
    """Return the definition by `is-a`, contained, and what tells a reader of it."""
    roots = [part for part in compose["include"] if "filter" in part]
    listed = {"valueSet": [canonical("ValueSet", made["url"].rpartition("/")[2], made["version"])]}
    excluded = {"exclude": compose["exclude"]} if "exclude" in compose else {}
    complete = {
        "resourceType": "ValueSet",
        "id": _WITH_DESCENDANTS,
        "status": made["status"],
        "compose": {"include": [listed, *roots], **excluded},
    }
    return {
        "contained": [complete],
        "extension": [
            {"url": WARNING, "valueMarkdown": _INCOMPLETE},
            {"url": f"{EXTENSIONS}{_WITH_DESCENDANTS}", "valueCanonical": f"#{_WITH_DESCENDANTS}"},
        ],
    }
