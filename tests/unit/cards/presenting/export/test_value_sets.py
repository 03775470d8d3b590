"""The value sets as a server without SNOMED CT or ICD expands them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

import pytest

from cards.knowledge.code_systems import plain_code
from cards.knowledge.valuesets import ConceptIndex, load_valueset, valueset_names
from tests.builders.knowledge import RELEASE, exported

BASE = "https://rls-cds.example.org"
SETS = {each["url"].rpartition("/")[2]: each for each in exported() if each["resourceType"] == "ValueSet"}


class NotExpandable(Exception):
    """Something that only a server with the code system can answer."""


def expand(value_set: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the codes of a set as a server finds them that has no code system: what is listed, and nothing else."""
    compose = value_set["compose"]
    excluded = set(_codes(compose.get("exclude", ())))
    return [code for code in _codes(compose["include"]) if code not in excluded]


def _codes(parts: Any) -> Iterator[tuple[str, str]]:
    for part in parts:
        if "filter" in part or not part.get("concept"):
            raise NotExpandable(part)
        yield from ((part["system"], each["code"]) for each in part["concept"])


def shipped(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((files("cards") / "valuesets" / f"{name}.json").read_text(encoding="utf-8"))
    return content


def roots(name: str) -> set[tuple[str, str]]:
    return {
        (part["system"], condition["value"])
        for part in shipped(name)["compose"]["include"]
        for condition in part.get("filter", ())
    }


def marked(name: str) -> set[tuple[str, str]]:
    return {
        (part["system"], concept["code"])
        for part in SETS[name]["compose"]["include"]
        for concept in part["concept"]
        for each in concept["extension"]
        if each == {"url": f"{BASE}/StructureDefinition/code-and-below", "valueBoolean": True}
    }


def test_every_set_is_there() -> None:
    assert tuple(sorted(SETS)) == valueset_names()


@pytest.mark.parametrize("name", valueset_names())
def test_a_set_expands_to_every_code_that_it_knows_by_name_each_once(name: str) -> None:
    codes = expand(SETS[name])
    known = load_valueset(name)
    index = ConceptIndex([known])
    expected = {(system, plain_code(system, code)) for system, code in (*known.codes, *known.categories)}
    expected = {(system, code) for system, code in expected if index.concepts_of(system, code)}
    assert codes
    assert len(codes) == len(set(codes))
    assert {(system, plain_code(system, code)) for system, code in codes} == expected
    assert all(index.concepts_of(system, code) == {name} for system, code in codes)


@pytest.mark.parametrize("name", valueset_names())
def test_beside_the_root_of_each_is_a_stands_its_code_and_the_whole_definition(name: str) -> None:
    made = SETS[name]
    assert marked(name) == {root for root in roots(name) if root in expand(made)}
    if not roots(name):
        assert "contained" not in made and "extension" not in made
        return
    (whole,) = made["contained"]
    warning, link = made["extension"]
    assert (link["url"], link["valueCanonical"]) == (
        f"{BASE}/StructureDefinition/with-descendants",
        f"#{whole['id']}",
    )
    assert warning["url"] == "http://hl7.org/fhir/StructureDefinition/valueset-warning"
    assert "what lies below is not listed" in warning["valueMarkdown"]
    listed, *below = whole["compose"]["include"]
    assert listed == {"valueSet": [f"{made['url']}|{RELEASE}"]}
    assert below == [part for part in shipped(name)["compose"]["include"] if "filter" in part]
    assert whole["compose"].get("exclude") == shipped(name)["compose"].get("exclude")
    with pytest.raises(NotExpandable):
        expand(whole)


def test_what_a_set_takes_out_is_not_listed() -> None:
    taken_out = {name for name in valueset_names() if "exclude" in shipped(name)["compose"]}
    assert taken_out
    for name in taken_out:
        assert "exclude" not in SETS[name]["compose"]
