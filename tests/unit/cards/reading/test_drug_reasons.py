"""What the reason of an order says: restless legs syndrome in any words, another indication, or symptoms alone."""

from __future__ import annotations

from typing import Any

import pytest

from cards.facts.drugs import Reasons
from cards.knowledge.code_systems import ICD_9_CM, ICD_11, ICPC_2
from cards.reading.diagnoses import diagnosis_concepts
from cards.reading.drug_reasons import read_reasons

Concept = dict[str, Any]
CM, WHO, GM = (
    "http://hl7.org/fhir/sid/icd-10-cm",
    "http://hl7.org/fhir/sid/icd-10",
    "http://fhir.de/CodeSystem/bfarm/icd-10-gm",
)
SNOMED = "http://snomed.info/sct"


def reasons(*concepts: Any) -> Reasons:
    return read_reasons({"reasonCode": list(concepts)}, lambda reference: None, diagnosis_concepts)


def coded(code: str, system: str = CM, **members: Any) -> Concept:
    return {"coding": [{"system": system, "code": code}], **members}


NAMES = [
    "RLS", "rls", "severe RLS", "RLS, moderate", "RLS/WED", "WED/RLS", "WED", "severe WED", "RLS (restless legs)",
    "Willis-Ekbom", "Willis-Ekbom disease", "RLS with iron deficiency", "RLS-Symptomatik", "SJSR", "for RLS at night",
]  # fmt: skip
NOT_NAMED = [
    "rule out RLS", "r/o RLS", "RLS?", "no RLS", "kein RLS", "Ausschluss RLS", "pas de SJSR", "family history of RLS",
    "mother has RLS", "history of RLS", "possible RLS", "Mon, Wed, Fri", "start Wed", "girls", "RLSS",
]  # fmt: skip
#: The shapes in which a reason brings its words.
SHAPES = {
    "text": lambda words: {"text": words},
    "a local code": lambda words: {"coding": [{"system": "urn:local", "code": "1", "display": words}]},
    "no system": lambda words: {"coding": [{"code": "1", "display": words}]},
    "R5": lambda words: {"concept": {"text": words}},
    "beside a code": lambda words: coded("Z79.899", text=words),
    "beside a diagnosis": lambda words: coded("D50.9", text=words),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_restless_legs_in_any_words_are_the_reason(shape: str) -> None:
    for words in NAMES:
        found = reasons(SHAPES[shape](words))
        assert (found.name_rls, found.name_another_indication) == (True, False), words
        assert reasons(coded("D50.9"), SHAPES[shape](words)).name_rls, words
    for words in NOT_NAMED:
        assert not reasons(SHAPES[shape](words)).name_rls, words


SYMPTOMS = {
    CM: ["R53.83", "R25.2", "R79.0", "R20.2", "R11.0", "R73.03", "G47.00", "G47.9", "F51.01", "G25.9", "G25.8",
         "G25.89", "M79.604", "M79.10", "M62.831", "Z00.00", "Z01.00", "Z09", "Z71.3", "Z76.0", "Z79.899",
         "Z79.891", "Z51.81"],
    WHO: ["R53", "R25.2", "G47.0", "G25.9", "G25.8", "M79.6", "Z00.0", "Z71.9", "Z92.2"],
    GM: ["R53", "R25.2", "G25.8", "M79.66"],
    ICD_9_CM: ["780.79", "780.52", "782.0", "729.5", "729.82", "333.90", "V70.0", "V58.69"],
    ICD_11: ["MG22", "7A00", "7A0Z"],
    ICPC_2: ["A04", "P06", "L14", "N05", "N06"],
    SNOMED: ["84229001", "193462001", "91019004"],
}  # fmt: skip
DISEASES = {
    CM: ["D50.9", "D64.9", "E61.1", "R71.0", "R78.81", "R65.20", "Z01.818", "Z51.11", "Z34.90", "Z98.84", "Z90.3",
         "N92.0", "G20.A1", "G25.0", "G25.82", "M54.5", "E11.9", "I50.9", "G47.61", "F51.3"],
    WHO: ["D50.9", "Z01.8", "R71", "G20", "O99.0"],
    GM: ["D50.9", "Z01.8"],
    ICD_9_CM: ["280.9", "790.01", "332.0", "V72.83", "V22.1"],
    ICD_11: ["3A00", "7A81", "8A00"],
    ICPC_2: ["B80", "N87", "W03", "X06"],
    SNOMED: ["87522002", "49049000", "44054006"],
}  # fmt: skip


@pytest.mark.parametrize("system", SYMPTOMS)
def test_a_symptom_or_an_occasion_is_no_indication(system: str) -> None:
    for code in SYMPTOMS[system]:
        found = reasons(coded(code, system))
        assert (found.readable, found.symptoms_only, found.name_another_indication) == (True, True, False), code
        assert reasons(coded(code, system), coded("D50.9")).name_another_indication, code
        assert not reasons(coded(code, system), coded("R53.83")).name_another_indication, code
    for code in DISEASES[system]:
        assert reasons(coded(code, system)).name_another_indication, code


def test_a_symptom_beside_its_translation_is_one() -> None:
    """A code that does not tell its place says nothing against it; one of a disease does."""
    insomnia = {"system": CM, "code": "G47.00"}
    assert reasons({"coding": [{"system": SNOMED, "code": "999999991"}, insomnia]}).symptoms_only
    for disease in ({"system": CM, "code": "E11.9"}, {"system": SNOMED, "code": "87522002"}):
        assert reasons({"coding": [disease, insomnia]}).name_another_indication


def test_a_symptom_keeps_what_it_says_besides() -> None:
    assert reasons(coded("R73.03")).concepts >= {"prediabetes"}
    assert reasons(coded("G25.8", WHO, text="RLS")).name_rls


def test_the_display_of_a_diagnosis_is_never_read() -> None:
    assert not reasons({"coding": [{"system": CM, "code": "D50.9", "display": "RLS"}]}).name_rls


def test_what_a_code_excludes_or_says_of_others_is_no_reason() -> None:
    """Nor are the words beside it."""
    mark = {"url": "http://fhir.de/StructureDefinition/icd-10-gm-diagnosesicherheit"}
    mark |= {
        "valueCoding": {"system": "https://fhir.kbv.de/CodeSystem/KBV_CS_SFHIR_ICD_DIAGNOSESICHERHEIT", "code": "A"}
    }
    excluded = {"coding": [{"system": GM, "code": "E11.90", "extension": [mark]}], "text": "RLS"}
    for each in (excluded, coded("Z82.0", text="RLS"), coded("Z13.0", text="RLS"), coded("Z83.2")):
        found = reasons(each)
        assert (found.readable, found.name_rls, found.name_another_indication) == (False, False, False)
