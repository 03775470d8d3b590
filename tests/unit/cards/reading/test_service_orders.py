"""A drug that is ordered as a service is told from the laboratory tests that bear its name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from cards.drugs.medication import Medications
from cards.fhir.local_codes import local_key
from cards.reading.lab_orders import JUDGED, orders_a_drug
from cds_service.knowledge.load import national_rules
from tests.unit.cards.fhir.test_shapes import ANY_OBJECT

HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
ORDERS = [
    "Iron infusion (ferric carboxymaltose 1000 mg)",
    "Ferinject infusion",
    "Ferinject 1000 mg; measure ferritin after 8 weeks",
    "Iron infusion for low ferritin",
    "Low ferritin, iron infusion 1000 mg",
    "Low ferritin. Ferinject 1000 mg",
    "iron sucrose 200 mg IV",
    "Venofer with blood pressure monitoring",
    "Check blood pressure; Ferinject",
    "Iron dextran test dose 25 mg IV",
    "Eiseninfusion",
    "Ferrous sulfate 325 mg daily, recheck ferritin in 8 weeks",
    "Pramipexole 0.125 mg tablet",
    "Metoclopramide 10 mg IV",
    "Vitamin C infusion 25 g",
    "Vitamin D 50000 IU",
    "Referral for iron infusion",
]
TESTS = [
    "Iron and TIBC",
    "Iron",
    "Iron, serum",
    "Iron, Total, and Total Iron Binding Capacity",
    "Ferritin",
    "Serum iron",
    "Iron studies",
    "Iron panel",
    "Iron panel (8 weeks after IV iron)",
    "Ferritin 8 weeks after iron infusion",
    "CBC pre iron infusion",
    "Vitamin D, 25-hydroxy",
    "Vitamin D 25-OH level",
    "Vitamin D",
    "Vitamin B12",
    "Folate",
    "Folic acid, RBC",
    "Magnesium",
    "Magnesium, 24h urine",
    "Gabapentin level",
    "Pregabalin, plasma",
    "Vitamin B6",
    "Ferritin, TSAT before iron infusion",
    "Iron deficiency anaemia workup",
    "Eisen i.S.",
    "Ferritin, Eisen, Transferrin",
    "Eisen im Serum",
    "Eisenspiegel",
    "Capsule endoscopy for iron deficiency",
    "Fer sérique",
    "Dosage du fer",
    "S-Järn",
    "P-Järn",
    "Jern;P",
    "Hierro sérico",
    "Iron 24 hr urine",
    "Levodopa challenge test",
    "MRI brain",
    "Haloperidol level",
    "Vitamin D level in patient on 1000 IU",
    "Iron absorption test after 100 mg ferrous sulfate",
    "Iron liver MRI",
    "Patient education about iron infusion",
    "Lithium level",
    "Vitamin C, plasma",
]


def is_drug(**service: Any) -> bool:
    return orders_a_drug({"resourceType": "ServiceRequest", **service}, Medications())


@pytest.mark.parametrize("words", ORDERS)
def test_a_drug_with_its_route_form_or_strength_is_an_order_of_it(words: str) -> None:
    local = {"coding": [{"system": "urn:x", "code": "1", "display": words}]}
    for service in ({"code": {"text": words}}, {"code": local}, {"code": {"concept": {"text": words}}}):
        assert is_drug(**service)
    assert is_drug(code={"text": "Infusion therapy"}, orderDetail=[{"text": words}])
    assert is_drug(item=[{"code": {"text": words}}])


@pytest.mark.parametrize("words", TESTS)
def test_a_test_that_bears_the_name_of_a_drug_is_none(words: str) -> None:
    for said in (words, words.upper(), f"{words} (stat)"):
        assert not is_drug(code={"text": said})


@given(
    analyte=some.sampled_from(
        ["Iron", "Ferritin", "Magnesium", "Vitamin B12", "Vitamin D", "Folate", "Gabapentin", "Eisen", "Fer", "Järn"]
    ),
    measured=some.sampled_from(
        ["", ", serum", ", plasma", " level", " in serum or plasma", " and TIBC", " panel", " [Mass/volume]", "spiegel",
         " i.S.", ", RBC", " 24h urine", " (fasting)", ", total"]
    ),
    before=some.sampled_from(["", "S-", "P-", "Serum ", "Lab: ", "LAB "]),
)  # fmt: skip
def test_a_name_of_an_analyte_orders_no_drug(analyte: str, measured: str, before: str) -> None:
    assert not is_drug(code={"text": f"{before}{analyte}{measured}"})
    assert not is_drug(code={"coding": [{"system": "http://loinc.org", "code": "1-1"}], "text": f"{analyte} 100 mg"})


def test_a_code_of_a_drug_orders_it_and_a_code_or_kind_of_the_laboratory_does_not() -> None:
    iron = {"coding": [{"system": HCPCS, "code": "J1439"}]}
    mixed = {"coding": [*iron["coding"], {"system": "http://loinc.org", "code": "2276-4"}]}
    assert is_drug(code=iron) and not is_drug(code=mixed)
    words = {"text": "Iron infusion"}
    assert is_drug(code=words) and not is_drug(code=words, category=[{"text": "Laboratory"}])
    assert not is_drug(code=words, category=[{"coding": [{"code": "108252007"}]}])
    own = {"coding": [{"system": "urn:x", "code": "F"}], "text": "Iron infusion"}
    assert not orders_a_drug({"code": own}, Medications(), {local_key("urn:x", "F"): frozenset({"ferritin"})})


@pytest.mark.parametrize("words", ["warfarin 5 mg tablet", "omeprazole 20 mg", "lisinopril 10 mg tablet", "Dialysis"])
def test_a_drug_that_no_decision_judges_is_none(words: str) -> None:
    assert not is_drug(code={"text": words})


def test_the_drugs_are_those_that_the_decisions_judge() -> None:
    assert {each for name in national_rules().decisions.values() for each in name.judges.drugs} == JUDGED


@pytest.mark.slow
@given(ANY_OBJECT)
def test_no_json_makes_the_reader_fail(elements: dict[str, Any]) -> None:
    is_drug(code=elements, orderDetail=[elements], category=elements, item=elements)
    orders_a_drug(elements, Medications())
