"""Iron overload in the words of a diagnosis alone: made probable, unless it is denied or said of somebody else."""

from __future__ import annotations

from typing import Any

import pytest

from cards.facts.chart import Certainty
from cards.reading.diagnoses import read_diagnoses
from cards.reading.diagnosis_words import names_in_words
from tests.unit.cards.reading.test_diagnoses import CM, TODAY, ZONE, condition

NAMED = (
    "Hereditary hemochromatosis",
    "HAEMOCHROMATOSIS (HFE C282Y homozygous)",
    "Iron overload",
    "Transfusional iron-overload",
    "Hemosiderosis",
    "?haemochromatosis",
    "Rule out hemochromatosis",
    "Possible iron overload",
)
NOT_THE_PATIENTS = (
    "No hemochromatosis",
    "Hemochromatosis ruled out",
    "Patient doesn't have hemochromatosis",
    "Denies iron overload",
    "Without evidence of iron overload",
    "Negative for hemochromatosis",
    "Hemochromatosis carrier",
    "Hemochromatosis screening",
    "Family history of hemochromatosis",
    "Fam hx: haemochromatosis",
    "FHx haemochromatosis",
    "F/H haemochromatosis",
    "Brother with hemochromatosis",
    "Hemochromatosis in father",
    "Haemochromatosis unlikely",
)
OF_SOMETHING_ELSE = ("Iron deficiency", "Overload of work", "Hemochromatosislike picture", "Volume overload")


def names_overload(words: str) -> bool:
    return names_in_words("haemochromatosis", words) or names_in_words("overload", words)


def concepts(resource: dict[str, Any]) -> set[str]:
    found = read_diagnoses([resource], patient_id="p", today=TODAY, zone=ZONE)
    return {concept for each in found if each.counts for concept in each.concepts}


@pytest.mark.parametrize("words", NAMED)
def test_words_alone_make_it_probable(words: str) -> None:
    assert names_overload(words)
    assert concepts(condition({"text": words})) == {"probable-overload"}
    (found,) = read_diagnoses([condition({"text": words})], patient_id="p", today=TODAY, zone=ZONE)
    assert found.certainty is Certainty.SUSPECTED


@pytest.mark.parametrize("words", [*NOT_THE_PATIENTS, *OF_SOMETHING_ELSE])
def test_denied_or_of_somebody_else_or_of_something_else(words: str) -> None:
    assert not names_overload(words)
    assert concepts(condition({"text": words})) == set()


@pytest.mark.parametrize(
    "elements",
    [
        {"verificationStatus": {"coding": [{"code": "refuted"}]}},
        {"category": [{"coding": [{"code": "family-history"}], "text": "Family history"}]},
    ],
)
def test_an_entry_that_is_refuted_or_of_the_family_says_nothing(elements: dict[str, Any]) -> None:
    assert concepts(condition({"text": "Hereditary hemochromatosis"}, **elements)) == set()


def test_haemochromatosis_that_is_resolved_stays_as_its_code_does_and_acquired_overload_does_not() -> None:
    over = {"clinicalStatus": {"coding": [{"code": "resolved"}]}}
    assert concepts(condition({"text": "Hereditary hemochromatosis"}, **over)) == {"probable-overload"}
    assert concepts(condition({"text": "Transfusional iron overload"}, **over)) == set()


def test_a_code_beside_the_words_speaks_for_itself() -> None:
    code = {"coding": [{"system": CM, "code": "E83.110"}], "text": "Hereditary hemochromatosis"}
    assert concepts(condition(code)) >= {"overload"} and "probable-overload" not in concepts(condition(code))
    other = {"coding": [{"system": CM, "code": "Z83.49"}], "text": "Hemochromatosis"}
    assert "probable-overload" not in concepts(condition(other))
