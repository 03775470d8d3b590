"""Why a drug is given: the reasons of an order, of any FHIR version (clinical rationale 3)."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import NamedTuple

from cards.facts.drugs import Reasons
from cards.fhir.json_values import Json, codings, cut, items, objects, reference_of, text, text_and_displays
from cards.fhir.references import Resolve
from cards.knowledge.code_systems import ICD_9_CM, ICD_11, ICD_SYSTEMS, ICPC_2, SNOMED, plain_code, system_of
from cards.reading.diagnoses import leaves_room_for_words, names_rls_in_text
from cards.reading.diagnosis_words import names_in_words
from cards.reading.presence import words_of
from cards.reading.rls_words import names_rls_as_a_reason

#: The value sets of diagnoses that a CodeableConcept belongs to.
ConceptsOf = Callable[[Json], frozenset[str]]

_REASON_CODES = ("reasonCode", "reasonCodeableConcept", "reasonForUseCodeableConcept", "reason")
_REASON_REFERENCES = ("reasonReference", "reasonForUseReference", "reason")
_SYMPTOMS = "symptoms-only"
#: What a symptom or an occasion may say besides, which makes it no indication of its own.
_SAID_BESIDE = frozenset({_SYMPTOMS, "rls-by-text-only-code", "opioid-use", "prediabetes"})
_DIAGNOSIS_SYSTEMS = ICD_SYSTEMS | {SNOMED, ICD_11, ICPC_2}
#: The table of cards/reading/symptoms.toml by system; ICD-10 has one for all editions.
_SYMPTOM_TABLES = {ICD_9_CM: "icd_9", ICD_11: "icd_11", ICPC_2: "icpc_2"}
#: Reasons that decide in another way where words alone name them.
_IN_WORDS = ("heart-failure", "ckd")
_CLEARED = frozenset({"refuted", "entered-in-error"})
#: More reasons of one order are not read.
_MOST_REASONS = 20


class _Meaning(NamedTuple):
    """What one reason says; `in_words` is what words alone name, of `_IN_WORDS`.

    `is_symptom`: a symptom, a sign or an occasion of care, and no disease.
    """

    concepts: frozenset[str]
    names_rls: bool
    is_coded: bool
    is_symptom: bool
    in_words: frozenset[str]


#: What the reasons of one call mean, by their identity and beside them, so that each is read once however many orders
#: refer to it.
Meanings = dict[int, tuple[Json, _Meaning]]


def read_reasons(
    resource: Mapping[str, Json],
    resolve: Resolve,
    concept_of_condition: ConceptsOf,
    known: Meanings | None = None,
) -> Reasons:
    """Return the reasons as diagnoses. A reason in plain words alone is read only where it names restless legs
    syndrome, abbreviated too; heart failure and kidney disease in words are kept apart. What a code excludes, looks for
    or ascribes to a relative is no reason.

    `as needed for ...` is no reason of the order but a direction, and does not count.
    """
    meanings = {} if known is None else known
    stated = islice(_reasons(resource, resolve), _MOST_REASONS)
    meant = [_meaning(each, concept_of_condition, meanings) for each in stated]
    found = frozenset[str]().union(*(each.concepts for each in meant))
    in_text = any(each.names_rls for each in meant)
    readable = [each for each in meant if each.concepts or each.is_coded]
    symptoms = [each for each in readable if each.is_symptom]
    return Reasons(
        concepts=found | {"rls"} if in_text else found,
        readable=bool(readable) or in_text,
        symptoms_only=bool(readable) and len(symptoms) == len(readable) and not in_text,
        rls_in_words_only=in_text and "rls" not in found,
        in_words=frozenset[str]().union(*(each.in_words for each in meant)) - found,
    )


def _meaning(concept: Json, concept_of_condition: ConceptsOf, known: Meanings) -> _Meaning:
    if id(concept) not in known:
        words, has_room = text_and_displays(concept), leaves_room_for_words(concept)
        concepts = concept_of_condition(concept)
        known[id(concept)] = (
            concept,
            _Meaning(
                concepts,
                names_rls_in_text(concept) or (has_room and any(map(names_rls_as_a_reason, _own_words(concept)))),
                has_room and _is_coded(concept),
                concepts <= _SAID_BESIDE and (_SYMPTOMS in concepts or _is_coded_as_a_symptom(concept)),
                frozenset(name for name in _IN_WORDS if names_in_words(name, words)),
            ),
        )
    return known[id(concept)][1]


def _reasons(resource: Mapping[str, Json], resolve: Resolve) -> Iterator[Json]:
    """Every reason as a concept: written in the order, or that of the condition it refers to."""
    for name in filter(resource.__contains__, _REASON_CODES):
        for each in objects(resource[name]):
            if "concept" in each or "coding" in each or "text" in each:
                yield each
    told: set[str] = set()
    for name in filter(resource.__contains__, _REASON_REFERENCES):
        for each in objects(resource[name]):
            if reference_of(each) and reference_of(each) in told:
                continue
            told.add(reference_of(each))
            condition = resolve(reference_of(each)) if reference_of(each) else None
            if condition is None:
                yield {"text": text(each.get("display"))}
            elif condition.get("resourceType") == "Condition" and not _is_cleared(condition):
                yield condition.get("code")


def _is_cleared(condition: Mapping[str, Json]) -> bool:
    return not _CLEARED.isdisjoint(words_of(condition.get("verificationStatus")))


def _own_words(concept: Json) -> Iterator[str]:
    """What the order says of a reason: its text, and the display of a code that is in no system of diagnoses."""
    yield from (each for each in items(cut(concept)) if isinstance(each, str))
    for each in objects(cut(concept)):
        for held in (each, *objects(cut(each.get("concept")))):
            yield text(held.get("text"))
            found = (each for each in objects(cut(held.get("coding"))) if not _is_of_a_diagnosis(each.get("system")))
            yield from (text(coding.get("display")) for coding in found)


def _is_coded(concept: Json) -> bool:
    """In a system of diagnoses, though not one of those we judge by: a reason all the same."""
    return any(_is_of_a_diagnosis(system) for system, _ in codings(concept))


def _is_of_a_diagnosis(system: Json) -> bool:
    return system_of(system) in _DIAGNOSIS_SYSTEMS


def _is_coded_as_a_symptom(concept: Json) -> bool:
    """Whether every code that tells by its place in a classification is one of a symptom, and there is such a code."""
    told = [
        _begins_as_a_symptom(table, plain_code(canonical, code))
        for system, code in codings(concept)
        if (canonical := system_of(system)) and (table := _symptom_table(canonical))
    ]
    return bool(told) and all(told)


def _begins_as_a_symptom(table: Mapping[str, tuple[str, ...]], plain: str) -> bool:
    if plain.startswith(table["but_not"]) or plain in table["but_not_exactly"]:
        return False
    return plain.startswith(table["begins"]) or plain in table["exactly"]


def _symptom_table(system: str) -> Mapping[str, tuple[str, ...]] | None:
    name = _SYMPTOM_TABLES.get(system) or ("icd_10" if system in ICD_SYSTEMS else "")
    return _symptom_tables().get(name)


@cache
def _symptom_tables() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    held = tomllib.loads((files("cards") / "reading" / "symptoms.toml").read_text(encoding="utf-8"))
    return {name: {key: tuple(codes) for key, codes in table.items()} for name, table in held.items()}
