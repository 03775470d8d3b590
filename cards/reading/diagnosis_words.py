"""What words say of a patient where no code does: iron overload, dialysis, pregnancy, the reasons for iron, and RLS.

The words stand in `cards/reading/words.toml`, by language. They are matched without accents and hyphens. A clause that
denies what it names, says it of a relative or does not mean it (`not_meant`) names nothing; another clause may (data
amendments 2). What is `over` is so by any word of the whole text.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files
from itertools import islice, pairwise
from typing import Any

from cards.fhir.json_values import LONGEST_WORDS
from cards.remembered import remembered

#: Letters of their own that are no accented ones.
_LETTERS = str.maketrans({"æ": "ae", "ø": "o", "å": "a", "ß": "ss", "ł": "l", "œ": "oe", "đ": "d", "ı": "i", "’": "'"})
_BREAKS = re.compile(r"[-_/\u2010-\u2015]+|\s+")
_A_HEADING = (1, 2)  # words
_CLAUSE = re.compile(r"[;,.。、，]+|\bbut\b|\baber\b|\bmais\b|\bmaar\b|\bpero\b")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)", re.ASCII)
_BESIDE_AN_ANSWER = re.compile(r"[\s.,;:()=!]+")
#: Scripts that are written without blanks between words.
_WITHOUT_BLANKS = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def names_in_words(concept: str, words: str) -> bool:
    """Return whether the words name this concept of `words.toml` as the patient's own, be it in doubt."""
    return _named_in(words, concept)


@remembered
def _named_in(words: str, concept: str) -> bool:
    return _says(concept, fold(words), ("denied", "relative"))


def names_an_earlier_year(words: str, today: date) -> bool:
    """Return whether a year before this one stands in the words."""
    return any(int(year) < today.year for year in _YEAR.findall(words[:LONGEST_WORDS]))


def beginnings(text: str, most: int) -> Iterator[tuple[str, str]]:
    """Yield a text up to the end of each of its first words, with what follows."""
    for end in islice(re.finditer(r"\S+", text), most):
        yield text[: end.end()], text[end.end() :]


def mentions(concept: str, words: str) -> bool:
    """Return whether words of this list of `words.toml` stand there, whatever else is said of them."""
    return _table()[concept]["named"].search(fold(words)) is not None


def states_pregnancy(answer: str) -> bool:
    """Return whether an answer to the question for a pregnancy says so, with the week at most and nothing else."""
    return _pregnancy().fullmatch(_BESIDE_AN_ANSWER.sub(" ", fold(answer)).strip()) is not None


@cache
def _pregnancy() -> re.Pattern[str]:
    listed = word_lists()["pregnancy-status"]
    pregnant, yes, weeks = ("|".join(map(re.escape, listed[name])) for name in ("pregnant", "yes", "weeks"))
    week = rf"(?:in )?\d{{1,2}}(?:\+\d)? (?:{weeks}|40)"
    return re.compile(rf"(?:{yes})|(?:(?:{pregnant})(?:\?? (?:{yes}))?|yes pregnant)(?: {week})?|{week} (?:{pregnant})")


def names_rls_in_a_language(words: str) -> bool:
    """Return whether the words name restless legs syndrome in a language other than English, as certain and present."""
    return _says("rls", fold(words), ("denied", "relative", "doubted"))


def abbreviates_rls(words: str) -> bool:
    """Return whether the words name restless legs syndrome by its abbreviation, as certain and present."""
    return _says("rls-abbreviated", fold(words), ("denied", "relative", "doubted"))


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
    named, not_meant, over = (table[concept].get(kind) for kind in ("named", "not_meant", "over"))
    if not named or not named.search(folded) or (over and over.search(folded)):
        return False
    before, clauses = table["denied_before"]["named"], _CLAUSE.split(folded)
    return any(
        (found := named.search(clause))
        and not (not_meant and not_meant.search(clause))
        and not before.search(clause, 0, found.start())
        and not any(table[kind]["named"].search(clause) for kind in otherwise)
        and not _is_only_a_relative(heading)
        for heading, clause in pairwise(["", *clauses])
    )


def _is_only_a_relative(clause: str) -> bool:
    """Return whether a clause is a heading of one or two words, `Maternal grandfather`: theirs is what follows."""
    return len(clause.split()) in _A_HEADING and _table()["relative"]["named"].search(clause) is not None


@cache
def _table() -> Mapping[str, Mapping[str, re.Pattern[str]]]:
    return {
        name: {
            "named": _pattern(entry.get("words", ()), entry.get("stems", ())),
            **({"not_meant": _pattern((), entry["not_meant"])} if "not_meant" in entry else {}),
            **({"over": _pattern(entry.get("over_words", ()), entry["over"])} if "over" in entry else {}),
        }
        for name, entry in word_lists().items()
        if name not in ("not_the_patients", "pregnancy-status")
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
