"""Laboratory orders, placed or drafted, out of ServiceRequest and its older names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import tzinfo
from functools import cache

from cards.dates import PartialDate, parse_known
from cards.facts.chart import LabOrder, Reasons
from cards.fhir.json_values import (
    Json,
    code_of_status,
    codings,
    objects,
    own_reference,
    partial_date_of,
    text,
)
from cards.fhir.local_codes import NONE, LocalConcepts, local_concepts
from cards.fhir.ownership import subject_is
from cards.knowledge.valuesets import ConceptIndex, load_valueset, valueset_names
from cards.reading.resource_types import LAB_ORDERS

NO_REASONS = Reasons()
_PREFIX = "order-"
#: R4's word, and DSTU2's for an order that was placed and has not been answered.
_ACTIVE = frozenset({"active", "requested", "received", "accepted", "in-progress"})
_COMPLETED = frozenset({"completed"})
#: R4's words, and those of STU3 and DSTU2, for an order that will not be carried out.
_WITHDRAWN = frozenset({"revoked", "stopped", "entered-in-error", "cancelled", "rejected", "failed"})
_ORDERS = frozenset({"", "order", "original-order", "reflex-order", "filler-order", "instance-order", "plan"})
_DATES = ("authoredOn", "authored", "orderedOn")


@cache
def _index() -> ConceptIndex:
    return ConceptIndex(load_valueset(name) for name in valueset_names() if name.startswith(_PREFIX))


def tests_ordered(resource: Mapping[str, Json], *, local: LocalConcepts = NONE) -> frozenset[str]:
    """Return the tests an order or a draft asks for, by the names of the value sets order-<name>: ferritin, iron-panel
    ...

    `local`: the site's own codes, each to such names.
    """
    sent = _sent(resource)
    found = frozenset().union(*(_index().concepts_of(system, code) for system, code in sent))
    return frozenset(name.removeprefix(_PREFIX) for name in found) | local_concepts(sent, local)


def ordered_in_doubt(resource: Mapping[str, Json], *, local: LocalConcepts = NONE) -> bool:
    """Return whether every code by which the tests were recognised still awaits verification."""
    sent = _sent(resource)
    return not local_concepts(sent, local) and _index().all_unverified(sent)


def _sent(resource: Mapping[str, Json]) -> tuple[tuple[str, str], ...]:
    return tuple(coding for concept in _codes(resource) for coding in codings(concept))


def _codes(resource: Mapping[str, Json]) -> Iterator[Json]:
    """`code` of R4, R5 and STU3 (R5 wraps it), its details, and the items of a DSTU2 order."""
    yield resource.get("code")
    yield resource.get("orderDetail")
    yield from (item.get("code") for item in objects(resource.get("item")))


def read_lab_orders(
    resources: Iterable[Json],
    *,
    patient_id: str,
    zone: tzinfo,
    local: LocalConcepts = NONE,
    reasons_of: Callable[[Mapping[str, Json]], Reasons] = lambda resource: NO_REASONS,
) -> tuple[LabOrder, ...]:
    """Return the patient's orders for tests of ours; `active` where it was placed, not answered and not forbidden.

    `reasons_of` reads why an order was placed.
    """
    return tuple(
        LabOrder(
            tests,
            _when(resource, zone),
            _is_placed(resource, _ACTIVE),
            own_reference(resource),
            ordered_in_doubt(resource, local=local),
            _is_placed(resource, _COMPLETED),
            reasons_of(resource).name_rls,
            _is_withdrawn(resource),
        )
        for resource in resources
        if isinstance(resource, Mapping) and text(resource.get("resourceType")) in LAB_ORDERS
        if subject_is(resource, patient_id) and (tests := tests_ordered(resource, local=local))
    )


def _is_placed(resource: Mapping[str, Json], statuses: frozenset[str]) -> bool:
    return (
        code_of_status(resource.get("status")) in statuses
        and _is_an_order(resource)
        and resource.get("doNotPerform") is not True
    )


def _is_withdrawn(resource: Mapping[str, Json]) -> bool:
    forbidden = resource.get("doNotPerform") is True
    return _is_an_order(resource) and (forbidden or code_of_status(resource.get("status")) in _WITHDRAWN)


def _is_an_order(resource: Mapping[str, Json]) -> bool:
    """Return whether it is more than a proposal."""
    return code_of_status(resource.get("intent")) in _ORDERS


def _when(resource: Mapping[str, Json], zone: tzinfo) -> PartialDate | None:
    events = (parse_known(event.get("dateTime"), zone) for event in objects(resource.get("event")))
    return partial_date_of(resource, *_DATES, zone=zone) or next((moment for moment in events if moment), None)
