"""Diagnoses, out of Condition resources (clinical rationale 0.2 and its amendments)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, tzinfo
from functools import cache, cached_property

from cards.dates import parse_known
from cards.facts.chart import Certainty, Diagnosis
from cards.fhir.json_values import (
    LONGEST_WORDS,
    Json,
    codes_without_system,
    coding_elements,
    codings,
    cut,
    first,
    items,
    objects,
    own_reference,
    partial_date_of,
    text,
    text_and_displays,
)
from cards.fhir.local_codes import NONE, LocalConcepts, local_concepts
from cards.fhir.ownership import subject_is
from cards.knowledge.code_systems import ICD_10, ICD_10_GM, ICD_SYSTEMS, SNOMED, plain_code, split_certainty, system_of
from cards.knowledge.icd_editions import edition_of
from cards.knowledge.valuesets import ConceptIndex, load_valueset, valueset_names
from cards.reading.certainty import Mark, Marks, ruled_by
from cards.reading.diagnosis_words import is_not_the_patients_code, names_an_earlier_year, names_in_words
from cards.reading.presence import (
    Presence,
    is_family_history,
    is_from_encounter,
    is_patients_own_concern,
    presence,
)
from cards.reading.procedures import PROCEDURES, names_a_kidney_transplant, tells_a_kidney_transplant
from cards.reading.rls_words import names_rls, names_rls_beside_code, names_rls_of_a_relative, only_suspects_rls
from cards.remembered import remembered
from cards.values import frozen

_NOT_DIAGNOSES = ("lab-", "measure-", "order-", "drug-")
_ONLY_WITH_WORDS = "rls-by-text-only-code"
#: Where a code without a system is looked for, and the fewest signs it needs to mean anything; without the point.
_SYSTEMS_OF_BARE_CODES = (*sorted(ICD_SYSTEMS), SNOMED)
_SHORTEST_BARE_CODE = 4
_RLS = frozenset({"rls", "rls-in-pregnancy", _ONLY_WITH_WORDS})
#: Stays when it is called inactive, in remission or resolved, as a German mark "state after" never ends it either; what
#: else such an entry says does not. Iron overload that is called acquired may end (clinical amendments).
_STAYS = frozenset({"hereditary-overload", "probable-overload", "polycythaemia-vera"})
_OVERLOAD = frozenset({"overload"})
_ESRD = frozenset({"esrd"})


@frozen
class _Careful:
    """A fact that words alone make known, because it makes an answer more careful.

    named     the list of cards/reading/words.toml that names it
    concept   the value set that it is then taken to belong to
    settled   value sets of which one among the codes says more of it than words do
    coded     those of which a code without a system names it as words do
    stays     whether it counts although the entry is called inactive or resolved
    passes    whether a year before this one in the words tells that it is over
    """

    named: str
    concept: str
    settled: frozenset[str]
    coded: frozenset[str]
    stays: bool = False
    passes: bool = False


_HEREDITARY = frozenset({"hereditary-overload"})
_OVERLOADED = frozenset({"overload", "probable-overload"})
_CAREFUL = (
    _Careful("haemochromatosis", "probable-overload", _OVERLOADED | _HEREDITARY, _HEREDITARY, stays=True),
    _Careful("overload", "probable-overload", _OVERLOADED | _HEREDITARY, _OVERLOADED),
    _Careful(
        "dialysis",
        "dialysis-dependence",
        frozenset({"dialysis-dependence", "haemodialysis-dependence", "esrd", "kidney-transplant"}),
        frozenset({"dialysis-dependence", "haemodialysis-dependence"}),
    ),
    _Careful(
        "pregnant",
        "pregnant",
        frozenset({"pregnant", "puerperal", "gestation-week", "lactation"}),
        frozenset({"pregnant"}),
    ),
    _Careful(
        "esrd",
        "esrd",
        frozenset({"dialysis-dependence", "haemodialysis-dependence", "esrd", "kidney-transplant", "ckd-stage-5"}),
        frozenset({"esrd"}),
    ),
    *(
        _Careful(name, name, frozenset({name}), frozenset({name}), stays=name in _STAYS, passes=name == "sepsis")
        for name in (
            *("polycythaemia-vera", "sepsis", "bariatric", "inflammatory-bowel", "coeliac"),
            *("oxalate", "kidney-stone", "copd", "sleep-apnoea"),
        )
    ),
)


@cache
def diagnosis_index() -> ConceptIndex:
    """Return all value sets of diagnoses that ship with the package."""
    names = (name for name in valueset_names() if not name.startswith(_NOT_DIAGNOSES) and name not in PROCEDURES)
    return ConceptIndex(load_valueset(name) for name in names)


def diagnosis_concepts(concept: Json, *, local: LocalConcepts = NONE) -> frozenset[str]:
    """Return the value sets a CodeableConcept belongs to, by its codes; in any of the shapes a reason or diagnosis is
    sent.

    A code that means RLS only together with words counts as `rls` where the text names it. Words alone never count
    here: see `names_rls_in_text`. `local`: the site's own codes.
    """
    if not concept:
        return frozenset()
    meant = (each for each in _recognised(concept, local) if each.mark not in (Mark.EXCLUDED, Mark.OVER))
    return _all_concepts(tuple(meant))


def names_rls_in_text(concept: Json) -> bool:
    """Return whether the text alone names RLS: not denied, and without a code of a known system beside it.

    A code without a system counts as text.
    """
    return bool(concept) and _names_rls_in_text(concept)


@remembered
def _names_rls_in_text(concept: Json) -> bool:
    bare = any(names_rls(each) for each in items(cut(concept)) if isinstance(each, str))
    is_said = bare or any(names_rls(_words(each)) and not _is_coded(each) for each in objects(cut(concept)))
    return is_said or "rls" in _meant_without_system(concept)


def _careful_in_words(concept: Json, local: LocalConcepts) -> tuple[_Careful, ...]:
    """Return what words alone, or beside codes that no list holds, make known, each value set once.

    Iron overload (then probable), dialysis, pregnancy, what bars or directs an infusion, vitamin C or a sedating drug:
    each makes an answer more careful; words never clear anything. A code without a system counts as words, and the
    names of codes are words here. A code that is excluded, or says that a relative has it, or that it was looked for,
    leaves nothing to words.
    """
    return _said_carefully(concept, _all_concepts(_recognised(concept, local)))


@remembered
def _said_carefully(concept: Json, found: frozenset[str]) -> tuple[_Careful, ...]:
    if not leaves_room_for_words(concept):
        return ()
    words = text_and_displays(concept)
    bare = _meant_without_system(concept)
    said = [
        each
        for each in _CAREFUL
        if found.isdisjoint(each.settled) and (names_in_words(each.named, words) or not bare.isdisjoint(each.coded))
    ]
    return tuple({each.concept: each for each in reversed(said)}.values())


def _meant_without_system(concept: Json) -> frozenset[str]:
    """What codes mean that stand without a system: whatever they mean in one that we know. Short ones mean nothing.

    Nor do those that ICD-10-GM would call excluded.
    """
    index = diagnosis_index()
    bare = (code for code in codes_without_system(concept) if len(plain_code(ICD_10, code)) >= _SHORTEST_BARE_CODE)
    meant = (code for code in bare if split_certainty(ICD_10_GM, code)[1] != Mark.EXCLUDED)
    pairs = ((system, code) for code in meant for system in _SYSTEMS_OF_BARE_CODES)
    return frozenset[str]().union(*(index.concepts_of(system, code) for system, code in pairs))


def leaves_room_for_words(concept: Json) -> bool:
    """Return whether no code says that it was looked for, is excluded, or that a relative has it."""
    marks = Marks()
    for system, code, coding, held in coding_elements(concept):
        canonical = system_of(system)
        if canonical in ICD_SYSTEMS and is_not_the_patients_code(plain_code(canonical, code)):
            return False
        if marks.mark_of(coding, held) is Mark.EXCLUDED:
            return False
    return True


def read_diagnoses(
    resources: Iterable[Json],
    *,
    patient_id: str,
    today: date,
    zone: tzinfo,
    local: LocalConcepts = NONE,
    procedures: Iterable[Json] = (),
) -> tuple[Diagnosis, ...]:
    """Return the diagnoses among these resources that belong to a value set of ours.

    Somebody else's resources, other kinds of resource and family history are passed over. `local`: the site's own
    codes. `procedures`: those among which a kidney transplant ends end-stage disease that words tell.
    """
    own = [
        resource
        for resource in resources
        if isinstance(resource, Mapping) and resource.get("resourceType") == "Condition"
        if subject_is(resource, patient_id) and not is_family_history(resource)
    ]
    found = tuple(diagnosis for resource in own for diagnosis in _diagnoses(resource, today, zone, local))
    if any(map(_is_esrd_in_words, found)) and (
        _tell_a_kidney_transplant(own, found, today, zone) or tells_a_kidney_transplant(procedures, patient_id)
    ):
        return tuple(each for each in found if not _is_esrd_in_words(each))
    return found


def _is_esrd_in_words(known: Diagnosis) -> bool:
    return known.concepts == _ESRD and not known.code


def _tell_a_kidney_transplant(
    own: Iterable[Mapping[str, Json]], found: tuple[Diagnosis, ...], today: date, zone: tzinfo
) -> bool:
    """Return whether a code or words of any entry tell a transplanted kidney: it settles end-stage disease in words.

    A code of end-stage disease is judged by its dates instead.
    """
    if any("kidney-transplant" in each.concepts and not each.cleared for each in found):
        return True
    said = (text_and_displays(each.get("code")) for each in own if not presence(each, today, zone).cleared)
    return any(map(names_a_kidney_transplant, said))


@frozen
class _Recognised:
    """One coding that is in a value set of ours; `code` as system|code."""

    concepts: frozenset[str]
    code: str
    unverified: bool
    mark: Mark | None = None


def _recognised(concept: Json, local: LocalConcepts) -> tuple[_Recognised, ...]:
    """Every coding in a value set of ours; one of RLS not where the text beside it says that a relative has it."""
    own = tuple(local_concepts((each,), local) for each in codings(concept)) if local else ()
    return _known(concept, own if any(own) else ())


@remembered
def _known(concept: Json, local: tuple[frozenset[str], ...]) -> tuple[_Recognised, ...]:
    """The codings in a value set of ours; `local` holds what each of them means at the site, if any means anything."""
    return tuple(_each_known(concept, local))


def _each_known(concept: Json, local: tuple[frozenset[str], ...]) -> Iterator[_Recognised]:
    index, marks, words = diagnosis_index(), Marks(), _Words(concept)
    for place, (system, code, coding, held) in enumerate(coding_elements(concept)):
        own = local[place] if local else frozenset()
        concepts = index.concepts_of(system, code) | own
        of_a_relative = "rls" in concepts and words.say_rls_of_a_relative
        if concepts and not of_a_relative:
            unverified = not own and any(index.is_unverified(system, code, name) for name in concepts)
            with_words = concepts | _concepts_with_words(concepts, words)
            canonical = system_of(system) or system
            edition, (bare, _) = edition_of(canonical, code), split_certainty(canonical, code)
            name = f"{edition}|{plain_code(edition, bare)}"
            suspected = Mark.SUSPECTED if "rls" in with_words - concepts and words.only_suspect_rls else None
            yield _Recognised(with_words, name, unverified, marks.mark_of(coding, held) or suspected)


class _Words:
    """What the text beside the codes of a diagnosis says, read once and only where a code asks for it."""

    def __init__(self, concept: Json) -> None:
        self._concept = concept

    @cached_property
    def text(self) -> str:
        return _words(self._concept)

    @cached_property
    def say_rls_of_a_relative(self) -> bool:
        return names_rls_of_a_relative(self.text)

    @cached_property
    def name_rls(self) -> bool:
        return names_rls_beside_code(self.text)

    @cached_property
    def only_suspect_rls(self) -> bool:
        return only_suspects_rls(self.text)

    @cached_property
    def name_oxalate(self) -> bool:
        return "oxalate" in self.text.lower()


def _concepts_with_words(concepts: frozenset[str], words: _Words) -> frozenset[str]:
    """What a code means only together with the text beside it."""
    said = set()
    if _ONLY_WITH_WORDS in concepts and words.name_rls:
        said.add("rls")
    if "kidney-stone" in concepts and words.name_oxalate:
        said.add("oxalate")
    return frozenset(said)


def _all_concepts(found: tuple[_Recognised, ...]) -> frozenset[str]:
    return frozenset().union(*(each.concepts for each in found))


def _words(concept: Json) -> str:
    """The text of a CodeableConcept, never the display of a code; of a CodeableReference, that of its concept."""
    texts = (
        text(held.get("text"))[:LONGEST_WORDS]
        for each in objects(cut(concept))
        for held in (each, first(each.get("concept")))
    )
    return " ; ".join(words for words in texts if words)


def _is_coded(concept: Json) -> bool:
    return any(system_of(system) for system, _ in codings(concept))


def _diagnoses(condition: Mapping[str, Json], today: date, zone: tzinfo, local: LocalConcepts) -> Iterator[Diagnosis]:
    """What one Condition says: by its codes, and by its words restless legs syndrome and what asks for more care."""
    present = presence(condition, today, zone)
    blank = _diagnosis(condition, present, zone)
    found = _recognised(condition.get("code"), local)
    in_text = names_rls_in_text(condition.get("code"))
    if is_patients_own_concern(condition):
        found = tuple(replace(each, concepts=each.concepts - _RLS) for each in found if each.concepts - _RLS)
        in_text = False
    for mark in dict.fromkeys(each.mark for each in found):
        yield from ruled_by(_by_code(blank, tuple(each for each in found if each.mark is mark)), mark)
    if in_text and "rls" not in _all_concepts(found):
        yield replace(blank, concepts=frozenset({"rls"}), certainty=Certainty.SUSPECTED)
    for each in _careful_in_words(condition.get("code"), local):
        passed = each.passes and names_an_earlier_year(text_and_displays(condition.get("code")), today)
        counts = (blank.counts and not passed) or (each.stays and not blank.cleared)
        yield replace(blank, concepts=frozenset({each.concept}), certainty=Certainty.SUSPECTED, counts=counts)


def _by_code(blank: Diagnosis, found: tuple[_Recognised, ...]) -> Diagnosis:
    concepts = _all_concepts(found)
    unverified = all(each.unverified for each in found)
    known = replace(blank, concepts=concepts, code=found[0].code, unverified=unverified)
    staying = concepts & (_STAYS | _OVERLOAD if "hereditary-overload" in concepts else _STAYS)
    if staying and not (blank.counts or blank.cleared):
        return replace(known, concepts=staying, counts=True)
    return known


def _diagnosis(condition: Mapping[str, Json], present: Presence, zone: tzinfo) -> Diagnosis:
    """All that a Condition says besides its code."""
    onset = partial_date_of(condition, "onsetDateTime", zone=zone)
    return Diagnosis(
        concepts=frozenset(),
        counts=present.counts,
        certainty=Certainty.CONFIRMED if present.certain else Certainty.SUSPECTED,
        cleared=present.cleared,
        onset=onset or parse_known(first(condition.get("onsetPeriod")).get("start"), zone),
        recorded=partial_date_of(condition, "recordedDate", "assertedDate", "dateRecorded", zone=zone),
        from_encounter=is_from_encounter(condition),
        reference=own_reference(condition),
    )
