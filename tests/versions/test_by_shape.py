"""The version of a record told by its shape: what tells, what does not, and what odd R4 must not be taken for."""

from __future__ import annotations

from typing import Any

import pytest

from cards.reading.versions import version_by_shape
from fhir_fixtures.loading import draft, draft_names, load_patients
from tests.http.build import TODAY
from tests.versions.convert import VERSIONS, convert

CONDITION = {"resourceType": "Condition", "subject": {"reference": "Patient/1"}}
ACTIVE = {"coding": [{"code": "active"}]}
DRUG = {"resourceType": "MedicationRequest"}


@pytest.mark.parametrize(
    ("resource", "version"),
    [
        ({}, None),
        ({"resourceType": "Patient"}, None),
        (CONDITION, None),
        (CONDITION | {"clinicalStatus": ACTIVE}, "R4"),
        (CONDITION | {"clinicalStatus": "active"}, "STU3"),
        ({"resourceType": "Condition", "patient": {}, "clinicalStatus": "active"}, "DSTU2"),
        (CONDITION | {"dateRecorded": "2026-01-01"}, "DSTU2"),
        (CONDITION | {"category": {"coding": []}}, "DSTU2"),
        ({"resourceType": "AllergyIntolerance", "substance": {}}, "DSTU2"),
        ({"resourceType": "AllergyIntolerance", "clinicalStatus": "active"}, "STU3"),
        ({"resourceType": "MedicationOrder"}, "DSTU2"),
        ({"resourceType": "DiagnosticOrder"}, "DSTU2"),
        ({"resourceType": "ProcedureRequest"}, "DSTU2"),
        ({"resourceType": "ProcedureRequest", "intent": "order"}, "STU3"),
        ({"resourceType": "ServiceRequest", "code": {"coding": []}}, "R4"),
        ({"resourceType": "ServiceRequest", "code": {"concept": {}}}, "R5"),
        (DRUG, None),
        (DRUG | {"medication": {"concept": {}}}, "R5"),
        (DRUG | {"dosageInstruction": [{"doseAndRate": []}]}, "R4"),
        (DRUG | {"dosageInstruction": [{"doseQuantity": {}}]}, "STU3"),
        (DRUG | {"context": {}}, "STU3"),
        (DRUG | {"category": {}, "reasonCode": {}}, None),  # objects where R4 has lists, as the public sandbox sends
        ({"resourceType": "Observation", "comments": ""}, "DSTU2"),
        ({"resourceType": "Observation", "comment": ""}, "STU3"),
        ({"resourceType": "Observation"}, None),
        ({"resourceType": ["Condition"], "clinicalStatus": "active"}, None),
        ({"resourceType": "ServiceRequest", "code": 5}, "R4"),
    ],
)
def test_one_resource(resource: dict[str, Any], version: str | None) -> None:
    assert version_by_shape([resource]) == version


def test_most_of_the_resources_decide_and_r4_where_it_is_a_tie() -> None:
    r4, stu3 = CONDITION | {"clinicalStatus": ACTIVE}, CONDITION | {"clinicalStatus": "active"}
    assert version_by_shape([stu3, stu3, r4]) == "STU3"
    assert version_by_shape([stu3, r4]) == "R4"


def test_one_record_of_r5_makes_what_is_r4_or_later_r5() -> None:
    r5, open_to_both = DRUG | {"medication": {"concept": {}}}, CONDITION | {"clinicalStatus": ACTIVE}
    assert version_by_shape([open_to_both, open_to_both, r5]) == "R5"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", draft_names())
def test_a_draft_alone_tells_or_leaves_it_open(name: str, version: str) -> None:
    found = version_by_shape([convert(draft(name, "p1", TODAY), version)])
    assert found == version


@pytest.mark.parametrize("version", ["DSTU2", "STU3", "R4"])
def test_every_chart_tells(version: str) -> None:
    for patient in load_patients(TODAY):
        resources = [convert(each, version) for each in patient.resources()]
        assert version_by_shape(resources) == version, patient.slug
