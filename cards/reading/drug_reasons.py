"""Why a drug is given: the reasons of an order, of any FHIR version (clinical rationale 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from cards.facts.chart import Reasons
from cards.fhir.json_values import Json, codings, objects, reference_of, text, text_and_displays
from cards.fhir.references import Resolve
from cards.knowledge.code_systems import ICD_11, ICD_SYSTEMS, ICPC_2, SNOMED, system_of
from cards.reading.diagnoses import names_rls_in_text
from cards.reading.diagnosis_words import names_in_words
from cards.reading.presence import words_of

#: The value sets of diagnoses that a CodeableConcept belongs to.
ConceptsOf = Callable[[Json], frozenset[str]]

_REASON_CODES = ("reasonCode", "reasonCodeableConcept", "reasonForUseCodeableConcept", "reason")
_REASON_REFERENCES = ("reasonReference", "reasonForUseReference", "reason")
_SYMPTOMS = "symptoms-only"
_DIAGNOSIS_SYSTEMS = ICD_SYSTEMS | {SNOMED, ICD_11, ICPC_2}
#: Reasons that decide in another way where words alone name them.
_IN_WORDS = ("heart-failure", "ckd")
_CLEARED = frozenset({"refuted", "entered-in-error"})
#: More reasons of one order are not read.
_MOST_REASONS = 20


class _Meaning(NamedTuple):
    """What one reason says; `in_words` is what words alone name, of `_IN_WORDS`."""

    concepts: frozenset[str]
    names_rls: bool
    is_coded: bool
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
    syndrome; heart failure and kidney disease in words are kept apart.

    `as needed for ...` is no reason of the order but a direction, and does not count.
    """
    meanings = {} if known is None else known
    stated = islice(_reasons(resource, resolve), _MOST_REASONS)
    meant = [_meaning(each, concept_of_condition, meanings) for each in stated]
    found = frozenset[str]().union(*(each.concepts for each in meant))
    in_text = any(each.names_rls for each in meant)
    readable = [each for each in meant if each.concepts or each.is_coded]
    symptoms = [each for each in readable if each.concepts == {_SYMPTOMS}]
    return Reasons(
        concepts=found | {"rls"} if in_text else found,
        readable=bool(readable) or in_text,
        symptoms_only=bool(readable) and len(symptoms) == len(readable) and not in_text,
        rls_in_words_only=in_text and "rls" not in found,
        in_words=frozenset[str]().union(*(each.in_words for each in meant)) - found,
    )


def _meaning(concept: Json, concept_of_condition: ConceptsOf, known: Meanings) -> _Meaning:
    if id(concept) not in known:
        words = text_and_displays(concept)
        known[id(concept)] = (
            concept,
            _Meaning(
                concept_of_condition(concept),
                names_rls_in_text(concept),
                _is_coded(concept),
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


def _is_coded(concept: Json) -> bool:
    """In a system of diagnoses, though not one of those we judge by: a reason all the same."""
    return any(system_of(system) in _DIAGNOSIS_SYSTEMS for system, _ in codings(concept))
