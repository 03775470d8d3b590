"""Procedures that were done or are under way: dialysis, phlebotomy, transfusion, bariatric surgery."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, tzinfo
from functools import cache

from cards.dates import PartialDate, cut_at, on_day, parse_known
from cards.facts.chart import Procedure
from cards.fhir.json_values import (
    Json,
    code_of_status,
    codings,
    first,
    own_reference,
    partial_date_of,
    text_and_displays,
)
from cards.fhir.local_codes import NONE, Code, LocalConcepts, local_concepts
from cards.fhir.ownership import subject_is
from cards.knowledge.valuesets import ConceptIndex, load_valueset
from cards.reading.diagnosis_words import names_in_words

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
_DONE = frozenset({"completed", "in-progress"})
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
    return tuple(
        found
        for resource in resources
        if isinstance(resource, Mapping) and resource.get("resourceType") == "Procedure"
        if subject_is(resource, patient_id) and _was_done(resource)
        if (found := _procedure(resource, today, zone, local))
    )


def _was_done(resource: Mapping[str, Json]) -> bool:
    denied = resource.get("notDone") is True or resource.get("notPerformed") is True  # STU3, DSTU2
    return code_of_status(resource.get("status")) in _DONE and not denied


def _procedure(resource: Mapping[str, Json], today: date, zone: tzinfo, local: LocalConcepts) -> Procedure | None:
    sent = codings(resource.get("code"))
    concepts = _concepts(sent, local)
    # Words count where they make an answer more careful: a dialysis of an unstated kind.
    if not concepts and names_in_words("dialysis", text_and_displays(resource.get("code"))):
        concepts = frozenset({_DIALYSIS})
    if not concepts:
        return None
    return Procedure(concepts, _when(resource, today, zone), own_reference(resource), _in_doubt(sent, local))


def _in_doubt(sent: tuple[Code, ...], local: LocalConcepts) -> bool:
    """Every code that was recognised still awaits verification."""
    return not local_concepts(sent, local) and _index().all_unverified(sent)


def _concepts(sent: tuple[Code, ...], local: LocalConcepts) -> frozenset[str]:
    return local_concepts(sent, local).union(*(_index().concepts_of(system, each) for system, each in sent))


def _when(resource: Mapping[str, Json], today: date, zone: tzinfo) -> PartialDate | None:
    period = first(resource.get("performedPeriod")) or first(resource.get("occurrencePeriod"))
    is_open = bool(period) and parse_known(period.get("end"), zone) is None
    if code_of_status(resource.get("status")) == "in-progress" and is_open:
        return on_day(today)
    found = partial_date_of(resource, *_DATES, zone=zone)
    return cut_at(found, today) if found else None
