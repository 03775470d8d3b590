"""The extensions of the export as StructureDefinitions, so that another program knows what it reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cards.presenting.export.addresses import address, computable_name, resource_id
from cards.values import frozen

Element = dict[str, Any]

_CODE = ("ValueSet.compose.include", "ValueSet.compose.include.concept")


@frozen
class _Part:
    """A member of an extension: its type, or the members that it has in turn, and how often it may stand."""

    name: str
    type: str
    short: str
    min: int = 1
    max: str = "1"
    parts: tuple[_Part, ...] = ()


@frozen
class _Extension:
    """An extension: where it may stand, and its type or its members."""

    name: str
    description: str
    contexts: tuple[str, ...]
    type: str = ""
    parts: tuple[_Part, ...] = ()
    max: str = "1"


_DEFINED_IN = _Part("defined-in", "canonical", "The plan that defines it, where that is another one", 0)
_SOURCE = _Part("source", "string", "Key of the citation, as in the library's knowledge/citations.toml")
_EXTENSIONS = (
    _Extension(
        "threshold",
        "A limit that the decision compares with: the value in force, its side, and where it is from.",
        ("PlanDefinition",),
        max="*",
        parts=(
            _Part("name", "string", "Name of the limit"),
            _Part("value", "Quantity", "The value in force"),
            _Part("side", "string", "The side of the value on which the rule applies"),
            _Part("meaning", "string", "What the limit decides"),
            _Part("certainty", "code", "How sure the source is"),
            _SOURCE,
            _Part("range", "Range", "The values that a site may choose"),
            _Part(
                "history",
                "",
                "An earlier value, or the day since which the value holds",
                0,
                "*",
                (
                    _Part("since", "date", "The first day"),
                    _Part("value", "Quantity", "The value from that day on"),
                    _SOURCE,
                ),
            ),
            _DEFINED_IN,
            _Part("national", "Quantity", "The national value, where the site has its own", 0),
            _Part("site-reason", "string", "Why the site has its own value", 0),
        ),
    ),
    _Extension(
        "switch",
        "A choice that a site may make.",
        ("PlanDefinition",),
        max="*",
        parts=(
            _Part("name", "string", "Name of the choice"),
            _Part("value", "string", "What is chosen"),
            _Part("meaning", "string", "What the choice decides"),
            _Part("choice", "string", "What may be chosen", 1, "*"),
            _DEFINED_IN,
        ),
    ),
    _Extension(
        "hook",
        "The CDS Hooks hook at which rls-cds asks the question. It is no trigger: nothing is offered as a service.",
        ("PlanDefinition",),
        "code",
        max="*",
    ),
    _Extension("code-source", "Where the code was seen, or what confirms it.", _CODE, "string"),
    _Extension("code-note", "A remark on the code.", _CODE, "string"),
    _Extension("code-unverified", "No source confirms yet that the code belongs here.", _CODE, "boolean"),
    _Extension("code-display", "The words of the root of a filter, which has no place for them.", _CODE[:1], "string"),
    _Extension(
        "code-use",
        "How a result under this code may be used: only-with-unit, or low-priority where a better one is there.",
        _CODE[1:],
        "code",
    ),
    _Extension("code-weeks", "The completed weeks of gestation that the code means.", _CODE[1:], "integer"),
    _Extension("code-and-below", "Everything below this code belongs to the set as well.", _CODE[1:], "boolean"),
    _Extension(
        "with-descendants",
        "The contained definition by is-a, for a server that has the code systems; the set itself is a plain list.",
        ("ValueSet",),
        "canonical",
    ),
)


def structure_definitions(release: str) -> Iterator[Element]:
    """Yield the definition of each extension, by its differential."""
    for extension in _EXTENSIONS:
        yield {
            "resourceType": "StructureDefinition",
            "id": resource_id(extension.name),
            "url": address("StructureDefinition", extension.name),
            "version": release,
            "name": computable_name(extension.name),
            "title": extension.name.replace("-", " ").capitalize(),
            "status": "draft",
            "description": extension.description,
            "fhirVersion": "4.0.1",
            "kind": "complex-type",
            "abstract": False,
            "context": [{"type": "element", "expression": context} for context in extension.contexts],
            "type": "Extension",
            "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Extension",
            "derivation": "constraint",
            "differential": {"element": list(_elements(extension))},
        }


def _elements(extension: _Extension) -> Iterator[Element]:
    root = {"id": "Extension", "path": "Extension", "short": extension.description, "min": 0, "max": extension.max}
    yield {**root, "definition": extension.description}
    yield from _members("Extension", "Extension", extension.type, extension.parts)
    yield _element("Extension", "Extension", "url", fixedUri=address("StructureDefinition", extension.name))
    yield _value("Extension", "Extension", extension.type)


def _members(id: str, path: str, type: str, parts: Iterable[_Part]) -> Iterator[Element]:
    """Yield what stands for the members of an extension; one with a value has none."""
    if type:
        yield _element(id, path, "extension", max="0")
        return
    by_name = {"discriminator": [{"type": "value", "path": "url"}], "ordered": False, "rules": "closed"}
    yield _element(id, path, "extension", slicing=by_name, min=sum(part.min for part in parts))
    for part in parts:
        inner_id, inner_path = f"{id}.extension:{part.name}", f"{path}.extension"
        said = {"sliceName": part.name, "short": part.short, "min": part.min, "max": part.max}
        yield {"id": inner_id, "path": inner_path, **said}
        yield from _members(inner_id, inner_path, part.type, part.parts)
        yield _element(inner_id, inner_path, "url", fixedUri=part.name)
        yield _value(inner_id, inner_path, part.type)


def _value(id: str, path: str, type: str) -> Element:
    said: Mapping[str, Any] = {"min": 1, "type": [{"code": type}]} if type else {"max": "0"}
    return _element(id, path, "value[x]", **said)


def _element(id: str, path: str, name: str, **said: Any) -> Element:
    return {"id": f"{id}.{name}", "path": f"{path}.{name}", **said}
