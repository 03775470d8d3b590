"""Read, check and merge a site's own codes (settings `site.local_codes` and `clients.<name>.local_codes`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from cards.drugs.ingredients import ingredient_of_code
from cards.drugs.products import product_of_code
from cards.drugs.recognise import recognise
from cards.fhir.local_codes import Code, local_key
from cards.knowledge.code_systems import RXNORM
from cards.knowledge.valuesets import valueset_names
from cards.reading import Site
from cards.reading.procedures import PROCEDURES
from cds_service.knowledge.expansions import Expansion
from cds_service.knowledge.public_codes import ingredients_of, public_meanings
from cds_service.knowledge.toml_files import Place, faulty_places, form_faults, place_of, read_table
from cds_service.web.json_schema import validator

Meaning = TypeVar("Meaning")
_SCHEMA = "local-codes"
_REACTION = "iron-adverse-reaction"
_MEASURED = ("lab-", "measure-")
#: Measures without a public code, which only a site's own code can name.
_ONLY_LOCAL = ("irls",)


@dataclass(frozen=True, slots=True)
class CodeMap:
    """The codes of one file and their meanings, by kind; codes are written by `local_key`."""

    laboratory: Mapping[Code, str] = field(default_factory=dict)
    diagnoses: Mapping[Code, frozenset[str]] = field(default_factory=dict)
    procedures: Mapping[Code, frozenset[str]] = field(default_factory=dict)
    orderables: Mapping[Code, frozenset[str]] = field(default_factory=dict)
    drugs: Mapping[Code, str] = field(default_factory=dict)
    allergies: Mapping[Code, str] = field(default_factory=dict)


def read_code_map(path: Path) -> tuple[CodeMap, tuple[str, ...]]:
    """Read a file, and return its valid codes and every fault of the others."""
    content, unread = read_table(path)
    broken = faulty_places(validator(_SCHEMA), content)
    faults = [*unread, *form_faults(validator(_SCHEMA), content, path.name)]
    tables: dict[str, dict[Code, frozenset[str]]] = {}
    for kind, allowed in _ALLOWED.items():
        entries = tuple(_entries(content, kind, broken))
        tables[kind] = {local_key(system, code): meant for system, code, meant in entries}
        faults += [f"{path.name}: {fault}" for entry in entries for fault in _meaning_faults(kind, entry, allowed)]
        faults += [f"{path.name}: {fault}" for entry in entries for fault in _remapping_faults(kind, entry)]
    single = {kind: {code: min(meant) for code, meant in tables[kind].items()} for kind in tables}
    laboratory = {code: _full_name(name) for code, name in single["laboratory"].items()}
    codes = CodeMap(
        laboratory,
        tables["diagnoses"],
        tables["procedures"],
        tables["orderables"],
        single["drugs"],
        single["allergies"],
    )
    return codes, tuple(faults)


def together(
    maps: Iterable[CodeMap], orderables: Mapping[str, Mapping[str, str]], factors: Mapping[str, Decimal]
) -> Site:
    """Merge maps into one site; later ones take precedence. `orderables` maps tests to the codings that order them."""
    held = tuple(maps)
    ordered = {local_key(coding["system"], coding["code"]): frozenset({test}) for test, coding in orderables.items()}
    allergies = _merged(each.allergies for each in held)
    reactions = {code: frozenset({name}) for code, name in allergies.items() if name == _REACTION}
    return Site(
        local_codes=_merged(each.laboratory for each in held),
        diagnosis_codes={**_merged(each.diagnoses for each in held), **reactions},
        procedure_codes=_merged(each.procedures for each in held),
        order_codes={**ordered, **_merged(each.orderables for each in held)},
        drug_codes=_merged(each.drugs for each in held),
        allergy_codes={code: name for code, name in allergies.items() if name != _REACTION},
        assay_factors=dict(factors),
    )


def with_expansion(site: Site, expansion: Expansion) -> Site:
    """Return a site that knows what lies below our SNOMED roots as well; a code may mean more by its own map."""
    if not expansion.sets:
        return site
    diagnoses, procedures = expansion.concepts(procedures=False), expansion.concepts(procedures=True)
    return replace(
        site,
        diagnosis_codes=_united(diagnoses, site.diagnosis_codes),
        procedure_codes=_united(procedures, site.procedure_codes),
        expanded=len(diagnoses.keys() - site.diagnosis_codes) + len(procedures.keys() - site.procedure_codes),
    )


def _united(one: Mapping[Code, frozenset[str]], other: Mapping[Code, frozenset[str]]) -> dict[Code, frozenset[str]]:
    return {code: one.get(code, frozenset()) | other.get(code, frozenset()) for code in (*one, *other)}


def _merged(maps: Iterable[Mapping[Code, Meaning]]) -> dict[Code, Meaning]:
    return {code: meaning for each in maps for code, meaning in each.items()}


Entry = tuple[str, str, frozenset[str]]


def _entries(content: Mapping[str, Any], kind: str, broken: frozenset[Place]) -> Iterator[Entry]:
    """Yield system, code and meanings of every well-formed entry."""
    table = content.get(kind, {})
    if not isinstance(table, Mapping):
        return
    faulty = {place[:3] for place in broken if len(place) > 2}
    for system, codes in table.items():
        for code, meant in codes.items() if isinstance(codes, Mapping) else ():
            if (kind, system, code) not in faulty:
                yield system, code, frozenset([meant] if isinstance(meant, str) else meant)


def _meaning_faults(kind: str, entry: Entry, allowed: Callable[[str], bool]) -> Iterator[str]:
    system, code, meant = entry
    for name in sorted(meant):
        if not allowed(name):
            yield f"{place_of((kind, system, code))}: found {name!r}; allowed: {_MEANINGS[kind]}; correct or remove it"


def _remapping_faults(kind: str, entry: Entry) -> Iterator[str]:
    """Yield a fault for a public code with another meaning, since a map is for a site's own codes."""
    system, code, meant = entry
    known = public_meanings(kind, system, code)
    named = frozenset().union(*(_names_meant(kind, name) for name in meant))
    fits = bool(named & known) if kind == "drugs" else named <= known
    if known and named and not fits:
        yield (
            f"{place_of((kind, system, code))}: found {', '.join(sorted(meant))}; this code is known as "
            f"{', '.join(sorted(known))} and cannot mean anything else; remove it, or map the site's own code"
        )


