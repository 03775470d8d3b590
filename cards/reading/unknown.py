"""Codes that nothing translates, and drugs that cannot be told: what a code map should name. Never of a patient.

Of results, diagnoses and allergens only a site's own codes count: public ones that no decision needs are many, and no
map would change them; but for those of laboratory systems from which nothing is mapped, where a result names an analyte
of ours. Of a drug every code counts that leaves it untold, public ones (NDC, dm+d, PZN) too. A name that no list has is
counted and never kept, since a name is free text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from itertools import islice
from typing import NamedTuple

from cards.drugs.medication import Medications, concepts_of_drug, is_out_of_reach
from cards.drugs.recognise import words_of
from cards.drugs.telling import Telling, telling_of
from cards.facts.results import UnusableResult
from cards.fhir.bundles import Listed
from cards.fhir.json_values import Json, codings, first, objects, text
from cards.fhir.local_codes import Code, local_key
from cards.fhir.references import References, within
from cards.knowledge.code_systems import LOINC, system_of
from cards.labs.foreign_codes import foreign_system
from cards.reading import Site
from cards.reading.medications import MOST_DRUGS, names_a_drug
from cards.reading.results import meaning_of
from cards.remembered import remembered
from cards.values import frozen

#: Reasons of unusable results that lie in the unit.
UNREADABLE_UNITS = frozenset({"unknown-unit", "no-unit", "unit-contradicts-itself"})


def unknown_codes(gathered: Mapping[str, Listed], site: Site | None = None) -> tuple[Code, ...]:
    """Return (system, code) of results, diagnoses and allergens in unknown systems, and of drugs that cannot be told.

    In the order of the lists, each once; the system may be empty. `site` holds the codes that are mapped already.
    """
    mapped = site or Site()
    labs = _results(gathered["labs"].resources, mapped) if "labs" in gathered else ()
    drugs = _drugs(gathered["medications"].resources, mapped) if "medications" in gathered else ()
    diagnoses = _diagnoses(gathered["conditions"].resources, mapped) if "conditions" in gathered else ()
    allergens = _allergens(gathered["allergies"].resources, mapped) if "allergies" in gathered else ()
    return tuple(dict.fromkeys((*labs, *drugs, *diagnoses, *allergens)))


@frozen
class UntoldDrugs:
    """The drugs of a call that cannot be told: the codes of each system, and how many bear a name that no list has."""

    drugs: int = 0
    codes: Mapping[str, int] = field(default_factory=dict)
    names: int = 0


def untold_drugs(
    resources: Iterable[dict[str, Json]], site: Site | None = None, at_hand: Iterable[Listed] = ()
) -> UntoldDrugs:
    """Count the drugs of these orders, statements and dispenses that cannot be told, of the first 500 of them.

    `at_hand` holds the lists of the call, to whose resources they may refer.
    """
    found = list(_untold(list(resources), at_hand, site or Site()))
    codes = Counter(system for each in found for system, _ in each.codes)
    return UntoldDrugs(len(found), dict(codes), sum(each.named for each in found))


class _Untold(NamedTuple):
    codes: tuple[Code, ...]
    named: bool


def _untold(resources: list[dict[str, Json]], at_hand: Iterable[Listed], site: Site) -> Iterator[_Untold]:
    resolve, medications = References.of([Listed(tuple(resources)), *at_hand]).find, Medications(site.drug_codes)
    known: dict[int, tuple[Json, _Untold]] = {}
    for resource in islice(filter(names_a_drug, resources), MOST_DRUGS):
        inside = within(resource, resolve)
        if not is_out_of_reach(resource, inside, medications):
            continue
        parts = [_part(each, site, known) for each in concepts_of_drug(resource, inside)]
        sent = dict.fromkeys(code for each in parts for code in each.codes)
        codes = tuple(code for code in sent if not _is_name(code[1]))
        yield _Untold(codes, named=any(each.named for each in parts) or len(codes) < len(sent))


def _part(concept: Json, site: Site, known: dict[int, tuple[Json, _Untold]]) -> _Untold:
    """One concept of a drug: its codes if they tell nothing, and whether it has a name beside them; read once."""
    if id(concept) not in known:
        untold = telling_of(concept, site_codes=site.drug_codes) is Telling.UNKNOWN
        codes = tuple(codings(concept)) if untold else ()
        named = untold and bool(set(words_of(concept)) - {code for _, code in codes})
        known[id(concept)] = (concept, _Untold(codes, named))
    return known[id(concept)][1]


def _is_name(code: str) -> bool:
    """Return whether free text stands in place of a code; a mnemonic in capitals is a code."""
    return any(sign.isspace() for sign in code) or (code.isalpha() and not code.isupper())


def unread_units(
    resources: Iterable[Mapping[str, Json]], unusable: Iterable[UnusableResult]
) -> tuple[tuple[str, str, str], ...]:
    """Return (analyte, reason, unit as it was sent) of each result whose unit could not be read: the unit is free
    text.
    """
    why = {each.reference: (each.analyte, each.why) for each in unusable if each.why in UNREADABLE_UNITS}
    if not why:
        return ()
    found = ((why.get(f"Observation/{text(each.get('id'))}"), first(each.get("valueQuantity"))) for each in resources)
    return tuple((*of, text(quantity.get("unit")) or text(quantity.get("code"))) for of, quantity in found if of)


def _results(resources: Iterable[dict[str, Json]], site: Site) -> Iterator[Code]:
    for code in codes_of_measurements(resources):
        yield from _unmapped(code, site.local_codes)
        yield from _of_ours(code, site.local_codes)


def codes_of_measurements(resources: Iterable[dict[str, Json]]) -> list[Json]:
    """Return the codes of all that looks like a measurement, a value in a quantity or in words, but for LOINC alone.

    LOINC has a code for each of our tests, so that one that is in no list is something else.
    """
    found = []
    for resource in measurements_in_doubt(resources):
        if text(resource.get("resourceType")) == "Observation":
            found += [
                content.get("code")
                for content in (resource, *objects(resource.get("component")))
                if first(content.get("valueQuantity")) or text(content.get("valueString"))
            ]
    return found


def measurements_in_doubt(resources: Iterable[dict[str, Json]]) -> tuple[dict[str, Json], ...]:
    """Return the resources that may bear a code to report; one that is coded in LOINC alone does not."""
    return tuple([each for each in resources if "component" in each or not is_loinc_alone(each.get("code"))])


@remembered
def is_loinc_alone(concept: Json) -> bool:
    """Return whether a concept bears codes, and each of them is one of LOINC."""
    sent = codings(concept)
    return bool(sent) and all(system_of(system) == LOINC for system, _ in sent)


def _of_ours(concept: Json, mapped: Mapping[Code, str]) -> tuple[Code, ...]:
    """Its codes of a public laboratory system from which nothing is mapped, where it names an analyte of ours."""
    foreign = _of_foreign_systems(concept) if concept else ()
    if (
        not foreign
        or meaning_of(concept, mapped).mapped
        or any(local_key(*each) in mapped for each in codings(concept))
    ):
        return ()
    return foreign


@remembered
def _of_foreign_systems(concept: Json) -> tuple[Code, ...]:
    return tuple((system, code) for system, code in codings(concept) if foreign_system(system))


def _drugs(resources: Iterable[dict[str, Json]], site: Site) -> Iterator[Code]:
    for each in _untold(list(resources), (), site):
        yield from each.codes


def _diagnoses(resources: Iterable[Mapping[str, Json]], site: Site) -> Iterator[Code]:
    for resource in resources:
        if text(resource.get("resourceType")) == "Condition":
            yield from _unmapped(resource.get("code"), site.diagnosis_codes)


def _allergens(resources: Iterable[Mapping[str, Json]], site: Site) -> Iterator[Code]:
    """The codes of allergens without a word beside them: words tell whoever reads them what it is."""
    mapped = {**site.drug_codes, **site.allergy_codes}
    for resource in resources:
        if text(resource.get("resourceType")) == "AllergyIntolerance":
            for concept in (resource.get("code"), resource.get("substance")):
                sent = _unmapped(concept, mapped)
                yield from () if set(words_of(concept)) - {code for _, code in sent} else sent


def _unmapped(concept: Json, mapped: Mapping[Code, object]) -> tuple[Code, ...]:
    """Its codes, where none of them is of a public system and none is mapped."""
    sent = _of_no_known_system(concept) if concept else ()
    return () if sent and any(local_key(*each) in mapped for each in sent) else sent


@remembered
def _of_no_known_system(concept: Json) -> tuple[Code, ...]:
    """Its codes, where none of them is of a public system."""
    sent = codings(concept)
    return () if any(system_of(system) for system, _ in sent) else sent
