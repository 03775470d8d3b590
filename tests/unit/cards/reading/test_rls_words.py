"""Restless legs syndrome in words: its English name in sentences of any language, and beside other matters."""

from __future__ import annotations

import pytest

from cards.reading.rls_words import names_rls, names_rls_beside_code, names_rls_of_a_relative, only_suspects_rls
from tests.unit.cards.reading.test_diagnoses import SNOMED, WHO, answer, coded, condition

#: Denied, over or of a relative, in the words around an English name.
NONE_ELSEWHERE = [
    "Kein Hinweis auf Restless-Legs-Syndrom",
    "Ausschluss Restless-Legs-Syndrom",
    "Ausschluss eines Restless-Legs-Syndroms",
    "Mutter: Restless legs",
    "Mutter mit Restless legs",
    "Geen restless legs",
    "Geen aanwijzingen voor restless legs",
    "Hereditet för restless legs",
    "Pas de restless legs",
    "Pas d'argument pour un syndrome de Willis-Ekbom",
    "Sin evidencia de restless legs",
    "No hay evidencia de restless legs",
    "Nessun segno di restless legs",
    "Sem sinais de restless legs",
    "Ingen holdepunkter for restless legs",
    "Ikke restless legs",
    "Ei viitteitä restless legs -oireyhtymästä",
    "Bez cech restless legs",
    "Restless-Legs-Syndrom ausgeschlossen",
    "Restless-Legs-Syndrom wurde ausgeschlossen",
    "Restless legs exclu",
    "Ausgeschlossen: Restless legs",
    "Z.n. Restless legs",
    "Zustand nach Restless legs",
    "Antécédent de restless legs",
    "Familienanamnese: Restless legs",
    "Restless legs bei der Mutter",
    "Restless legs (Mutter)",
    "Restless legs hos mor",
    "Restless legs i familjen",
    "Mor med restless legs",
    "Padre con restless legs",
    "Mère: restless legs",
    "Kein RLS",
    "Restless legs descartado",
    "Restless legs, uitgesloten.",
    "Niega restless legs",
    "Sa mère a restless legs",
]
#: Only suspected.
SUSPECTED = [
    "Misstänkt restless legs",
    "V. a. RLS (Restless legs)",
    "V.a. Restless-Legs-Syndrom",
    "Verdacht auf Restless-Legs-Syndrom",
    "Restless-Legs-Syndrom (Verdacht)",
    "Suspected restless legs",
    "Probable restless legs syndrome",
]
#: What is denied, past or a relative's is something else.
NAMED = [
    "Restless legs, exclude iron deficiency",
    "Restless legs, excluding neuropathy",
    "Restless legs, descartar ferropenia",
    "Restless legs, excluida anemia",
    "Restless legs, draaglijk",
    "Neuropathie ausgeschlossen - Restless legs",
    "Fremdanamnese Ehefrau: Restless legs",
    "Selon son épouse: restless legs",
    "Patient und Mutter haben Restless legs",
    "Mere restless legs",
    "Kein Eisenmangel bei Restless-Legs-Syndrom",
    "Restless-Legs-Syndrom, keine Therapie",
    "Restless-Legs-Syndrom ohne Augmentation",
    "Restless legs, ohne Eisenmangel",
    "Eisenmangel ausgeschlossen, Restless legs",
    "Eisenmangel ausgeschlossen bei Restless legs",
    "Laut Mutter: Restless legs",
    "Laut der Mutter: Restless legs",
    "Mutter berichtet Restless legs",
    "Nicht nur Restless legs",
    "Restless legs exclusively at night",
    "Restless legs, exclusively nocturnal",
    "Non-smoker with restless legs",
    "Non compliant, restless legs",
    "Gabapentin, not for restless legs",
    "Lives with mother, restless legs",
    "Mother present, restless legs",
    "Screening colonoscopy; restless legs",
    "Restless legs screening positive",
    "Schlafstörung bei bekanntem Restless-Legs-Syndrom",
    "Seit Jahren Restless legs, Vater gestorben",
    "Willis-Ekbom disease; syn: restless legs",
    "Restless legs syndrome - Mutterschutz",
    "Familiäres Restless-Legs-Syndrom",
    "Sans traitement, restless legs",
    "Restless legs, geen klachten overdag",
    "Restless legs; Mutter: Parkinson",
    "Restless legs, Ausschluss Eisenmangel",
    "Restless legs, V.a. Eisenmangel",
    "Restless legs; anemia resolved in May",
    "V.a. Polyneuropathie, Restless legs",
    "Pas de traitement pour restless legs",
    "Ingen behandling för restless legs",
    "Restless-Legs-Syndrom kann nicht ausgeschlossen werden",
    "Z.n. Apoplex, Restless legs",
    "Negativer Ferritinwert, Restless legs",
    "Sonographie, restless legs",
    "Tidigare känd restless legs",
    "Antecedentes: restless legs",
    "Restless legs, relief with iron, denies denies pain",
    "Restless legs syndrome with history of iron deficiency anemia",
    "Restless legs syndrome, possibly due to sertraline",
    "Restless legs syndrome possibly secondary to iron deficiency",
    "Restless legs syndrome; family history of Parkinson disease",
    "Restless legs syndrome. Denies leg pain.",
    "Restless legs syndrome, PLMD unlikely",
    "Restless legs syndrome; rule out iron deficiency",
    "Restless legs syndrome, r/o anemia",
    "Restless legs; iron deficiency resolved",
    "Restless legs syndrome, neuropathy excluded",
    "Restless legs syndrome, DVT ruled out",
    "Restless legs syndrome, no evidence of iron deficiency",
    "Restless legs syndrome, negative for anemia",
    "Restless legs (history of iron deficiency)",
    "Restless legs with no history of anemia",
    "Restless legs, hx depression",
    "Restless legs - history of depression",
    "Restless legs syndrome; mother has Parkinson disease",
    "Denies leg pain. Restless legs syndrome.",
    "Anemia resolved. Restless legs syndrome",
    "Restless legs syndrome (screening for iron deficiency)",
    "Restless legs syndrome, patient denies pain",
]
#: It is the syndrome that is denied, doubted, over or a relative's, or that is unclear.
NONE = [
    "History of restless legs syndrome",
    "Family history: restless legs",
    "Restless legs syndrome, unlikely",
    "Restless legs? Unlikely.",
    "Denies restless legs",
    "no RLS",
    "RLS - ruled out",
    "mother has RLS",
    "rule out RLS",
    "mother has restless legs",
    "Restless legs - ruled out",
    "Restless legs, ruled out by sleep study",
    "Restless legs, resolved",
    "Restless legs, now resolved",
    "Restless legs, resolved after iron infusion",
    "Restless legs; resolved 2019",
    "Restless legs, symptoms resolved",
    "Restless legs, all symptoms resolved",
    "Restless legs, everything resolved",
    "Restless legs, urge to move legs resolved",
    "Restless legs, treated and resolved",
    "Restless legs, suspicion excluded",
    "Restless legs and anemia, both resolved",
    "Patient denies the following. Restless legs",
    "Restless legs, has since resolved",
    "Restless legs syndrome, felt to be unlikely",
    "Restless legs syndrome: unlikely",
    "Restless legs - denies",
    "Restless legs, patient denies",
    "Restless legs, denied by patient",
    "Restless legs, history of",
    "Restless legs (history of)",
    "Restless legs, possible",
    "Restless legs (possible)",
    "Restless legs, possible akathisia",
    "Restless legs, possibly neuropathy",
    "Restless legs possible today",
    "Restless legs, akathisia?",
    "Denies leg pain, restless legs",
    "Denies: leg pain, cramps, restless legs",
    "No history of anemia, restless legs",
    "Family history: diabetes, restless legs",
    "Family history: Parkinson. Restless legs.",
    "FH: Parkinson; restless legs",
    "Rule out: PLMD, restless legs",
    "History of anemia; restless legs; depression",
    "History of anemia. Restless legs.",
    "Restless legs, family history positive",
    "Restless legs syndrome, positive family history",
    "Restless legs, strong family history",
    "Restless legs, family history of same",
    "Restless legs, mother has it too",
    "Restless legs, in her mother",
    "Restless legs, excluded",
    "Restless legs excluded by neurology",
    "Restless legs, diagnosis unlikely",
    "Restless legs, in remission",
    "Restless legs? Denies urge to move",
    "Screen for restless legs. Negative.",
    "Unlikely restless legs",
    "Possible restless legs, iron deficiency",
    "Mother – restless legs",
    "Restless legs? Anemia?",
    "Restless legs; sleep study excluded it",
    "Restless legs; neurology: unlikely",
    "Restless legs, iron therapy resolved symptoms",
    "Restless legs, unlikely, possible, denied, excluded, resolved",
]
NAMES = [
    "Willis-Ekboms sjukdom",
    "Willis Ekboms sygdom",
    "Willis–Ekbom disease",
    "Willis-Ekbom's disease",
    "Willis-Ekbomin tauti",
    "Choroba Willisa-Ekboma",
    "Ekboms sjukdom",
    "Ekboms syndrom",
    "Ekbom-Krankheit",
    "Syndrome d'Ekbom",
    "Maladie de Willis-Ekbom",
    "Síndrome de Ekbom",
    "Ekbomin oireyhtymä",
    "Rustelozebenensyndroom",
    "Rusteloze-benensyndroom",
    "Rusteloze benen",
    "Restlesslegssyndroom",
    "Restless-legssyndroom",
    "Restless-Legs-Syndroms",
    "Syndrom unruhiger Beine",
    "Syndrom ruheloser Beine",
    "Unruhige-Beine-Syndrom",
    "Ruhelose-Beine-Syndrom",
    "Restless legs -oireyhtymä",
    "Restless legs-syndrom",
    "Syndrome des jambes sans repos",
    "Síndrome de las piernas inquietas",
    "Sindrome delle gambe senza riposo",
    "Síndrome das pernas inquietas",
    "Rastlösa ben-syndrom",
    "Levottomat jalat -oireyhtymä",
    "Zespół niespokojnych nóg",
    "Restless leg",
]


