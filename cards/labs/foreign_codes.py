"""Results in code systems from which nothing is mapped: which analyte their words or code name (data amendments 3)."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from cards.knowledge.code_systems import SNOMED, spellings_of, system_of

_SCHEME = re.compile(r"^(?:https?://|urn:oid:|oid:)?(?:www\.)?")
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class _Named:
    words: re.Pattern[str]
    codes: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Table:
    systems: Mapping[str, str]  # by OID or address without scheme
    other: re.Pattern[str]
    analytes: Mapping[str, _Named]


def named_analytes(sent: Iterable[tuple[str, str]], said: Iterable[str]) -> frozenset[str]:
    """Return the analytes that a result names in these systems; `sent` are its (system, code), `said` its words.

    Empty where none of its codes is of such a system, and where its words name another test.
    """
    foreign = [(system, code) for each, code in sent if (system := foreign_system(each))]
    words = [_folded(each[:_LONGEST_NAME]) for each in said if each]
    if not foreign or any(_table().other.search(each) for each in words):
        return frozenset()
    return frozenset(
        name
        for name, known in _table().analytes.items()
        if any(code.upper().startswith(known.codes.get(system, ())) for system, code in foreign)
        or any(known.words.search(each) for each in words)
    )


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
    """Return all words, folded, and all beginnings of codes by which results in these systems name an analyte."""
    entries = [entry for name, entry in _content().items() if name not in ("systems", "not")]
    words = frozenset(_folded(word) for entry in entries for word in entry["words"])
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
        analytes={
            name: _Named(_any_of(entry["words"]), {system: tuple(codes) for system, codes in entry["codes"].items()})
            for name, entry in content.items()
        },
    )


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(rf"(?<![^\W\d_]){re.escape(_folded(each))}" for each in words))
