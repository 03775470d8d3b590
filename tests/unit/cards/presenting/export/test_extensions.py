"""Every extension of the export is defined, and stands where and as its definition says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from tests.builders.knowledge import exported

BASE = "https://rls-cds.example.org/StructureDefinition/"
DEFINED = {each["url"]: each for each in exported() if each["resourceType"] == "StructureDefinition"}

Found = tuple[str, Mapping[str, Any]]


def extensions(value: Any, path: str) -> Iterator[Found]:
    """Yield every extension with the path of the element that it stands in, none of its own members."""
    if isinstance(value, list):
        for each in value:
            yield from extensions(each, path)
    elif isinstance(value, dict):
        for each in value.get("extension", ()):
            yield path, each
        for key, inner in value.items():
            if key == "contained":
                for each in inner:
                    yield from extensions(each, each["resourceType"])
            elif key != "extension":
                yield from extensions(inner, f"{path}.{key}")


FOUND = [found for each in exported() for found in extensions(each, each["resourceType"])]


def elements(definition: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {each["id"]: each for each in definition["differential"]["element"]}


def agrees(extension: Mapping[str, Any], id: str, known: Mapping[str, Mapping[str, Any]], url: str) -> None:
    """Hold an extension, or a member of one, against the differential."""
    assert extension["url"] == known[f"{id}.url"]["fixedUri"] == url
    values = [key for key in extension if key.startswith("value")]
    expected = [each["code"] for each in known[f"{id}.value[x]"].get("type", ())]
    assert [value.removeprefix("value").lower() for value in values] == [each.lower() for each in expected]
    parts = {key.rpartition(":")[2]: key for key in known if key.startswith(f"{id}.extension:") and known_part(key, id)}
    counts = Counter(each["url"] for each in extension.get("extension", ()))
    assert set(counts) <= set(parts)
    for name, inner in parts.items():
        most = known[inner]["max"]
        assert known[inner]["min"] <= counts[name] and (most == "*" or counts[name] <= int(most)), (url, name)
    for each in extension.get("extension", ()):
        agrees(each, parts[each["url"]], known, each["url"])


def known_part(key: str, id: str) -> bool:
    return "." not in key.removeprefix(f"{id}.extension:")


def test_every_extension_of_ours_is_defined_and_every_definition_is_used() -> None:
    used = {each["url"] for _, each in FOUND if each["url"].startswith(BASE)}
    assert used == set(DEFINED)
    others = {each["url"] for _, each in FOUND} - used
    assert others == {"http://hl7.org/fhir/StructureDefinition/valueset-warning"}


def test_each_stands_in_the_element_that_its_definition_names() -> None:
    for path, each in FOUND:
        if each["url"] in DEFINED:
            element = path.replace("compose.exclude", "compose.include")  # FHIR defines the one by the other
            assert element in [context["expression"] for context in DEFINED[each["url"]]["context"]], each["url"]


def test_each_has_the_members_and_the_values_of_its_definition() -> None:
    for _, each in FOUND:
        if each["url"] in DEFINED:
            agrees(each, "Extension", elements(DEFINED[each["url"]]), each["url"])


def test_no_element_repeats_what_its_definition_allows_once() -> None:
    once = {url for url, each in DEFINED.items() if elements(each)["Extension"]["max"] == "1"}
    for resource in exported():
        for holder in holders(resource):
            counts = Counter(each["url"] for each in holder["extension"])
            assert all(counts[url] <= 1 for url in once), holder


def holders(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        for each in value:
            yield from holders(each)
    elif isinstance(value, dict):
        if "extension" in value:
            yield value
        for inner in value.values():
            yield from holders(inner)


def test_a_definition_constrains_the_extension_of_fhir() -> None:
    for each in DEFINED.values():
        assert (each["type"], each["kind"], each["derivation"]) == ("Extension", "complex-type", "constraint")
        ids = [element["id"] for element in each["differential"]["element"]]
        assert len(ids) == len(set(ids)) and ids[0] == "Extension"