@pytest.mark.parametrize("words", [*NONE_ELSEWHERE, *NONE])
def test_words_that_deny_it_or_are_of_another_name_none(words: str) -> None:
    assert not names_rls(words) and not names_rls_beside_code(words)
    assert answer(condition({"text": words})) == "no"
    assert answer(condition(coded(WHO, "G25.8", words))) == "no"


@pytest.mark.parametrize("words", NAMED)
def test_a_denial_of_something_else_leaves_it_named(words: str) -> None:
    assert names_rls(words)
    assert answer(condition(coded(WHO, "G25.8", words))) == "yes"


@pytest.mark.parametrize("words", SUSPECTED)
def test_a_suspicion_is_one_beside_a_code_as_well(words: str) -> None:
    assert only_suspects_rls(words)
    assert answer(condition({"text": words})) == "suspected"
    assert answer(condition(coded(WHO, "G25.8", words))) == "suspected"
    assert answer(condition(coded(SNOMED, "32914008", words))) == "yes"


@pytest.mark.parametrize(
    ("words", "is_rls"),
    [
        ("Mother: restless legs", "no"),
        ("Mutter: Restless legs", "yes"),
        ("Padre con restless legs", "yes"),
        ("Selon son épouse: RLS", "yes"),
        ("Patient und Mutter haben RLS", "yes"),
        ("Mere RLS", "yes"),
        ("Restless legs (Mutter)", "yes"),
        ("RLS; Mutter: RLS", "yes"),
    ],
)
def test_a_code_outweighs_a_relative_in_all_languages_but_english(words: str, is_rls: str) -> None:
    assert names_rls_of_a_relative(words) is (is_rls == "no")
    assert answer(condition(coded(SNOMED, "32914008", words))) == is_rls


@pytest.mark.parametrize("words", NAMES)
def test_it_is_named_in_one_word_with_hyphens_and_in_the_genitive(words: str) -> None:
    assert names_rls(words) and names_rls(words.upper())


@pytest.mark.parametrize(
    "words",
    ["Geen rustelozebenensyndroom", "Kein Syndrom unruhiger Beine", "Ekboms syndrom (delusional parasitosis)", "Ekbom"],
)
def test_such_names_are_denied_as_others_are(words: str) -> None:
    assert not names_rls(words)


def test_the_abbreviation_counts_beside_a_code_though_a_relative_has_something_else() -> None:
    assert names_rls_beside_code("RLS; family history of Parkinson disease")
    assert not names_rls_beside_code("Kein RLS")
