"""Diagnoses and results whose codes tell nothing are counted by their system."""

from __future__ import annotations

from typing import Any

import pytest

from cards.fhir.bundles import Listed
from cards.fhir.local_codes import local_key
from cards.reading import Site
from cards.reading.untold import untold_codes

SNOMED = "http://snomed.info/sct"
NPU = "urn:oid:1.2.208.176.2.1"
GM = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
LOCAL = "urn:oid:1.2.3"


def coded(*codes: tuple[str, str], text: str = "") -> dict[str, Any]:
    found = {"coding": [{"system": system, "code": code} for system, code in codes]}
    return found | ({"text": text} if text else {})


def condition(*codes: tuple[str, str], **elements: Any) -> dict[str, Any]:
    return {"resourceType": "Condition", "code": coded(*codes), **elements}


def result(*codes: tuple[str, str], **elements: Any) -> dict[str, Any]:
    value = {"valueQuantity": {"value": 38, "unit": "ng/mL"}}
    return {"resourceType": "Observation", "code": coded(*codes), **value, **elements}


@pytest.mark.parametrize(
    ("resource", "system"),
    [
        (condition((SNOMED, "999999991")), SNOMED),
        (condition(("http://snomed.info/sct/731000124108", "999999991")), SNOMED),
        (condition((LOCAL, "D1")), LOCAL),
        (condition(("", "D1")), ""),
        (condition((GM, "Hypertonie")), GM),
        (condition((GM, "83.1")), GM),
        (condition(("http://hl7.org/fhir/sid/icd-10", "KJDF10")), "http://hl7.org/fhir/sid/icd-10"),
        (condition(("http://hl7.org/fhir/sid/icd-9-cm", "G25.81")), "http://hl7.org/fhir/sid/icd-9-cm"),
        (result((SNOMED, "489004")), SNOMED),
        (result((NPU, "NPU19763")), NPU),
    ],
)
def test_a_code_that_may_mean_anything_is_counted(resource: dict[str, Any], system: str) -> None:
    key = "conditions" if resource["resourceType"] == "Condition" else "labs"
    assert untold_codes({key: Listed((resource, dict(resource)))}) == {(key, system): 2}


@pytest.mark.parametrize(
    "resource",
    [
        condition((SNOMED, "32914008")),
        condition((SNOMED, "999999991"), ("http://hl7.org/fhir/sid/icd-10-cm", "I10")),
        condition(("http://hl7.org/fhir/sid/icd-10", "I10")),
        condition((GM, "I10.90 G")),
        condition((GM, "I10-")),
        condition(("http://hl7.org/fhir/sid/icd-10-cm", "S72.001A")),
        condition(("http://hl7.org/fhir/sid/icd-10", "i10"), (LOCAL, "D1")),
        condition(("http://hl7.org/fhir/sid/icd-9-cm", "401.9")),
        condition(("http://hl7.org/fhir/sid/icd-9-cm", "V45.11")),
        condition(("http://hl7.org/fhir/sid/icd-9-cm", "E933.1")),
        {"resourceType": "Condition", "code": {"text": "Hypertension"}},
        {"resourceType": "Practitioner", "code": coded((SNOMED, "999999991"))},
        condition((LOCAL, "MAPPED")),
    ],
)
def test_a_diagnosis_that_is_told_or_has_no_code_is_not_counted(resource: dict[str, Any]) -> None:
    site = Site(diagnosis_codes={local_key(LOCAL, "MAPPED"): frozenset({"rls"})})
    assert untold_codes({"conditions": Listed((resource,))}, site) == {}


@pytest.mark.parametrize(
    "resource",
    [
        result(("http://loinc.org", "2276-4")),
        result(("http://loinc.org", "9999-9"), (NPU, "NPU19763")),
        result((NPU, "NPU19763"), valueQuantity=None),
        result((LOCAL, "MAPPED")),
        {"resourceType": "DiagnosticReport", "code": coded((NPU, "NPU19763")), "valueString": "38"},
    ],
)
def test_a_result_that_is_told_or_has_no_value_is_not_counted(resource: dict[str, Any]) -> None:
    site = Site(local_codes={local_key(LOCAL, "MAPPED"): "lab-ferritin"})
    assert untold_codes({"labs": Listed((resource,))}, site) == {}


def test_the_components_of_a_panel_are_looked_at() -> None:
    panel = {"resourceType": "Observation", "code": coded((NPU, "NPU1")), "component": [result((NPU, "NPU19763"))]}
    assert untold_codes({"labs": Listed((panel,))}) == {("labs", NPU): 1}


def test_the_most_frequent_comes_first_and_lists_that_were_not_read_are_passed_over() -> None:
    found = untold_codes({"conditions": Listed((condition((LOCAL, "1")), *[condition((SNOMED, "999999991"))] * 2))})
    assert list(found.items()) == [(("conditions", SNOMED), 2), (("conditions", LOCAL), 1)]
    assert untold_codes({}) == {}


def test_as_frequent_systems_come_in_the_order_of_their_names() -> None:
    """A set of texts has another order in every process: neither findings nor a printed list may show it."""
    systems = [f"urn:oid:1.2.3.{number}" for number in range(9)]
    found = untold_codes({"conditions": Listed((condition(*((system, "D1") for system in reversed(systems))),))})
    assert list(found) == [("conditions", system) for system in systems]
