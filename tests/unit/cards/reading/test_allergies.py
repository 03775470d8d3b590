"""Which allergies to iron count (clinical page 4.7)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from cards.drugs.recognise import recognise as by_name
from cards.facts.chart import Allergy, Amount, Product
from cards.fhir.json_values import Json, codings
from cards.reading.allergies import read_allergies
from tests.unit.cards.fhir.test_shapes import ANY_OBJECT

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SNOMED = "http://snomed.info/sct"
FCM = {"coding": [{"system": RXNORM, "code": "1433693"}]}
SULFATE = {"coding": [{"system": RXNORM, "code": "24947"}]}
REACTION_TO_IRON = {"coding": [{"system": SNOMED, "code": "293354007"}]}

PRODUCTS = {
    "1433693": Product((Amount("ferric carboxymaltose"),), frozenset({"iron-iv"}), "ferric carboxymaltose"),
    "1": Product((Amount("gabapentin"),), frozenset({"gabapentinoid"}), "gabapentin"),
    "24947": Product((Amount("ferrous sulfate"),), frozenset({"iron-oral"}), "ferrous sulfate"),
}


def recognise(concept: Json) -> Product | None:
    return next((PRODUCTS[code] for _, code in codings(concept) if code in PRODUCTS), None)


def allergy(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "AllergyIntolerance", "id": "1", "patient": {"reference": "Patient/p"}, **elements}


def read(*resources: Any) -> tuple[Allergy, ...]:
    return read_allergies(resources, patient_id="p", recognise=recognise)


@pytest.mark.parametrize(
    ("elements", "counts"),
    [
        ({"code": FCM}, True),
        ({"code": FCM, "clinicalStatus": {"coding": [{"code": "active"}]}}, True),
        ({"code": FCM, "verificationStatus": {"coding": [{"code": "unconfirmed"}]}}, True),
        ({"code": FCM, "clinicalStatus": {"coding": [{"code": "inactive"}]}}, False),
        ({"code": FCM, "clinicalStatus": "resolved"}, False),
        ({"code": FCM, "verificationStatus": {"coding": [{"code": "refuted"}]}}, False),
        ({"code": FCM, "verificationStatus": "entered-in-error"}, False),
        ({"code": FCM, "status": "refuted"}, False),
        ({"substance": FCM, "status": "active"}, True),
        ({"code": {"text": "iron"}, "reaction": [{"substance": FCM}]}, True),
        ({"code": FCM, "patient": {"reference": "Patient/other"}}, False),
        ({"code": FCM, "resourceType": "Condition"}, False),
        ({"code": SULFATE}, False),
        ({"code": SULFATE, "criticality": "high"}, False),
        ({"code": {"text": "peanut"}}, False),
        ({}, False),
        ({"code": REACTION_TO_IRON}, False),
        ({"code": REACTION_TO_IRON, "criticality": "low"}, False),
        ({"code": REACTION_TO_IRON, "criticality": "high"}, True),
        ({"code": REACTION_TO_IRON, "criticality": "CRITH"}, True),
        (
            {
                "code": REACTION_TO_IRON,
                "reaction": [{"manifestation": [{"coding": [{"system": SNOMED, "code": "39579001"}]}]}],
            },
            True,
        ),
        ({"code": REACTION_TO_IRON, "reaction": [{"manifestation": [{"text": "Anaphylactic shock"}]}]}, True),
        ({"code": REACTION_TO_IRON, "reaction": [{"manifestation": [{"text": "Nausea"}]}]}, False),
    ],
)
def test_which_allergies_count(elements: dict[str, Any], counts: bool) -> None:
    assert bool(read(allergy(**elements))) is counts


def test_an_allergy_to_a_product_names_its_ingredient_and_how_severe_it_was() -> None:
    (mild,) = read(allergy(code=FCM))
    assert mild == Allergy(frozenset({"iron-iv"}), frozenset({"ferric carboxymaltose"}), False, "AllergyIntolerance/1")
    (severe,) = read(allergy(code=FCM, criticality="high"))
    assert severe.severe


@pytest.mark.parametrize(
    ("elements", "counts"),
    [
        ({"criticality": "high"}, True),
        ({"reaction": [{"manifestation": [{"text": "Anaphylaxis"}]}]}, True),
        ({"criticality": "low"}, False),
        ({}, False),
    ],
)
def test_iron_of_no_named_product_counts_where_it_was_severe(elements: dict[str, Any], counts: bool) -> None:
    found = read_allergies([allergy(code={"text": "Iron"}, **elements)], patient_id="p", recognise=by_name)
    assert [each.concepts for each in found] == ([frozenset({"iron-adverse-reaction"})] if counts else [])


@pytest.mark.slow
@given(ANY_OBJECT)
def test_no_json_makes_the_reader_fail(elements: dict[str, Any]) -> None:
    read(allergy() | elements, elements, None, allergy(code=elements, reaction=[elements], criticality=elements))


def test_a_reaction_to_a_gabapentinoid_counts_by_its_ingredient_however_severe() -> None:
    gabapentin = {"coding": [{"system": RXNORM, "code": "1"}]}
    (found,) = read(allergy(code=gabapentin))
    assert (found.concepts, found.ingredients) == (frozenset({"gabapentinoid"}), frozenset({"gabapentin"}))
    assert read(allergy(code=gabapentin, verificationStatus="refuted")) == ()


def test_gabapentin_and_pregabalin_are_known_by_name() -> None:
    for name in ("gabapentin", "pregabalin", "Neurontin"):
        (found,) = read_allergies([allergy(code={"text": name})], patient_id="p", recognise=by_name)
        assert found.concepts == {"gabapentinoid"}
