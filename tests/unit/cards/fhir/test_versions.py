"""Detection of the FHIR version from the shape of a record, including unusual R4."""

from __future__ import annotations

from typing import Any

import pytest

from cards.fhir.versions import version_by_shape
from fhir_fixtures.loading import draft, draft_names, load_patients
from tests.builders.service import TODAY
from tests.builders.versions import VERSIONS, convert

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
def test_the_version_of_one_resource(resource: dict[str, Any], version: str | None) -> None:
    assert version_by_shape([resource]) == version


def test_the_majority_decides_and_r4_in_a_tie() -> None:
    r4, stu3 = CONDITION | {"clinicalStatus": ACTIVE}, CONDITION | {"clinicalStatus": "active"}
    assert version_by_shape([stu3, stu3, r4]) == "STU3"
    assert version_by_shape([stu3, r4]) == "R4"


def test_one_r5_resource_makes_a_compatible_record_r5() -> None:
    r5, open_to_both = DRUG | {"medication": {"concept": {}}}, CONDITION | {"clinicalStatus": ACTIVE}
    assert version_by_shape([open_to_both, open_to_both, r5]) == "R5"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_version_of_a_draft_alone(version: str) -> None:
    found = {name: version_by_shape([convert(draft(name, "p1", TODAY), version)]) for name in draft_names()}
    assert found == dict.fromkeys(draft_names(), version)


@pytest.mark.parametrize("version", ["DSTU2", "STU3", "R4"])
def test_the_version_of_every_chart(version: str) -> None:
    for patient in load_patients(TODAY):
        resources = [convert(each, version) for each in patient.resources()]
        assert version_by_shape(resources) == version, patient.slug
