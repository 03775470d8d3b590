"""Drugs from orders, statements, administrations and drafts of any FHIR version (clinical rationale 4.8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import date, tzinfo
from typing import TypeVar

from cards.dates import PartialDate, days_after, on_day, parse_known, parse_partial_date
from cards.drugs.dose import daily_dose
from cards.drugs.history import days_directed, last_giving, may_go_on, reaches_today, with_history
from cards.drugs.ingredients import plain
from cards.drugs.instructions import MOST_DOSAGES, is_cut_short, names_a_piece, one_dose_in, tells_how_often
from cards.drugs.medication import Medications, is_out_of_reach, names_nothing, product_of
from cards.drugs.recognise import SiteCodes
from cards.drugs.timing import is_stat, number
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
    reference_of,
    text,
)
from cards.fhir.ownership import subject_is
from cards.fhir.references import Resolve, name_of, resolver, within
from cards.knowledge.definitions import defined
from cards.knowledge.limits import misses
from cards.patient.given import is_as_given, may_have_been_given
from cards.reading.diagnoses import diagnosis_concepts
from cards.reading.drug_reasons import ConceptsOf, Meanings, read_reasons
from cards.reading.resource_types import DRUG_ADMINISTRATION, DRUG_DISPENSE, DRUG_ORDERS, DRUG_STATEMENTS
from cards.values import frozen

#: What is meant to be taken: neither proposed nor one of several choices.
INTENTS = frozenset({"", "order", "original-order", "reflex-order", "filler-order", "instance-order", "plan"})
#: Never taken, so no part of any history.
_NEVER = frozenset({"draft", "cancelled", "entered-in-error", "not-taken", "not-done", "declined"})
#: Elements that may say that it is not taken.
_REFUSALS = frozenset({"doNotPerform", "wasNotTaken", "wasNotGiven", "notGiven", "taken", "adherence"})
#: Not handed out yet.
_NOT_DISPENSED = frozenset({"preparation", "on-hold"})
_DISPENSED = frozenset({"completed", "in-progress", "unknown", ""})
_ACTIVE = frozenset({"active", "intended"})
_UNSAID = frozenset({"", "unknown", "recorded"})
#: What an instruction tells that is a step of its own, and no remark on the others.
_STEP = frozenset({"timing", "text", "doseAndRate", "doseQuantity", "doseRange", "doseSimpleQuantity"})
#: What holds many pieces; `1 {Package}` is how a German prescription says it (UCUM), `N1` to `N3` are its sizes.
_PACK_WORDS = (
    "bottle bottles box boxes pack packs package packages packet packets tube tubes kit kits carton blister card btl "
    "bx pck pkg pkgs packung packungen op n1 n2 n3 flasche boite boites flacon flacons verpakking doos forp "
    "forpackning pakning pakke confezione scatola caja envase opakowanie"
)
_PACKS = frozenset(_PACK_WORDS.split())


_ENDED = frozenset({"completed", "stopped", "ended"})
#: The orders that an order takes the place of, and those of which it is one instance.
REPLACED = ("priorPrescription", "replaces")
BASED_ON = ("basedOn",)
#: When an infusion was or will be given, and, where nothing else says so, when the record of it was written.
_TIMINGS = ("effectiveTiming", "occurenceTiming")
_PERIODS = ("effectivePeriod", "effectiveTimePeriod", "occurencePeriod")
_MOMENTS = ("effectiveDateTime", "effectiveTimeDateTime", "occurenceDateTime", "whenHandedOver")
_WRITTEN = ("authoredOn", "dateWritten", "whenPrepared", "dateAsserted")
_DATES = (*_MOMENTS, *_WRITTEN)
#: The most drugs that are judged (contract section 5).
MOST_DRUGS = 500
Resource = TypeVar("Resource", bound=Mapping[str, Json])


@frozen
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
    infusions: Iterable[Drug] = (),
) -> tuple[Drug, ...]:
    """Return the drugs of ours among these resources, past ones too; what was never taken is left out.

    `infusions` are those that other records tell of; they belong to the same history. `resolve` finds referred
    Medications and Conditions; without it they are looked for among `resources`.
    """
    held = objects(list(resources))
    reading = _Reading(today, zone, resolve or resolver(held), concept_of_condition, Medications(site_codes))
    own = (each for each in held if subject_is(each, patient_id) and not _was_never_taken(each))
    return with_history((*(drug for each in own if (drug := _drug(each, reading))), *infusions))


def records_to_read(resources: Iterable[Resource]) -> tuple[tuple[Resource, ...], int]:
    """Return the records to read, and how many of them name a drug that was taken.

    Of these `MOST_DRUGS` are read: what may be taken today first, then the latest. All other records are kept.
    """
    held = tuple(resources)
    taken = [each for each in held if names_a_drug(each) and not _was_never_taken(each)]
    if len(taken) <= MOST_DRUGS:
        return held, len(taken)
    latest = sorted(taken, key=_last_date, reverse=True)
    first = sorted(latest, key=lambda each: code_of_status(each.get("status")) in _ENDED)
    left_out = {id(each) for each in first[MOST_DRUGS:]}
    return tuple(each for each in held if id(each) not in left_out), len(taken)


def _last_date(record: Mapping[str, Json]) -> str:
    periods = [period for name in _PERIODS for period in objects(record.get(name))]
    said = (*map(record.get, _DATES), *(period.get(name) for period in periods for name in ("start", "end")))
    return max(map(text, said))


def has_unknown_drugs(
    resources: Iterable[Json],
    *,
    patient_id: str,
    today: date,
    zone: tzinfo,
    resolve: Resolve,
    site_codes: SiteCodes | None = None,
) -> bool:
    """Return whether a drug of the patient cannot be told: one that is named, or one that may be taken today."""
    reading = _Reading(today, zone, resolve, diagnosis_concepts, Medications(site_codes))
    own = (each for each in objects(list(resources)) if subject_is(each, patient_id) and not _was_never_taken(each))
    return any(names_a_drug(each) and _is_untold(each, reading) for each in own)


def _is_untold(resource: Mapping[str, Json], reading: _Reading) -> bool:
    """Return whether its drug cannot be told; a record that is over and names nothing is left aside."""
    resolve = within(resource, reading.resolve)
    if is_out_of_reach(resource, resolve, reading.medications):
        return True
    return names_nothing(resource, resolve, reading.medications) and _may_be_taken(resource, reading)


def _may_be_taken(resource: Mapping[str, Json], reading: _Reading) -> bool:
    """Return whether what a record is about may be taken today: not over by its status, its end or its only day.

    What was given or handed out is over after a time, and so is what could be handed out until a day.
    """
    if code_of_status(resource.get("status")) in _ENDED:
        return False
    start, kind = _start(resource, reading.zone), text(resource.get("resourceType"))
    end = _dispensed_until(resource, start) if kind == DRUG_DISPENSE else _end(resource, reading.zone)
    if end is not None:
        return end.last >= reading.today
    valid = first(first(resource.get("dispenseRequest")).get("validityPeriod"))
    last = start if kind in (DRUG_ADMINISTRATION, DRUG_DISPENSE) else parse_known(valid.get("end"), reading.zone)
    return last is None or not misses(last.days_before(reading.today), defined("drug.dispensed_days"))


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
    replaced = named_orders(resource, resolve, *REPLACED)
    based_on = named_orders(resource, resolve, *BASED_ON)
    is_one = kind == DRUG_ADMINISTRATION or one_dose_in(dosages)
    one_dose = is_one or _is_one_dispensed(resource, dosages, product)
    drug = Drug(
        product=product,
        reference=own_reference(resource),
        status=status,
        active=_is_taken(kind, status, began, end, reading.today),
        start=start,
        planned_on=start if status in _ACTIVE and start is not None and start.first > reading.today else None,
        end=end or (None if status in _ACTIVE else _supplied_until(resource, start)),
        daily=daily_dose(dosages, product, one_dose=one_dose) if dosages == told else None,
        reasons=read_reasons(resource, resolve, reading.concepts, reading.meanings),
        one_dose=one_dose,
        inpatient=_is_inpatient(resource, dosages),
        replaces=replaced | based_on,
        based_on=based_on - replaced,
        dispensed=kind == DRUG_DISPENSE,
        cut_short=is_cut_short(told),
    )
    return _infusion(drug, resource, dosages, reading) if drug.has("iron-iv") else drug


def _was_never_taken(resource: Mapping[str, Json]) -> bool:
    """Planned only, forbidden, an error, not handed out, or said not to be taken."""
    status = code_of_status(resource.get("status"))
    if status in _NEVER or (text(resource.get("resourceType")) == DRUG_DISPENSE and status in _NOT_DISPENSED):
        return True
    if code_of_status(resource.get("intent")) not in INTENTS and not _is_home_drug(resource):
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


def _infusion(
    drug: Drug, resource: Mapping[str, Json], dosages: Iterable[Mapping[str, Json]], reading: _Reading
) -> Drug:
    """Return an infusion of iron with the last day on which it may have been given, or for which it is ordered.

    A day ahead on which it is said to be given cannot be right, and is as one that is not recorded.
    """
    stopped_order = drug.status == "stopped" and text(resource.get("resourceType")) in DRUG_ORDERS
    if not may_have_been_given(drug) or stopped_order:  # by the rationale an order counts if active or completed
        return drug
    told = [
        _closed(drug, start, end, dosages)
        for start, end in _times_of_giving(resource, dosages, reading.zone)
        if start or end
    ]
    written = partial_date_of(resource, *_WRITTEN, zone=reading.zone)
    times = told or [(written, _lasts_until(written, dosages) if _repeats(drug) else written)]
    as_given, is_order = is_as_given(drug), text(resource.get("resourceType")) in DRUG_ORDERS
    goes_on = drug.status in ("active", "in-progress")
    ends_unsaid = as_given or is_order  # a statement says of today what it says
    given = []
    for start, end in times:
        was_closed = ends_unsaid and not may_go_on(start, reading.today, as_given=as_given)
        given.append(last_giving(start, end, reading.today, as_given=as_given, goes_on=goes_on and not was_closed))
    last = max((each for each in given if each), key=lambda moment: moment.order, default=None)
    ahead = [each[0] or each[1] for each, when in zip(times, given, strict=True) if when is None]
    planned = min((each for each in ahead if each), key=lambda moment: moment.order, default=None)
    if planned is not None and drug.status not in _ACTIVE:
        planned = None
    start = drug.start if last or planned else None
    is_open = goes_on and any(end is None for _, end in times)
    may_still = is_open and reaches_today(last, reading.today)
    return replace(drug, given_on=last, planned_on=planned, start=start, may_go_on=may_still)


def _closed(
    drug: Drug, start: PartialDate | None, end: PartialDate | None, dosages: Iterable[Mapping[str, Json]]
) -> tuple[PartialDate | None, PartialDate | None]:
    """Return a time of giving with its end: one dose of an order ends when it begins, others by their number."""
    if end is not None or start is None or is_as_given(drug):
        return start, end
    return start, start if drug.one_dose else _lasts_until(start, dosages)


def _times_of_giving(
    resource: Mapping[str, Json], dosages: Iterable[Mapping[str, Json]], zone: tzinfo
) -> Iterator[tuple[PartialDate | None, PartialDate | None]]:
    """The start and the end of each time at which it was or will be given; of a single one both are the same."""
    for timing in (*(each.get("timing") for each in dosages), *map(resource.get, _TIMINGS)):
        for event in items(first(timing).get("event")):
            yield (parse_known(event, zone),) * 2
    for period in (*_bounds(resource), *(each for name in _PERIODS for each in objects(resource.get(name)))):
        yield parse_known(period.get("start"), zone), parse_known(period.get("end"), zone)
    still_given = code_of_status(resource.get("status")) == "in-progress"
    for name in _MOMENTS:
        for each in items(resource.get(name)):
            moment = parse_known(each, zone)
            yield moment, None if still_given and name != "whenHandedOver" else moment


def _repeats(drug: Drug) -> bool:
    """Whether the instructions say how often it is given, and not that it is given once."""
    if drug.one_dose or drug.daily is None:
        return False
    return drug.daily.elemental_iron_mg is not None or not drug.daily.iron_every_day


def _lasts_until(start: PartialDate | None, dosages: Iterable[Mapping[str, Json]]) -> PartialDate | None:
    """The day on which the longest of the instructions ends; `None` where one of them names no end."""
    days = [days_directed(each) for each in dosages]
    known = [each for each in days if each is not None]
    return on_day(days_after(start.first, max(known))) if start and known and len(known) == len(days) else None


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

    One without a period of its own is open, as the step behind a first week is; one that tells no dose is none. An end
    in the years 1 or 9999 is no end: programs write these for "not set" and "no end".
    """
    bounds = list(_bounds(resource))
    ends = [parse_known(each.get("end"), zone) for each in bounds]
    steps = [each for each in _instructions(resource) if not _STEP.isdisjoint(each)]
    if None in ends or len(bounds) < len(steps):
        ends = []
    ends += [parse_known(each.get("end"), zone) for each in objects(resource.get("effectivePeriod"))]
    ends += [parse_known(each, zone) for each in items(resource.get("dateEnded"))]
    return max((each for each in ends if each), key=lambda moment: moment.last, default=None)


