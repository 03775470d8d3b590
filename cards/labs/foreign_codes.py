"""Results in codes from which nothing is mapped, or in words alone: which analyte they name (data amendments 3).

A code of a laboratory, or of no system, tells no more than the words beside it. Where a code of another public system
stands, it tells what the result is.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from cards.knowledge.code_systems import SNOMED, spellings_of, system_of
from cards.values import frozen

_SCHEME = re.compile(r"^(?:https?://|urn:oid:|oid:)?(?:www\.)?")
_LONGEST_NAME = 200
#: Between the words of a name: `Iron % Saturation`, `IRON_SAT`, `Transferrin-Sättigung`, `Transferrinsättigung`. Not a
#: comma: `Iron, SatO2` names two tests.
_APART = r"[\s_%()–-]*+"


@frozen
class _Named:
    words: re.Pattern[str]
    codes: Mapping[str, tuple[str, ...]]


@frozen
class _Table:
    systems: Mapping[str, str]  # by OID or address without scheme
    other: re.Pattern[str]
    whole: frozenset[str]  # names that are another's only where nothing stands beside them
    analytes: Mapping[str, _Named]


def named_analytes(sent: Iterable[tuple[str, str]], said: Iterable[str]) -> frozenset[str]:
    """Return the analytes that a result names; `sent` are its (system, code), `said` its words.

    Empty where all its codes are of systems that tell what it is, and where its words name another test.
    """
    coded = tuple(sent)
    foreign = [(system, code) for each, code in coded if (system := foreign_system(each))]
    is_told = not foreign and any(system_of(each) for each, _ in coded)
    words = [_folded(each[:_LONGEST_NAME]) for each in said if each]
    if is_told or _name_another(words):
        return frozenset()
    return frozenset(
        name
        for name, known in _table().analytes.items()
        if any(code.upper().startswith(known.codes.get(system, ())) for system, code in foreign)
        or any(known.words.search(each) for each in words)
    )


def names_another_test(said: Iterable[str]) -> bool:
    """Return whether words say that a result is another test, or a remark on one."""
    words = [_folded(each[:_LONGEST_NAME]) for each in said if each]
    return _name_another(words) or (bool(words) and all(each.strip(" :") in _table().whole for each in words))


def _name_another(words: Iterable[str]) -> bool:
    return any(_table().other.search(each) for each in words)


def foreign_system(uri: str) -> str:
    """Return our short name of a laboratory code system from which nothing is mapped; empty for another system."""
    if system_of(uri) == SNOMED:
        return "snomed"
    plain = _SCHEME.sub("", "".join(uri.split()).lower()).split("|")[0].split("#")[0].rstrip("/")
    return _table().systems.get(plain, "")


def foreign_marks() -> frozenset[str]:
    """Return texts one of which stands in every address of these systems, in lower case."""
    return frozenset((*spellings_of(SNOMED), *_table().systems))


def foreign_names() -> tuple[frozenset[str], frozenset[str]]:
    """Return all names and all beginnings of codes by which results name an analyte."""
    entries = [entry for name, entry in _content().items() if name not in ("systems", "not")]
    words = frozenset(word for entry in entries for word in entry["words"])
    return words, frozenset(code for entry in entries for listed in entry["codes"].values() for code in listed)


def _folded(text: str) -> str:
    taken_apart = unicodedata.normalize("NFKD", text.lower())
    return unicodedata.normalize("NFC", "".join(sign for sign in taken_apart if not unicodedata.combining(sign)))


def _content() -> dict[str, Any]:
    return tomllib.loads((files("cards") / "labs" / "foreign_codes.toml").read_text(encoding="utf-8"))


@cache
def _table() -> _Table:
    content = _content()
    systems, others = content.pop("systems"), content.pop("not")
    return _Table(
        systems={each: name for name, entry in systems.items() for each in (*entry["oids"], *entry["addresses"])},
        other=_any_of(others["words"]),
        whole=frozenset(others["whole"]),
        analytes={
            name: _Named(
                _any_of(entry["words"], _APART), {system: tuple(codes) for system, codes in entry["codes"].items()}
            )
            for name, entry in content.items()
        },
    )


def _any_of(words: Iterable[str], apart: str = " ") -> re.Pattern[str]:
    """Return the pattern of words at the start of a word; `apart` is what may stand in place of their blanks.

    `1,25(OH) vitamin D` is another test than `25(OH) vitamin D`.
    """
    parts = (apart.join(map(re.escape, _folded(each).split(" "))) for each in words)
    return re.compile(rf"(?<![^\W\d_])(?<!\b1,)(?:{'|'.join(parts)})")
