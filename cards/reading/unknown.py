"""Codes of a site's own that nothing translates: what its code map should name. Never anything of a patient.

Codes of public systems are left out: those that no decision needs are many, and no map would change them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from cards.chart import Chart
from cards.code_systems import system_of
from cards.drugs.recognise import recognise
from cards.reading import Listed, Site
from cards.reading.local import Code, local_key
from cards.reading.shapes import Json, codings, first, objects, text

_DRUGS = ("medicationCodeableConcept", "medication", "code")
_UNREADABLE_UNITS = frozenset({"unknown-unit", "no-unit", "unit-contradicts-itself"})


def unknown_codes(gathered: Mapping[str, Listed], site: Site | None = None) -> tuple[Code, ...]:
    """(system, code) of results and drugs that bear codes of systems we do not know and nothing we recognise.

    In the order of the lists, each once; the system may be empty. `site` holds the codes that are mapped already.
    """
    mapped = site or Site()
    labs = _results(gathered["labs"].resources, mapped) if "labs" in gathered else ()
    drugs = _drugs(gathered["medications"].resources, mapped) if "medications" in gathered else ()
    return tuple(dict.fromkeys((*labs, *drugs)))


def unreadable_units(chart: Chart) -> Mapping[str, int]:
    """How many results of each analyte had a unit that could not be read."""
    return Counter(each.analyte for each in chart.unusable if each.why in _UNREADABLE_UNITS)


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


def _unmapped(concept: Json, mapped: Mapping[Code, object]) -> tuple[Code, ...]:
    """Its codes, where none of them is of a public system and none is mapped."""
    sent = tuple(codings(concept))
    if any(system_of(system) or local_key(system, code) in mapped for system, code in sent):
        return ()
    return sent