def _names_meant(kind: str, name: str) -> frozenset[str]:
    """Return the meaning of an entry in the names of `public_meanings`."""
    if kind == "laboratory":
        return frozenset({_full_name(name)})
    if kind == "orderables":
        return frozenset({f"order-{name}"})
    if kind in ("drugs", "allergies") and name != _REACTION:
        return ingredients_of(RXNORM, name)
    return frozenset({name})


@cache
def _diagnoses() -> frozenset[str]:
    other = ("lab-", "measure-", "order-", "drug-")
    return frozenset(name for name in valueset_names() if not name.startswith(other)) - frozenset(PROCEDURES)


@cache
def _tests() -> frozenset[str]:
    return frozenset(name.removeprefix("order-") for name in valueset_names() if name.startswith("order-"))


def _full_name(name: str) -> str:
    """Return lab-ferritin for `ferritin`, and measure-body-weight for `body-weight`; a full name is unchanged."""
    bare = next((name.removeprefix(start) for start in _MEASURED if name.startswith(start)), name)
    known = (f"{start}{bare}" for start in _MEASURED if f"{start}{bare}" in valueset_names())
    return next(known, f"measure-{bare}")


def _is_measured(name: str) -> bool:
    full = _full_name(name)
    is_local = full.removeprefix("measure-") in _ONLY_LOCAL
    return (full in valueset_names() or is_local) and full not in ("lab-rejected", "lab-iron-panel")


def _is_drug(code: str) -> bool:
    return product_of_code(code) is not None or ingredient_of_code(RXNORM, code) is not None


def _is_infused_iron(code: str) -> bool:
    """Return whether the code is an intravenous iron, the only kind of allergy that the rules use."""
    found = recognise({"coding": [{"system": RXNORM, "code": code}]})
    return found is not None and "iron-iv" in found.classes


_ALLOWED: Mapping[str, Callable[[str], bool]] = {
    "laboratory": _is_measured,
    "diagnoses": lambda name: name in _diagnoses(),
    "procedures": lambda name: name in PROCEDURES,
    "orderables": lambda name: name in _tests(),
    "drugs": _is_drug,
    "allergies": lambda name: name == _REACTION or _is_infused_iron(name),
}
_MEANINGS = {
    "laboratory": "a laboratory or measure value set, such as ferritin, tsat or body-weight",
    "diagnoses": "value sets of diagnoses, such as rls (names of the files in cards/valuesets)",
    "procedures": ", ".join(PROCEDURES),
    "orderables": "tests, such as ferritin or iron-panel (names of the value sets order-*)",
    "drugs": "an RxNorm product or ingredient code that our drug tables hold",
    "allergies": f"an RxNorm code of an intravenous iron (no other allergy is looked at), or {_REACTION}",
}
