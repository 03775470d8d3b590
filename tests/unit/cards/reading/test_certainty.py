"""The mark that German records put beside a code says whether it is excluded, suspected, over or confirmed."""

from __future__ import annotations

from typing import Any

import pytest

from cards.facts.chart import Diagnosis
from cards.reading.certainty import Mark, Marks
from cards.reading.diagnoses import diagnosis_concepts, read_diagnoses
from tests.unit.cards.reading.test_diagnoses import GM, SNOMED, TODAY, WHO, ZONE, condition

URL = "http://fhir.de/StructureDefinition/icd-10-gm-diagnosesicherheit"
SYSTEM = "https://fhir.kbv.de/CodeSystem/KBV_CS_SFHIR_ICD_DIAGNOSESICHERHEIT"


def extension(letter: str) -> list[dict[str, Any]]:
    return [{"url": URL, "valueCoding": {"system": SYSTEM, "code": letter}}]


def coding(code: str, letter: str = "", **elements: Any) -> dict[str, Any]:
    return {"system": GM, "code": code, **({"extension": extension(letter)} if letter else {}), **elements}


def read(concept: dict[str, Any], **elements: Any) -> tuple[Diagnosis, ...]:
    return read_diagnoses([condition(concept, **elements)], patient_id="p", today=TODAY, zone=ZONE)


def summary(concept: dict[str, Any], **elements: Any) -> dict[str, str]:
    """Each value set with what the record says of it."""
    return {
        name: "refuted" if each.cleared else each.certainty.value if each.counts else "over"
        for each in read(concept, **elements)
        for name in each.concepts
    }


PLACES: list[dict[str, Any]] = [
    {"coding": [coding("G25.81", "V")]},
    {"coding": [coding("G25.81", _code={"extension": extension("V")})]},
    {"coding": [coding("G25.81", userSelected=True, _userSelected={"extension": extension("V")})]},
    {"coding": [coding("G25.81", extension=[{"url": URL, "valueCode": "V"}])]},
    {"coding": [coding("G25.81", extension=[{"url": URL, "valueString": "v"}])]},
    {"coding": [coding("G25.81")], "extension": extension("V")},
    {"coding": [coding("G25.81"), {"system": SYSTEM, "code": "V", "userSelected": True}]},
]


@pytest.mark.parametrize("concept", PLACES)
def test_the_mark_is_found_wherever_it_is_written(concept: dict[str, Any]) -> None:
    first = concept["coding"][0]
    assert Marks().mark_of(first, concept) is Mark.SUSPECTED
    assert summary(concept) == {"rls": "suspected"}


@pytest.mark.parametrize(
    ("letter", "said"),
    [("A", "refuted"), ("V", "suspected"), ("Z", "over"), ("G", "confirmed"), ("", "confirmed"), ("X", "confirmed")],
)
def test_the_mark_rules_what_the_code_means(letter: str, said: str) -> None:
    assert summary({"coding": [coding("G25.81", letter)]}) == {"rls": said}


def test_the_mark_overrules_the_verification_of_the_condition() -> None:
    provisional = {"coding": [{"code": "provisional"}]}
    assert summary({"coding": [coding("G25.81", "G")]}, verificationStatus=provisional) == {"rls": "confirmed"}
    refuted = {"coding": [{"code": "refuted"}]}
    assert summary({"coding": [coding("G25.81", "G")]}, verificationStatus=refuted) == {"rls": "refuted"}


@pytest.mark.parametrize(
    ("code", "concepts"),
    [("E83.1", {"overload", "hereditary-overload"}), ("D45", {"polycythaemia-vera"}), ("E80.1", {"probable-overload"})],
)
def test_what_is_over_never_ends_iron_overload_or_polycythaemia(code: str, concepts: set[str]) -> None:
    found = summary({"coding": [coding(code, "Z")]})
    assert {name for name, said in found.items() if said == "confirmed"} == concepts
    assert set(summary({"coding": [coding(code, "A")]}).values()) == {"refuted"}


def test_each_code_of_a_condition_has_its_own_mark() -> None:
    both = {"coding": [coding("G25.81", "A"), coding("I50.1", "V")]}
    assert summary(both) == {"rls": "refuted", "heart-failure": "suspected", "iron-indication": "suspected"}


def test_the_mark_of_a_sibling_counts_for_icd_alone() -> None:
    concept = {"coding": [{"system": SNOMED, "code": "32914008"}, {"system": SYSTEM, "code": "A"}]}
    assert summary(concept) == {"rls": "confirmed"}
    concept = {"coding": [{"system": WHO, "code": "I50.1"}, {"system": SYSTEM, "code": "A"}]}
    assert set(summary(concept).values()) == {"refuted"}


def test_an_excluded_reason_of_an_order_is_no_reason() -> None:
    assert diagnosis_concepts({"coding": [coding("G25.81", "A")]}) == frozenset()
    assert diagnosis_concepts({"coding": [coding("G25.81", "Z")]}) == frozenset()
    assert diagnosis_concepts({"coding": [coding("G25.81", "V")]}) == {"rls"}


def test_words_beside_an_excluded_code_say_nothing_of_their_own() -> None:
    assert read({"coding": [coding("E88.9", "A")], "text": "Hämochromatose"}) == ()
    assert summary({"coding": [coding("E88.9", "V")], "text": "Hämochromatose"}) == {"probable-overload": "suspected"}
