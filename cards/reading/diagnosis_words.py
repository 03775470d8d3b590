"""What words say of a patient where no code does: iron overload, dialysis, pregnancy, the reasons for iron, and RLS.

The words stand in `cards/reading/words.toml`, by language. They are matched without accents and hyphens. A clause that
denies what it names, says it of a relative or does not mean it (`not_meant`) names nothing; another clause may (data
amendments 2). What is `over` is so by any word of the whole text; what is said of something else (`of_something_else`,
`elsewhere`) is not heard.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files
from itertools import groupby, islice, pairwise
from operator import itemgetter
from typing import Any

from cards.fhir.json_values import LONGEST_WORDS
from cards.remembered import remembered

#: Letters of their own that are no accented ones.
_LETTERS = str.maketrans({"æ": "ae", "ø": "o", "å": "a", "ß": "ss", "ł": "l", "œ": "oe", "đ": "d", "ı": "i", "’": "'"})
_BREAKS = re.compile(r"[-_/\s\u2010-\u2015]+")
#: An umlaut that is spelled out, or a Danish letter. Not oe and ue: there words of other languages would become alike
#: (`resuelto` and `result`, `coeur` and `course`).
_SPELLED_OUT = re.compile(r"ae(?=\w)")
#: `Z. n.` is a state after what follows, and of that alone: `Sepsis bei Z. n. Splenektomie`.
_STATE_AFTER = re.compile(r"\bz\. ?n\. ?")
_A_HEADING = (1, 2)  # words
#: But in a term that is turned round: `phlebotomy, therapeutic`.
_CLAUSE = re.compile(
    r"(?:(?<!phlebotomy)(?<!venesection)|(?! ?,? ?therapeutic))[;,.。、，]+|\bbut\b|\baber\b|\bmais\b|\bmaar\b|\bpero\b"
    r"|(?<!nicht )(?<!keine )\b(?:jetzt|aktuell)(?= (?:schwanger|\w*sepsis)\b)"
)
#: Beside these, what a test did not find is the disease: `sepsis workup: culture negative`.
_LOOKED_FOR = re.compile(r"\b(?:evaluat|work ?up|testing|suspect)")
#: An access is looked for within so many characters: without a bound, the time grows with the square of the text.
_FURTHEST = 200
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)", re.ASCII)
_BESIDE_AN_ANSWER = re.compile(r"[\s.,;:()=!]+")
#: Scripts that are written without blanks between words.
_WITHOUT_BLANKS = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def names_in_words(concept: str, words: str) -> bool:
    """Return whether the words name this concept of `words.toml` as the patient's own, be it in doubt."""
    return _named_in(words, concept)


@remembered
def _named_in(words: str, concept: str) -> bool:
    return _says(concept, words, ("denied", "relative"))


def names_an_earlier_year(words: str, today: date) -> bool:
    """Return whether a year before this one stands in the words."""
    return any(int(year) < today.year for year in _YEAR.findall(words[:LONGEST_WORDS]))


def beginnings(text: str, most: int) -> Iterator[tuple[str, str]]:
    """Yield a text up to the end of each of its first words, with what follows."""
    for end in islice(re.finditer(r"\S+", text), most):
        yield text[: end.end()], text[end.end() :]


def mentions(concept: str, words: str) -> bool:
    """Return whether words of this list of `words.toml` stand there, whatever else is said of them."""
    return _table()[concept]["named"].search(_alike(fold(words))) is not None


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
    return _says("rls", words, ("denied", "relative", "doubted"))


def abbreviates_rls(words: str) -> bool:
    """Return whether the words name restless legs syndrome by its abbreviation, as certain and present."""
    return _says("rls-abbreviated", words, ("denied", "relative", "doubted"))


def means_the_other_ekbom(words: str) -> bool:
    """Return whether the words speak of delusions of parasites, which Ekbom described as well."""
    return _table()["rls"]["not_meant"].search(_alike(fold(words))) is not None


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


def _alike(folded: str) -> str:
    """Return folded words with ä that is spelled out as one that is not: `haemo` is `hamo`."""
    return _SPELLED_OUT.sub("a", folded)


@lru_cache(maxsize=1024)
def _heard(words: str) -> str:
    """Return words as they are compared, without what they say of a germ, a gene or a relative who has it too."""
    heard = _STATE_AFTER.sub("; zustand nach ", _alike(fold(words)))
    return _of_something_else(is_looked_for=_LOOKED_FOR.search(heard) is not None).sub(" ", heard)


def _says(concept: str, words: str, otherwise: Iterable[str]) -> bool:
    table, entry, heard = _table(), _table()[concept], _heard(words[:LONGEST_WORDS])
    named, over, elsewhere = entry["named"], entry.get("over"), entry.get("elsewhere")
    heard = elsewhere.sub(" ", heard) if elsewhere else heard
    if not named.search(heard) or (over and over.search(heard)):
        return False
    before, clauses = table["denied_before"]["named"], _CLAUSE.split(heard)
    return any(
        (found := named.search(clause))
        and not _means_another(entry, clause, found.end())
        and not before.search(clause, 0, found.start())
        and not any(table[kind]["named"].search(clause) for kind in otherwise)
        and not _is_only_a_relative(heading)
        for heading, clause in pairwise(["", *clauses])
    )