def _instructions(resource: Mapping[str, Json]) -> Sequence[Mapping[str, Json]]:
    return objects(resource.get("dosageInstruction")) or objects(resource.get("dosage"))


def _bounds(resource: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    for each in _instructions(resource):
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


def _is_one_dispensed(resource: Mapping[str, Json], dosages: Iterable[Mapping[str, Json]], product: Product) -> bool:
    """Return whether one piece is dispensed, once: not a pack, nor one of whatever that is taken again and again."""
    request = first(resource.get("dispenseRequest"))
    quantity = first(request.get("quantity"))
    if number(quantity.get("value")) != 1 or number(request.get("numberOfRepeatsAllowed")):
        return False
    units = [plain(text(quantity.get(name)).strip("{} ")) for name in ("unit", "code")]
    if not _PACKS.isdisjoint(units):
        return False
    return any(map(names_a_piece, units)) or not tells_how_often(dosages, product)


def _is_inpatient(resource: Mapping[str, Json], dosages: Iterable[Mapping[str, Json]]) -> bool:
    categories = {code.lower() for _, code in codings(resource.get("category"))}
    return "inpatient" in categories or any(is_stat(each.get("timing")) for each in dosages)


def named_orders(resource: Mapping[str, Json], resolve: Resolve, *members: str) -> frozenset[str]:
    """Return the orders that these members of an order refer to, as `own_reference` names them."""
    named = [reference_of(each) for name in members for each in items(resource.get(name))]
    found = [(reference, resolve(reference)) for reference in named if reference]
    return frozenset([(own_reference(held) if held else "") or name_of(told) or told for told, held in found])
