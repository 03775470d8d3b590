"""A drug that a service or a procedure only speaks of is neither ordered nor given."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.cards.reading.test_infusions import NAMED, infusions, procedure
from tests.unit.cards.reading.test_service_orders import is_drug

SNOMED, CPT = "http://snomed.info/sct", "http://www.ama-assn.org/go/cpt"
MENTIONED = [
    "Patient takes gabapentin 300 mg at night",
    "Psychotherapy; on citalopram 20 mg",
    "EKG; on quetiapine 25 mg",
    "EKG on quetiapine 25 mg",
    "on ferrous sulfate 325 mg",
    "Drug screen: gabapentin 300 mg",
    "Referral to hematology: IV iron",
    "Prior auth iron infusion",
    "Prior authorization Injectafer",
    "Allergy consult - Injectafer reaction",
    "Iron infusion follow-up visit",
    "Patient education: oral iron tablets",
    "Patient asks about iron tablets 325 mg",
    "Reschedule iron infusion",
    "Oral iron absorption test",
    "Vitamin B6 (pyridoxine) 100 mg level",
    "Gabapentin 300 mg capsule assay",
    "Ferinject infusion monitoring",
    "Überweisung an Hämatologie: Eiseninfusion",
    "EKG unter Quetiapin 25 mg",
    "Schulung: Eisentabletten 100 mg",
    "ECG sous quétiapine 25 mg",
    "Uppföljning efter Ferinject",
]
ORDERED = [
    "Start patient on gabapentin 300 mg",
    "Continue taking ferrous sulfate 325 mg daily",
    "On oral iron, start iron infusion 1000 mg",
    "Reaction to oral iron: Ferinject 500 mg",
    "Patient to receive Ferinject 1000 mg",
    "Ferinject 1000 mg follow up in 8 weeks",
    "Ferinject 1000 mg, prior authorization obtained",
    "Ferinject 1000 mg; patient education done",
    "Iron infusion with monitoring for reaction",
    "Vitamin D 50000 IU, check level after 8 weeks",
    "Vitamin D 50000 IU until level is normal",
    "Referral: iron infusion",
    "Referral to infusion center: Ferinject 1000 mg",
    "Diagnosis: iron deficiency: Ferinject 1000 mg",
    "Infusion: Venofer 200 mg",
    "On Monday Ferinject 1000 mg",
    "Eiseninfusion mit Nachsorge",
    "Premedication for infusion reaction: promethazine 25 mg IV",
    "Patient on hemodialysis: iron sucrose 100 mg IV each session",
    "Patient on dialysis iron sucrose 100 mg",
    "Evaluation of anemia and iron infusion",
    "Follow up visit with iron infusion",
    "Prior authorization approved: Ferinject 1000 mg",
    "Iron infusion prior auth approved",
    "Iron infusion clinic visit",
    "Per hematology consult: iron infusion",
    "Referral to hematology: Ferinject 1000 mg",
]


@pytest.mark.parametrize("words", MENTIONED)
def test_a_drug_that_a_service_only_speaks_of_is_not_ordered(words: str) -> None:
    assert not is_drug(code={"text": words})
    assert not is_drug(code={"text": "Ferritin"}, orderDetail=[{"text": words}])


@pytest.mark.parametrize("words", ORDERED)
def test_a_drug_that_is_ordered_beside_such_words_stays_an_order(words: str) -> None:
    assert is_drug(code={"text": words})
    assert is_drug(code={"text": "Infusion therapy"}, orderDetail=[{"text": words}])


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ("Patient takes gabapentin 300 mg at night", False),
        ("RLS, poor sleep despite nightly gabapentin 300 mg", False),
        ("Gabapentin 300 mg before the recording", True),
        ("Give gabapentin 300 mg before the recording", True),
        ("IV iron sucrose 200 mg", True),
    ],
)
def test_the_details_of_another_service_count_where_they_begin_with_the_drug(detail: str, expected: bool) -> None:
    for system, code, display in ((SNOMED, "60554003", "Polysomnography"), (CPT, "95810", "Polysomnography")):
        coded = {"coding": [{"system": system, "code": code, "display": display}]}
        assert is_drug(code=coded, orderDetail=[{"text": detail}]) is expected


def test_the_details_of_a_service_that_gives_drugs_count_wherever_they_name_one() -> None:
    words = [{"text": "Please let the patient have Ferinject 1000 mg"}]
    for display in ("Intravenous infusion", "Drug therapy", ""):
        coded = {"coding": [{"system": CPT, "code": "96365", **({"display": display} if display else {})}]}
        assert is_drug(code=coded, orderDetail=words)


@pytest.mark.parametrize(
    "words",
    [
        "Referral for IV iron",
        "Iron infusion - pre-authorization",
        "Iron infusion (scheduled)",
        "Review after iron infusion",
        "Iron infusion follow up visit",
        "Follow-up visit after Ferinject, no complaints",
        "History of iron infusion reaction",
        "Ferinject infusion monitoring",
        "Überweisung zur Eiseninfusion",
        "Nachsorge nach Eiseninfusion",
        "Verlaufskontrolle Eiseninfusion",
        "Uppföljning Ferinject",
    ],
)
def test_a_procedure_that_only_speaks_of_an_infusion_gives_none(words: str) -> None:
    local = {"coding": [{"system": "urn:x", "code": "1", "display": words}]}
    for code in ({"text": words}, local):
        assert infusions(procedure(code=code)) == []
        [used] = infusions(procedure(code=code, usedCode=[{"text": "Ferinject"}]))
        assert used.product.ingredient_names() == {"ferric carboxymaltose"}


@pytest.mark.parametrize(
    "words",
    [
        "Ferinject infusion, tolerated without reaction",
        "Iron infusion without reaction",
        "Iron infusion with monitoring",
        "Follow-up iron infusion",
        "Ferinject 500 mg, follow-up visit in 8 weeks",
        "Eiseninfusion unter Überwachung",
        "Scheduled iron infusion",
        "Iron infusion after referral from GP",
        "Iron infusion and monitoring",
        "Iron sucrose infusion after reaction to iron dextran",
        "Iron infusion for history of anaemia",
        "Review and iron infusion",
        "Follow up visit with iron infusion",
        "Referral from GP; iron infusion",
    ],
)
def test_an_infusion_beside_such_words_was_given(words: str) -> None:
    assert len(infusions(procedure(code={"text": words}))) == 1


def test_a_code_of_a_drug_tells_of_iron_given_whatever_the_words_say() -> None:
    code: dict[str, Any] = {**NAMED["HCPCS code"], "text": "Ferinject infusion follow-up visit"}
    assert len(infusions(procedure(code=code))) == 1
