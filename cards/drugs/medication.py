"""The product of an order, whichever way it is named: concept, reference, contained Medication, or a display alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal

from cards.chart import Product
from cards.drugs.forms import route_of
from cards.drugs.numbers import MG_PER_UNIT
from cards.drugs.recognise import SiteCodes, product_of_parts, recognise
from cards.drugs.timing import number
from cards.reading.shapes import Json, codings, first, objects, reference_of, text, text_of

Resolve = Callable[[str], Mapping[str, Json] | None]


def resolver(resources: Iterable[Json]) -> Resolve:
    """Find resources of these by reference: relative, absolute, versioned, or `urn:` with the id."""
    held: dict[str, Mapping[str, Json]] = {}
    for each in objects(list(resources)):
        if text(each.get("id")):
            held.setdefault(f"{text(each.get('resourceType'))}/{text(each.get('id'))}", each)
            held.setdefault(text(each.get("id")), each)
    return lambda reference: held.get(_tail(reference)) or held.get(reference.removeprefix("urn:uuid:"))


def within(resource: Mapping[str, Json], resolve: Resolve) -> Resolve:
    """The same, with the resources contained in this one first."""
    contained = {f"#{text(each.get('id'))}": each for each in objects(resource.get("contained"))}
    return lambda reference: contained.get(reference) or (None if reference.startswith("#") else resolve(reference))


def product_of(resource: Mapping[str, Json], resolve: Resolve, site_codes: SiteCodes | None = None) -> Product | None:
    """The product that an order, statement or administration is about; `None` where it is none of ours."""
    route = _route(resource)
    for concept in (resource.get("medicationCodeableConcept"), resource.get("medication")):
        found = recognise(concept, route_hint=route, site_codes=site_codes) if concept else None
        if found:
            return found
    for reference in (resource.get("medicationReference"), resource.get("medication")):
        found = _referred(reference, resolve, route, site_codes)
        if found:
            return found
    return None


def is_out_of_reach(resource: Mapping[str, Json], resolve: Resolve) -> bool:
    """It points at a Medication that is not at hand, and neither words nor code of its own say which drug that is.

    Such a drug is not known, which is not the same as none of ours.
    """
    concepts = (resource.get("medicationCodeableConcept"), resource.get("medication"))
    if any(text_of(concept) or any(codings(concept)) for concept in concepts):
        return False
    return any(_is_unknown(each, resolve) for each in (resource.get("medicationReference"), *concepts[1:]))


def _is_unknown(reference: Json, resolve: Resolve) -> bool:
    outer = first(reference)
    inner = first(outer.get("reference"))
    if text(outer.get("display")) or text(inner.get("display")):
        return False
    named = reference_of(reference)
    return not resolve(named) if named else bool(outer.get("identifier") or inner.get("identifier"))


def _referred(reference: Json, resolve: Resolve, route: str, site_codes: SiteCodes | None) -> Product | None:
    medication = resolve(reference_of(reference)) if reference_of(reference) else None
    found = _of_medication(medication, route, site_codes) if medication else None
    inner = first(first(reference).get("reference"))
    display = text(first(reference).get("display")) or text(inner.get("display"))
    return found or (recognise(display, route_hint=route) if display else None)


def _of_medication(medication: Mapping[str, Json], route: str, site_codes: SiteCodes | None) -> Product | None:
    """By its code, else by its active ingredients; inactive ones never count (clinical page 4.6)."""
    hint = route or route_of(medication.get("form"))
    found = recognise(medication.get("code"), route_hint=hint, site_codes=site_codes)
    if found:
        return found
    parts = list(_active_parts(medication, site_codes))
    return product_of_parts(parts, words=text_of(medication.get("form")), route_hint=hint) if parts else None


def _active_parts(
    medication: Mapping[str, Json], site_codes: SiteCodes | None
) -> Iterator[tuple[Product | None, Decimal | None]]:
    for each in objects(medication.get("ingredient")):
        if each.get("isActive") is not False:
            item = each.get("itemCodeableConcept") or each.get("item") or {"text": _display(each.get("itemReference"))}
            yield (
                recognise(item, site_codes=site_codes),
                _strength(first(each.get("strength") or each.get("strengthRatio"))),
            )


def _display(reference: Json) -> str:
    return text(first(reference).get("display"))


def _strength(ratio: Mapping[str, Json]) -> Decimal | None:
    """mg a piece, or a mL; `None` for any other pair of units."""
    above, below = first(ratio.get("numerator")), first(ratio.get("denominator"))
    value, per = number(above.get("value")), number(below.get("value") or 1)
    factor = MG_PER_UNIT.get(text(above.get("code") or above.get("unit")).lower())
    return value * factor / per if value and per and factor else None


def _route(resource: Mapping[str, Json]) -> str:
    for name in ("dosageInstruction", "dosage"):
        for each in objects(resource.get(name)):
            route = route_of(each.get("route"))
            if route:
                return route
    return ""


def _tail(reference: str) -> str:
    """`Medication/7` of `https://ehr.example/fhir/Medication/7/_history/2`."""
    parts = reference.split("/_history/")[0].rstrip("/").split("/")
    return "/".join(parts[-2:])
