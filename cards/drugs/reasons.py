"""Why a drug is given: the reasons of an order, of any FHIR version (clinical page 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from cards.chart import Reasons
from cards.code_systems import ICD_11, ICD_SYSTEMS, ICPC_2, SNOMED, system_of
from cards.reading.diagnoses import rls_in_words
from cards.reading.presence import words_of
from cards.reading.shapes import Json, codings, objects, reference_of, text

#: The resource a reference points at; `None` where it is not at hand.
Resolve = Callable[[str], Mapping[str, Json] | None]
#: The value sets of diagnoses that a CodeableConcept belongs to.
ConceptsOf = Callable[[Json], frozenset[str]]

_REASON_CODES = ("reasonCode", "reasonCodeableConcept", "reasonForUseCodeableConcept", "reason")
_REASON_REFERENCES = ("reasonReference", "reasonForUseReference", "reason")
_SYMPTOMS = "symptoms-only"
_DIAGNOSIS_SYSTEMS = ICD_SYSTEMS | {SNOMED, ICD_11, ICPC_2}
_CLEARED = frozenset({"refuted", "entered-in-error"})


def read_reasons(resource: Mapping[str, Json], resolve: Resolve, concept_of_condition: ConceptsOf) -> Reasons:
    """The reasons as diagnoses. A reason in plain words alone is read only where it names restless legs syndrome.

    `as needed for ...` is no reason of the order but a direction, and does not count.
    """
    concepts = list(_reasons(resource, resolve))
    found = frozenset().union(*(concept_of_condition(each) for each in concepts))
    in_words = any(rls_in_words(each) for each in concepts)
    readable = [each for each in concepts if concept_of_condition(each) or _is_coded(each)]
    symptoms = [each for each in readable if concept_of_condition(each) == {_SYMPTOMS}]
    return Reasons(
        concepts=found | {"rls"} if in_words else found,
        readable=bool(readable) or in_words,
        symptoms_only=bool(readable) and len(symptoms) == len(readable) and not in_words,
        rls_in_words_only=in_words and "rls" not in found,
    )


def _reasons(resource: Mapping[str, Json], resolve: Resolve) -> Iterator[Json]:
    """Every reason as a concept: written in the order, or that of the condition it refers to."""
    for name in _REASON_CODES:
        for each in objects(resource.get(name)):
            if "concept" in each or "coding" in each or "text" in each:
                yield each
    for name in _REASON_REFERENCES:
        for each in objects(resource.get(name)):
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
