"""Faults of the value sets and tables that ship: what is missing, what cannot be read, which code cannot be one."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from cards.analytes import analytes
from cards.code_systems import LOINC
from cards.drugs.ingredients import ingredients
from cards.rules import BadKnowledge
from cards.suggestions import orderables
from cards.valuesets import ValueSet, valueset_from
from cards.wording import wording
from cds_service.knowledge_contents import VALUE_SETS
from cds_service.knowledge_shapes import fault_of_code

_BACK = "put back the file of the release"
_Folder = Traversable

#: Every other file of the package that a start needs, with what reads it.
_TABLES: tuple[tuple[str, Callable[[], object]], ...] = (
    ("analytes.toml", analytes),
    ("drugs/ingredients.toml", ingredients),
    ("orderables.toml", orderables),
    ("wording.toml", wording),
)


def valueset_faults(folder: _Folder | None = None) -> tuple[str, ...]:
    """Every fault of the files in this folder (none given: of those that ship)."""
    place = files("cards") / "valuesets" if folder is None else folder
    return tuple(_of_folder(place))


def _of_folder(folder: _Folder) -> Iterator[str]:
    there = {entry.name.removesuffix(".json"): entry for entry in folder.iterdir() if entry.name.endswith(".json")}
    for name in sorted(VALUE_SETS - there.keys()):
        yield f"cards/valuesets/{name}.json: not there, although rules name it; {_BACK}"
    for name in sorted(there.keys() - VALUE_SETS):
        yield f"cards/valuesets/{name}.json: no rule names it; remove it, or add it to knowledge_contents.py"
    for name in sorted(VALUE_SETS & there.keys()):
        yield from _of_file(name, there[name])


def _of_file(name: str, file: _Folder) -> Iterator[str]:
    where = f"cards/valuesets/{name}.json"
    try:
        found = valueset_from(json.loads(file.read_text(encoding="utf-8")), where)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError):
        yield f"{where}: cannot be read as JSON; {_BACK}"
    except BadKnowledge as fault:
        yield from fault.faults
    else:
        yield from _of_valueset(name, found, where)


def _of_valueset(name: str, found: ValueSet, where: str) -> Iterator[str]:
    if found.name != name:
        yield f"{where}: id: found {found.name!r}; allowed: {name}, the name of the file; correct it"
    for system, code in (*found.codes, *found.excluded):
        fault = fault_of_code(system, code)
        if fault:
            yield f"{where}: {system} {code}: {fault}; correct or remove it"
    for system, code in (*found.categories, *found.excluded_categories):
        fault = fault_of_code(system, code)
        if fault:
            yield f"{where}: {system} {code} and below: {fault}; correct or remove it"


def table_faults(folder: _Folder | None = None) -> tuple[str, ...]:
    """Faults of the other files: one that is not there or no TOML, and codes of drugs and orders that cannot be."""
    place = files("cards") if folder is None else folder
    broken = [fault for name, _ in _TABLES for fault in _unread(place, name)]
    return tuple(broken) or (*_unusable(), *_codes())


def _unread(folder: _Folder, name: str) -> Iterator[str]:
    try:
        tomllib.loads(folder.joinpath(*name.split("/")).read_text(encoding="utf-8"))
    except OSError as fault:
        yield f"cards/{name}: cannot be read ({fault.strerror}); {_BACK}"
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        yield f"cards/{name}: not TOML: {str(fault)[:160]}; correct that line"


def _unusable() -> tuple[str, ...]:
    """Tables that are TOML and still not what their reader needs."""
    found = []
    for name, read in _TABLES:
        try:
            read()
        except (KeyError, TypeError, ValueError, ArithmeticError) as fault:
            found.append(f"cards/{name}: not usable ({type(fault).__name__}: {str(fault)[:160]}); {_BACK}")
    return tuple(found)


def _codes() -> Iterator[str]:
    listed = [("drugs/ingredients.toml", each.name, code) for each in ingredients().values() for code in each.codes]
    listed += [("orderables.toml", test.name, (LOINC, test.code)) for test in orderables().values()]
    for file, name, (system, code) in listed:
        fault = fault_of_code(system, code)
        if fault:
            yield f"cards/{file}: {name}: {system} {code}: {fault}; correct or remove it"
