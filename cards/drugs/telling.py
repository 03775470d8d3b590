"""Whether a drug can be told: "not covered" is neither one of ours nor another drug (clinical rationale 4.4)."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files

from cards.drugs.forms import LOCAL, SOLID, form_named, route_named
from cards.drugs.ingredients import plain
from cards.drugs.iron_words import without_denied_iron
from cards.drugs.languages.other_drugs import names_another
from cards.drugs.recognise import SiteCodes, codes_of, named_row, words_of
from cards.drugs.words import HORMONES, LONGEST_TEXT
from cards.fhir.json_values import Json, codings
from cards.knowledge.code_systems import ATC, system_of
from cards.remembered import remembered

_ATC_CODE = re.compile(r"[A-Z]\d\d(?:[A-Z](?:[A-Z](?:\d\d)?)?)?")
_GROUP = 5  # signs of an ATC group
#: Between two ingredients; `5 MG / 1 ML` is one.
_PARTS = re.compile(r"\s[/+]\s(?!\s*+[\d.,]*+\s*+(?:ml|l|g|mg|dose|hr?|actuat\w*)\b)")
_A_NAME = re.compile(r"[^\W\d_]{4}")
#: Said in place of a drug: the patient takes none.
_TAKES_NONE = frozenset({"no-known-medications", "no-drug-therapy", "787481004", "1234391000168107", "182904002"})
_SAYS_NONE = re.compile(r"^(?:no known|no current|not on any|no regular|nil\b|none\b)")


class Telling(StrEnum):
    """What a concept tells of a drug."""

    TOLD = "told"  # one of ours, or another drug
    UNKNOWN = "unknown"  # a code of no table, or a name of no list
    NONE = "none"  # that the patient takes nothing
    BLANK = "blank"  # nothing is named


def telling_of(concept: Json, *, site_codes: SiteCodes | None = None) -> Telling:
    """Return whether a CodeableConcept (or CodeableReference, or plain words) tells its drug."""
    if not site_codes:
        return _telling_without_site(concept)
    return _telling((codings(concept), codes_of(concept, site_codes), words_of(concept)))


@remembered
def _telling_without_site(concept: Json) -> Telling:
    return _telling((codings(concept), codes_of(concept, {}), words_of(concept)))


@remembered
def _telling(named: tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...], tuple[str, ...]]) -> Telling:
    """By its codes as they were sent, those that our tables may know, and its words."""
    sent, coded, said = named
    if not sent and not said:
        return Telling.BLANK
    if any(code in _TAKES_NONE for _, code in sent) or any(_SAYS_NONE.search(plain(words)) for words in said):
        return Telling.NONE
    if named_row(coded, said) or any(is_another_code(*each) for each in sent) or any(map(_is_another, said)):
        return Telling.TOLD
    return Telling.UNKNOWN


def is_another_code(system: str, code: str) -> bool:
    """Return whether a code of the ATC index is of a drug that is none of ours.

    In a group that holds one of ours only what other_atc.csv lists is: the rest is new, or a combination.
    """
    written = code.strip().upper()
    if system_of(system) != ATC or not _ATC_CODE.fullmatch(written):
        return False
    if len(written) > _GROUP:
        others = _other_atc().get(written[:_GROUP])
        return others is None or written[_GROUP:] in others
    return not any(group.startswith(written) for group in _other_atc())


def _is_another(words: str) -> bool:
    """Return whether every part of a name is of another drug: `A 1 MG / B 2 MG` is not told by A alone."""
    text = without_denied_iron(plain(words[:LONGEST_TEXT]))
    acts_on_the_spot = route_named(text) in LOCAL and form_named(text) not in SOLID
    if acts_on_the_spot or HORMONES.search(text):
        return True  # none of ours does, and a pack of hormones holds none
    parts = [part for part in _PARTS.split(text) if _A_NAME.search(part)]
    return bool(parts) and all(names_another(part) for part in parts)


@cache
def _other_atc() -> Mapping[str, frozenset[str]]:
    text = (files("cards") / "drugs" / "other_atc.csv").read_text(encoding="utf-8")
    rows = csv.reader(line for line in text.splitlines() if not line.startswith("#"))
    next(rows)
    return {group: frozenset(others.split()) for group, others in rows}
