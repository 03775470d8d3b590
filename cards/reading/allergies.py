"""Allergies and intolerances to intravenous iron (clinical rationale 4.7) and to gabapentinoids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from cards.facts.chart import Allergy
from cards.facts.drugs import Product
from cards.fhir.json_values import Json, objects, own_reference, text_of
from cards.fhir.ownership import subject_is
from cards.reading.diagnoses import diagnosis_concepts
from cards.reading.presence import words_of

_CLEARED = frozenset({"refuted", "entered-in-error"})
_HIGH = frozenset({"high", "crith"})
_IRON = "iron-iv"
_GABAPENTINOID = "gabapentinoid"
_ORAL_IRON = "iron-oral"
_REACTION = "iron-adverse-reaction"
_ANY_IRON = frozenset({"iron"})

#: How a substance or product is recognised by code or name; `None` where it is none of ours.
Recognise = Callable[[Json], Product | None]
#: The value sets of diagnoses that a CodeableConcept belongs to.
ConceptsOf = Callable[[Json], frozenset[str]]


def read_allergies(
    resources: Iterable[Json], *, patient_id: str, recognise: Recognise, concepts_of: ConceptsOf = diagnosis_concepts
) -> tuple[Allergy, ...]:
    """Return every allergy to a named iron or a gabapentinoid that was not taken back, with its ingredients.

    One that is called inactive or resolved counts too: the reaction did happen (clinical amendments 2, section 3.1).

    An adverse reaction to iron of no named product (SNOMED 293354007, T45.4X5A, or "iron" alone) takes in upset of the
    gut by tablets: it counts only where its criticality is high or it was anaphylaxis.
    """
    return tuple(
        found
        for resource in resources
        if isinstance(resource, Mapping) and resource.get("resourceType") == "AllergyIntolerance"
        if subject_is(resource, patient_id) and not _is_cleared(resource)
        if (found := _allergy(resource, recognise, concepts_of))
    )


def _is_cleared(resource: Mapping[str, Json]) -> bool:
    """Refuted or entered in error (DSTU2 has one `status` for both statuses)."""
    said = (words_of(resource.get(name)) for name in ("clinicalStatus", "verificationStatus", "status"))
    return bool(frozenset[str]().union(*said) & _CLEARED)


def _allergy(resource: Mapping[str, Json], recognise: Recognise, concepts_of: ConceptsOf) -> Allergy | None:
    severe, reference = _is_severe(resource), own_reference(resource)
    products = [product for concept in _substances(resource) if (product := recognise(concept))]
    for drug_class in (_IRON, _GABAPENTINOID, _ORAL_IRON):
        named = [each for each in products if drug_class in each.classes and each.ingredient_names() != _ANY_IRON]
        if named:
            names = frozenset().union(*(product.ingredient_names() for product in named))
            doubtful = all(product.unverified for product in named)
            return Allergy(frozenset({drug_class}), names, severe, reference, doubtful)
    said = any(_REACTION in concepts_of(concept) for concept in _substances(resource))
    if severe and (said or any(product.ingredient_names() == _ANY_IRON for product in products)):
        return Allergy(frozenset({_REACTION}), severe=True, reference=reference)
    return None


def _substances(resource: Mapping[str, Json]) -> tuple[Json, ...]:
    """The allergen, and the substances named with its reactions (`substance` is DSTU2's name for the allergen)."""
    reactions = (each.get("substance") for each in objects(resource.get("reaction")))
    return tuple(each for each in (resource.get("code"), resource.get("substance"), *reactions) if each is not None)


def _is_severe(resource: Mapping[str, Json]) -> bool:
    return bool(words_of(resource.get("criticality")) & _HIGH) or any(
        _is_anaphylaxis(reaction.get("manifestation")) for reaction in objects(resource.get("reaction"))
    )


def _is_anaphylaxis(manifestation: Json) -> bool:
    coded = "anaphylaxis-or-transfusion-reaction" in diagnosis_concepts(manifestation)
    return coded or "anaphyla" in text_of(manifestation).lower()
