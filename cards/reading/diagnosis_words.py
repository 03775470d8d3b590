"""What words say of a patient where no code does: iron overload, dialysis, pregnancy, the reasons for iron, and RLS.

The words stand in `cards/reading/words.toml`, by language. They are matched without accents and hyphens. A clause that
denies what it names, or says it of a relative, names nothing; another clause may (data amendments 2).
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from cards.fhir.json_values import LONGEST_WORDS

#: Letters of their own that are no accented ones.
_LETTERS = str.maketrans({"æ": "ae", "ø": "o", "å": "a", "ß": "ss", "ł": "l", "œ": "oe", "đ": "d", "ı": "i", "’": "'"})
_BREAKS = re.compile(r"[-_/\u2010-\u2015]+|\s+")
_CLAUSE = re.compile(r"[;,.。、，]+|\bbut\b|\baber\b|\bmais\b|\bmaar\b|\bpero\b")
#: Scripts that are written without blanks between words.
_WITHOUT_BLANKS = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def names_in_words(concept: str, words: str) -> bool:
    """Return whether the words name this concept of `words.toml` as the patient's own, be it in doubt."""
    return _says(concept, fold(words), ("denied", "relative"))


def names_rls_in_a_language(words: str) -> bool:
    """Return whether the words name restless legs syndrome in a language other than English, as certain and present."""
    return _says("rls", fold(words), ("denied", "relative", "doubted"))


def means_the_other_ekbom(words: str) -> bool:
    """Return whether the words speak of delusions of parasites, which Ekbom described as well."""
    return _table()["rls"]["not_meant"].search(fold(words)) is not None


def is_not_the_patients_code(plain: str) -> bool:
    """Return whether an ICD code (without its point) is of family history, screening or a carrier."""
    return plain.startswith(_not_the_patients())


def fold(words: str) -> str:
    """Return words as they are compared: in lower case, without accents, with one blank for hyphens and line breaks.

    More than `LONGEST_WORDS` characters are not read.
    """
    return _folded(words[:LONGEST_WORDS])


@lru_cache(maxsize=1024)
def _folded(words: str) -> str:
    plain = unicodedata.normalize("NFKD", words.lower().translate(_LETTERS))
    bare = "".join(each for each in plain if not unicodedata.combining(each) or _WITHOUT_BLANKS.match(each))
    return _BREAKS.sub(" ", bare.replace("\n", ";")).strip()


def _says(concept: str, folded: str, otherwise: Iterable[str]) -> bool:
    table = _table()
    named, not_meant = table[concept]["named"], table[concept].get("not_meant")
    if not named.search(folded):
        return False
    before = table["denied_before"]["named"]
    return any(
        (found := named.search(clause))
        and not (not_meant and not_meant.search(clause))
        and not before.search(clause, 0, found.start())
        and not any(table[kind]["named"].search(clause) for kind in otherwise)
        for clause in _CLAUSE.split(folded)
    )


@cache
def _table() -> Mapping[str, Mapping[str, re.Pattern[str]]]:
    return {
        name: {
            "named": _pattern(entry.get("words", ()), entry.get("stems", ())),
            **({"not_meant": _pattern((), entry["not_meant"])} if "not_meant" in entry else {}),
        }
        for name, entry in word_lists().items()
        if name != "not_the_patients"
    }


@cache
def word_lists() -> Mapping[str, Mapping[str, Any]]:
    """Return the word lists of the package, by concept."""
    return tomllib.loads((files("cards") / "reading" / "words.toml").read_text(encoding="utf-8"))


@cache
def _not_the_patients() -> tuple[str, ...]:
    return tuple(word_lists()["not_the_patients"]["icd"])


def _pattern(words: Iterable[str], stems: Iterable[str]) -> re.Pattern[str]:
    parts = [_part(each, r"\b") for each in words] + [_part(each, "") for each in stems]
    return re.compile("|".join(parts) or r"(?!)")


def _part(phrase: str, end: str) -> str:
    folded = fold(phrase)
    if _WITHOUT_BLANKS.search(folded):
        return re.escape(folded)
    return rf"(?<!\w){re.escape(folded)}{end}"
