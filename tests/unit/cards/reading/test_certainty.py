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


@pytest.mark.parametrize("status", ["active", "inactive", "remission", "resolved"])
@pytest.mark.parametrize("code", ["E83.1", "D45", "E80.1"])
def test_the_mark_over_says_the_same_whatever_the_clinical_status(code: str, status: str) -> None:
    marked = {"coding": [coding(code, "Z")]}
    found = summary(marked, clinicalStatus={"coding": [{"code": status}]})
    never = {name for name, said in summary(marked).items() if said == "confirmed"}
    assert never == {name for name, said in found.items() if said == "confirmed"} != set()
    refuted = {"verificationStatus": {"coding": [{"code": "refuted"}]}}
    assert set(summary(marked, **refuted).values()) == {"refuted"}


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


#: How billing lists write the letter behind the code.
_BEHIND = (
    "{code}{letter}",
    "{code} {letter}",
    "{code}-{letter}",
    "{code}+{letter}",
    "{code} {letter}!",
    " {code}  {letter} ",
)


@pytest.mark.parametrize("letter", "AVZGavzg")
@pytest.mark.parametrize("code", ["E83.1", "E831", "N18.5", "Z99.2", "G25.81", "G2581", "N18.6", "D45", "E83.10"])
def test_a_letter_behind_the_code_rules_as_the_extension_does(code: str, letter: str) -> None:
    told = summary({"coding": [coding(code, letter.upper())]})
    for form in _BEHIND:
        if code == "D45" and letter.upper() in "AZ" and form in ("{code}{letter}", "{code}+{letter}"):
            continue
        assert summary({"coding": [coding(form.format(code=code, letter=letter))]}) == told, form


@pytest.mark.parametrize("letter", "AVZG")
def test_a_letter_counts_in_a_code_that_is_a_text(letter: str) -> None:
    told = summary({"coding": [coding("E83.1", letter)]})
    assert summary({"coding": [f"{GM}|E83.1{letter}"]}) == told


def test_a_letter_counts_in_a_code_without_a_system() -> None:
    assert summary({"text": "G25.81G"}) == summary({"text": "G25.81"}) == {"rls": "suspected"}
    assert summary({"text": "E83.1G"}) == summary({"text": "E83.1"})
    assert summary({"text": "G25.81A"}) == summary({"text": "E83.1A"}) == {}


def test_the_extension_outweighs_the_letter_behind_the_code() -> None:
    assert summary({"coding": [coding("E83.1 A", "G")]}) == summary({"coding": [coding("E83.1", "G")]})
    beside = {"coding": [coding("E83.1 G"), {"system": SYSTEM, "code": "A"}]}
    assert summary(beside) == summary({"coding": [coding("E83.1", "G")]})


@pytest.mark.parametrize("code", ["D75.A", "D75A", "E83.110", "Z3A.20", "O9A.2"])
def test_a_code_that_ends_as_one_of_cm_keeps_its_meaning(code: str) -> None:
    concept = {"coding": [coding(code)]}
    cm = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code}]}
    assert diagnosis_concepts(concept) == diagnosis_concepts(cm)


@pytest.mark.parametrize("system", [WHO, "http://hl7.org/fhir/sid/icd-10-cm", SNOMED])
def test_no_other_system_has_such_letters(system: str) -> None:
    assert not diagnosis_concepts({"coding": [{"system": system, "code": "G25.81 A"}]})
    assert Marks().mark_of({"system": system, "code": "E83.1A"}, {}) is None
