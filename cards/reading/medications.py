"""Drugs out of orders, statements and administrations of any FHIR version (clinical page 4.8), and out of drafts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo

from cards.chart import Drug, Product
from cards.definitions import whole
from cards.drugs.dose import daily_dose
from cards.drugs.history import with_history
from cards.drugs.instructions import one_dose_in
from cards.drugs.medication import is_out_of_reach, product_of, resolver, within
from cards.drugs.reasons import ConceptsOf, Resolve, read_reasons
from cards.drugs.recognise import SiteCodes
from cards.drugs.timing import is_stat, number
from cards.moment import Moment, on_day, parse_moment
from cards.reading.diagnoses import diagnosis_concepts
from cards.reading.shapes import (
    Json,
    code_of_status,
    codings,
    first,
    items,
    moment_of,
    objects,
    own_reference,
    reference_of,
    subject_is,
    text,
)

__all__ = ["has_unknown_drugs", "read_draft_drug", "read_drugs", "read_reasons", "resolver"]

_ORDERS = frozenset({"MedicationRequest", "MedicationOrder", "MedicationPrescription"})
_STATEMENTS = frozenset({"MedicationStatement", "MedicationUsage"})
_ADMINISTRATION = "MedicationAdministration"
_INTENTS = frozenset({"", "order", "original-order", "reflex-order", "filler-order", "instance-order", "plan"})
#: Never taken, so no part of any history.
_NEVER = frozenset({"draft", "cancelled", "entered-in-error", "not-taken", "not-done"})
_ACTIVE = frozenset({"active", "intended"})
_UNSAID = frozenset({"", "unknown", "recorded"})
_GIVEN = frozenset({"active", "completed", "in-progress"})
_BOTTLES = frozenset({"bottle", "bottles", "box", "boxes", "pack", "packs", "package", "tube", "kit"})


@dataclass(frozen=True, slots=True)
class _Reading:
    """What reading one resource needs besides it."""

    today: date
    zone: tzinfo
    resolve: Resolve
    concepts: ConceptsOf
    site_codes: SiteCodes | None


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
    """The drugs of ours among these resources, past ones too; what was never taken is left out.

    `resolve` finds referred Medications and Conditions; without it they are looked for among `resources`.
    """
    held = objects(list(resources))
    reading = _Reading(today, zone, resolve or resolver(held), concept_of_condition, site_codes)
    own = (each for each in held if subject_is(each, patient_id) and not _was_never_taken(each))
    return with_history(drug for each in own if (drug := _drug(each, reading)))


def has_unknown_drugs(resources: Iterable[Json], *, patient_id: str, resolve: Resolve) -> bool:
    """An order, statement or administration of the patient names its drug by a Medication that is not at hand."""
    own = (each for each in objects(list(resources)) if subject_is(each, patient_id) and not _was_never_taken(each))
    return any(_names_a_drug(each) and is_out_of_reach(each, within(each, resolve)) for each in own)


def _names_a_drug(resource: Mapping[str, Json]) -> bool:
    kind = text(resource.get("resourceType"))
    return kind in _ORDERS or kind in _STATEMENTS or kind == _ADMINISTRATION


def read_draft_drug(
    resource: Mapping[str, Json],
    *,
    today: date,
    zone: tzinfo,
    resolve: Resolve = lambda reference: None,
    concept_of_condition: ConceptsOf = diagnosis_concepts,
    site_codes: SiteCodes | None = None,
) -> Drug | None:
    """The drug of a draft order; `None` where none is chosen yet, or none of ours."""
    return _drug(resource, _Reading(today, zone, resolve, concept_of_condition, site_codes))


def _drug(resource: Mapping[str, Json], reading: _Reading) -> Drug | None:
    if not _names_a_drug(resource):
        return None
    kind = text(resource.get("resourceType"))
    resolve = within(resource, reading.resolve)
    product = product_of(resource, resolve, reading.site_codes)
    if product is None:
        return None
    status = code_of_status(resource.get("status"))
    start, end = _start(resource, reading.zone), _end(resource, reading.zone)
    dosages = (*objects(resource.get("dosageInstruction")), *objects(resource.get("dosage")))
    one_dose = kind == _ADMINISTRATION or one_dose_in(dosages) or _dispenses_one(resource)
    return Drug(
        product=product,
        reference=own_reference(resource),
        status=status,
        active=kind != _ADMINISTRATION and _is_active(status, start, end, reading.today),
        given_on=_given_on(product, status, start, reading.today),
        start=start,
        end=end or (None if status in _ACTIVE else _supplied_until(resource, start)),
        daily=daily_dose(dosages, product, one_dose=one_dose),
        reasons=read_reasons(resource, resolve, reading.concepts),
        one_dose=one_dose,
        inpatient=_is_inpatient(resource, dosages),
        replaces=frozenset(_replaced(resource)),
    )


def _was_never_taken(resource: Mapping[str, Json]) -> bool:
    """Planned only, forbidden, an error, or said not to be taken."""
    if code_of_status(resource.get("status")) in _NEVER or code_of_status(resource.get("intent")) not in _INTENTS:
        return True
    refused = [resource.get(name) is True for name in ("doNotPerform", "wasNotTaken", "wasNotGiven", "notGiven")]
    adherence = code_of_status(first(resource.get("adherence")).get("code"))
    return any(refused) or code_of_status(resource.get("taken")) == "n" or adherence == "not-taking"


def _is_active(status: str, start: Moment | None, end: Moment | None, today: date) -> bool:
    if end is not None and end.last < today:
        return False
    recent = start is not None and start.last >= today - timedelta(days=whole("drug.unsaid_days"))
    return status in _ACTIVE or (status in _UNSAID and recent)


def _given_on(product: Product, status: str, start: Moment | None, today: date) -> Moment | None:
    """The day of an infusion of iron; one that lies ahead was not given."""
    infused = "iron-iv" in product.classes and status in _GIVEN
    return start if infused and start is not None and start.first <= today else None


def _start(resource: Mapping[str, Json], zone: tzinfo) -> Moment | None:
    """The earliest of all that says when: bounds, effective time, date of the order."""
    periods = [*_bounds(resource), *objects(resource.get("effectivePeriod")), *objects(resource.get("occurencePeriod"))]
    said: list[Json] = [period.get("start") for period in periods]
    for name in ("effectiveDateTime", "effectiveTimeDateTime", "occurenceDateTime", "authoredOn", "dateWritten"):
        said += items(resource.get(name))
    found = [moment for each in said if (moment := parse_moment(each, zone))]
    spoken = moment_of(resource, "effectiveTimePeriod", "dateAsserted", zone=zone)
    return min(found, key=lambda moment: moment.first) if found else spoken


def _end(resource: Mapping[str, Json], zone: tzinfo) -> Moment | None:
    """The last end that is named; of several instructions the one that goes on longest, and none if one is open."""
    bounds = list(_bounds(resource))
    ends = [parse_moment(each.get("end"), zone) for each in bounds]
    if not bounds or None in ends:
        ends = []
    ends += [parse_moment(each.get("end"), zone) for each in objects(resource.get("effectivePeriod"))]
    ends += [parse_moment(each, zone) for each in items(resource.get("dateEnded"))]
    return max((each for each in ends if each), key=lambda moment: moment.last, default=None)


def _bounds(resource: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    for each in objects(resource.get("dosageInstruction")) or objects(resource.get("dosage")):
        yield from objects(first(first(each.get("timing")).get("repeat")).get("boundsPeriod"))


def _supplied_until(resource: Mapping[str, Json], start: Moment | None) -> Moment | None:
    """The day a past order's supply ended, where it says how long it lasts."""
    days = number(first(first(resource.get("dispenseRequest")).get("expectedSupplyDuration")).get("value"))
    refills = number(first(resource.get("dispenseRequest")).get("numberOfRepeatsAllowed")) or 0
    if start is None or days is None or days * (1 + refills) > 3650:
        return None
    return on_day(start.first + timedelta(days=int(days * (1 + refills))))


def _dispenses_one(resource: Mapping[str, Json]) -> bool:
    """One piece is dispensed, once; a bottle is not one dose."""
    request = first(resource.get("dispenseRequest"))
    quantity = first(request.get("quantity"))
    bottle = text(quantity.get("unit")).lower() in _BOTTLES
    return number(quantity.get("value")) == 1 and not bottle and not number(request.get("numberOfRepeatsAllowed"))


def _is_inpatient(resource: Mapping[str, Json], dosages: Iterable[Mapping[str, Json]]) -> bool:
    categories = {code.lower() for _, code in codings(resource.get("category"))}
    return "inpatient" in categories or any(is_stat(each.get("timing")) for each in dosages)


def _replaced(resource: Mapping[str, Json]) -> Iterator[str]:
    for name in ("priorPrescription", "replaces", "basedOn"):
        for each in items(resource.get(name)):
            if reference_of(each):
                yield reference_of(each)
