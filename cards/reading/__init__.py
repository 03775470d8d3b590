"""FHIR JSON to a chart: tolerant of every shape that is really sent; what cannot be read is listed, never dropped.

Nothing here raises on account of data, and nothing validates: real records are often not valid FHIR, and a chart
must not be refused for a stray field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from cards.drugs.medication import Medications
from cards.drugs.recognise import recognise
from cards.facts.chart import DRAFTS, LISTS, Allergy, Chart, Gap, LabOrder, Listing, Person
from cards.facts.drugs import Drug, Product
from cards.fhir.bundles import NOT_READ, Listed, unwrap
from cards.fhir.json_values import Json
from cards.fhir.local_codes import NONE, LocalConcepts
from cards.fhir.ownership import Owner, Ownership, is_replaced
from cards.fhir.references import within
from cards.reading.allergies import read_allergies
from cards.reading.diagnoses import diagnosis_concepts, read_diagnoses
from cards.reading.drafts import Drafts, read_drafts
from cards.reading.drug_reasons import Meanings, read_reasons
from cards.reading.lab_orders import read_lab_orders
from cards.reading.medications import MOST_DRUGS, has_unknown_drugs, read_draft_drug, read_drugs, records_to_read
from cards.reading.own_lists import OwnList, own_list, with_more_drugs
from cards.reading.people import read_person
from cards.reading.procedures import read_infusions, read_procedures
from cards.reading.results import LocalCodes, read_results
from cards.values import frozen


@frozen
class Site:
    """What one site does its own way.

    local_codes      laboratory codes of its own, each to a value set, such as lab-ferritin
    diagnosis_codes  its codes of diagnoses, each to value sets, such as rls
    procedure_codes  its codes of procedures, each to value sets, such as transfusion
    order_codes      its catalogue of laboratory orders, each to tests, such as ferritin
    drug_codes       its drug codes, each to an RxNorm product or ingredient code
    allergy_codes    the same for what an allergy names
    assay_factors    by analyte; before rounding, never for censored values (default: none)
    expanded         how many of the codes of diagnoses and procedures are no codes of its own, but lie below ours

    Every code is a pair of system and code as `cards.fhir.local_codes.local_key` writes it.
    """

    local_codes: LocalCodes = field(default_factory=lambda: MappingProxyType({}))
    diagnosis_codes: LocalConcepts = field(default_factory=lambda: NONE)
    procedure_codes: LocalConcepts = field(default_factory=lambda: NONE)
    order_codes: LocalConcepts = field(default_factory=lambda: NONE)
    drug_codes: Mapping[tuple[str, str], str] = field(default_factory=lambda: MappingProxyType({}))
    allergy_codes: Mapping[tuple[str, str], str] = field(default_factory=lambda: MappingProxyType({}))
    assay_factors: Mapping[str, Decimal] = field(default_factory=lambda: MappingProxyType({}))
    expanded: int = 0


def read_chart(
    gathered: Mapping[str, Listed],
    *,
    patient_id: str,
    now: datetime,
    zone: tzinfo,
    drafts: Json = None,
    selections: Sequence[str] | None = None,
    site: Site | None = None,
    orders: Drafts | None = None,
) -> Chart:
    """Read one patient's chart from what was gathered; a key that is absent is not known.

    `now` must have a zone; `today` is its day in `zone`. `drafts` is the Bundle of an order hook, and `orders` what
    `read_orders` found there, if it was given these very resources. Resources about anyone else are left out and
    counted (`Chart.discarded`). The shapes of every FHIR version are read.
    """
    site = site or Site()
    today = now.astimezone(zone).date()
    sent = unwrap(drafts)
    ownership = Ownership.of(patient_id, gathered, sent)
    call = _Call(ownership, today, zone, site)
    whole = {**gathered, "medications": with_more_drugs(gathered, ownership)}
    own = {name: own_list(whole.get(name, NOT_READ), name, ownership) for name in LISTS}
    if any(map(is_replaced, own["patient"].listed.resources)):
        own = {name: each if name == "patient" else _of_a_replaced_record(each) for name, each in own.items()}
    kept = {name: each.listed.resources for name, each in own.items()}
    results = read_results(
        kept["labs"],
        patient_id=patient_id,
        today=today,
        zone=zone,
        local_codes=site.local_codes,
        assay_factors=site.assay_factors,
        resolve=call.resolve,
    )
    diagnoses = read_diagnoses(
        kept["conditions"],
        patient_id=patient_id,
        today=today,
        zone=zone,
        local=site.diagnosis_codes,
        procedures=kept["procedures"],
    )
    orders = orders or _read_orders(sent, selections, call)
    treatment = _read_treatment(kept, call, orders.set_aside)
    person = read_person(kept["patient"], zone, today=today)
    return Chart(
        today=today,
        person=person,
        diagnoses=(*diagnoses, *results.diagnoses_like),
        labs=results.labs,
        unusable=results.unusable,
        measures=results.measures,
        drugs=treatment.drugs,
        allergies=treatment.allergies,
        procedures=read_procedures(
            kept["procedures"], patient_id=patient_id, today=today, zone=zone, local=site.procedure_codes
        ),
        lab_orders=_read_placed_orders(kept["orders"], call, orders.set_aside),
        drafts=orders.drafts,
        has_unknown_draft=orders.unknown,
        unknown_draft_for_rls=orders.for_rls,
        listings=_listings(own, treatment),
        gaps=_gaps(own, treatment, person) | ({DRAFTS: orders.gap} if orders.gap else {}),
        answered={name: each.listed.answered for name, each in own.items() if each.listed.answered},
        results_withheld=own["labs"].listed.withheld,
        laboratory_only=own["labs"].listed.laboratory_only,
        discarded=orders.discarded + sum(each.discarded for each in own.values()),
    )


def _read_placed_orders(resources: Iterable[Json], call: _Call, set_aside: frozenset[str]) -> tuple[LabOrder, ...]:
    """Laboratory orders, those that the basket takes back as withdrawn."""
    concepts_of = partial(diagnosis_concepts, local=call.site.diagnosis_codes)
    placed = read_lab_orders(
        resources,
        patient_id=call.patient_id,
        zone=call.zone,
        local=call.site.order_codes,
        reasons_of=lambda order: read_reasons(order, within(order, call.resolve), concepts_of),
    )
    return tuple(
        replace(order, active=False, completed=False, withdrawn=True) if order.reference in set_aside else order
        for order in placed
    )


def _of_a_replaced_record(own: OwnList) -> OwnList:
    """Return the list of a record that another one replaces: what is not in it may stand in the other."""
    if own.listed.listing is not Listing.COMPLETE:
        return own._replace(listed=replace(own.listed, answered=frozenset()))
    return own._replace(listed=replace(own.listed, listing=Listing.CUT, gap=Gap("replaced-record")))


def _listings(own: Mapping[str, OwnList], treatment: _Treatment) -> Mapping[str, Listing]:
    """How far each list was read. A list of drugs one of which cannot be told was read in part."""
    listings = {name: each.listed.listing for name, each in own.items()}
    if treatment.gap and listings["medications"] is Listing.COMPLETE:
        listings["medications"] = Listing.CUT
    return listings


def _gaps(own: Mapping[str, OwnList], treatment: _Treatment, person: Person) -> dict[str, Gap]:
    gaps = {name: each.listed.gap for name, each in own.items() if each.listed.gap}
    if person.birth_is_unreadable:
        gaps.setdefault("patient", Gap("birth-date"))
    if treatment.gap and own["medications"].listed.listing is Listing.COMPLETE:
        gaps["medications"] = treatment.gap
    return gaps


class _Call(NamedTuple):
    ownership: Ownership
    today: date
    zone: tzinfo
    site: Site

    @property
    def patient_id(self) -> str:
        return self.ownership.patient_id

    def resolve(self, reference: str) -> Mapping[str, Json] | None:
        """Return the resource of the call that a reference points at; what is about somebody else is not at hand."""
        found = self.ownership.references.find(reference)
        return found if found is not None and self.ownership.owner_of(found) is Owner.PATIENT else None


class _Treatment(NamedTuple):
    """`gap`: why not every drug of the list was read."""

    drugs: tuple[Drug, ...]
    gap: Gap | None
    allergies: tuple[Allergy, ...]


def read_orders(
    drafts: Json,
    *,
    patient_id: str,
    now: datetime,
    zone: tzinfo,
    selections: Sequence[str] | None = None,
    site: Site | None = None,
    gathered: Mapping[str, Listed] | None = None,
) -> Drafts:
    """Return the draft orders of an order hook, read by themselves, before anything of the chart is known.

    A draft may refer to what `gathered` holds.
    """
    sent = unwrap(drafts)
    ownership = Ownership.of(patient_id, gathered or {}, sent)
    return _read_orders(sent, selections, _Call(ownership, now.astimezone(zone).date(), zone, site or Site()))


def _read_orders(sent: Listed, selections: Sequence[str] | None, call: _Call) -> Drafts:
    site = call.site
    medications, meanings = Medications(site.drug_codes), Meanings()
    concepts_of = partial(diagnosis_concepts, local=site.diagnosis_codes)
    read_drug = partial(
        read_draft_drug,
        today=call.today,
        zone=call.zone,
        resolve=call.resolve,
        concept_of_condition=concepts_of,
        medications=medications,
        meanings=meanings,
    )
    return read_drafts(
        sent,
        ownership=call.ownership,
        selections=selections,
        read_drug=read_drug,
        read_reasons=lambda order: read_reasons(order, within(order, call.resolve), concepts_of, meanings),
        resolve=call.resolve,
        medications=medications,
        local=site.order_codes,
    )


def _read_treatment(
    kept: Mapping[str, Sequence[Mapping[str, Json]]], call: _Call, set_aside: frozenset[str]
) -> _Treatment:
    """Drugs and allergies; a drug may refer to anything of the call, and an infusion may be a procedure.

    `set_aside`: the orders that the basket ends or replaces, and with them the records that are based on them.
    """
    patient_id, today, zone, site, resolve = call.patient_id, call.today, call.zone, call.site, call.resolve

    codes = {**site.drug_codes, **site.allergy_codes}

    def allergen(concept: Json) -> Product | None:
        """Recognise what an allergy names; iron dextran, which names no route there, is the infusion."""
        found = recognise(concept, site_codes=codes)
        if found and found.ingredient_names() == {"iron dextran"}:
            return recognise(concept, route_hint="iv", site_codes=codes)
        return found

    concepts_of = partial(diagnosis_concepts, local=site.diagnosis_codes)
    records, count = records_to_read(kept["medications"])
    drugs = read_drugs(
        records,
        patient_id=patient_id,
        today=today,
        zone=zone,
        resolve=resolve,
        concept_of_condition=concepts_of,
        site_codes=site.drug_codes,
        infusions=read_infusions(
            kept["procedures"],
            patient_id=patient_id,
            today=today,
            zone=zone,
            resolve=resolve,
            medications=Medications(site.drug_codes),
        ),
    )
    drugs = tuple(
        replace(drug, set_aside=True) if not set_aside.isdisjoint({drug.reference, *drug.based_on}) else drug
        for drug in drugs
    )
    gap: Gap | None = None
    if count > MOST_DRUGS:
        gap = Gap("cut", read=MOST_DRUGS, total=count)
    elif has_unknown_drugs(
        records, patient_id=patient_id, today=today, zone=zone, resolve=resolve, site_codes=site.drug_codes
    ):
        gap = Gap("unknown-drug")
    elif any(drug.cut_short for drug in drugs):
        gap = Gap("directions")
    allergies = read_allergies(kept["allergies"], patient_id=patient_id, recognise=allergen, concepts_of=concepts_of)
    return _Treatment(drugs, gap, allergies)
