"""The orders being signed, out of the draft Bundle of an order hook."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cards.chart import Draft, Drug
from cards.reading.lab_orders import KINDS as LAB_ORDERS
from cards.reading.lab_orders import ordered_in_doubt, tests_ordered
from cards.reading.local import NONE, LocalConcepts
from cards.reading.shapes import Json, code_of_status, own_reference, subject_is, text

#: The drug orders of R4 and R5, of STU3, and of DSTU2.
DRUG_ORDERS = frozenset({"MedicationRequest", "MedicationOrder", "MedicationPrescription"})
#: An order in one of these is not being signed (clinical page 3; a stopped ServiceRequest is called revoked).
_OVER = frozenset({"cancelled", "stopped", "revoked", "completed", "entered-in-error"})

#: What a delete action may name; whatever else a client calls its draft, it is told of in words only.
_REFERENCE = re.compile(r"[A-Z][A-Za-z]+/(?!\.+$)[A-Za-z0-9\-.]{1,64}")

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
    read_drug: ReadDrug,
    is_unknown: Callable[[Mapping[str, Json]], bool] = lambda order: False,
    local: LocalConcepts = NONE,
) -> Drafts:
    """Every draft, and every placed order that is being revised; `selections` None means all are selected.

    `basket` holds the resources of the draft Bundle in its order, so that a draft's number is its place in it.
    A draft is removable only where its status says draft and it has a FHIR id to name it by.
    """
    numbered = [each for each in enumerate(basket, 1) if subject_is(each[1], patient_id)]
    selected = _names(selections)
    found = (_draft(resource, number, selected, read_drug, local) for number, resource in numbered)
    signed = (each for _, each in numbered if _is_being_signed(each) and _is_selected(own_reference(each), selected))
    unknown = any(text(each.get("resourceType")) in DRUG_ORDERS and is_unknown(each) for each in signed)
    return Drafts(tuple(draft for draft in found if draft), len(basket) - len(numbered), unknown)


def _is_being_signed(order: Mapping[str, Json]) -> bool:
    return code_of_status(order.get("status")) not in _OVER and order.get("doNotPerform") is not True


def _names(selections: Sequence[str] | None) -> frozenset[str] | None:
    return None if selections is None else frozenset(each.strip() for each in selections if isinstance(each, str))


def _draft(
    resource: Mapping[str, Json],
    number: int,
    selected: frozenset[str] | None,
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
        selected=_is_selected(reference, selected),
        number=number,
        unverified=bool(tests) and ordered_in_doubt(resource, local=local),
    )


def _is_selected(reference: str, selected: frozenset[str] | None) -> bool:
    """Named as Type/id, or by the bare id."""
    return selected is None or (bool(reference) and not selected.isdisjoint({reference, reference.partition("/")[2]}))
