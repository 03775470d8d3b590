"""`rls-cds valuesets expand` asks HAPI FHIR what lies below our SNOMED roots."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from cds_service.cli import main
from cds_service.fhir.terminology import PAGE
from cds_service.knowledge.expansions import read_expansion, rooted_sets
from tests.builders.command_line import runner
from tests.fakes.terminology_server import SNOMED, descendants
from tests.interop.hapi.records import post, store

pytestmark = pytest.mark.interop

Concept = dict[str, Any]

SETS = rooted_sets()


def named_roots(name: str) -> Iterator[str]:
    compose = json.loads((files("cards.valuesets") / f"{name}.json").read_text())["compose"]
    for part in (*compose["include"], *compose.get("exclude", ())):
        yield from (each["value"] for each in part.get("filter", ()) if part["system"] == SNOMED)


#: Every root of a set, and of what is taken out of one: HAPI refuses a set with a root that it does not know.
ROOTS = sorted({each for name in SETS for each in named_roots(name)})
#: The set of which one root has more below it than a page holds.
LONG = "copd"
#: Seconds until the server has all codes in its index, on a busy machine.
_INDEXED = 120


def below(root: str) -> list[str]:
    """Return made-up codes below a root."""
    return descendants(root, PAGE + 7 if root == SETS[LONG][0] else 3)


def code_system() -> Concept:
    """Return our roots with what lies below them, as if it were SNOMED CT, each under the one before."""
    taken = set(ROOTS)
    concepts = []
    for root in ROOTS:
        first, *rest = [{"code": code, "display": f"Below {root}"} for code in below(root) if code not in taken]
        taken |= {first["code"], *(each["code"] for each in rest)}
        concepts.append({"code": root, "display": root, "concept": [first | {"concept": rest}]})
    meant = {"status": "active", "content": "complete", "hierarchyMeaning": "is-a"}
    return {"resourceType": "CodeSystem", "id": "made-up-snomed", "url": SNOMED, **meant, "concept": concepts}


def is_indexed(base: str, root: str) -> bool:
    """Return whether the server finds all codes below a root; it stores most of them after it has answered."""
    condition = {"property": "concept", "op": "is-a", "value": root}
    compose = {"include": [{"system": SNOMED, "filter": [condition]}]}
    value_set = {"resourceType": "ValueSet", "status": "draft", "compose": compose}
    return int(post(f"{base}/ValueSet/$expand", value_set)["expansion"]["total"]) == len({root, *below(root)})


@pytest.mark.full
def test_every_set_is_expanded_to_its_end(spare: str, tmp_path: Path) -> None:
    store(f"{spare}/fhir", [code_system()])
    until = time.monotonic() + _INDEXED
    while not is_indexed(f"{spare}/fhir", SETS[LONG][0]) and time.monotonic() < until:
        pass
    out = tmp_path / "expansions.ndjson"
    asked = ["valuesets", "expand", "--server", f"{spare}/fhir", "--out", str(out)]
    result = runner().invoke(main, asked, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found, faults = read_expansion(out)
    assert (faults, set(found.sets), found.missing()) == ((), set(SETS), ())
    for name, roots in SETS.items():
        assert found.sets[name].codes >= {code for root in roots for code in (root, *below(root))}, name
    assert len(found.sets[LONG].codes) > PAGE
