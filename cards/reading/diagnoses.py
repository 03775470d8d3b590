"""Diagnoses, out of Condition resources (clinical page 0.2 and its amendments)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, tzinfo
from functools import cache

from cards.chart import Certainty, Diagnosis
from cards.code_systems import plain_code, system_of
from cards.moment import parse_moment
from cards.reading.local import NONE, LocalConcepts, local_concepts
from cards.reading.overload_words import names_overload
from cards.reading.presence import (
    Presence,
    is_family_history,
    is_from_encounter,
    is_patients_own_concern,
    presence,
)
from cards.reading.procedures import PROCEDURES
from cards.reading.rls_words import names_rls, names_rls_beside_code, names_rls_of_a_relative
from cards.reading.shapes import Json, codings, first, items, moment_of, objects, own_reference, subject_is, text
from cards.valuesets import ConceptIndex, load_valueset, valueset_names

_NOT_DIAGNOSES = ("lab-", "measure-", "order-", "drug-")
_ONLY_WITH_WORDS = "rls-by-text-only-code"
_RLS = frozenset({"rls", "rls-in-pregnancy", _ONLY_WITH_WORDS})
#: An inherited overload stays when it is called inactive or resolved; what else such an entry says does not.
_STAYS = frozenset({"overload", "hereditary-overload"})


@cache
def diagnosis_index() -> ConceptIndex:
    """All value sets of diagnoses that ship with the package."""
    names = (name for name in valueset_names() if not name.startswith(_NOT_DIAGNOSES) and name not in PROCEDURES)
    return ConceptIndex(load_valueset(name) for name in names)


def diagnosis_concepts(concept: Json, *, local: LocalConcepts = NONE) -> frozenset[str]:
    """The value sets a CodeableConcept belongs to, by its codes; in any of the shapes a reason or diagnosis is sent.

    A code that means RLS only together with words counts as `rls` where the text names it. Words alone never count
    here: see `rls_in_words`. `local`: the site's own codes.
    """
    return _all_concepts(tuple(_recognised(concept, local)))


def rls_in_words(concept: Json) -> bool:
    """Restless legs syndrome stands in the text alone: named, not denied, and no code of a known system beside it."""
    bare = any(names_rls(each) for each in items(concept) if isinstance(each, str))
    return bare or any(names_rls(_words(each)) and not _is_coded(each) for each in objects(concept))


def overload_in_words(concept: Json) -> bool:
    """Iron overload stands in the text alone, without a code of a known system beside it."""
    return any(names_overload(_words(each)) and not _is_coded(each) for each in objects(concept))


def read_diagnoses(
    resources: Iterable[Json],
    *,
    patient_id: str,
    today: date,
    zone: tzinfo,
    local: LocalConcepts = NONE,
) -> tuple[Diagnosis, ...]:
    """The diagnoses among these resources that belong to a value set of ours.

    Somebody else's resources, other kinds of resource and family history are passed over. `local`: the site's own
    codes.
    """
    return tuple(
        diagnosis
        for resource in resources
        if isinstance(resource, Mapping) and resource.get("resourceType") == "Condition"
        if subject_is(resource, patient_id) and not is_family_history(resource)
        for diagnosis in _diagnoses(resource, today, zone, local)
    )


@dataclass(frozen=True, slots=True)
class _Recognised:
    """One coding that is in a value set of ours; `code` as system|code."""

    concepts: frozenset[str]
    code: str
    unverified: bool


def _recognised(concept: Json, local: LocalConcepts) -> Iterator[_Recognised]:
    """Every coding in a value set of ours; one of RLS not where the text beside it says that a relative has it."""
    index = diagnosis_index()
    for system, code in codings(concept):
        own = local_concepts(((system, code),), local)
        concepts = index.concepts_of(system, code) | own
        of_a_relative = "rls" in concepts and names_rls_of_a_relative(_words(concept))
        if concepts and not of_a_relative:
            unverified = not own and any(index.is_unverified(system, code, name) for name in concepts)
            with_words = concepts | _concepts_with_words(concepts, _words(concept))
            canonical = system_of(system) or system
            yield _Recognised(with_words, f"{canonical}|{plain_code(canonical, code)}", unverified)


def _concepts_with_words(concepts: frozenset[str], words: str) -> frozenset[str]:
    """What a code means only together with the text beside it."""
    said = set()
    if _ONLY_WITH_WORDS in concepts and names_rls_beside_code(words):
        said.add("rls")
    if "kidney-stone" in concepts and "oxalate" in words.lower():
        said.add("oxalate")
    return frozenset(said)


def _all_concepts(found: tuple[_Recognised, ...]) -> frozenset[str]:
    return frozenset().union(*(each.concepts for each in found))


def _words(concept: Json) -> str:
    """The text of a CodeableConcept, never the display of a code; of a CodeableReference, that of its concept."""
    texts = (text(held.get("text")) for each in objects(concept) for held in (each, first(each.get("concept"))))
    return " ; ".join(words for words in texts if words)


def _is_coded(concept: Json) -> bool:
    return any(system_of(system) for system, _ in codings(concept))


def _diagnoses(condition: Mapping[str, Json], today: date, zone: tzinfo, local: LocalConcepts) -> Iterator[Diagnosis]:
    """What one Condition says: by its codes, and restless legs syndrome and iron overload by its words."""
    present = presence(condition, today, zone)
    blank = _diagnosis(condition, present, zone)
    found = tuple(_recognised(condition.get("code"), local))
    in_words = rls_in_words(condition.get("code"))
    if is_patients_own_concern(condition):
        found = tuple(replace(each, concepts=each.concepts - _RLS) for each in found if each.concepts - _RLS)
        in_words = False
    if found:
        yield _by_code(blank, found)
    if in_words and "rls" not in _all_concepts(found):
        yield replace(blank, concepts=frozenset({"rls"}), certainty=Certainty.SUSPECTED)
    if overload_in_words(condition.get("code")):
        yield replace(blank, concepts=frozenset({"probable-overload"}), certainty=Certainty.SUSPECTED)


def _by_code(blank: Diagnosis, found: tuple[_Recognised, ...]) -> Diagnosis:
    concepts = _all_concepts(found)
    unverified = all(each.unverified for each in found)
    known = replace(blank, concepts=concepts, code=found[0].code, unverified=unverified)
    if "hereditary-overload" in concepts and not (blank.counts or blank.cleared):
        return replace(known, concepts=concepts & _STAYS, counts=True)
    return known


def _diagnosis(condition: Mapping[str, Json], present: Presence, zone: tzinfo) -> Diagnosis:
    """All that a Condition says besides its code."""
    onset = moment_of(condition, "onsetDateTime", zone=zone)
    return Diagnosis(
        concepts=frozenset(),
        counts=present.counts,
        certainty=Certainty.CONFIRMED if present.certain else Certainty.SUSPECTED,
        cleared=present.cleared,
        onset=onset or parse_moment(first(condition.get("onsetPeriod")).get("start"), zone),
        recorded=moment_of(condition, "recordedDate", "assertedDate", "dateRecorded", zone=zone),
        abated=present.abated,
        from_encounter=is_from_encounter(condition),
        reference=own_reference(condition),
    )
