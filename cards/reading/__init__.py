"""FHIR JSON to a chart: tolerant of every shape that is really sent; what cannot be read is listed, never dropped.

Nothing here raises on account of data, and nothing validates: real records are often not valid FHIR, and a chart
must not be refused for a stray field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from cards.chart import LISTS, Allergy, Chart, Drug, Listing, Product
from cards.reading.allergies import read_allergies
from cards.reading.bundles import NOT_READ, Listed, unwrap
from cards.reading.diagnoses import diagnosis_concepts, read_diagnoses
from cards.reading.drafts import Drafts, addresses_in, read_drafts
from cards.reading.kinds import KINDS
from cards.reading.lab_orders import read_lab_orders
from cards.reading.local import NONE, LocalConcepts
from cards.reading.people import read_person
from cards.reading.procedures import read_procedures
from cards.reading.results import LocalCodes, read_results
from cards.reading.shapes import Json, once_each, subject_is, text

__all__ = ["Listed", "Site", "read_chart", "unwrap"]

#: Without these no call is answered: a failed read of one is not mixed with what came before it failed.
_REQUIRED = ("patient", "conditions", "labs")


@dataclass(frozen=True, slots=True)
class Site:
    """What one site does its own way.

    local_codes      laboratory codes of its own, each to a value set, such as lab-ferritin
    diagnosis_codes  its codes of diagnoses, each to value sets, such as rls
    procedure_codes  its codes of procedures, each to value sets, such as transfusion
    order_codes      its catalogue of laboratory orders, each to tests, such as ferritin
    drug_codes       its drug codes, each to an RxNorm product or ingredient code
    allergy_codes    the same for what an allergy names
    assay_factors    by analyte; before rounding, never for censored values (default: none)

    Every code is a pair of system and code as `cards.reading.local.local_key` writes it.
    """

    local_codes: LocalCodes = field(default_factory=lambda: MappingProxyType({}))
    diagnosis_codes: LocalConcepts = field(default_factory=lambda: NONE)
    procedure_codes: LocalConcepts = field(default_factory=lambda: NONE)
    order_codes: LocalConcepts = field(default_factory=lambda: NONE)
    drug_codes: Mapping[tuple[str, str], str] = field(default_factory=lambda: MappingProxyType({}))
    allergy_codes: Mapping[tuple[str, str], str] = field(default_factory=lambda: MappingProxyType({}))
    assay_factors: Mapping[str, Decimal] = field(default_factory=lambda: MappingProxyType({}))


def read_chart(
    gathered: Mapping[str, Listed],
    *,
    patient_id: str,
    now: datetime,
    zone: tzinfo,
    drafts: Json = None,
    selections: Sequence[str] | None = None,
    fhir_version: str = "R4",
    site: Site | None = None,
) -> Chart:
    """One patient's chart from what was gathered under each prefetch key; a key that is absent is not known.

    `now` must have a zone; `today` is its day in `zone`. `drafts` is the Bundle of an order hook. Resources about
    anyone else are left out and counted (`Chart.discarded`). Every version's shapes are read, whatever
    `fhir_version` says.
    """
    site = site or Site()
    today = now.astimezone(zone).date()
    own = {name: _own(gathered.get(name, NOT_READ), name, patient_id) for name in LISTS}
    kept = {name: each.listed.resources for name, each in own.items()}
    results = read_results(
        kept["labs"],
        patient_id=patient_id,
        today=today,
        zone=zone,
        local_codes=site.local_codes,
        assay_factors=site.assay_factors,
    )
    diagnoses = read_diagnoses(
        kept["conditions"], patient_id=patient_id, today=today, zone=zone, local=site.diagnosis_codes
    )
    basket = unwrap(drafts).resources
    chosen = _Chosen(basket, addresses_in(drafts, basket), selections)
    treatment = _read_treatment(kept, chosen, _Call(patient_id, today, zone, site))
    return Chart(
        today=today,
        person=read_person(kept["patient"], zone),
        diagnoses=(*diagnoses, *results.diagnoses_like),
        labs=results.labs,
        unusable=results.unusable,
        measures=results.measures,
        drugs=treatment.drugs,
        allergies=treatment.allergies,
        procedures=read_procedures(
            kept["procedures"], patient_id=patient_id, today=today, zone=zone, local=site.procedure_codes
        ),
        lab_orders=read_lab_orders(kept["orders"], patient_id=patient_id, zone=zone, local=site.order_codes),
        drafts=treatment.drafts.drafts,
        has_unknown_draft=treatment.drafts.unknown,
        listings=_listings(own, treatment),
        results_withheld=own["labs"].listed.withheld,
        discarded=treatment.drafts.discarded + sum(each.discarded for each in own.values()),
    )


def _listings(own: Mapping[str, _Own], treatment: _Treatment) -> Mapping[str, Listing]:
    """How far each list was read. A list of drugs one of which cannot be told was read in part."""
    listings = {name: each.listed.listing for name, each in own.items()}
    if treatment.unknown_drugs and listings["medications"] is Listing.COMPLETE:
        listings["medications"] = Listing.CUT
    return listings


class _Call(NamedTuple):
    patient_id: str
    today: date
    zone: tzinfo
    site: Site


class _Chosen(NamedTuple):
    """The resources of the draft Bundle, their addresses in it, and what of them is selected."""

    basket: Sequence[Mapping[str, Json]]
    addresses: Sequence[str]
    selections: Sequence[str] | None


class _Treatment(NamedTuple):
    """`unknown_drugs`: some order or statement of the list names its drug by a Medication that is not at hand."""

    drugs: tuple[Drug, ...]
    unknown_drugs: bool
    allergies: tuple[Allergy, ...]
    drafts: Drafts


def _read_treatment(
    kept: Mapping[str, Sequence[Mapping[str, Json]]],
    chosen: _Chosen,
    call: _Call,
) -> _Treatment:
    """Drugs, allergies and drafts; a draft may refer to what the chart or the basket itself holds."""
    # Here, because the drug readers use the shapes of this package: at the top this would be a circle.
    from cards.drugs.medication import is_out_of_reach, within
    from cards.drugs.recognise import recognise
    from cards.reading.medications import has_unknown_drugs, read_draft_drug, read_drugs, resolver

    patient_id, today, zone, site = call
    own_basket = (each for each in chosen.basket if subject_is(each, patient_id))
    resolve = resolver((*own_basket, *kept["medications"], *kept["conditions"]))

    def allergen(concept: Json) -> Product | None:
        """An allergy names no route: iron dextran, which also stands in vitamins, is there the infusion."""
        codes = {**site.drug_codes, **site.allergy_codes}
        found = recognise(concept, site_codes=codes)
        if found and found.ingredient_names() == {"iron dextran"}:
            return recognise(concept, route_hint="iv", site_codes=codes)
        return found

    concepts_of = partial(diagnosis_concepts, local=site.diagnosis_codes)
    read_drug = partial(
        read_draft_drug,
        today=today,
        zone=zone,
        resolve=resolve,
        concept_of_condition=concepts_of,
        site_codes=site.drug_codes,
    )
    return _Treatment(
        read_drugs(
            kept["medications"],
            patient_id=patient_id,
            today=today,
            zone=zone,
            resolve=resolve,
            concept_of_condition=concepts_of,
            site_codes=site.drug_codes,
        ),
        has_unknown_drugs(kept["medications"], patient_id=patient_id, resolve=resolve),
        read_allergies(kept["allergies"], patient_id=patient_id, recognise=allergen, concepts_of=concepts_of),
        read_drafts(
            chosen.basket,
            patient_id=patient_id,
            selections=chosen.selections,
            addresses=chosen.addresses,
            read_drug=read_drug,
            is_unknown=lambda order: is_out_of_reach(order, within(order, resolve)),
            local=site.order_codes,
        ),
    )


class _Own(NamedTuple):
    listed: Listed
    discarded: int


def _own(listed: Listed, name: str, patient_id: str) -> _Own:
    """The list without what is about somebody else; an answer to another question, or wholly about another patient, is
    none (cds-hooks F-10, F-11; reliability page TOK-2)."""
    if name == "patient":
        return _own_patient(listed, patient_id)
    if listed.resources and not any(text(each.get("resourceType")) in KINDS[name] for each in listed.resources):
        return _Own(NOT_READ, 0)
    about_them = tuple(sorted((each for each in listed.resources if subject_is(each, patient_id)), key=_place))
    discarded = len(listed.resources) - len(about_them)
    if discarded and not about_them:
        return _Own(NOT_READ, discarded)
    # Results are told apart by more than their id (cards/reading/results.py).
    resources = about_them if name == "labs" else once_each(about_them)
    failed = name in _REQUIRED and listed.listing is Listing.NOT_KNOWN
    return _Own(replace(listed, resources=() if failed else resources), discarded)


def _place(resource: Mapping[str, Json]) -> tuple[str, str]:
    """Its place in its list: a server may send entries in any order, and no word of a card may turn on that."""
    return text(resource.get("resourceType")), text(resource.get("id"))


def _own_patient(listed: Listed, patient_id: str) -> _Own:
    """A patient's own record is required: none, or somebody else's, is as good as not read (cds-hooks F-11)."""
    people = [each for each in listed.resources if each.get("resourceType") == "Patient"]
    own = tuple(each for each in people if text(each.get("id")) in ("", patient_id))
    listing = Listing.COMPLETE if own else Listing.NOT_KNOWN
    return _Own(Listed(own[:1], listing), len(people) - len(own))
