"""Orders that lie inside another resource (RequestGroup, CarePlan, Task ...), where nobody who reads a list sees them.

Nothing is read from them here: they are told apart, so that none is passed over in silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cards.fhir.json_values import Json, first, items, objects, reference_of, text
from cards.fhir.references import Resolve, address_of, within

_ORDER, _SERVICE = "MedicationRequest", "ServiceRequest"
#: What stands for an order that is nowhere in the call: one whose Medication is nowhere either.
_NOT_AT_HAND = {"resourceType": _ORDER, "medicationReference": {"reference": "#not-at-hand"}}
#: Members by which a resource names what came before it, or what it follows from; nothing is ordered by them.
_EARLIER = ("basedOn", "replaces", "priorPrescription", "priorRequest")
#: Members by which a resource that is no drug order names what is supplied, given or eaten.
_NAMING = (
    ("medicationCodeableConcept", "medicationReference"),
    ("medication", "medication"),
    ("itemCodeableConcept", "itemReference"),
    ("productCodeableConcept", "productReference"),
)
#: So often a resource in a resource is opened; what lies deeper is not known.
_DEEPEST = 3


def wrapped_orders(
    resource: Mapping[str, Json],
    kinds: frozenset[str],
    at_hand: Resolve,
    depth: int = _DEEPEST,
    *,
    services: frozenset[str] = frozenset(),
) -> Iterator[Mapping[str, Json]]:
    """Yield each order of these types that a resource contains, plans, or refers to although it is not `at_hand`.

    What it plans or names without an order of its own is yielded in the form of one; so is an order that is not at
    hand, as one of a drug that is not at hand either. A resource of the types `services` is yielded as it is: it may
    order a drug in its own words, which is not judged here.
    """
    kind = text(resource.get("resourceType"))
    earlier = {address_of(reference_of(each)).id for name in _EARLIER for each in items(resource.get(name))} - {""}
    for each in objects(resource.get("contained")):
        if text(each.get("id")).lstrip("#") in earlier:
            continue
        if text(each.get("resourceType")) in kinds:
            yield each
        else:
            deeper = wrapped_orders(each, kinds, at_hand, depth - 1, services=services)
            yield from deeper if depth > 0 else (_NOT_AT_HAND,)
    if kind in kinds:
        return
    if kind in services:
        yield resource
    if services:
        yield from _described(resource)
    lower, find = {"", *(each.lower() for each in kinds)}, within(resource, at_hand)
    for reference in _referred(resource):
        address = address_of(reference)
        if address.type in lower and find(reference) is None:
            yield _NOT_AT_HAND
    for action in _actions(resource):
        if not first(action.get("resource")) and any(name.startswith("definition") for name in action):
            yield _NOT_AT_HAND
    yield from _named(resource, kind)
    yield from ({"resourceType": kind, "medicationCodeableConcept": each} for each in _eaten(resource) if each)


def _eaten(order: Mapping[str, Json]) -> Iterator[Json]:
    """What an order of nutrition names, by kind and by product: supplements, the formula and what is added to it."""
    for each in (*objects(order.get("supplement")), *objects(first(order.get("enteralFormula")).get("additive"))):
        yield from (each.get("type"), _as_words(each.get("productName")))
    for formula in objects(order.get("enteralFormula")):
        for name in ("baseFormulaType", "additiveType"):
            yield formula.get(name)
        for name in ("baseFormulaProductName", "additiveProductName"):
            yield _as_words(formula.get(name))


def _as_words(name: Json) -> Json:
    return {"text": text(name)} if text(name) else None


def _described(resource: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    """The services that a plan or a task describes in its own words, in the form of one."""
    for each in objects(resource.get("activity")):
        if code := first(each.get("detail")).get("code"):
            yield {**first(each.get("detail")), "resourceType": _SERVICE, "code": code}
    for each in objects(resource.get("input")):
        for value in (each.get("valueCodeableConcept"), _as_words(each.get("valueString"))):
            if value:
                yield {"resourceType": _SERVICE, "code": value}


def _referred(resource: Mapping[str, Json]) -> Iterator[str]:
    """The references by which groups, plans, lists and tasks name what they are about."""
    named = [action.get("resource") for action in _actions(resource)]
    for activity in objects(resource.get("activity")):
        named += [activity.get("reference"), activity.get("plannedActivityReference")]
    named += [entry.get("item") for entry in objects(resource.get("entry"))]
    named += [each.get("valueReference") for each in objects(resource.get("input"))]
    named += [resource.get("focus"), *items(resource.get("detail"))]
    yield from filter(None, map(reference_of, objects(named)))


def _actions(resource: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    left = list(objects(resource.get("action")))
    while left:
        action = left.pop()
        yield action
        left += objects(action.get("action"))


def _named(resource: Mapping[str, Json], kind: str) -> Iterator[Mapping[str, Json]]:
    """What it names as ordered, supplied or planned."""
    planned = [first(each.get("detail")) for each in objects(resource.get("activity"))]
    for each in (resource, *planned):
        for concept, reference in _NAMING:
            if each.get(concept) or each.get(reference):
                shape = kind if each is resource else _ORDER
                yield {
                    "resourceType": shape,
                    "medicationCodeableConcept": each.get(concept),
                    "medicationReference": each.get(reference),
                }
