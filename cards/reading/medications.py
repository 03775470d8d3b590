"""Drugs from orders, statements, administrations and drafts of any FHIR version (clinical rationale 4.8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, tzinfo
from typing import TypeVar

from cards.dates import PartialDate, days_after, on_day, parse_known, parse_partial_date
from cards.drugs.dose import daily_dose
from cards.drugs.history import with_history
from cards.drugs.instructions import MOST_DOSAGES, is_cut_short, one_dose_in
from cards.drugs.medication import Medications, is_out_of_reach, product_of
from cards.drugs.recognise import SiteCodes
from cards.drugs.timing import is_stat, number
from cards.facts.chart import Drug, Product
from cards.fhir.json_values import (
    Json,
    code_of_status,
    codings,
    first,
    items,
    objects,
    own_reference,
    partial_date_of,
    reference_of,
    text,
)
from cards.fhir.ownership import subject_is
from cards.fhir.references import Resolve, name_of, resolver, within
from cards.knowledge.definitions import defined
from cards.knowledge.limits import misses
from cards.reading.diagnoses import diagnosis_concepts
from cards.reading.drug_reasons import ConceptsOf, Meanings, read_reasons
from cards.reading.resource_types import DRUG_ADMINISTRATION, DRUG_DISPENSE, DRUG_ORDERS, DRUG_STATEMENTS

_INTENTS = frozenset({"", "order", "original-order", "reflex-order", "filler-order", "instance-order", "plan"})
#: Never taken, so no part of any history.
_NEVER = frozenset({"draft", "cancelled", "entered-in-error", "not-taken", "not-done", "declined"})
#: Elements that may say that it is not taken.
_REFUSALS = frozenset({"doNotPerform", "wasNotTaken", "wasNotGiven", "notGiven", "taken", "adherence"})
#: Not handed out yet.
_NOT_DISPENSED = frozenset({"preparation", "on-hold"})
_DISPENSED = frozenset({"completed", "in-progress", "unknown", ""})
_ACTIVE = frozenset({"active", "intended"})
_UNSAID = frozenset({"", "unknown", "recorded"})
_GIVEN = frozenset({"active", "completed", "in-progress"})
_BOTTLES = frozenset({"bottle", "bottles", "box", "boxes", "pack", "packs", "package", "tube", "kit"})


_ENDED = frozenset({"completed", "stopped", "ended"})
_DATES = ("authoredOn", "effectiveDateTime", "dateAsserted", "whenHandedOver", "dateWritten")
#: The most drugs that are judged (contract section 5).
MOST_DRUGS = 500
Resource = TypeVar("Resource", bound=Mapping[str, Json])


@dataclass(frozen=True, slots=True)
class _Reading:
    """What reading one resource needs besides it."""

    today: date
    zone: tzinfo
    resolve: Resolve
    concepts: ConceptsOf
    medications: Medications
    meanings: Meanings = field(default_factory=dict)


def read_drugs(
    resources: Iterable[Json],
    *,
    patient_id: str,
    today: date,
    zone: tzinfo,
    resolve: Resolve | None = None,
    concept_of_condition: ConceptsOf = diagnosis_concepts,
    site_codes: SiteCodes | None = None,
) -> tuple[Drug, ...]:
    """Return the drugs of ours among these resources, past ones too; what was never taken is left out.

    `resolve` finds referred Medications and Conditions; without it they are looked for among `resources`.
    """
    held = objects(list(resources))
    reading = _Reading(today, zone, resolve or resolver(held), concept_of_condition, Medications(site_codes))
    own = (each for each in held if subject_is(each, patient_id) and not _was_never_taken(each))
    return with_history(drug for each in own if (drug := _drug(each, reading)))


def records_to_read(resources: Iterable[Resource]) -> tuple[tuple[Resource, ...], int]:
    """Return the records to read, and how many of them name a drug that was taken.

    Of these `MOST_DRUGS` are read: what may be taken today first, then the latest. All other records are kept.
    """
    held = tuple(resources)
    taken = [each for each in held if names_a_drug(each) and not _was_never_taken(each)]
    if len(taken) <= MOST_DRUGS:
        return held, len(taken)
    latest = sorted(taken, key=lambda each: max(map(text, map(each.get, _DATES))), reverse=True)
    first = sorted(latest, key=lambda each: code_of_status(each.get("status")) in _ENDED)
    left_out = {id(each) for each in first[MOST_DRUGS:]}
    return tuple(each for each in held if id(each) not in left_out), len(taken)


def has_unknown_drugs(
    resources: Iterable[Json], *, patient_id: str, resolve: Resolve, site_codes: SiteCodes | None = None
) -> bool:
    """Return whether a record of the patient names a drug that cannot be told."""
    medications = Medications(site_codes)
    own = (each for each in objects(list(resources)) if subject_is(each, patient_id) and not _was_never_taken(each))
    return any(names_a_drug(each) and is_out_of_reach(each, within(each, resolve), medications) for each in own)


def names_a_drug(resource: Mapping[str, Json]) -> bool:
    """Return whether it is an order, a statement or an administration of a drug."""
    kind = text(resource.get("resourceType"))
    return kind in DRUG_ORDERS or kind in DRUG_STATEMENTS or kind in (DRUG_ADMINISTRATION, DRUG_DISPENSE)


def read_draft_drug(
    resource: Mapping[str, Json],
    *,
    today: date,
    zone: tzinfo,
    resolve: Resolve = lambda reference: None,
    concept_of_condition: ConceptsOf = diagnosis_concepts,
    medications: Medications | None = None,
    meanings: Meanings | None = None,
) -> Drug | None:
    """Return the drug of a draft order; `None` where none is chosen yet, or none of ours.

    `medications` and `meanings` hold what other orders of the call refer to.
    """
    known = {} if meanings is None else meanings
    return _drug(resource, _Reading(today, zone, resolve, concept_of_condition, medications or Medications(), known))


def _drug(resource: Mapping[str, Json], reading: _Reading) -> Drug | None:
    if not names_a_drug(resource):
        return None
    kind = text(resource.get("resourceType"))
    resolve = within(resource, reading.resolve)
    product = product_of(resource, resolve, reading.medications)
    if product is None:
        return None
    status = code_of_status(resource.get("status"))
    began, end = _start(resource, reading.zone), _end(resource, reading.zone)
    start = None if began is None or began.is_endless else began
    if kind == DRUG_DISPENSE:
        end = _dispensed_until(resource, start)
    told = (*objects(resource.get("dosageInstruction")), *objects(resource.get("dosage")))
    dosages = told[:MOST_DOSAGES]
    one_dose = kind == DRUG_ADMINISTRATION or one_dose_in(dosages) or _dispenses_one(resource)
    return Drug(
        product=product,
        reference=own_reference(resource),
        status=status,
        active=_is_taken(kind, status, began, end, reading.today),
        given_on=_given_on(product, status, start, reading.today),
        start=start,
        end=end or (None if status in _ACTIVE else _supplied_until(resource, start)),
        daily=daily_dose(dosages, product, one_dose=one_dose) if dosages == told else None,
        reasons=read_reasons(resource, resolve, reading.concepts, reading.meanings),
        one_dose=one_dose,
        inpatient=_is_inpatient(resource, dosages),
        replaces=frozenset(_replaced(resource, resolve)),
        dispensed=kind == DRUG_DISPENSE,
        cut_short=is_cut_short(told),
    )


def _was_never_taken(resource: Mapping[str, Json]) -> bool:
    """Planned only, forbidden, an error, not handed out, or said not to be taken."""
    status = code_of_status(resource.get("status"))
    if status in _NEVER or (text(resource.get("resourceType")) == DRUG_DISPENSE and status in _NOT_DISPENSED):
        return True
    if code_of_status(resource.get("intent")) not in _INTENTS and not _is_home_drug(resource):
        return True
    if _REFUSALS.isdisjoint(resource):
        return False
    refused = [resource.get(name) is True for name in ("doNotPerform", "wasNotTaken", "wasNotGiven", "notGiven")]
    adherence = code_of_status(first(resource.get("adherence")).get("code"))
    return any(refused) or code_of_status(resource.get("taken")) == "n" or adherence == "not-taking"


def _is_home_drug(resource: Mapping[str, Json]) -> bool:
    """A proposal that somebody reported: so some programs write what the patient takes at home."""
    reported = resource.get("reportedBoolean", resource.get("reported")) is True
    named = bool(first(resource.get("reportedReference")) or first(resource.get("informationSource")))
    return code_of_status(resource.get("intent")) == "proposal" and (reported or named)


def _is_taken(kind: str, status: str, start: PartialDate | None, end: PartialDate | None, today: date) -> bool:
    """Whether it is taken today. What was administered was given and is over, unless it still goes on; what was handed
    out is taken while it lasts.
    """
    if kind not in (DRUG_ADMINISTRATION, DRUG_DISPENSE):
        return _is_active(status, start, end, today)
    if end is not None and end.last < today:
        return False
    said = ("in-progress",) if kind == DRUG_ADMINISTRATION else _DISPENSED
    lately = start is not None and not misses(start.days_before(today), defined("drug.dispensed_days"))
    return status in said and (lately or (kind == DRUG_DISPENSE and end is not None))


def _is_active(status: str, start: PartialDate | None, end: PartialDate | None, today: date) -> bool:
    if end is not None and end.last < today:
        return False
    recent = start is not None and not misses(start.days_before(today), defined("drug.unsaid_days"))
    return status in _ACTIVE or (status in _UNSAID and recent)


def _given_on(product: Product, status: str, start: PartialDate | None, today: date) -> PartialDate | None:
    """The day of an infusion of iron; one that lies ahead was not given."""
    infused = "iron-iv" in product.classes and status in _GIVEN
    return start if infused and start is not None and start.first <= today else None


def _start(resource: Mapping[str, Json], zone: tzinfo) -> PartialDate | None:
    """The earliest of all that says when: bounds, effective time, date of the order; `ENDLESS` where nothing else does.

    Such a start is not known, and lets a drug of unsaid status count as active.
    """
    periods = [*_bounds(resource), *objects(resource.get("effectivePeriod")), *objects(resource.get("occurencePeriod"))]
    said: list[Json] = [period.get("start") for period in periods]
    for name in (
        "effectiveDateTime",
        "effectiveTimeDateTime",
        "occurenceDateTime",
        "authoredOn",
        "dateWritten",
        "whenHandedOver",
        "whenPrepared",
    ):
        said += items(resource[name]) if name in resource else ()
    found = [moment for each in said if (moment := parse_partial_date(each, zone))]
    spoken = partial_date_of(resource, "effectiveTimePeriod", "dateAsserted", zone=zone)
    return min(found, key=lambda moment: moment.first) if found else spoken


def _end(resource: Mapping[str, Json], zone: tzinfo) -> PartialDate | None:
    """The last end that is named; of several instructions the one that goes on longest, and none if one is open.

    An end in the years 1 or 9999 is none: programs write these for "not set" and "no end".
    """
    bounds = list(_bounds(resource))
    ends = [parse_known(each.get("end"), zone) for each in bounds]
    if not bounds or None in ends:
        ends = []
    ends += [parse_known(each.get("end"), zone) for each in objects(resource.get("effectivePeriod"))]
    ends += [parse_known(each, zone) for each in items(resource.get("dateEnded"))]
    return max((each for each in ends if each), key=lambda moment: moment.last, default=None)


def _bounds(resource: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    for each in objects(resource.get("dosageInstruction")) or objects(resource.get("dosage")):
        yield from objects(first(first(each.get("timing")).get("repeat")).get("boundsPeriod"))


def _supplied_until(resource: Mapping[str, Json], start: PartialDate | None) -> PartialDate | None:
    """The day a past order's supply ended, where it says how long it lasts."""
    days = number(first(first(resource.get("dispenseRequest")).get("expectedSupplyDuration")).get("value"))
    refills = number(first(resource.get("dispenseRequest")).get("numberOfRepeatsAllowed")) or 0
    if start is None or days is None or days * (1 + refills) > 3650:
        return None
    return on_day(days_after(start.first, int(days * (1 + refills))))


