"""Procedures that were done or are under way: dialysis, phlebotomy, transfusion, bariatric surgery, infusions of iron.

An infusion that is recorded as a procedure is iron that was given, as one that is recorded as an administration
(clinical rationale 4.8).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, tzinfo
from functools import cache

from cards.dates import PartialDate, cut_at, on_day, parse_known
from cards.drugs.history import last_giving, may_go_on, reaches_today
from cards.drugs.medication import Medications, product_of
from cards.drugs.recognise import is_coded_as_drug, recognise, words_of
from cards.facts.chart import Procedure
from cards.facts.drugs import Drug, Product
from cards.fhir.json_values import (
    Json,
    code_of_status,
    codings,
    first,
    items,
    objects,
    own_reference,
    partial_date_of,
    text,
    text_and_displays,
)
from cards.fhir.local_codes import NONE, Code, LocalConcepts, local_concepts
from cards.fhir.ownership import subject_is
from cards.fhir.references import Resolve, resolver, within
from cards.knowledge.valuesets import ConceptIndex, load_valueset
from cards.reading.diagnosis_words import beginnings, mentions, names_in_words

_DIALYSIS = "dialysis-procedure"
#: The value sets of procedures.
PROCEDURES = (
    _DIALYSIS,
    "haemodialysis-procedure",
    "peritoneal-dialysis-procedure",
    "therapeutic-phlebotomy",
    "bariatric-procedure",
    "transfusion",
)
#: What words name, because it makes an answer more careful: a dialysis of an unstated kind.
IN_WORDS = {
    "dialysis": _DIALYSIS,
    "therapeutic-phlebotomy": "therapeutic-phlebotomy",
    "bariatric": "bariatric-procedure",
}
_IRON = "iron-iv"
#: The ingredient that stands for an infusion of which no product is named.
_ANY = frozenset({"intravenous iron"})
#: Where a procedure names what was used, from DSTU2 to R5; `usedReference` may point at a Medication or Substance.
_USED = ("usedCode", "usedReference", "used")
_CLAUSE = re.compile(r"[;,\n]|(?<=\w{3})\.\s")
_MOST_CLAUSES = 60
_BESIDE = re.compile(
    r"\b(?:no|without|with|under|and|ohne|keine?|mit|unter|und|sans|avec|et|utan|ingen|med|och|zonder|met|en|uden)\b[^;,.()]*",
    re.IGNORECASE,
)
#: Behind the iron: why, after what or by whose word it was given.
_BECAUSE = re.compile(
    r"\b(?:for|after|per|as|due|because|by|from|on|following|bei|nach|wegen|pour|après|efter|för)\b", re.IGNORECASE
)
_DONE = frozenset({"completed", "in-progress"})
#: Of an infusion that was broken off, or of which nothing is said, something may have been given.
_DONE_PERHAPS = _DONE | {"stopped", "on-hold", "suspended", "aborted", "unknown", ""}
_DATES = ("performedDateTime", "performedPeriod", "occurrenceDateTime", "occurrencePeriod")


@cache
def _index() -> ConceptIndex:
    return ConceptIndex(load_valueset(name) for name in PROCEDURES)


def read_procedures(
    resources: Iterable[Json], *, patient_id: str, today: date, zone: tzinfo, local: LocalConcepts = NONE
) -> tuple[Procedure, ...]:
    """Return the procedures of ours with status completed or in-progress; `when` is the end, or today while it goes
    on.
    """
    done = _done(resources, patient_id)
    return tuple([found for resource in done if (found := _procedure(resource, today, zone, local))])


def _done(resources: Iterable[Json], patient_id: str, said: frozenset[str] = _DONE) -> Iterator[Mapping[str, Json]]:
    """Yield the procedures of the patient that were done, by their status, and of which nothing says otherwise."""
    for resource in objects(list(resources)):
        is_procedure = text(resource.get("resourceType")) == "Procedure"
        if is_procedure and subject_is(resource, patient_id) and _was_done(resource, said):
            yield resource


def _was_done(resource: Mapping[str, Json], said: frozenset[str]) -> bool:
    denied = resource.get("notDone") is True or resource.get("notPerformed") is True  # STU3, DSTU2
    return code_of_status(resource.get("status")) in said and not denied


def _procedure(resource: Mapping[str, Json], today: date, zone: tzinfo, local: LocalConcepts) -> Procedure | None:
    sent = codings(resource.get("code"))
    concepts = _concepts(sent, local)
    if not concepts:
        words = text_and_displays(resource.get("code"))
        concepts = frozenset(concept for named, concept in IN_WORDS.items() if names_in_words(named, words))
    if not concepts:
        return None
    return Procedure(concepts, _when(resource, today, zone), own_reference(resource), _in_doubt(sent, local))


def names_a_kidney_transplant(words: str) -> bool:
    """Return whether the words of a diagnosis or procedure tell a kidney that was transplanted, and works so far."""
    return mentions("kidney", words) and names_in_words("transplant", words)


def tells_a_kidney_transplant(resources: Iterable[Json], patient_id: str) -> bool:
    """Return whether words of a procedure of the patient that was done tell a transplanted kidney."""
    done = _done(resources, patient_id)
    return any(names_a_kidney_transplant(text_and_displays(resource.get("code"))) for resource in done)


def _in_doubt(sent: tuple[Code, ...], local: LocalConcepts) -> bool:
    """Every code that was recognised still awaits verification."""
    return not local_concepts(sent, local) and _index().all_unverified(sent)


def _concepts(sent: tuple[Code, ...], local: LocalConcepts) -> frozenset[str]:
    return local_concepts(sent, local).union(*(_index().concepts_of(system, each) for system, each in sent))


def _when(resource: Mapping[str, Json], today: date, zone: tzinfo) -> PartialDate | None:
    period = _period(resource)
    is_open = bool(period) and parse_known(period.get("end"), zone) is None
    if code_of_status(resource.get("status")) == "in-progress" and is_open:
        return on_day(today)
    found = _date(resource, zone)
    return cut_at(found, today) if found else None


def _period(resource: Mapping[str, Json]) -> Mapping[str, Json]:
    return first(resource.get("performedPeriod")) or first(resource.get("occurrencePeriod"))


def _date(resource: Mapping[str, Json], zone: tzinfo) -> PartialDate | None:
    return partial_date_of(resource, *_DATES, zone=zone)


def read_infusions(
    resources: Iterable[Json],
    *,
    patient_id: str,
    today: date,
    zone: tzinfo,
    resolve: Resolve,
    medications: Medications,
) -> tuple[Drug, ...]:
    """Return the infusions of iron among the procedures of the patient that were done, or may have been.

    Their dose is not known. One without a day may be a recent one, and so may one that is said to be done on a day
    ahead.
    """
    return tuple(
        _given(resource, product, zone, today)
        for resource in _done(resources, patient_id, _DONE_PERHAPS)
        for product in _infused(resource, within(resource, resolve), medications)
    )


def may_be_an_infusion(resource: Mapping[str, Json], medications: Medications) -> bool:
    """Return whether a procedure, whatever its status, names iron that is infused, or something that was used."""
    return any(name in resource for name in _USED) or bool(_infused(resource, resolver([]), medications))


def _given(resource: Mapping[str, Json], product: Product, zone: tzinfo, today: date) -> Drug:
    status = code_of_status(resource.get("status"))
    goes_on, period, moment = status == "in-progress", _period(resource), _date(resource, zone)
    start = parse_known(period.get("start"), zone) or moment
    end = parse_known(period.get("end"), zone) or (None if goes_on else moment)
    lately = may_go_on(start, today, as_given=True)
    given_on = last_giving(start, end, today, as_given=True, goes_on=goes_on and lately)
    return Drug(
        product=product,
        reference=own_reference(resource),
        status=status,
        active=False,
        given_on=given_on,
        may_go_on=goes_on and end is None and reaches_today(given_on, today),
        start=start if given_on else None,
        one_dose=True,
    )


def _infused(resource: Mapping[str, Json], resolve: Resolve, medications: Medications) -> tuple[Product, ...]:
    """The iron that a procedure names, each once; iron of no named product only where no product is named."""
    if mentions("no-infusion", text_and_displays(resource.get("code"))):
        return ()
    named = (_product(each, resource.get("code"), resolve, medications) for each in _named(resource, medications))
    by_name = {each.ingredient_names(): each for each in named if each and _IRON in each.classes}
    return tuple(each for names, each in by_name.items() if names != _ANY or len(by_name) == 1)


def _named(resource: Mapping[str, Json], medications: Medications) -> Iterator[Json]:
    """What was done, unless it only speaks of an infusion, and what was used for it."""
    if not _only_mentions_iron(resource.get("code"), medications):
        yield resource.get("code")
    for name in _USED:
        yield from items(resource.get(name))


def _only_mentions_iron(code: Json, medications: Medications) -> bool:
    """Return whether words ask for iron or look back on it wherever they name it; a code of a drug tells of it given.

    What follows `with`, `without` and the like is beside the infusion: `without reaction`, `with monitoring`.
    """
    if is_coded_as_drug(code, site_codes=medications.site_codes):
        return False
    clauses = [each for words in words_of(code) for each in _CLAUSE.split(words)[:_MOST_CLAUSES]]
    of_iron = [each for each in clauses if _names_iron(each)]
    return bool(of_iron) and all(_is_only_mentioned(_BESIDE.sub(" ", each)) for each in of_iron)


def _is_only_mentioned(clause: str) -> bool:
    """Return whether the clause itself names the iron so; a `follow-up visit with iron infusion` gave one."""
    for so_far, rest in beginnings(clause, _MOST_CLAUSES):
        if _names_iron(so_far):
            return mentions("infusion-mentioned", so_far + _BECAUSE.split(rest, maxsplit=1)[0])
    return False


def _names_iron(words: str) -> bool:
    found = recognise(words)
    return found is not None and _IRON in found.classes


def _product(named: Json, route: Json, resolve: Resolve, medications: Medications) -> Product | None:
    """By the route that the procedure names."""
    return product_of({"medication": named, "dosage": {"route": route}}, resolve, medications)
