"""Iron as a bare word beside a strength (clinical rationale 4.6)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from cards.drugs.languages.folding import any_of
from cards.drugs.numbers import NUMBER


def iron_beside_strength(text: str) -> str:
    """Return the number of mg that plain words give to iron; empty where they name none or deny it.

    `elemental iron 65 mg` and `125 mg iron` are iron; `without iron`, `iron-free 18 mg` and `iron man` are not.
    """
    beside, denied = _patterns()
    for found in beside.finditer(text):
        if not denied.search(text[: found.start("word") if found["word"] else found.start("first")]):
            return found["after"] or found["before"]
    return ""


def without_denied_iron(text: str) -> str:
    """Return plain words without iron that they deny, such as `without iron` and `iron-free`."""
    return _denial().sub(" ", text)


def names_parenteral_iron(text: str) -> bool:
    """Return whether plain words name iron that is infused or injected, without the name of a product.

    `eisen i.v.`, `eiseninfusion` and `injection de fer` do; `iron tablets, b12 injection` does not.
    """
    return _parenteral().search(without_denied_iron(text)) is not None


@cache
def _parenteral() -> re.Pattern[str]:
    table = _table()
    words, products, between = (any_of(table[name]) for name in ("words", "products", "between"))
    stem = rf"(?<!\w)(?:{words})"
    iron = rf"{stem}(?:(?:{products})\w*+)?"
    by_vein = rf"(?:(?:{any_of(table['parenteral'])})\w*+|i\.?\s?v\b)"
    apart = rf"[\W_]++(?:(?:{between}|(?:{products})\w*+)[\W_]++){{0,3}}"
    is_given = rf"(?!\w)(?![\s-]*+(?:{any_of(table['not_the_drug'])}))"
    in_one_word = rf"{stem}(?:{any_of(table['parenteral'])})"
    return re.compile(rf"{iron}{apart}{by_vein}|{in_one_word}|(?<!\w){by_vein}{apart}{iron}{is_given}")


@cache
def _denial() -> re.Pattern[str]:
    words, before, after = _alternatives()
    return re.compile(rf"\b(?:{before})\W+(?:\w+\W+){{0,2}}?(?:{words})\b|\b(?:{words})[\s-]*(?:{after})\b")


@cache
def _table() -> Mapping[str, list[str]]:
    return tomllib.loads((files("cards") / "drugs" / "languages" / "iron_words.toml").read_text(encoding="utf-8"))


@cache
def _alternatives() -> tuple[str, ...]:
    table = _table()
    return tuple(any_of(table[name]) for name in ("words", "none_before", "none_after"))


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    words, before, after = _alternatives()
    word = rf"\b(?P<word>{words})\b(?![\s-]*+(?:{after})\b)"
    strength_first = rf"(?P<before>{NUMBER})\s*+mg\s*+(?:of\s|de\s|di\s|d)?\s*+(?:elemental\s++)?{word}"
    word_first = rf"{word.replace('?P<word>', '?P<first>')}[\s:]*+(?P<after>{NUMBER})\s*+mg\b"
    beside = re.compile(rf"(?:{strength_first})|(?:{word_first})")
    return beside, re.compile(rf"\b(?:{before})\W+(?:\w+\W+){{0,2}}$")