def _dispensed_until(resource: Mapping[str, Json], start: PartialDate | None) -> PartialDate | None:
    """The day until which what was handed out lasts, where the dispense says for how many days."""
    days = number(first(resource.get("daysSupply")).get("value"))
    return None if start is None or days is None or not 0 < days <= 3650 else on_day(days_after(start.first, int(days)))


def _dispenses_one(resource: Mapping[str, Json]) -> bool:
    """One piece is dispensed, once; a bottle is not one dose."""
    request = first(resource.get("dispenseRequest"))
    quantity = first(request.get("quantity"))
    bottle = text(quantity.get("unit")).lower() in _BOTTLES
    return number(quantity.get("value")) == 1 and not bottle and not number(request.get("numberOfRepeatsAllowed"))


def _is_inpatient(resource: Mapping[str, Json], dosages: Iterable[Mapping[str, Json]]) -> bool:
    categories = {code.lower() for _, code in codings(resource.get("category"))}
    return "inpatient" in categories or any(is_stat(each.get("timing")) for each in dosages)


def _replaced(resource: Mapping[str, Json], resolve: Resolve) -> Iterator[str]:
    """The orders that it supersedes, as `own_reference` names them."""
    for name in ("priorPrescription", "replaces", "basedOn"):
        for each in items(resource.get(name)):
            reference = reference_of(each)
            found = resolve(reference) if reference else None
            if reference:
                yield (own_reference(found) if found else "") or name_of(reference) or reference
