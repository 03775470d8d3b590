"""Which allergies to iron count (clinical page 4.7)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from cards.drugs.recognise import recognise as by_name
from cards.facts.chart import Allergy
from cards.facts.drugs import Amount, Product
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
        ({"code": FCM, "clinicalStatus": {"coding": [{"code": "inactive"}]}}, True),
        ({"code": FCM, "clinicalStatus": "resolved"}, True),
        ({"code": FCM, "status": "inactive"}, True),
        ({"code": SULFATE, "clinicalStatus": "resolved", "criticality": "high"}, True),
        ({"code": FCM, "verificationStatus": {"coding": [{"code": "refuted"}]}}, False),
        ({"code": FCM, "verificationStatus": "entered-in-error"}, False),
        ({"code": FCM, "status": "refuted"}, False),
        ({"substance": FCM, "status": "active"}, True),
        ({"code": {"text": "iron"}, "reaction": [{"substance": FCM}]}, True),
        ({"code": FCM, "patient": {"reference": "Patient/other"}}, False),
        ({"code": FCM, "resourceType": "Condition"}, False),
        ({"code": SULFATE}, True),
        ({"code": SULFATE, "criticality": "high"}, True),
        ({"code": {"text": "peanut"}}, False),
        ({}, False),
        ({"code": REACTION_TO_IRON}, False),
        ({"code": REACTION_TO_IRON, "criticality": "low"}, False),
        ({"code": REACTION_TO_IRON, "criticality": "high"}, True),
        ({"code": REACTION_TO_IRON, "criticality": "CRITH"}, True),
        ({"code": REACTION_TO_IRON, "criticality": "high", "clinicalStatus": "resolved"}, True),
        ({"code": REACTION_TO_IRON, "clinicalStatus": "resolved"}, False),
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


_STATUSES = ("active", "inactive", "resolved", "")


@pytest.mark.parametrize("clinical", _STATUSES)
@pytest.mark.parametrize("product", ["1433693", "1"])
@pytest.mark.parametrize(
    ("verification", "counts"),
    [
        ("confirmed", True),
        ("unconfirmed", True),
        ("presumed", True),
        ("", True),
        ("refuted", False),
        ("entered-in-error", False),
    ],
)
def test_only_an_entry_that_was_taken_back_does_not_count(
    clinical: str, verification: str, product: str, counts: bool
) -> None:
    """Clinical amendments 2, section 3.1: any entry to the product, not refuted and not entered in error."""
    said = {"clinicalStatus": clinical, "verificationStatus": verification}
    elements = {name: {"coding": [{"code": code}]} for name, code in said.items() if code}
    known = {"coding": [{"system": RXNORM, "code": product}]}
    assert bool(read(allergy(code=known, **elements))) is counts
    whole = read(allergy(code=known, verificationStatus="confirmed"))
    assert read(allergy(code=known, **elements)) == (whole if counts else ())


def test_a_reaction_to_a_tablet_of_iron_is_none_to_an_infusion() -> None:
    (found,) = read(allergy(code=SULFATE, criticality="high"))
    assert (found.concepts, found.ingredients) == (frozenset({"iron-oral"}), frozenset({"ferrous sulfate"}))


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


@pytest.mark.parametrize(
    "words",
    [
        "Eisen i.v.", "Eiseninfusion", "Eisenpräparate parenteral", "jern til injektion", "Fer injectable", "IV iron",
        "järn, parenterala preparat", "rauta laskimoon", "żelazo do podawania dożylnego", "hierro por vía intravenosa",
    ],
)  # fmt: skip
@pytest.mark.parametrize("local", [True, False])
def test_iron_by_vein_counts_in_other_words_however_severe_it_was(words: str, local: bool) -> None:
    code = {"coding": [{"system": "urn:x", "code": "A1", "display": words}]} if local else {"text": words}
    for elements in ({}, {"criticality": "high"}):
        (found,) = read_allergies([allergy(code=code, **elements)], patient_id="p", recognise=by_name)
        assert found.concepts == {"iron-iv"} and found.severe is bool(elements)


@pytest.mark.parametrize("words", ["Iron products", "Eisensalze", "järnpreparat", "preparaty żelaza", "sels de fer"])
def test_iron_of_no_named_product_in_other_words_counts_where_it_was_severe(words: str) -> None:
    for elements, counts in (({}, False), ({"criticality": "high"}, True)):
        found = read_allergies([allergy(code={"text": words}, **elements)], patient_id="p", recognise=by_name)
        assert [each.concepts for each in found] == ([frozenset({"iron-adverse-reaction"})] if counts else [])


@pytest.mark.parametrize(
    "words", ["Eisenmangel", "interferon injection", "peanut", "Ferritin", "i.v. contrast", "nickel"]
)
def test_an_allergen_that_is_no_iron_is_none_however_severe(words: str) -> None:
    anaphylaxis = {"reaction": [{"manifestation": [{"text": "Anaphylaxis"}]}]}
    assert read_allergies([allergy(code={"text": words}, **anaphylaxis)], patient_id="p", recognise=by_name) == ()


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
