"""Codes of results, drugs and diagnoses that nothing maps, for whoever writes the map of local codes."""

from __future__ import annotations

from typing import Any

from cards.fhir.bundles import Listed, unwrap
from cards.fhir.local_codes import local_key
from cards.reading import Site
from cards.reading.unknown import UntoldDrugs, unknown_codes, untold_drugs

LOCAL = {"coding": [{"system": "urn:oid:1.2.3", "code": "X1"}]}


def listed(kind: str, **code: Any) -> dict[str, Any]:
    entry = {"resource": {"resourceType": kind, "id": "1", "subject": {"reference": "Patient/p"}, **code}}
    return {"resourceType": "Bundle", "type": "searchset", "entry": [entry]}


def test_a_local_code_is_told_once_for_each_kind_of_list() -> None:
    for name, bundle in (
        ("conditions", listed("Condition", code=LOCAL)),
        ("labs", listed("Observation", code=LOCAL, valueQuantity={"value": 1, "unit": "ng/mL"}, status="final")),
        ("medications", listed("MedicationRequest", medicationCodeableConcept=LOCAL)),
        ("allergies", listed("AllergyIntolerance", code=LOCAL)),
        ("allergies", listed("AllergyIntolerance", substance=LOCAL)),
    ):
        assert unknown_codes({name: unwrap(bundle)}) == (("urn:oid:1.2.3", "X1"),), name


def test_what_only_stands_in_the_list_of_diagnoses_tells_no_code() -> None:
    assert unknown_codes({"conditions": unwrap(listed("Practitioner", code=LOCAL))}) == ()


def test_an_allergen_is_told_by_its_words_by_a_public_code_or_by_the_map_of_the_site() -> None:
    worded = {"coding": [{"system": "urn:oid:1.2.3", "code": "X1", "display": "Peanut"}]}
    public = {"coding": [{"system": "http://snomed.info/sct", "code": "1"}]}
    for code in (worded, public, {"text": "Peanut"}, None):
        assert unknown_codes({"allergies": unwrap(listed("AllergyIntolerance", code=code))}) == ()
    site = Site(allergy_codes={local_key("urn:oid:1.2.3", "X1"): "1433693"})
    assert unknown_codes({"allergies": unwrap(listed("AllergyIntolerance", code=LOCAL))}, site) == ()


NDC = "http://hl7.org/fhir/sid/ndc"


def order(**drug: Any) -> dict[str, Any]:
    return {"resourceType": "MedicationRequest", "id": "1", **drug}


def test_of_a_drug_public_codes_count_too_and_names_only_as_numbers() -> None:
    drugs = [
        order(medicationCodeableConcept={"coding": [{"system": NDC, "code": "0517-0650-01"}]}),
        order(medicationCodeableConcept={"coding": [{"system": NDC, "code": "1"}], "text": "Xqwprazine"}),
        order(medicationCodeableConcept={"coding": [{"system": "urn:x", "code": "Xqwprazine"}]}),
        order(medicationReference={"reference": "Medication/nowhere"}),
        order(medicationCodeableConcept={"coding": [{"system": NDC, "code": "2"}], "text": "lisinopril"}),
        order(medicationCodeableConcept={"text": "sertraline"}),
        order(),
    ]
    assert untold_drugs(drugs) == UntoldDrugs(drugs=4, codes={NDC: 2}, names=2)
    listing = {"medications": unwrap({"resourceType": "Bundle", "entry": [{"resource": each} for each in drugs]})}
    assert unknown_codes(listing) == ((NDC, "0517-0650-01"), (NDC, "1"))


def test_an_identifier_is_never_told_as_a_code() -> None:
    drugs = [order(medicationReference={"identifier": {"system": "urn:patients", "value": "4711"}})]
    assert untold_drugs(drugs) == UntoldDrugs(drugs=1)


def test_a_code_of_an_ingredient_that_is_referred_to_is_counted() -> None:
    held = {"resourceType": "Medication", "id": "m", "ingredient": [{"itemReference": {"reference": "Substance/s"}}]}
    substance = {"resourceType": "Substance", "id": "s", "code": {"coding": [{"system": NDC, "code": "3"}]}}
    drugs = [order(medicationReference={"reference": "Medication/m"})]
    assert untold_drugs(drugs, at_hand=[Listed((held, substance))]) == UntoldDrugs(drugs=1, codes={NDC: 1})
