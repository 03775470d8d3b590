"""Codes, identifiers and references that tell a drug, and those that do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cards.drugs.medication import MOST_INGREDIENTS, is_out_of_reach, product_of
from cards.drugs.telling import Telling, is_another_code, telling_of
from cards.fhir.references import resolver
from cards.knowledge.code_systems import ATC, NDC, RXNORM, SNOMED

#: Every address by which records name the ATC index.
ATC_ADDRESSES = (
    ATC,
    "https://www.whocc.no/atc",
    "http://www.whocc.no/atc_ddd_index",
    "http://www.whocc.no/atc_ddd_index/",
    "https://www.whocc.no/atc_ddd_index",
    "https://atcddd.fhi.no/atc_ddd_index/",
    "http://www.who.int/classifications/atc",
    "urn:oid:2.16.840.1.113883.6.73",
    "http://fhir.de/CodeSystem/bfarm/atc",
    "http://fhir.de/CodeSystem/dimdi/atc",
    "urn:oid:1.2.246.537.6.32",
    "urn:oid:1.2.246.537.6.32.2007",
    "urn:oid:2.16.578.1.12.4.1.1.7180",
    "urn:oid:1.2.752.129.2.2.3.1.1",
    "ATC",
)


def coded(system: str, code: str, **more: Any) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, **more}]}


@pytest.mark.parametrize("system", ATC_ADDRESSES)
def test_atc_goes_by_every_address_that_is_used_for_it(system: str) -> None:
    assert telling_of(coded(system, "C09AA03")) is Telling.TOLD
    product = product_of({"medicationCodeableConcept": coded(system, "N06AB06")}, resolver([]))
    assert product is not None and product.name == "sertraline"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("C09AA03", True),  # lisinopril
        ("c09aa03", True),
        ("C09", True),
        ("L02", True),
        ("C", False),  # methyldopa is in it
        ("N06AX05", True),  # trazodone, in a group of ours
        ("N06AX99", False),  # new in a group of ours
        ("A10BD02", False),  # with metformin
        ("A11AA03", False),  # multivitamins with minerals
        ("B03", False),
        ("N", False),
        ("C09AA03X", False),
        ("", False),
    ],
)
def test_which_atc_codes_are_of_another_drug(code: str, told: bool) -> None:
    assert is_another_code(ATC, code) is told


@pytest.mark.parametrize(
    "concept",
    [
        coded(NDC, "0517-0650-01"),
        coded("https://dmd.nhs.uk", "322236009"),
        coded(SNOMED, "1189721000"),
        coded("http://fhir.de/CodeSystem/ifa/pzn", "00427833"),
        coded("urn:oid:2.16.840.1.113883.2.4.4.10", "42293"),
        coded(RXNORM, "99999999"),
        coded("", "17"),
        coded("http://terminology.hl7.org/CodeSystem/data-absent-reason", "masked"),
        coded("http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips", "no-medication-info"),
        {"text": "Xqwprazine"},
        coded("urn:x", "Xqwprazine"),
    ],
)
def test_a_code_that_no_table_knows_is_not_told_without_words(concept: dict[str, Any]) -> None:
    assert telling_of(concept) is Telling.UNKNOWN
    assert is_out_of_reach({"medicationCodeableConcept": concept}, resolver([]))


@pytest.mark.parametrize(
    "concept",
    [
        coded("http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips", "no-known-medications"),
        coded(SNOMED, "787481004"),
        {"text": "No known medications"},
        {"text": "No known current medicines"},
    ],
)
def test_that_nothing_is_taken_names_no_drug(concept: Any) -> None:
    assert telling_of(concept) is Telling.NONE
    assert not is_out_of_reach({"medicationCodeableConcept": concept}, resolver([]))


@pytest.mark.parametrize("concept", [None, {}, {"coding": [{}]}, {"coding": [{"system": "", "code": " "}]}])
def test_what_names_nothing_is_blank(concept: Any) -> None:
    assert telling_of(concept) is Telling.BLANK
    assert not is_out_of_reach({"medicationCodeableConcept": concept}, resolver([]))


@pytest.mark.parametrize(
    "order",
    [
        {"medicationCodeableConcept": coded("http://example.org/mimic-medication-name", "Ferrous Sulfate")},
        {"medicationReference": {"identifier": {"value": "Ferrous Sulfate 325 mg"}}},
        {"medicationReference": {"identifier": {"system": RXNORM, "value": "24947"}}},
        {"medication": {"reference": {"identifier": {"value": "Ferrous Sulfate 325 mg"}}}},
        {"medicationReference": {"reference": "Medication/named"}},
        {"medicationReference": {"reference": "Medication/made"}},
    ],
)
def test_a_name_in_a_code_or_an_identifier_and_an_ingredient_by_reference_are_read(order: dict[str, Any]) -> None:
    held = [
        {"resourceType": "Medication", "id": "named", "identifier": [{"value": "0517"}, {"value": "Ferrous Sulfate"}]},
        {
            "resourceType": "Medication",
            "id": "made",
            "ingredient": [{"itemReference": {"reference": "Medication/salt"}}],
        },
        {"resourceType": "Medication", "id": "salt", "code": coded(RXNORM, "24947")},
    ]
    product = product_of(order, resolver(held))
    assert product is not None and product.ingredient_names() == {"ferrous sulfate"}
    assert not is_out_of_reach(order, resolver(held))


@pytest.mark.parametrize(
    ("medication", "told"),
    [
        ({"code": {"text": "lisinopril"}}, True),
        ({"ingredient": [{"itemCodeableConcept": {"text": "lisinopril"}}]}, True),
        ({"ingredient": [{"itemCodeableConcept": {"text": "lisinopril"}},
                         {"itemCodeableConcept": coded(SNOMED, "1189721000")}]}, False),
        ({"ingredient": [{"itemCodeableConcept": {"text": "lisinopril"}},
                         {"itemCodeableConcept": coded(SNOMED, "1189721000"), "isActive": False}]}, True),
        ({"identifier": [{"value": "4711"}]}, False),
        ({"form": {"text": "tablet"}}, False),
        ({"code": coded(SNOMED, "787481004")}, True),
        ({"code": coded(NDC, "0517-0650-01"), "ingredient": [{"itemCodeableConcept": {"text": "lisinopril"}}]}, True),
    ],
)  # fmt: skip
def test_a_medication_is_told_by_its_code_or_by_every_active_ingredient(medication: dict[str, Any], told: bool) -> None:
    order = {"medicationReference": {"reference": "Medication/m"}}
    held = resolver([{"resourceType": "Medication", "id": "m", **medication}])
    assert is_out_of_reach(order, held) is not told


def test_an_order_that_names_its_drug_twice_is_told_by_either() -> None:
    order = {"medicationCodeableConcept": coded(NDC, "1"), "medicationReference": {"display": "lisinopril"}}
    assert not is_out_of_reach(order, resolver([]))


@pytest.mark.parametrize("count", [MOST_INGREDIENTS, MOST_INGREDIENTS + 1])
def test_a_medication_of_more_ingredients_than_anybody_makes_is_not_told(count: int) -> None:
    order = {"medicationReference": {"reference": "Medication/m"}}
    inside = [{"itemCodeableConcept": {"text": "ferrous sulfate"}}] * count
    held = resolver([{"resourceType": "Medication", "id": "m", "ingredient": inside}])
    assert is_out_of_reach(order, held) is (count > MOST_INGREDIENTS)
    assert bool(product_of(order, held)) is (count <= MOST_INGREDIENTS)


@pytest.mark.slow
def test_every_public_name_of_a_drug_is_told(shared: Path) -> None:
    names = [row["display"] for row in json.loads((shared / "data/rxnorm-prescribables.json").read_text())]
    untold = [name for name in names if telling_of({"text": name}) is not Telling.TOLD]
    assert len(names) > 10_000 and not untold
