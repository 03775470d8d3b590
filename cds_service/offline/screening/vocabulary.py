"""Every code and word that the reading could use, from the value sets, the site's own codes and the word lists.

Codes are compared as they are written in lines, without regard to their system: by letters and digits alone, in upper
case. That is more than the reading takes, never less.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cards.knowledge.code_systems import ICD_10, ICD_10_GM, plain_code
from cards.knowledge.valuesets import load_valueset, valueset_names
from cards.labs.foreign_codes import foreign_marks, foreign_names
from cards.reading import Site
from cards.reading.diagnosis_words import fold, word_lists
from cards.reading.procedures import IN_WORDS, PROCEDURES

_UPPER = bytes(range(256)).upper()
_MARKS = bytes(sign for sign in range(128) if not chr(sign).isalnum())
_STEM = re.compile(rb"[&/]")
#: From how many signs on a code may lie below a category, and up to how many.
_SHORTEST, _LONGEST = 3, 24
#: The most codes of which it is remembered whether they are ours.
_MOST_REMEMBERED = 65_536
#: The value sets that say restless legs syndrome; of the last one only beside words.
RLS_SETS = ("rls", "rls-in-pregnancy", "rls-by-text-only-code")
#: The word lists by which procedures are read; a kidney that was transplanted ends a dialysis.
_OF_PROCEDURES = (*IN_WORDS, "transplant")
#: Names of the syndrome in English; the other languages stand in cards/reading/words.toml.
_ENGLISH = ("restless", "ekbom")


@dataclass(frozen=True, slots=True)
class Codes:
    """A set of codes, and of categories that hold what begins with them; `published` as they are commonly written."""

    exact: frozenset[bytes]
    categories: frozenset[bytes] = frozenset()
    published: frozenset[str] = frozenset()
    _known: dict[bytes, bool] = field(default_factory=dict, repr=False, compare=False)

    def holds(self, token: bytes) -> bool:
        """Return whether a code, as it stands in a line with or without its quotes, may be one of these."""
        return self.hold_any_of((token,))

    def hold_any_of(self, tokens: Iterable[bytes]) -> bool:
        """Return whether any of these codes may be one of these; what was found of each is remembered."""
        remembered = self._known
        for token in tokens:
            known = remembered.get(token)
            if known is None:
                if len(remembered) >= _MOST_REMEMBERED:
                    remembered.clear()
                known = remembered[token] = self._holds(token)
            if known:
                return True
        return False

    def _holds(self, token: bytes) -> bool:
        plain = plain_token(token)
        if plain in self.exact or plain_token(_STEM.split(token)[0]) in self.exact:
            return True
        code = token.strip(b'"').decode("utf-8", "replace")
        spelled = (plain, *(plain_code(system, code).encode() for system in (ICD_10, ICD_10_GM)))
        return any(self._lies_below(each) for each in spelled) or not self.exact.isdisjoint(spelled)

    def _lies_below(self, plain: bytes) -> bool:
        """Return whether a code begins as one of the categories does."""
        return any(plain[:length] in self.categories for length in range(_SHORTEST, min(len(plain), _LONGEST) + 1))


def plain_token(token: bytes) -> bytes:
    """Return a code by its letters and digits, in upper case."""
    return token.translate(_UPPER, _MARKS)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The codes of each list, and needles for its words (`needles`); what a list has neither of is always kept.

    rls           of diagnoses that put a patient in scope
    drug_codes    the site's own, each with an RxNorm code
    result_words  count in words alone and beside a code of a laboratory, or of a system that `result_marks` tell: what
                  stands in its address
    """

    rls: Codes
    rls_words: tuple[str, ...]
    results: Codes
    result_words: tuple[str, ...]
    result_marks: tuple[str, ...]
    procedures: Codes
    procedure_words: tuple[str, ...]
    orders: Codes
    drug_codes: Mapping[tuple[str, str], str]

    @property
    def needles(self) -> tuple[str, ...]:
        """Return all codes and words, sorted, as a file of patterns for a search by other means."""
        written = frozenset[str]().union(
            *(each.published for each in (self.rls, self.results, self.procedures, self.orders))
        )
        return tuple(sorted(written.union(self.rls_words, self.result_words, self.procedure_words)))


def vocabulary(site: Site, *, with_plmd: bool = False) -> Vocabulary:
    """Return the vocabulary of a site. `with_plmd`: periodic limb movement disorder counts as RLS there."""
    scope = (*RLS_SETS, *(("plmd",) if with_plmd else ()))
    labs = tuple(name for name in valueset_names() if name.startswith(("lab-", "measure-")))
    tests = tuple(name for name in valueset_names() if name.startswith("order-"))
    words, beginnings = foreign_names()
    rls_local = (code for code, sets in site.diagnosis_codes.items() if not sets.isdisjoint(scope))
    return Vocabulary(
        rls=_codes(scope, rls_local),
        rls_words=(*_ENGLISH, *needles(word_lists()["rls"])),
        results=_codes(labs, site.local_codes, beginnings),
        result_words=needles({"words": words}),
        result_marks=tuple(sorted(foreign_marks())),
        procedures=_codes(PROCEDURES, site.procedure_codes),
        procedure_words=tuple(sorted({each for name in _OF_PROCEDURES for each in needles(word_lists()[name])})),
        orders=_codes(tests, site.order_codes),
        drug_codes=site.drug_codes,
    )


def _codes(sets: Iterable[str], local: Iterable[tuple[str, str]], beginnings: Iterable[str] = ()) -> Codes:
    exact = {code for name in sets for _, code in load_valueset(name).codes} | {code for _, code in local}
    below = {code for name in sets for _, code in load_valueset(name).categories} | set(beginnings)
    return Codes(_plain(exact), _plain(below), frozenset(exact | below))


def _plain(codes: Iterable[str]) -> frozenset[bytes]:
    return frozenset(plain_token(code.encode()) for code in codes)


def needles(words: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return for each phrase of a word list its longest word: where that is not, the phrase is not either.

    A phrase may be written with hyphens or line breaks between its words; a word alone is always written in one. A star
    lets it end a compound, of which it is a part all the same.
    """
    phrases = [fold(each).removeprefix("*") for name in ("words", "stems") for each in words.get(name, ())]
    return tuple(sorted({max(phrase.split(), key=len) for phrase in phrases if phrase}))
