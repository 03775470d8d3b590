"""Codes of a site's own that nothing translates: what its code map should name. Never anything of a patient.

Codes of public systems are left out: those that no decision needs are many, and no map would change them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from cards.chart import Chart, UnusableResult
from cards.code_systems import system_of
from cards.drugs.recognise import recognise
from cards.reading import Listed, Site
from cards.reading.local import Code, local_key
from cards.reading.shapes import Json, codings, first, objects, text

_DRUGS = ("medicationCodeableConcept", "medication", "code")
#: Reasons of unusable results that lie in the unit.
UNREADABLE_UNITS = frozenset({"unknown-unit", "no-unit", "unit-contradicts-itself"})


def unknown_codes(gathered: Mapping[str, Listed], site: Site | None = None) -> tuple[Code, ...]:
    """(system, code) of results, drugs and diagnoses that bear codes of unknown systems and nothing we recognise.

    In the order of the lists, each once; the system may be empty. `site` holds the codes that are mapped already.
    """
    mapped = site or Site()
    labs = _results(gathered["labs"].resources, mapped) if "labs" in gathered else ()
    drugs = _drugs(gathered["medications"].resources, mapped) if "medications" in gathered else ()
    diagnoses = _diagnoses(gathered["conditions"].resources, mapped) if "conditions" in gathered else ()
    return tuple(dict.fromkeys((*labs, *drugs, *diagnoses)))


def unreadable_units(chart: Chart) -> Mapping[str, int]:
    """How many results of each analyte had a unit that could not be read."""
    return Counter(each.analyte for each in chart.unusable if each.why in UNREADABLE_UNITS)


def unread_units(
    resources: Iterable[Mapping[str, Json]], unusable: Iterable[UnusableResult]
) -> tuple[tuple[str, str, str], ...]:
    """(analyte, reason, unit as it was sent) of each result whose unit could not be read: the unit is free text."""
    why = {each.reference: (each.analyte, each.why) for each in unusable if each.why in UNREADABLE_UNITS}
    found = ((why.get(f"Observation/{text(each.get('id'))}"), first(each.get("valueQuantity"))) for each in resources)
    return tuple((*of, text(quantity.get("unit")) or text(quantity.get("code"))) for of, quantity in found if of)


def _results(resources: Iterable[Mapping[str, Json]], site: Site) -> Iterator[Code]:
    """Only what looks like a measurement: a value in a quantity or in words."""
    for resource in resources:
        if text(resource.get("resourceType")) == "Observation":
            for content in (resource, *objects(resource.get("component"))):
                if first(content.get("valueQuantity")) or text(content.get("valueString")):
                    yield from _unmapped(content.get("code"), site.local_codes)


def _drugs(resources: Iterable[Mapping[str, Json]], site: Site) -> Iterator[Code]:
    for resource in resources:
        for name in _DRUGS:
            concept = resource.get(name)
            if isinstance(concept, Mapping) and recognise(concept, site_codes=site.drug_codes) is None:
                yield from _unmapped(concept, site.drug_codes)


def _diagnoses(resources: Iterable[Mapping[str, Json]], site: Site) -> Iterator[Code]:
    for resource in resources:
        if text(resource.get("resourceType")) == "Condition":
            yield from _unmapped(resource.get("code"), site.diagnosis_codes)


def _unmapped(concept: Json, mapped: Mapping[Code, object]) -> tuple[Code, ...]:
    """Its codes, where none of them is of a public system and none is mapped."""
    sent = tuple(codings(concept))
    if any(system_of(system) or local_key(system, code) in mapped for system, code in sent):
        return ()
    return sent
