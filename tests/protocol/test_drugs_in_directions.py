"""A draft that names its drug in the directions alone is not one without a drug (contract section 5, item 1)."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.builders.service import SIGN, bundle, is_outcome
from tests.protocol.test_references import (
    IRON,
    RLS,
    codes,
    sign,
    signing,
    without_concept,
)

Resource = dict[str, Any]
LISINOPRIL = IRON | {"id": "d2", "medicationCodeableConcept": {"text": "lisinopril 10 mg tablet"}}
IN_DIRECTIONS: list[Resource] = [
    {"dosageInstruction": [{"text": "ferrous sulfate 325 mg daily"}]},
    {"dosageInstruction": {"text": "iron sucrose 200 mg IV"}},
    {"dosageInstruction": ["ferrous sulfate 325 mg daily"]},
    {"dosageInstruction": [{"text": "1 daily"}, {"patientInstruction": "take one ferrous sulfate tablet"}]},
    {"dosageInstruction": [{"additionalInstruction": [{"text": "ferrous sulfate 325 mg daily"}]}]},
    {"dosageInstruction": [{"additionalInstructions": {"coding": [{"display": "ferrous sulfate 325 mg"}]}}]},
    {"dosage": [{"text": "ferrous sulfate 325 mg daily"}]},
    {"renderedDosageInstruction": "ferrous sulfate 325 mg daily"},
]


@pytest.mark.parametrize("directions", IN_DIRECTIONS)
def test_a_drug_that_the_directions_alone_name_is_an_unknown_draft(http: FlaskClient, directions: Resource) -> None:
    """They do not order it; but a draft that orders nothing else is not one without a drug."""
    for named in ({}, {"medicationCodeableConcept": {}}, {"medicationReference": {}}):
        draft = without_concept(IRON) | named | directions
        is_outcome(http.post(SIGN, json=signing(bundle(draft))), 412)
        assert codes(sign(http, bundle(IRON, draft | {"id": "d2"}))) == ["OSIRONOVL", "NOTEVALUATED"]
        assert sign(http, bundle(draft), conditions=bundle()) == []
    assert sign(http, bundle(LISINOPRIL | directions)) == []
    taken = without_concept(IRON) | directions | {"status": "active", "id": "m1"}
    assert "NOTEVALUATED" in codes(sign(http, bundle(IRON), conditions=bundle(RLS), medications=bundle(taken)))


@pytest.mark.parametrize(
    "directions",
    [
        {},
        {"dosageInstruction": [{"text": "1 tablet daily"}]},
        {"dosageInstruction": [{"text": "lisinopril 10 mg daily"}]},
        {"dosageInstruction": [None, 5, {"text": 5}]},
    ],
)
def test_a_draft_without_a_drug_of_ours_in_its_directions_is_none(http: FlaskClient, directions: Resource) -> None:
    assert sign(http, bundle(without_concept(IRON) | directions)) == []
