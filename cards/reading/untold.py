"""Diagnoses and results whose codes tell nothing: neither what they are nor that they are something else.

A code of ICD tells what it lies below, if it is written as one, and LOINC has a code for each of our tests, so that one
that is in no list is something else. A SNOMED code that no list holds may lie below a root of ours, and codes of NPU, a
national list or a site may mean anything; they are counted by their system. Never anything of a patient.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from cards.fhir.bundles import Listed
from cards.fhir.json_values import Json, codings, text
from cards.fhir.local_codes import local_key
from cards.knowledge.code_systems import LOINC, has_icd_shape, system_of
from cards.reading import Site
from cards.reading.diagnoses import diagnosis_concepts
from cards.reading.unknown import codes_of_measurements
from cards.remembered import remembered

#: Counted entries by (prefetch key, code system): the FHIR name of a known system, any other as it was sent.
Untold = Mapping[tuple[str, str], int]


def untold_codes(gathered: Mapping[str, Listed], site: Site | None = None) -> Untold:
    """Return how many diagnoses and results bear codes that tell nothing, by list and system, the most frequent first.

    Those that are as frequent come in the order of their names: the systems of one code are a set, which has none.
    `site` holds the codes that are mapped already. A diagnosis or result in words alone has no code and is not counted.
    """
    mapped = site or Site()
    found = Counter[tuple[str, str]]()
    for resource in gathered["conditions"].resources if "conditions" in gathered else ():
        for system in _diagnosis(resource, mapped):
            found["conditions", system] += 1
    for resource in gathered["labs"].resources if "labs" in gathered else ():
        for system in _result(resource, mapped):
            found["labs", system] += 1
    return MappingProxyType(dict(sorted(found.items(), key=lambda each: (-each[1], each[0]))))


def _diagnosis(resource: Mapping[str, Json], site: Site) -> frozenset[str]:
    """The systems of a diagnosis that cannot be told; none where a code is in a list, or tells that it is in none."""
    if text(resource.get("resourceType")) != "Condition":
        return frozenset()
    code = resource.get("code")
    if any(has_icd_shape(system_of(system) or "", written) for system, written in codings(code)):
        return frozenset()
    return frozenset() if diagnosis_concepts(code, local=site.diagnosis_codes) else _systems(code)


def _result(resource: dict[str, Json], site: Site) -> frozenset[str]:
    return frozenset().union(*[_of_code(code, site) for code in codes_of_measurements([resource])])


def _of_code(code: Json, site: Site) -> frozenset[str]:
    systems = _systems(code)
    if not systems or LOINC in systems or any(local_key(*each) in site.local_codes for each in codings(code)):
        return frozenset()
    return systems


def _systems(concept: Json) -> frozenset[str]:
    return _named(concept) if concept else frozenset()


@remembered
def _named(concept: Json) -> frozenset[str]:
    return frozenset(system_of(system) or system for system, _ in codings(concept))
