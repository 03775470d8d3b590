"""Drafts of any shape: the update of one, and the report on what is invalid in it, are made or not, and never fail."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from cards.presenting.draft_update import drafts_as_written, revise_draft
from cds_service.offline.validation import invalid_resources
from fhir_fixtures.loading import draft, draft_names
from tests.builders.service import TODAY
from tests.protocol.totality.odd_values import dumps
from tests.protocol.totality.places import Body, leaves
from tests.protocol.totality.structure_aware import odd

IRON = [name for name in draft_names() if "ferrous" in name or "iron" in name]
#: What may stand in place of an object or a list.
SHAPES = (
    None, True, 1, 1.5, "x", "", [], {}, [None], [[]], [{}], {"resourceType": "null"}, {"resourceType": 5},
    {"resourceType": None}, {"resourceType": ["Patient"]}, {"resourceType": "Medication", "code": {"coding": [5]}},
    {"extension": [{"url": "x", "valueX": 1}]}, {"reference": 5}, {"_x": 1},
)  # fmt: skip
MEMBERS = (
    *("contained", "extension", "modifierExtension", "resourceType", "id", "meta", "text", "reasonReference", "note"),
    *("identifier", "_authoredOn", "dosageInstruction", "dispenseRequest", "coding", "model_config", "__class__"),
)


def misshapen(number: int) -> Body:
    """The draft of this number: a shipped one with one to three values or shapes replaced."""
    rng = random.Random(number)  # noqa: S311 - a test's choice
    made = draft(rng.choice(IRON), "p", TODAY)
    for _ in range(rng.choice((1, 1, 2, 3))):
        way = rng.choice(("value", "shape", "member"))
        if way == "value":
            holder, key = rng.choice(list(leaves(made)))
            holder[key] = odd(rng, holder[key])
        elif way == "shape":
            holder = _somewhere(rng, made)
            holder[rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))] = _shape(rng)
        else:
            made[rng.choice(MEMBERS)] = rng.choice((_shape(rng), [_shape(rng)]))
    return made


def _shape(rng: random.Random) -> Any:
    return copy.deepcopy(rng.choice(SHAPES))


def _somewhere(rng: random.Random, value: Any) -> Any:
    """An object or a list inside that is not empty, the draft itself among them."""
    for _ in range(rng.randint(0, 5)):
        held = value.values() if isinstance(value, dict) else value
        inner = [each for each in held if isinstance(each, dict | list) and each]
        if not inner:
            break
        value = rng.choice(inner)
    return value


def revised(number: int) -> int:
    """In how many versions of FHIR the draft of this number can be revised."""
    made = misshapen(number)
    raw = dumps({"context": {"draftOrders": {"entry": [{"resource": made}]}}})
    named = f"{made.get('resourceType')}/{made.get('id')}"
    versions = ("R4", "R5", "STU3")
    return sum(
        revise_draft(drafts_as_written(raw), named, "alternate-days", "iron", version) is not None
        for version in versions
    )


def test_no_shape_of_a_draft_makes_its_update_fail() -> None:
    found = [revised(number) for number in range(600)]
    assert 600 < sum(found) < 3 * len(found)


@pytest.mark.full
def test_no_shape_of_thousands_of_drafts_makes_an_update_fail() -> None:
    assert sum(map(revised, range(20_000))) > 20_000


def test_no_shape_of_a_resource_makes_its_report_fail() -> None:
    assert all(isinstance(fault, str) for number in range(300) for fault in invalid_resources([misshapen(number)]))


@pytest.mark.parametrize("contained", [{"resourceType": "null"}, {"resourceType": 5}, {"resourceType": ["Patient"]}])
def test_a_contained_resource_of_no_type_is_invalid_and_handed_back(contained: Body) -> None:
    made = draft("ferrous-sulfate-325-three-times-daily", "p", TODAY) | {"contained": [contained]}
    raw = dumps({"context": {"draftOrders": {"entry": [{"resource": made}]}}})
    action = revise_draft(drafts_as_written(raw), f"MedicationRequest/{made['id']}", "alternate-days", "iron", "R4")
    assert action is not None and action.resource is not None
    assert invalid_resources([made])


def test_twenty_faults_of_a_file_are_named_and_the_rest_counted() -> None:
    faults = invalid_resources([{"resourceType": "Nothing"}] * 25)
    assert len(faults) == 21 and faults[-1] == "5 further faults"