def _means_another(entry: Mapping[str, re.Pattern[str]], clause: str, end: int) -> bool:
    """Return whether a clause whose name ends there does not mean it: but by words that are `meant`, or `beside` it."""
    not_meant, meant, beside = (entry.get(kind) for kind in ("not_meant", "meant", "beside"))
    if not not_meant:
        return False
    rest = clause[:end] + (beside.sub(" ", clause[end:]) if beside else clause[end:])
    return not_meant.search(meant.sub(" ", rest) if meant else rest) is not None


def _is_only_a_relative(clause: str) -> bool:
    """Return whether a clause is a heading of one or two words, `Maternal grandfather`: theirs is what follows."""
    return len(clause.split()) in _A_HEADING and _table()["relative"]["named"].search(clause) is not None


@cache
def _table() -> Mapping[str, Mapping[str, re.Pattern[str]]]:
    return {
        name: {
            "named": _pattern(entry.get("words", ()), entry.get("stems", ())),
            **{kind: _pattern((), entry[kind]) for kind in ("not_meant", "meant", "elsewhere") if kind in entry},
            **({"over": _pattern(entry.get("over_words", ()), entry["over"])} if "over" in entry else {}),
            **({"beside": _up_to(entry["beside"], entry.get("beside_until", ()))} if "beside" in entry else {}),
        }
        for name, entry in word_lists().items()
        if name not in ("not_the_patients", "pregnancy-status", "of_something_else")
    }


def _up_to(begin: Iterable[str], end: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern for any of some words and what follows, up to a word that begins with any of others.

    That one stands at most `_FURTHEST` characters on; without others, the pattern goes on to the end.
    """
    last, first = _any_of(end, r"\w*"), _any_of(begin, r"\b")
    return re.compile(rf"(?:{first}).{{0,{_FURTHEST}}}?(?:{last})" if last else rf"(?:{first}).*")


@cache
def _of_something_else(*, is_looked_for: bool) -> re.Pattern[str]:
    lists = word_lists()["of_something_else"]
    listed = (
        *(lists[name] for name in ("kinds", "tested", "finding", "genes", "also")),
        word_lists()["relative"]["words"],
    )
    kinds, tested, finding, genes, also, relatives = (
        "|".join(re.escape(_alike(fold(each))) for each in of) for of in listed
    )
    of_tests = (
        rf"|(?<!\w)(?<!blood )(?<!\band )(?:{tested})s? (?:{finding})\w*\b(?! (?:for|fur|pour|para|per)\b)"
        rf"|(?<!\w)with neg\w* (?:blood )?cultures?\b"
        rf"|(?<!\w)neg\w* for (?:{genes})\b(?! homozyg)(?=.*(?<!not )(?<!no )\bhomozyg)"
    )
    return re.compile(
        rf"(?<!\w)(?:{kinds}) neg\w*\b(?! (?:for|fur|pour|para|per)\b){'' if is_looked_for else of_tests}"
        rf"|(?<!\w)(?<!\bin )(?<!\bof )(?<!\band )(?<!\bwith )(?:{relatives}) (?:{also})\b(?! (?:by|with|von|mit)\b)"
    )


@cache
def word_lists() -> Mapping[str, Mapping[str, Any]]:
    """Return the word lists of the package, by concept."""
    return tomllib.loads((files("cards") / "reading" / "words.toml").read_text(encoding="utf-8"))


@cache
def _not_the_patients() -> tuple[str, ...]:
    return tuple(word_lists()["not_the_patients"]["icd"])


def _pattern(words: Iterable[str], stems: Iterable[str]) -> re.Pattern[str]:
    return re.compile(_any_of(words, r"\b", stems) or r"(?!)")


def _any_of(words: Iterable[str], end: str, stems: Iterable[str] = ()) -> str:
    """Return a pattern for any of the words, each followed by `end`, or of the stems.

    The start of a word is checked once for all of them: a check for each is ten times as slow.
    """
    parts = [_part(each, end) for each in words] + [_part(each, "") for each in stems]
    runs = [(begins, "|".join(part for _, part in run)) for begins, run in groupby(parts, itemgetter(0))]
    return "|".join(rf"(?<!\w)(?:{run})" if begins else run for begins, run in runs)


def _part(phrase: str, end: str) -> tuple[bool, str]:
    """Return whether a phrase must begin a word, and its pattern.

    One that begins with a star may end a compound (`Katheter*sepsis`).
    """
    folded = fold(phrase)
    if _WITHOUT_BLANKS.search(folded):
        return False, re.escape(folded)
    # A stem goes on, so that what it ends with is inside a word.
    plain = _alike(folded) if end == r"\b" else _alike(folded + "x")[:-1]
    return not folded.startswith("*"), re.escape(plain.removeprefix("*")) + end
