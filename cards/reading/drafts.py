"""The orders being signed, out of the draft Bundle of an order hook."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from cards.drugs.medication import Medications, is_out_of_reach, product_of
from cards.facts.chart import Draft, Gap, Listing
from cards.facts.drugs import Drug, Reasons
from cards.fhir.bundles import Listed
from cards.fhir.json_values import Json, code_of_status, first, own_reference, reference_of, text
from cards.fhir.local_codes import NONE, LocalConcepts
from cards.fhir.ownership import Owner, Ownership
from cards.fhir.references import Address, References, Resolve, address_of, within
from cards.fhir.wrapped_orders import wrapped_orders
from cards.reading.lab_orders import ordered_in_doubt, orders_a_drug, tests_ordered
from cards.reading.medications import INTENTS, REPLACED, named_orders
from cards.reading.resource_types import DRUG_ORDERS, LAB_ORDERS
from cards.values import frozen

#: The most drafts that are read (contract section 5).
MOST_DRAFTS = 200
#: An order in one of these is not being signed (clinical rationale 3; a stopped ServiceRequest is called revoked).
_OVER = frozenset({"cancelled", "stopped", "revoked", "completed", "ended", "entered-in-error"})
#: An order in one of these never began, so that it took the place of none.
_NEVER_BEGAN = frozenset({"cancelled", "revoked", "entered-in-error"})

#: Where an order names its drug.
_MEDICATION = ("medicationCodeableConcept", "medicationReference", "medication")

#: What a delete action may name (protocol X-05): the client's own id, echoed as it came. A draft of any other name is
#: told of in words only.
_REFERENCE = re.compile(r"[A-Z][A-Za-z]{1,63}/(?!\.{1,511}$)[A-Za-z0-9.\-][A-Za-z0-9._~:\-]{0,511}")

#: How one drug order is read; `None` where it is no product of ours.
ReadDrug = Callable[[Mapping[str, Json]], Drug | None]
#: How the reasons of an order are read.
ReadReasons = Callable[[Mapping[str, Json]], Reasons]


@frozen
class Drafts:
    """The drafts of a kind we judge.

    discarded  how many were for another patient
    unknown    the drug of a selected one could not be told
    elsewhere  a drug order names its drug by a Medication that is nowhere in the call
    gap        why a draft that may be selected was not read; `None` where all were
    for_rls    a draft of which this or its drug could not be told states restless legs syndrome as its reason
    set_aside  the orders of the record that the basket ends or replaces, as `own_reference` names them
    """

    drafts: tuple[Draft, ...] = ()
    discarded: int = 0
    unknown: bool = False
    elsewhere: bool = False
    gap: Gap | None = None
    for_rls: bool = False
    set_aside: frozenset[str] = frozenset()


@frozen
class _Order:
    """One draft order of the patient: its place in the draft Bundle, and the address of its entry."""

    number: int
    resource: Mapping[str, Json]
    address: Address

    @property
    def is_judged(self) -> bool:
        kind = text(self.resource.get("resourceType"))
        return kind in DRUG_ORDERS | LAB_ORDERS and _is_being_signed(self.resource)


def read_drafts(
    sent: Listed,
    *,
    ownership: Ownership,
    selections: Sequence[str] | None,
    read_drug: ReadDrug,
    read_reasons: ReadReasons = lambda order: Reasons(),
    resolve: Resolve = lambda reference: None,
    medications: Medications | None = None,
    local: LocalConcepts = NONE,
) -> Drafts:
    """Return every draft, and every placed order that is being revised; `selections` None means all are selected.

    `sent` holds the resources of the draft Bundle in its order, so that a draft's number is its place in it. Where no
    selection names a draft, all are selected. A draft is removable only where its status says draft and it has an id
    of its own to name it by. `MOST_DRAFTS` are read, selected ones first.
    """
    urls = {id(resource): address_of(full_url) for full_url, resource in sent.addresses}
    owners = [ownership.owner_of(each) for each in sent.resources]
    orders = tuple(
        _Order(number, resource, urls.get(id(resource), Address()))
        for number, (resource, owner) in enumerate(zip(sent.resources, owners, strict=True), 1)
        if owner is Owner.PATIENT
    )
    selected, is_exact = _selected(selections, orders)
    judged = sorted((each for each in orders if each.is_judged), key=lambda each: each.number not in selected)
    read = sorted(judged[:MOST_DRAFTS], key=lambda each: each.number)
    drug_orders = [each for each in read if text(each.resource.get("resourceType")) in DRUG_ORDERS]
    unique = _unique_references(sent.resources)
    found = [(each, _draft(each, each.number in selected, unique, read_drug, local)) for each in read]
    drafts = _side_by_side([(order.resource, draft) for order, draft in found if draft])
    cut_short = any(draft.selected and draft.drug and draft.drug.cut_short for draft in drafts)
    asked = (each.resource for each in drug_orders if each.number in selected)
    unknown = [each for each in asked if _is_unknown(each, resolve, medications)]
    holders = [
        each
        for number, (each, owner) in enumerate(zip(sent.resources, owners, strict=True), 1)
        if owner is not Owner.OTHER and (number in selected or not is_exact)
    ]
    in_basket = References.of([sent]).find
    inside = [each for holder in holders for each in _unread_inside(holder, in_basket, resolve, medications, local)]
    return Drafts(
        drafts=drafts,
        discarded=len(owners) - len(orders),
        unknown=any(unknown),
        for_rls=any(_is_for_rls(read_reasons(each)) for each in (*unknown, *inside, *_of_unknown_owner(sent, owners))),
        elsewhere=any(_refers_elsewhere(each.resource, resolve) for each in drug_orders),
        set_aside=_set_aside([each.resource for each in orders], resolve, medications),
        gap=_gap(sent, owners, is_exact, sum(each.number in selected for each in judged))
        or (Gap("order-inside") if inside else Gap("directions") if cut_short else _untold(unknown, resolve)),
    )


def _gap(sent: Listed, owners: Iterable[Owner], is_exact: bool, judged: int) -> Gap | None:
    """Why an order that may be selected was not read."""
    if judged > MOST_DRAFTS:
        return Gap("cut", read=MOST_DRAFTS, total=judged)
    if is_exact:
        return None
    if sent.listing is not Listing.COMPLETE:
        return sent.gap
    return Gap("unknown-subject") if _of_unknown_owner(sent, owners) else None


def _untold(unknown: Iterable[Mapping[str, Json]], resolve: Resolve) -> Gap | None:
    """Why an order is not judged whose drug no list would tell either."""
    return Gap("unknown-drug") if any(not _refers_elsewhere(each, resolve) for each in unknown) else None


def _unread_inside(
    holder: Mapping[str, Json],
    in_basket: Resolve,
    resolve: Resolve,
    medications: Medications | None,
    local: LocalConcepts,
) -> list[Mapping[str, Json]]:
    """The orders of a drug of ours, or of one that cannot be told, that lie inside a resource of another type, and the
    services and meals that name such a drug.

    They are not read as drafts: nothing could be removed by its name. A drug order that names its drug is no such
    holder; what it contains belongs to it.
    """
    if text(holder.get("resourceType")) in DRUG_ORDERS and any(map(holder.get, _MEDICATION)):
        return []
    found = []
    inside = within(holder, resolve)
    for each in wrapped_orders(holder, DRUG_ORDERS, in_basket, services=LAB_ORDERS):
        if text(each.get("resourceType")) in LAB_ORDERS:
            if _is_being_signed(each) and orders_a_drug(each, medications or Medications(), local):
                found.append(each)
            continue
        reach = within(each, inside)
        is_order = text(each.get("resourceType")) in DRUG_ORDERS
        is_ours = product_of(each, reach, medications) is not None
        if _is_being_signed(each) and (is_ours or (is_order and is_out_of_reach(each, reach, medications))):
            found.append(each)
    return found if _is_being_signed(holder) else []


def _of_unknown_owner(sent: Listed, owners: Iterable[Owner]) -> list[Mapping[str, Json]]:
    pairs = zip(sent.resources, owners, strict=True)
    open_ones = (each for each, owner in pairs if owner is Owner.UNKNOWN)
    return [each for each in open_ones if text(each.get("resourceType")) in DRUG_ORDERS | LAB_ORDERS]


def _is_for_rls(reasons: Reasons) -> bool:
    return reasons.name_rls or reasons.rls_in_words_only


def _is_unknown(order: Mapping[str, Json], resolve: Resolve, medications: Medications | None) -> bool:
    return is_out_of_reach(order, within(order, resolve), medications)


def _refers_elsewhere(order: Mapping[str, Json], resolve: Resolve) -> bool:
    inside = first(order.get("medication")).get("reference")
    reference = reference_of(order.get("medicationReference")) or reference_of(inside)
    return bool(reference) and not address_of(reference).is_contained and within(order, resolve)(reference) is None


def _is_being_signed(order: Mapping[str, Json]) -> bool:
    return code_of_status(order.get("status")) not in _OVER and order.get("doNotPerform") is not True


def _set_aside(
    orders: Iterable[Mapping[str, Json]], resolve: Resolve, medications: Medications | None
) -> frozenset[str]:
    """The orders of the record that end with the basket: one of the same id is over there, or one there replaces it.

    A laboratory order that is completed brings its results all the same. What cannot be told replaces nothing, for it
    may be the same kind of drug.
    """
    found: set[str] = set()
    for each in orders:
        kind, status = text(each.get("resourceType")), code_of_status(each.get("status"))
        if kind in DRUG_ORDERS | LAB_ORDERS and status in _OVER and not (kind in LAB_ORDERS and status == "completed"):
            found.add(own_reference(each))
        if kind not in DRUG_ORDERS:
            continue
        replaced = named_orders(each, resolve, *REPLACED) if _takes_effect(each) else frozenset()
        if replaced and not _is_unknown(each, resolve, medications):
            found |= replaced
    return frozenset(found - {""})


def _takes_effect(order: Mapping[str, Json]) -> bool:
    """Whether the drug is to be taken, or was: it is neither a proposal nor a prohibition, and was not cancelled."""
    began = code_of_status(order.get("status")) not in _NEVER_BEGAN and order.get("doNotPerform") is not True
    return began and code_of_status(order.get("intent")) in INTENTS


def _side_by_side(drafts: Sequence[tuple[Mapping[str, Json], Draft]]) -> tuple[Draft, ...]:
    """The drafts, with those marked that another of the basket replaces, or of which they are one instance."""
    drugs = {draft.reference: draft.drug for order, draft in drafts if draft.drug and _takes_effect(order)}
    aside: set[str] = set()
    for own, drug in drugs.items():
        for other in drug.replaces & drugs.keys() - {own}:
            if own in drugs[other].replaces:
                continue  # each names the other: neither is left out
            if other not in drug.based_on:
                aside.add(other)
            elif not drug.product.ingredient_names().isdisjoint(drugs[other].product.ingredient_names()):
                aside.add(own)
    return tuple(_marked(draft) if draft.reference in aside else draft for _, draft in drafts)


def _marked(draft: Draft) -> Draft:
    return replace(draft, drug=replace(draft.drug, set_aside=True)) if draft.drug else draft


def _selected(selections: Sequence[str] | None, orders: Sequence[_Order]) -> tuple[frozenset[int], bool]:
    """The places of the drafts that are selected, and whether every selection named one.

    By the address of the entry; else by Type/id or the bare id; else by the end of the address of the entry.
    """
    everything = frozenset(each.number for each in orders)
    if selections is None:
        return everything, False
    index = _places_by_name(orders)
    named = [_named(address_of(each), index) for each in dict.fromkeys(map(reference_of, selections))]
    found = frozenset().union(*named)
    return found or everything, bool(named) and all(named)


#: The places of drafts by what may name them: the address of the entry; type and id; type and end of the address. A
#: selection that names no type finds them under none.
_Places = Mapping[tuple[str, str, str], Sequence[int]]


def _places_by_name(orders: Iterable[_Order]) -> _Places:
    found: dict[tuple[str, str, str], list[int]] = {}
    for each in orders:
        kind, logical_id = text(each.resource.get("resourceType")).lower(), text(each.resource.get("id"))
        keys = {("address", "", each.address.whole)}
        keys |= {("id", named, logical_id) for named in ("", kind)}
        keys |= {("end", named, each.address.id) for named in ("", kind)}
        for key in keys:
            found.setdefault(key, []).append(each.number)
    return found


def _named(wanted: Address, places: _Places) -> frozenset[int]:
    if not wanted.id:
        return frozenset()
    keys = [("address", "", wanted.whole)] if wanted.whole else []
    keys += [("id", wanted.type, wanted.id), ("end", wanted.type, wanted.id)]
    return next((frozenset(places[key]) for key in keys if key in places), frozenset())


def _unique_references(resources: Iterable[Mapping[str, Json]]) -> frozenset[str]:
    """The references that name one order, however often it was sent."""
    contents: dict[str, Mapping[str, Json]] = {}
    shared: Counter[str] = Counter()
    for each in resources:
        reference = own_reference(each)
        shared[reference] += contents.setdefault(reference, each) != each
    return frozenset(reference for reference in contents if not shared[reference])


def _draft(
    order: _Order, is_selected: bool, unique: frozenset[str], read_drug: ReadDrug, local: LocalConcepts
) -> Draft | None:
    resource = order.resource
    status = code_of_status(resource.get("status"))
    kind = text(resource.get("resourceType"))
    drug = read_drug(resource) if kind in DRUG_ORDERS else None
    tests = tests_ordered(resource, local=local) if kind in LAB_ORDERS else frozenset()
    if drug is None and not tests:
        return None
    reference = own_reference(resource)
    return Draft(
        reference=reference,
        drug=drug,
        tests=tests,
        can_be_removed=status == "draft" and reference in unique and bool(_REFERENCE.fullmatch(reference)),
        selected=is_selected,
        number=order.number,
        unverified=bool(tests) and ordered_in_doubt(resource, local=local),
    )
