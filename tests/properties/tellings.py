"""Each diagnosis of a generated patient as record systems tell it: in ICD-10-CM, WHO's ICD-10, ICD-10-GM, SNOMED CT and
words."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from tests.properties.patients import DIAGNOSES, ICD10CM, SNOMED, Generated, Resource, coded

WHO = "http://hl7.org/fhir/sid/icd-10"
GM = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"

#: The codes of each diagnosis, by system; a system that has no code of the same meaning is not named.
CODES: Mapping[str, Mapping[str, str]] = {
    "rls": {ICD10CM: "G25.81", WHO: "G25.81", GM: "G25.81", SNOMED: "32914008"},
    "haemochromatosis": {ICD10CM: "E83.110", WHO: "E83.1", GM: "E83.1", SNOMED: "399170009"},
    "porphyria": {ICD10CM: "E80.1", WHO: "E80.1", GM: "E80.1", SNOMED: "61860000"},
    "polycythaemia": {ICD10CM: "D45", WHO: "D45", GM: "D45", SNOMED: "109992005"},
    "kidney failure": {ICD10CM: "N18.6", WHO: "N18.6", GM: "N18.6", SNOMED: "46177005"},
    "dialysis": {ICD10CM: "Z99.2", WHO: "Z99.2", GM: "Z99.2", SNOMED: "105502003"},
    "haemodialysis": {SNOMED: "428982002"},
    "kidney disease": {ICD10CM: "N18.4", WHO: "N18.4", GM: "N18.4", SNOMED: "431857002"},
    "kidney disease 5": {ICD10CM: "N18.5", WHO: "N18.5", GM: "N18.5", SNOMED: "433146000"},
    "transplant": {ICD10CM: "Z94.0", WHO: "Z94.0", GM: "Z94.0", SNOMED: "737295003"},
    "heart failure": {ICD10CM: "I50.9", WHO: "I50.9", GM: "I50.9", SNOMED: "42343007"},
    "parkinson": {ICD10CM: "G20", WHO: "G20", GM: "G20", SNOMED: "49049000"},
    "neuropathy": {ICD10CM: "G62.9", WHO: "G62.9", GM: "G62.9", SNOMED: "42345000"},
    "pregnant": {ICD10CM: "Z33.1", WHO: "Z33", GM: "Z33", SNOMED: "77386006"},
    "sepsis": {ICD10CM: "A41.9", WHO: "A41.9", GM: "A41.9", SNOMED: "91302008"},
    "coeliac": {ICD10CM: "K90.0", WHO: "K90.0", GM: "K90.0", SNOMED: "396331005"},
    "bariatric": {ICD10CM: "Z98.84", SNOMED: "430715008"},
    "parathyroid": {ICD10CM: "E21.0", WHO: "E21.0", GM: "E21.0", SNOMED: "36348003"},
    "copd": {ICD10CM: "J44.9", WHO: "J44.9", GM: "J44.9", SNOMED: "13645005"},
    "sleep apnoea": {ICD10CM: "G47.33", WHO: "G47.3", GM: "G47.3", SNOMED: "78275009"},
    "oxalosis": {ICD10CM: "E72.530", SNOMED: "17901006"},
    "menorrhagia": {ICD10CM: "N92.0", WHO: "N92.0", GM: "N92.0", SNOMED: "386692008"},
    "plmd": {ICD10CM: "G47.61", GM: "G25.80", SNOMED: "418763003"},
    "iron deficiency anaemia": {ICD10CM: "D50.9", WHO: "D50.9", GM: "D50.9", SNOMED: "87522002"},
}
#: Words for what makes an answer more careful, in some of the languages that are read.
WORDS: Mapping[str, tuple[str, ...]] = {
    "haemochromatosis": ("Hereditary haemochromatosis", "Hämochromatose", "Hémochromatose", "Emocromatosi"),
    "dialysis": ("Dialysis", "Dialysepflicht", "Hémodialyse", "Diálisis", "Hemodialys", "Dializa"),
    "pregnant": ("Pregnant", "Schwangerschaft", "Grossesse", "Embarazo", "Raskaus", "Ciąża"),
}  # fmt: skip


def in_system(patient: Generated, system: str) -> tuple[dict[str, list[Resource]], list[Resource]]:
    """Return the lists and drafts of a patient with every diagnosis and reason in one system, where it has a code."""
    return _retold(patient, {name: coded(system, codes[system]) for name, codes in CODES.items() if system in codes})


def in_mixed_systems(patient: Generated, pick: Random) -> tuple[dict[str, list[Resource]], list[Resource]]:
    """The same with a system of its own for each diagnosis."""
    return _retold(patient, {name: coded(*pick.choice(sorted(codes.items()))) for name, codes in CODES.items()})


def in_words(patient: Generated, pick: Random) -> tuple[dict[str, list[Resource]], list[Resource]]:
    """The same with words alone, or beside a code that no list holds, for what words may tell."""
    beside = pick.choice([{}, coded(SNOMED, "999999991"), coded(ICD10CM, "R69")])
    return _retold(patient, {name: {**beside, "text": pick.choice(words)} for name, words in WORDS.items()})


def _retold(patient: Generated, told: Mapping[str, Resource]) -> tuple[dict[str, list[Resource]], list[Resource]]:
    lists = patient.lists()
    lists["conditions"] = [
        each | ({"code": told[name]} if name in told else {})
        for each, (name, _) in zip(lists["conditions"], patient.diagnoses, strict=True)
    ]
    drafts = [
        entry["resource"] | ({"reasonCode": [told[reason]]} if reason in told else {})
        for entry, (_, reason) in zip(patient.basket()["entry"], patient.drafts, strict=True)
    ]
    return lists, drafts


def untold() -> set[str]:
    """Return the diagnoses of generated patients that the table of codes lacks."""
    return set(DIAGNOSES) - set(CODES)
