"""The product of an order, whichever way it is named: concept, reference, contained Medication, or a display alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from cards.drugs.forms import INJECTED, IV, route_directed, route_of, runs_in
from cards.drugs.instructions import MOST_DOSAGES
from cards.drugs.kinds import may_be_injected
from cards.drugs.numbers import IU_UNITS, MG_PER_UNIT, measurable
from cards.drugs.recognise import SiteCodes, named_row, product_of_medication, recognise
from cards.drugs.telling import Telling, telling_of
from cards.drugs.timing import number
from cards.drugs.words import LONGEST_TEXT, Strength
from cards.facts.drugs import Product
from cards.fhir.json_values import Json, codings, cut, first, items, objects, reference_of, text, text_of
from cards.fhir.references import Resolve, within

#: What an order or an ingredient may refer to; a contained one may leave its type out.
_DRUG_RESOURCES = frozenset({"Medication", "MedicationKnowledge", "Substance", ""})
#: Where an order names its drug.
_NAMED_IN = ("medicationCodeableConcept", "medicationReference", "medication")
#: A Medication of more ingredients is one that cannot be told; multivitamins have some forty.
MOST_INGREDIENTS = 60
#: How a form says that the strengths beside it are those of one mL, and the units that mean it.
_PER_ML = "mg/ml"
_ML = frozenset({"ml", "milliliter", "millilitre", "milliliters", "millilitres"})
#: More identifiers of one Medication or reference are not read.
_MOST_IDENTIFIERS = 20


def named_resource(reference: Json, resolve: Resolve) -> Mapping[str, Json] | None:
    """Return the Medication or Substance that a reference points at; `None` where none is at hand."""
    named = reference_of(reference)
    found = resolve(named) if named else None
    return found if found is not None and text(found.get("resourceType")) in _DRUG_RESOURCES else None


class Medications:
    """The Medications of one call, each read once, however many orders refer to it."""

    def __init__(self, site_codes: SiteCodes | None = None) -> None:
        self.site_codes = site_codes
        self._products: dict[tuple[int, str], tuple[Mapping[str, Json], Product | None]] = {}
        self._tellings: dict[int, tuple[Mapping[str, Json], Telling]] = {}

    def product(self, medication: Mapping[str, Json], resolve: Resolve, route: str) -> Product | None:
        """Return the product of a Medication that is given by a route; `None` where it is none of ours."""
        key = (id(medication), route)
        if key not in self._products:  # kept beside its Medication, so that no other gets its identity
            found = _of_medication(medication, within(medication, resolve), route, self.site_codes)
            self._products[key] = (medication, found)
        return self._products[key][1]

    def telling(self, medication: Mapping[str, Json], resolve: Resolve) -> Telling:
        """Return whether a Medication tells its drug."""
        key = id(medication)
        if key not in self._tellings:
            self._tellings[key] = (medication, _telling_of_medication(medication, resolve, self.site_codes))
        return self._tellings[key][1]


def product_of(
    resource: Mapping[str, Json], resolve: Resolve, medications: Medications | None = None
) -> Product | None:
    """Return the product that an order, statement or administration is about; `None` where it is none of ours."""
    held, route = medications or Medications(), _route(resource)
    found = _by_route(resource, resolve, held, route)
    directed = _route_directed(resource) if found and not route and not found.route else ""
    if not found or not directed or (directed in INJECTED and not may_be_injected(found)):
        return found
    return _by_route(resource, resolve, held, directed)


def _by_route(resource: Mapping[str, Json], resolve: Resolve, held: Medications, route: str) -> Product | None:
    for concept in (resource.get("medicationCodeableConcept"), resource.get("medication")):
        found = recognise(concept, route_hint=route, site_codes=held.site_codes) if concept else None
        if found:
            return found
    for reference in (resource.get("medicationReference"), resource.get("medication")):
        found = _referred(reference, resolve, route, held)
        if found:
            return found
    return None


def is_out_of_reach(resource: Mapping[str, Json], resolve: Resolve, medications: Medications | None = None) -> bool:
    """Return whether a drug is named and cannot be told: neither one of ours nor another drug.

    Its Medication is not at hand or does not tell it, its code stands in no table, its name is in no list. It is
    masked: there is a concept or reference that holds a system, a type or an extension, and no name. Or it is named in
    the directions alone, which do not order it. Such a drug is not known, which is not the same as none of ours.
    """
    tellings = set()
    for telling in _tellings(resource, resolve, medications or Medications()):
        if telling is Telling.TOLD:
            return False
        tellings.add(telling)
    if Telling.UNKNOWN in tellings or (tellings == {Telling.BLANK} and _is_masked(resource)):
        return True
    return any(named_row((), (words[:LONGEST_TEXT],)) for words in _directions(resource))


def names_nothing(resource: Mapping[str, Json], resolve: Resolve, medications: Medications | None = None) -> bool:
    """Return whether nothing says what the drug is: in a draft none is chosen yet, in a record it cannot be told."""
    return all(each is Telling.BLANK for each in _tellings(resource, resolve, medications or Medications()))


def _is_masked(resource: Mapping[str, Json]) -> bool:
    """Return whether something stands where the drug is named: an empty form holds but empty values."""
    left = [resource.get(name) for name in _NAMED_IN]
    while left:
        value = left.pop()
        if isinstance(value, Mapping):
            left += value.values()
        elif isinstance(value, list | tuple):
            left += value
        elif isinstance(value, str) and value.strip():
            return True
    return False


def _tellings(resource: Mapping[str, Json], resolve: Resolve, medications: Medications) -> Iterator[Telling]:
    """Yield what each concept tells, and then each reference."""
    for name in ("medicationCodeableConcept", "medication"):
        if concept := resource.get(name):
            yield telling_of(concept, site_codes=medications.site_codes)
    for name in ("medicationReference", "medication"):
        if reference := resource.get(name):
            yield _telling_of_reference(reference, resolve, medications)


def _directions(resource: Mapping[str, Json]) -> Iterator[str]:
    """The words of the directions, each by itself."""
    yield from map(text, items(resource.get("renderedDosageInstruction")))
    for name in ("dosageInstruction", "dosage"):
        yield from (each.strip() for each in items(resource.get(name)) if isinstance(each, str))
        for each in objects(resource.get(name))[:MOST_DOSAGES]:
            yield from map(text, (*items(each.get("text")), *items(each.get("patientInstruction"))))
            for extra in ("additionalInstruction", "additionalInstructions"):
                yield text_of(each.get(extra))


def concepts_of_drug(resource: Mapping[str, Json], resolve: Resolve) -> Iterator[Json]:
    """Yield the concepts by which an order or statement names its drug, those of its Medication and of its parts too.

    Identifiers are left out: they may identify more than a drug.
    """
    for name in ("medicationCodeableConcept", "medication"):
        yield resource.get(name)
    for reference in (resource.get("medicationReference"), resource.get("medication")):
        yield {"text": _display(reference)}
        medication = named_resource(reference, resolve)
        if medication is not None:
            yield medication.get("code")
            yield from (_item(each, within(medication, resolve)) for each in _active_ingredients(medication))


def _telling_of_reference(reference: Json, resolve: Resolve, medications: Medications) -> Telling:
    """By the words or the identifier of the reference, else by the Medication; one that is not at hand is unknown."""
    beside = telling_of(_named_in(reference), site_codes=medications.site_codes)
    if beside is Telling.TOLD or not reference_of(reference):
        return beside
    medication = named_resource(reference, resolve)
    return Telling.UNKNOWN if medication is None else medications.telling(medication, resolve)


def _telling_of_medication(medication: Mapping[str, Json], resolve: Resolve, site_codes: SiteCodes | None) -> Telling:
    """By its code or its identifiers, or by every active ingredient."""
    tellings = [telling_of(each, site_codes=site_codes) for each in (medication.get("code"), _identifiers(medication))]
    inside = within(medication, resolve)
    parts = [telling_of(_item(each, inside), site_codes=site_codes) for each in _active_ingredients(medication)]
    if Telling.TOLD in tellings or (parts and all(each is Telling.TOLD for each in parts)):
        return Telling.TOLD
    if tellings[0] is Telling.NONE and not parts and Telling.UNKNOWN not in tellings:
        return Telling.NONE  # its code says that nothing is taken
    return Telling.UNKNOWN


def _named_in(reference: Json) -> Json:
    """The display and the identifier of a reference, as a concept."""
    outer = first(reference)
    inner = first(outer.get("reference"))
    return {"text": _display(reference), **_identifiers(outer if outer.get("identifier") else inner)}


def _display(reference: Json) -> str:
    inner = first(first(reference).get("reference"))
    return text(first(reference).get("display")) or text(inner.get("display"))


def _identifiers(resource: Mapping[str, Json]) -> dict[str, Json]:
    """The identifiers of a resource or reference as codes: some name the drug in them, or its product code."""
    named = (
        {"system": text(each.get("system")), "code": each.get("value")}
        for each in objects(cut(resource.get("identifier")))[:_MOST_IDENTIFIERS]
    )
    return {"coding": list(named)}


def _referred(reference: Json, resolve: Resolve, route: str, medications: Medications) -> Product | None:
    medication = named_resource(reference, resolve)
    found = medications.product(medication, resolve, route) if medication else None
    return found or recognise(_named_in(reference), route_hint=route, site_codes=medications.site_codes)


def _of_medication(
    medication: Mapping[str, Json], resolve: Resolve, route: str, site_codes: SiteCodes | None
) -> Product | None:
    """By its code or identifiers and its active ingredients; inactive ones never count (clinical rationale 4.6)."""
    form, parts = text_of(medication.get("form")), tuple(_active_ingredients(medication))
    if any(text(_denominator(each).get("code") or _denominator(each).get("unit")).lower() in _ML for each in parts):
        form = f"{form} {_PER_ML}"
    return product_of_medication(
        (medication.get("code"), _identifiers(medication)),
        tuple((recognise(_item(each, resolve), site_codes=site_codes), _strength(each)) for each in parts),
        form=form,
        route_hint=route or route_of(medication.get("form")),
        site_codes=site_codes,
    )


def _active_ingredients(medication: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    """The ingredients that act; in DSTU2 they stand inside `product`."""
    listed = items(medication.get("ingredient")) or items(first(medication.get("product")).get("ingredient"))
    read = objects(listed) if len(listed) <= MOST_INGREDIENTS else ()
    return (each for each in read if each.get("isActive") is not False)


def _item(ingredient: Mapping[str, Json], resolve: Resolve) -> Json:
    """What an ingredient is: a concept, or the code of the Substance or Medication that it refers to."""
    for concept in (ingredient.get("itemCodeableConcept"), ingredient.get("item")):
        if text_of(concept) or any(codings(concept)):
            return concept
    for reference in (ingredient.get("itemReference"), ingredient.get("item")):
        held = named_resource(reference, resolve)
        code = held.get("code") if held is not None else None
        if text_of(code) or any(codings(code)):
            return code
    return _named_in(ingredient.get("itemReference") or ingredient.get("item"))


def _strength(ingredient: Mapping[str, Json]) -> Strength | None:
    """mg or IU a piece, or a mL; `None` for any other pair of units."""
    above = first(_ratio(ingredient).get("numerator") or ingredient.get("strengthQuantity"))
    unit = text(above.get("code") or above.get("unit")).lower()
    value, per = number(above.get("value")), number(_denominator(ingredient).get("value") or 1)
    factor = Decimal(1) if unit in IU_UNITS else MG_PER_UNIT.get(unit)
    size = measurable(value * factor / per) if value and per and factor else None
    return (size, "iu" if unit in IU_UNITS else "mg") if size else None


def _denominator(ingredient: Mapping[str, Json]) -> Mapping[str, Json]:
    return first(_ratio(ingredient).get("denominator"))


def _ratio(ingredient: Mapping[str, Json]) -> Mapping[str, Json]:
    """The strength of R4, of R5, and of the versions before."""
    return first(ingredient.get("strength") or ingredient.get("strengthRatio") or ingredient.get("amount"))


def _route(resource: Mapping[str, Json]) -> str:
    for name in ("dosageInstruction", "dosage"):
        for each in objects(resource.get(name)):
            route = route_of(each.get("route"))
            if route:
                return route
    return ""


def _route_directed(resource: Mapping[str, Json]) -> str:
    """The route by the words of the directions, else by a method or a rate; where none is coded and the product tells
    none.
    """
    told = (route_directed(words[:LONGEST_TEXT]) for words in _directions(resource))
    if route := next(filter(None, told), ""):
        return route
    for name in ("dosageInstruction", "dosage"):
        for each in objects(resource.get(name))[:MOST_DOSAGES]:
            if route := route_of(each.get("method")):
                return route
            if runs_in(each):
                return IV
    return ""
