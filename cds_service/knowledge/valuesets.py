"""Check the value sets and tables of the package: missing files, unreadable files and invalid codes."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from cards.drugs.ingredients import ingredients
from cards.drugs.naming import name_words
from cards.knowledge.code_systems import LOINC
from cards.knowledge.icd_editions import one_edition_codes
from cards.knowledge.rules import BadKnowledge
from cards.knowledge.valuesets import ValueSet, load_valueset, valueset_from
from cards.labs.analytes import analytes
from cards.presenting.orders import orderables
from cards.wording.reasons import reasons
from cards.wording.render import wording
from cds_service.knowledge.catalogue import VALUE_SETS
from cds_service.knowledge.code_formats import code_fault

_BACK = "put back the file of the release"
_Folder = Traversable

#: Every other file of the package that is needed at start-up, with its reader.
_TABLES: tuple[tuple[str, Callable[[], object]], ...] = (
    ("knowledge/icd_editions.toml", one_edition_codes),
    ("labs/analytes.toml", analytes),
    ("drugs/ingredients.toml", ingredients),
    ("drugs/names.toml", name_words),
    ("presenting/orderables.toml", orderables),
    ("wording/reasons.toml", reasons),
    ("wording/wording.toml", wording),
)


def valueset_faults(folder: _Folder | None = None) -> tuple[str, ...]:
    """Return every fault of the value sets in a folder (None: those of the package)."""
    place = files("cards") / "valuesets" if folder is None else folder
    return tuple(_of_folder(place))


def _of_folder(folder: _Folder) -> Iterator[str]:
    there = {entry.name.removesuffix(".json"): entry for entry in folder.iterdir() if entry.name.endswith(".json")}
    for name in sorted(VALUE_SETS - there.keys()):
        yield f"cards/valuesets/{name}.json: not there, although rules name it; {_BACK}"
    for name in sorted(there.keys() - VALUE_SETS):
        yield f"cards/valuesets/{name}.json: no rule names it; remove it, or add it to catalogue.py"
    for name in sorted(VALUE_SETS & there.keys()):
        yield from _of_file(name, there[name])


def _of_file(name: str, file: _Folder) -> Iterator[str]:
    where = f"cards/valuesets/{name}.json"
    is_shipped = file == files("cards") / "valuesets" / file.name  # read now, and kept for the calls
    try:
        found = load_valueset(name) if is_shipped else valueset_from(json.loads(file.read_text("utf-8")), where)
    except (OSError, KeyError, UnicodeDecodeError, json.JSONDecodeError):
        yield f"{where}: cannot be read as JSON; {_BACK}"
    except BadKnowledge as fault:
        yield from fault.faults
    else:
        yield from _of_valueset(name, found, where)


def _of_valueset(name: str, found: ValueSet, where: str) -> Iterator[str]:
    if found.name != name:
        yield f"{where}: id: found {found.name!r}; allowed: {name}, the name of the file; correct it"
    for system, code in (*found.codes, *found.excluded):
        fault = code_fault(system, code)
        if fault:
            yield f"{where}: {system} {code}: {fault}; correct or remove it"
    for system, code in (*found.categories, *found.excluded_categories):
        fault = code_fault(system, code)
        if fault:
            yield f"{where}: {system} {code} and below: {fault}; correct or remove it"


def table_faults(folder: _Folder | None = None) -> tuple[str, ...]:
    """Return the faults of the other files: missing or malformed files, and invalid codes of drugs and orders."""
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
    """Return the faults of tables that are valid TOML, but not accepted by their reader."""
    found = []
    for name, read in _TABLES:
        try:
            read()
        except (KeyError, TypeError, ValueError, ArithmeticError) as fault:
            found.append(f"cards/{name}: not usable ({type(fault).__name__}: {str(fault)[:160]}); {_BACK}")
    return tuple(found)


def _codes() -> Iterator[str]:
    listed = [("drugs/ingredients.toml", each.name, code) for each in ingredients().values() for code in each.codes]
    listed += [("presenting/orderables.toml", test.name, (LOINC, test.code)) for test in orderables().values()]
    for file, name, (system, code) in listed:
        fault = code_fault(system, code)
        if fault:
            yield f"cards/{file}: {name}: {system} {code}: {fault}; correct or remove it"
