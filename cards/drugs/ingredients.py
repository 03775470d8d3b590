"""The ingredients in scope, read once from ingredients.toml, and the index from codes and words to them."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import field
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from cards.drugs.languages.folding import folded_words
from cards.drugs.languages.translations import translations
from cards.knowledge.code_systems import ATC, HCPCS, RXNORM, UNII
from cards.values import frozen

Code = tuple[str, str]  # (canonical system, code)
_TOKEN = re.compile(r"[a-z0-9]+")
#: Letters that are no letter with an accent.
_OTHER_LETTERS = str.maketrans(
    {"µ": "u", "μ": "u", "ø": "o", "ł": "l", "æ": "ae", "œ": "oe", "ß": "ss", "'": None, "’": None}
)


@frozen
class IronContent:
    """How much of the labelled mg is iron. Below `salt_from` mg a label may already mean iron."""

    fraction: Decimal
    salt_from: Decimal = Decimal(0)
    stated: Mapping[Decimal, Decimal] = field(default_factory=dict)


@frozen
class Ingredient:
    """One active ingredient: its name on cards, the drug value sets it belongs to, its codes and other names."""

    name: str
    classes: frozenset[str]
    codes: tuple[Code, ...]
    unverified: frozenset[Code]
    words: tuple[str, ...]
    brands: tuple[str, ...]
    source: str
    bare: bool = False
    iron: IronContent | None = None


@cache
def ingredients() -> Mapping[str, Ingredient]:
    """Return every ingredient by name, in the order of the file."""
    text = (files("cards") / "drugs" / "ingredients.toml").read_text(encoding="utf-8")
    return {name: _ingredient(name, entry) for name, entry in tomllib.loads(text).items()}


@cache
def ingredients_by_code() -> Mapping[Code, Ingredient]:
    """Return every ingredient code; ATC codes of fewer than seven signs stand for all below them
    (`ingredient_of_code`).
    """
    return {code: each for each in ingredients().values() for code in each.codes}


def ingredient_of_code(system: str, code: str) -> Ingredient | None:
    """Return the ingredient of a code; for ATC the one of the longest beginning that is listed."""
    known = ingredients_by_code()
    if system != ATC:
        return known.get((system, code))
    lengths = range(min(len(code), 7), 3, -1)
    return next((known[ATC, code[:n]] for n in lengths if (ATC, code[:n]) in known), None)


def is_vitamin_d(name: str) -> bool:
    """Return whether an ingredient is vitamin D2 or D3, whose mass is as good as its units."""
    known = ingredients().get(name)
    return known is not None and "vitd" in known.classes


@cache
def names_by_words() -> Mapping[tuple[str, ...], tuple[Ingredient, ...]]:
    """Return generic names in every language, each as the sequence of its folded words."""
    english = ((words, each) for each in ingredients().values() for words in (each.name, *each.words))
    translated = ((each.name, ingredients()[each.ingredient]) for each in translations())
    return _by_words((*english, *translated))


@cache
def brands_by_words() -> Mapping[tuple[str, ...], tuple[Ingredient, ...]]:
    """Return trade names, each as the sequence of its folded words; one name may stand for several ingredients."""
    return _by_words((words, each) for each in ingredients().values() for words in each.brands)


def plain(text: str) -> str:
    """Return the text in lower case without accents and apostrophes."""
    if text.isascii():
        return text.lower().replace("'", "")
    apart = unicodedata.normalize("NFKD", text.lower().translate(_OTHER_LETTERS))
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def _by_words(named: Iterable[tuple[str, Ingredient]]) -> Mapping[tuple[str, ...], tuple[Ingredient, ...]]:
    listed = list(named)
    lines = folded_words(plain("\n".join(words for words, _ in listed))).split("\n")  # at once: a line is slower
    found: dict[tuple[str, ...], tuple[Ingredient, ...]] = {}
    for words, (_, each) in zip(lines, listed, strict=True):
        key = tuple(_TOKEN.findall(words))
        if each not in found.get(key, ()):
            found[key] = (*found.get(key, ()), each)
    return found


def _ingredient(name: str, entry: Mapping[str, Any]) -> Ingredient:
    unverified = frozenset(
        {(ATC if code[0].isalpha() else RXNORM, code) for code in entry.get("unverified", [])}
        | {(HCPCS, code) for code in entry.get("hcpcs", [])}
    )
    listed = [(RXNORM, code) for code in entry.get("rxnorm", [])] + [(ATC, code) for code in entry.get("atc", [])]
    listed += [(UNII, code) for code in entry.get("unii", [])]
    return Ingredient(
        name=name,
        classes=frozenset(entry["classes"]),
        codes=(*listed, *sorted(unverified)),
        unverified=unverified,
        words=tuple(entry.get("words", [])),
        brands=tuple(entry.get("brands", [])),
        source=entry["source"],
        bare=entry.get("bare", False),
        iron=_iron(entry["iron"]) if "iron" in entry else None,
    )


def _iron(entry: Mapping[str, Any]) -> IronContent:
    stated = {Decimal(label): Decimal(iron) for label, iron in entry.get("stated", {}).items()}
    return IronContent(Decimal(entry["fraction"]), Decimal(entry.get("salt_from", "0")), stated)
