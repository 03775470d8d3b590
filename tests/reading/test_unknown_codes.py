"""Codes of results, drugs and diagnoses that nothing maps, for whoever writes the map of local codes."""

from __future__ import annotations

from typing import Any

from cards.reading import unwrap
from cards.reading.unknown import unknown_codes

LOCAL = {"coding": [{"system": "urn:oid:1.2.3", "code": "X1"}]}


def listed(kind: str, **code: Any) -> dict[str, Any]:
    entry = {"resource": {"resourceType": kind, "id": "1", "subject": {"reference": "Patient/p"}, **code}}
    return {"resourceType": "Bundle", "type": "searchset", "entry": [entry]}


def test_a_local_code_is_told_once_for_each_kind_of_list() -> None:
    for name, bundle in (
        ("conditions", listed("Condition", code=LOCAL)),
        ("labs", listed("Observation", code=LOCAL, valueQuantity={"value": 1, "unit": "ng/mL"}, status="final")),
        ("medications", listed("MedicationRequest", medicationCodeableConcept=LOCAL)),
    ):
        assert unknown_codes({name: unwrap(bundle)}) == (("urn:oid:1.2.3", "X1"),), name


def test_what_only_stands_in_the_list_of_diagnoses_tells_no_code() -> None:
    assert unknown_codes({"conditions": unwrap(listed("Practitioner", code=LOCAL))}) == ()
