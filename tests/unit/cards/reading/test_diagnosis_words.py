"""Words of a diagnosis in twelve languages and more: what they name, what denies it, and what they leave alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cards.facts.chart import Certainty, Diagnosis
from cards.reading.diagnoses import read_diagnoses
from cards.reading.diagnosis_words import fold, names_in_words, word_lists
from cards.reading.rls_words import names_rls, names_rls_beside_code
from tests.unit.cards.reading.test_diagnoses import CM, SNOMED, TODAY, WHO, ZONE, condition

#: Each concept with its name in the languages that are read.
NAMED = {
    "haemochromatosis": [
        "Hereditary haemochromatosis", "Primary hemochromatosis (disorder)", "Hämochromatose",
        "Hémochromatose génétique",
        "Hemochromatose", "Hemocromatosis hereditaria", "Emocromatosi ereditaria", "Hemocromatose", "Hemokromatos",
        "Hæmokromatose", "Hereditær hemokromatose", "Hemokromatoosi", "Hemochromatoza wrodzona",
    ],
    "overload": [
        "Iron overload", "Sekundäre Eisenüberladung", "Surcharge en fer", "IJzerstapeling", "Sobrecarga de hierro",
        "Sovraccarico di ferro", "Sobrecarga de ferro", "Järninlagring", "Jernophobning", "Jernoverskudd",
        "Raudan liikakertymä", "Przeładowanie żelazem",
    ],
    "dialysis": [
        "On dialysis", "Dialysepflichtige Niereninsuffizienz", "Hémodialyse", "Hemodialyse", "Hemodiálisis",
        "Emodialisi",
        "Hemodiálise", "Hemodialys", "Hæmodialyse", "Peritonealdialyse", "Hemodialyysi", "Hemodializa",
    ],
    "pregnant": [
        "Pregnant", "Schwangerschaft", "Grossesse en cours", "Zwangerschap", "Embarazo", "Gravidanza", "Gravidez",
        "Graviditet", "Gravid", "Raskaus", "Ciąża", "Enceinte de 20 semaines",
    ],
    "heart-failure": [
        "Heart failure", "Herzinsuffizienz NYHA II", "Insuffisance cardiaque", "Hartfalen", "Insuficiencia cardíaca",
        "Scompenso cardiaco", "Insuficiência cardíaca", "Hjärtsvikt", "Hjertesvigt", "Hjertesvikt",
        "Sydämen vajaatoiminta", "Niewydolność serca",
    ],
    "ckd": [
        "Chronic kidney disease", "Chronische Niereninsuffizienz", "Maladie rénale chronique", "Chronische nierschade",
        "Enfermedad renal crónica", "Insufficienza renale cronica", "Doença renal crónica", "Kronisk njursvikt",
        "Kronisk nyresygdom", "Kronisk nyresykdom", "Munuaisten krooninen vajaatoiminta", "Przewlekła choroba nerek",
    ],
}  # fmt: skip
RLS = [
    "Restless legs syndrome", "Syndrom der unruhigen Beine", "Syndrome des jambes sans repos",
    "Síndrome de piernas inquietas", "Sindrome delle gambe senza riposo", "Síndrome das pernas inquietas",
    "Rusteloze benen", "むずむず脚症候群", "レストレスレッグス症候群", "하지불안증후군", "하지 불안 증후군",
    "不宁腿综合征", "不安腿綜合征", "Rastlösa ben", "Levottomat jalat", "Levottomien jalkojen oireyhtymä",
    "Zespół niespokojnych nóg",
    "Синдром беспокойных ног", "Rastløse ben", "Rastløse bein", "Syndrom neklidných nohou",
    "Nyugtalan láb szindróma", "Σύνδρομο ανήσυχων ποδιών", "Huzursuz bacak sendromu",
]  # fmt: skip
DENIED = [
    "No {}", "Kein Hinweis auf {}", "Pas de {}", "Geen {}", "Sin {}", "Senza {}", "Sem {}", "Ingen {}", "Ikke {}",
    "Ei {}", "Bez {}", "{} ausgeschlossen", "{} ruled out", "{} exclue", "Mother: {}", "Familienanamnese: {}",
    "Screening for {}",
]  # fmt: skip


def read(concept: dict[str, Any], **elements: Any) -> tuple[Diagnosis, ...]:
    return read_diagnoses([condition(concept, **elements)], patient_id="p", today=TODAY, zone=ZONE)


def counted(concept: dict[str, Any], **elements: Any) -> set[str]:
    return {name for each in read(concept, **elements) if each.counts for name in each.concepts}


ALL_NAMED = [(concept, words) for concept, found in NAMED.items() for words in found]


@pytest.mark.parametrize(("concept", "words"), ALL_NAMED)
def test_words_name_a_disease_in_each_language(concept: str, words: str) -> None:
    assert names_in_words(concept, words) and names_in_words(concept, words.upper())
    assert names_in_words(concept, f"Hypertension; {words}, seit 2019")


@pytest.mark.parametrize("denial", DENIED)
def test_words_that_deny_it_or_are_of_a_relative_name_nothing(denial: str) -> None:
    named = [each for concept, words in ALL_NAMED if names_in_words(concept, each := denial.format(words))]
    assert named == []


@pytest.mark.parametrize(
    "words", ["Hemochromatosis without cirrhosis", "Hämochromatose, keine Zirrhose", "No cirrhosis. Haemochromatosis"]
)
def test_a_denial_of_something_else_leaves_it_named(words: str) -> None:
    assert names_in_words("haemochromatosis", words)


@pytest.mark.parametrize(
    ("concept", "words"),
    [
        ("pregnant", "Pregnancy test"), ("pregnant", "History of pregnancy"),
        ("pregnant", "Kinderwunsch, Schwangerschaft geplant"), ("pregnant", "Postpartum state after pregnancy"),
        ("pregnant", "Antécédent de grossesse"), ("dialysis", "Pre-dialysis education"),
        ("dialysis", "Insertion of dialysis catheter"), ("dialysis", "Planned dialysis"),
        ("overload", "Fluid overload"), ("heart-failure", "Heart disease"), ("ckd", "Acute kidney injury"),
    ],
)  # fmt: skip
def test_words_near_a_disease_do_not_name_it(concept: str, words: str) -> None:
    assert not names_in_words(concept, words)


@pytest.mark.parametrize("words", RLS)
def test_restless_legs_are_known_in_words_alone_and_then_suspected(words: str) -> None:
    assert names_rls(words)
    (found,) = read({"text": words})
    assert (found.concepts, found.certainty) == (frozenset({"rls"}), Certainty.SUSPECTED)


@pytest.mark.parametrize(
    "words",
    ["Kein Syndrom der unruhigen Beine", "Pas de syndrome des jambes sans repos", "Verdacht auf unruhige Beine",
     "むずむず脚症候群の疑い", "家族歴：むずむず脚症候群", "Нет синдрома беспокойных ног",
     "Padre con piernas inquietas",
     "Antécédent de jambes sans repos", "Possible jambes sans repos", "Rastlösa ben uteslutet"],
)  # fmt: skip
def test_restless_legs_denied_doubted_or_of_a_relative_are_none(words: str) -> None:
    assert not names_rls(words)


@pytest.mark.parametrize(
    ("words", "is_rls"),
    [
        ("Ekbom syndrome", True),
        ("Ekbom's syndrome (delusional parasitosis)", False),
        ("Delusional infestation, Ekbom syndrome", False),
        ("Dermatozoenwahn (Ekbom syndrom)", False),
        ("Willis-Ekbom disease; formerly thought delusional", True),
        ("Restless legs (Ekbom syndrome), no delusions", True),
    ],
)
def test_the_other_disease_of_ekbom_is_no_restless_legs(words: str, is_rls: bool) -> None:
    assert names_rls(words) is is_rls


def test_the_abbreviation_counts_beside_a_code_alone() -> None:
    assert names_rls_beside_code("RLS") and not names_rls("RLS")


# ------------------------------------------------------------------ beside codes


SET_OF = {"haemochromatosis": "probable-overload", "overload": "probable-overload", "dialysis": "dialysis-dependence",
          "pregnant": "pregnant"}  # fmt: skip
CAREFUL = [(SET_OF[concept], words) for concept, found in NAMED.items() if concept in SET_OF for words in found]


@pytest.mark.parametrize(("concept", "words"), CAREFUL)
def test_words_count_alone_and_beside_a_code_that_no_list_holds(concept: str, words: str) -> None:
    assert counted({"text": words}) == {concept}
    for coding in ({"system": SNOMED, "code": "999999991"}, {"system": CM, "code": "R99"}):
        assert counted({"text": words, "coding": [coding]}) == {concept}
        assert counted({"coding": [coding | {"display": words}]}) == {concept}


@pytest.mark.parametrize(
    ("concept", "expected"),
    [
        ({"coding": [{"system": CM, "code": "Z83.49"}], "text": "Hemochromatosis"}, set()),
        ({"coding": [{"system": CM, "code": "Z13.0"}], "text": "Hemochromatosis"}, set()),
        ({"coding": [{"system": CM, "code": "Z33.2", "display": "Elective termination of pregnancy"}]}, set()),
        ({"coding": [{"system": CM, "code": "O90.81"}], "text": "Anaemia in pregnancy"}, {"puerperal"}),
        ({"coding": [{"system": CM, "code": "Z94.0"}], "text": "Was on dialysis"}, {"kidney-transplant"}),
        ({"coding": [{"system": CM, "code": "E83.10"}], "text": "Haemochromatosis"},
         {"ambiguous-iron-disorder", "probable-overload"}),
        ({"coding": [{"system": WHO, "code": "I50.9"}], "text": "Herzinsuffizienz, Dialyse"},
         {"heart-failure", "iron-indication", "dialysis-dependence"}),
    ],
)  # fmt: skip
def test_a_code_that_settles_the_matter_leaves_nothing_to_words(concept: dict[str, Any], expected: set[str]) -> None:
    assert counted(concept) == expected


@pytest.mark.parametrize("concept", ["heart-failure", "ckd"])
def test_words_make_no_diagnosis_of_what_is_only_a_reason(concept: str) -> None:
    assert all(counted({"text": words}) == set() for words in NAMED[concept])


# ------------------------------------------------------------------ the lists themselves


def test_the_words_of_the_lists_are_written_as_they_are_compared() -> None:
    for name, entry in word_lists().items():
        for kind in ("words", "stems", "not_meant"):
            for phrase in entry.get(kind, ()):
                assert fold(phrase) in (phrase, phrase.strip()) or not phrase.isascii() or "/" in phrase, (name, phrase)


def test_every_word_of_a_list_is_found_by_itself() -> None:
    for name in SET_OF:
        for phrase in (*word_lists()[name]["words"], *word_lists()[name]["stems"]):
            assert names_in_words(name, phrase), (name, phrase)


@given(st.text(), st.sampled_from(sorted(NAMED)))
def test_no_text_makes_it_fail(words: str, concept: str) -> None:
    assert names_in_words(concept, words) in (True, False)
    assert names_rls(words) in (True, False)
