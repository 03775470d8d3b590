"""The orders being signed, out of the draft Bundle of an order hook."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cards.chart import Draft, Drug
from cards.reading.lab_orders import KINDS as LAB_ORDERS
from cards.reading.lab_orders import ordered_in_doubt, tests_ordered
from cards.reading.local import NONE, LocalConcepts
from cards.reading.shapes import Json, code_of_status, objects, own_reference, subject_is, text

#: The drug orders of R4 and R5, of STU3, and of DSTU2.
DRUG_ORDERS = frozenset({"MedicationRequest", "MedicationOrder", "MedicationPrescription"})
#: An order in one of these is not being signed (clinical page 3; a stopped ServiceRequest is called revoked).
_OVER = frozenset({"cancelled", "stopped", "revoked", "completed", "entered-in-error"})

#: What a delete action may name; whatever else a client calls its draft, it is told of in words only.
_REFERENCE = re.compile(r"[A-Z][A-Za-z]+/(?!\.+$)[A-Za-z0-9\-.]{1,64}")

#: A reference as it is, absolute, or to one version.
_SPELLED = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?")

#: How one drug order is read; `None` where it is no product of ours.
ReadDrug = Callable[[Mapping[str, Json]], Drug | None]


@dataclass(frozen=True, slots=True)
class Drafts:
    """The drafts of a kind we judge. `discarded` counts those for another patient; `unknown` says that the drug of a
    selected one could not be told."""

    drafts: tuple[Draft, ...] = ()
    discarded: int = 0
    unknown: bool = False


def read_drafts(
    basket: Sequence[Mapping[str, Json]],
    *,
    patient_id: str,
    selections: Sequence[str] | None,
    addresses: Sequence[str] = (),
    read_drug: ReadDrug,
    is_unknown: Callable[[Mapping[str, Json]], bool] = lambda order: False,
    local: LocalConcepts = NONE,
) -> Drafts:
    """Every draft, and every placed order that is being revised; `selections` None means all are selected.

    `basket` holds the resources of the draft Bundle in its order, so that a draft's number is its place in it;
    `addresses` the `fullUrl` of each (`addresses_in`).
    A draft is removable only where its status says draft and it has a FHIR id to name it by.
    """
    numbered = [each for each in enumerate(basket, 1) if subject_is(each[1], patient_id)]
    selected = _selected(selections, numbered, addresses)
    found = (_draft(resource, number, number in selected, read_drug, local) for number, resource in numbered)
    signed = (each for number, each in numbered if _is_being_signed(each) and number in selected)
    unknown = any(text(each.get("resourceType")) in DRUG_ORDERS and is_unknown(each) for each in signed)
    return Drafts(tuple(draft for draft in found if draft), len(basket) - len(numbered), unknown)


def _is_being_signed(order: Mapping[str, Json]) -> bool:
    return code_of_status(order.get("status")) not in _OVER and order.get("doNotPerform") is not True


def addresses_in(bundle: Json, basket: Sequence[Mapping[str, Json]]) -> tuple[str, ...]:
    """The `fullUrl` under which the draft Bundle holds each resource of the basket; empty where it has none."""
    entries = objects(bundle.get("entry")) if isinstance(bundle, Mapping) else ()
    known = {id(entry["resource"]): text(entry.get("fullUrl")) for entry in entries if "resource" in entry}
    return tuple(known.get(id(each), "") for each in basket)


def _selected(
    selections: Sequence[str] | None, numbered: Sequence[tuple[int, Mapping[str, Json]]], addresses: Sequence[str]
) -> frozenset[int]:
    """The places of the drafts that are selected: by Type/id or the bare id; else by another spelling (absolute, with a
    version, the address of the entry) that fits one draft only."""
    if selections is None:
        return frozenset(number for number, _ in numbered)
    references = {number: own_reference(resource) for number, resource in numbered}
    urls = {number: address for number, address in enumerate(addresses, 1) if address and number in references}
    found: set[int] = set()
    for name in {each.strip() for each in selections if isinstance(each, str)}:
        plain = {number for number, each in references.items() if each and name in (each, each.partition("/")[2])}
        found |= plain or _spelled_otherwise(name, references, urls)
    return frozenset(found)


def _spelled_otherwise(name: str, references: Mapping[int, str], urls: Mapping[int, str]) -> set[int]:
    spellings = {name, _reference_in(name)} - {""}
    fitting = {number for number, each in references.items() if each in spellings}
    fitting |= {number for number, url in urls.items() if not spellings.isdisjoint({url, _reference_in(url)})}
    return fitting if len({references[number] or number for number in fitting}) == 1 else set()


def _reference_in(address: str) -> str:
    """Type/id at the end of a reference or an address; empty where it names none."""
    found = _SPELLED.fullmatch(address)
    return found[1] if found else ""


def _draft(
    resource: Mapping[str, Json],
    number: int,
    is_selected: bool,
    read_drug: ReadDrug,
    local: LocalConcepts,
) -> Draft | None:
    if not _is_being_signed(resource):
        return None
    status = code_of_status(resource.get("status"))
    kind = text(resource.get("resourceType"))
    drug = read_drug(resource) if kind in DRUG_ORDERS else None
    tests = tests_ordered(resource, local=local) if kind in LAB_ORDERS else frozenset()
    if drug is None and not tests:
        return None
    reference = own_reference(resource)
    return Draft(
        reference=reference,
        status=status or "draft",
        drug=drug,
        tests=tests,
        can_be_removed=status == "draft" and _REFERENCE.fullmatch(reference) is not None,
        selected=is_selected,
        number=number,
        unverified=bool(tests) and ordered_in_doubt(resource, local=local),
    )
