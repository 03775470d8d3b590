"""Drug names, strengths and iron content in words: on word boundaries, never inside a word.

`iron` is not in spironolactone, buspirone, Elmiron or Metopirone, and `ferr` is no name at all (clinical page 4.6).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from cards.chart import Amount
from cards.drugs.ingredients import Ingredient, brands_by_words, names_by_words, plain
from cards.drugs.numbers import IU_UNITS, MG_PER_UNIT, NUMBER, number_of

LONGEST_TEXT = 1000  # signs; a product name is shorter, and what is longer is not one
_WORD = re.compile(r"[a-z0-9]+")
_LONGEST_NAME = 9  # words
_UNIT = r"(mg|mcg|ug|micrograms?|milligrams?|grams?|gm|g|iu|unt|units?)"
_STRENGTH = re.compile(rf"({NUMBER})\s*{_UNIT}\b(?:\s*(?:total)?\s*(?:/|per)\s*({NUMBER})?\s*(ml|millilitres?)\b)?")
_NEXT = rf"\s*[-/]\s*({NUMBER})\s*{_UNIT}?"
_PAIR = re.compile(rf"({NUMBER})\s*{_UNIT}?{_NEXT}(?:{_NEXT})?(?!\s*(?:ml|hr?\b|[\d.,]))")
_VOLUME = re.compile(rf"\s*/\s*({NUMBER})?\s*ml\b")
_IRON = frozenset({"iron-oral", "iron-iv"})
_NOT_A_SALT = r"(?![\s-]+(?:\d|carbonyl|sucrose|dextran|poly|bis|complex|fumarate|sul|gluc|isomalt|malt|pyro|asparto))"
_IRON_STATED = re.compile(
    rf"\(?\b(?:({NUMBER})\s*(?:mg)?\s*(?:of\s+)?(?:(?:elemental\s*)(?:iron|fe)?|(?:iron|fe))\b{_NOT_A_SALT}(?:\s*/\s*({NUMBER})?\s*(ml)\b)?"
    rf"|elemental\s+iron:?\s*({NUMBER})\s*mg)\s*\)?"
)
_BRAND = re.compile(r"\[[^\]]*\]")
_HEAD = re.compile(r"(?:^|[/,;:+&(\[-]|\band|\bwith|\bplus)\s*$")
_TAIL = re.compile(
    r"\s*(?:$|[\d/,;+&()\[\]-]|mg\b|oral|po\b|tab|cap|pill|supplement|chew|liquid|drops|er\b|sr\b|and\b|plus\b|with\b)"
)
MANY = re.compile(
    r"\b(?:multi ?-?vit\w*|multiple vitamins?|prenatal|mvi|vitamin b complex|b ?-?complex|vit ?-?min\w*)\b"
)
HORMONES = re.compile(
    r"\b(?:norethin\w*|ethinyl ?estradiol|ethinylestradiol|levonorgestrel|norgestimate|norgestrel|desogestrel|"
    r"drospirenone|ethynodiol|loestrin|junel|microgestin|larin|blisovi|taytulla|tilia|tri-legest|estrostep|minastrin|"
    r"generess|femcon|zenchent|wymzya|kaitlib|layolis|hailey|aurovela|tarina|gildess|lomedia|mibelas)\b"
)


Strength = tuple[Decimal, str]  # a number in mg, or in IU with unit "iu"; per mL where the label says so


@dataclass(frozen=True, slots=True)
class Named:
    """An ingredient and where its name stands in the text."""

    ingredient: Ingredient
    start: int
    end: int


def amounts_in_words(said: str) -> tuple[Amount, ...]:
    """The ingredients that words name, each with the strength beside it where one is written.

    In a liquid the strength is that of one mL; without `/ 5 mL` or the like it is not known.
    """
    text = plain(said[:LONGEST_TEXT])
    iron = _IRON_STATED.search(text)
    salt_text = _IRON_STATED.sub(lambda found: " " * len(found.group()), text)
    kept = _without_general_names(_named(salt_text))
    strengths = _strengths(salt_text, kept) if kept else {}
    stated = _stated(iron, text) if iron else None
    merged: dict[str, Amount] = {}
    for each in kept:
        name = each.ingredient.name
        if name not in merged or merged[name] == Amount(name):
            merged[name] = _amount(each.ingredient, strengths.get(each.start), stated)
    if stated is not None and not any(_IRON & each.ingredient.classes for each in kept) and MANY.search(text):
        merged["iron"] = Amount("iron", stated)
    return tuple(merged.values())


def components(said: str) -> int:
    """How many ingredients a name of the form `A 1 MG / B 2 MG` lists."""
    parts = said[:LONGEST_TEXT].split(" / ")
    return sum(any(sign.isdigit() for sign in part) for part in parts)


def _named(text: str) -> list[Named]:
    """Generic names in order; trade names only where there is no generic one. `[Brand]` of RxNorm says nothing new."""
    bare = without_brackets(text)
    return list(_matches(bare, names_by_words())) or list(_matches(bare, brands_by_words()))


def without_brackets(text: str) -> str:
    return _BRAND.sub(lambda found: " " * len(found.group()), text)


def _matches(text: str, known: Mapping[tuple[str, ...], tuple[Ingredient, ...]]) -> Iterator[Named]:
    words = list(_WORD.finditer(text))
    keys = tuple(word.group() for word in words)
    at = 0
    while at < len(words):
        length, found = _longest(keys, at, known)
        start, end = words[at].start(), words[at + length - 1].end()
        yield from (
            Named(each, start, end) for each in found if not each.bare or _stands_alone(text, start, end, length)
        )
        at += length


def _longest(
    keys: tuple[str, ...], at: int, known: Mapping[tuple[str, ...], tuple[Ingredient, ...]]
) -> tuple[int, tuple[Ingredient, ...]]:
    for length in range(min(_LONGEST_NAME, len(keys) - at), 0, -1):
        found = known.get(keys[at : at + length])
        if found:
            return length, found
    return 1, ()


def _stands_alone(text: str, start: int, end: int, words: int) -> bool:
    """`magnesium 400 mg` is magnesium, `esomeprazole magnesium` and `magnesium stearate` are not."""
    return words > 1 or bool(_HEAD.search(text[:start]) and _TAIL.match(text[end:]))


#: A general name beside a particular one of its kind says the same thing twice: `iron (ferrous sulfate)`.
_GENERAL = {"iron": "iron-oral", "intravenous iron": "iron-iv", "magnesium": "magnesium-oral", "calcium": "calcium"}
_GENERAL |= {"vitamin D": "vitd"}


def _without_general_names(named: list[Named]) -> list[Named]:
    particular = {kind for each in named if each.ingredient.name not in _GENERAL for kind in each.ingredient.classes}
    if "iron-iv" in particular:
        particular.add("iron-oral")
    return [each for each in named if _GENERAL.get(each.ingredient.name) not in particular]


def _strengths(text: str, named: list[Named]) -> dict[int, Strength]:
    """Where each name starts, with its strength: the first one between it and the next name."""
    found: dict[int, Strength] = {}
    starts = sorted({each.start for each in named})
    for start, following in zip(starts, [*starts[1:], len(text)], strict=True):
        here = [each for each in named if each.start == start]
        strength = _strength(text[max(each.end for each in here) : following])
        if strength and len(here) == 1:  # a trade name of two: one number is not the strength of both
            found[start] = strength
    if len(starts) == 1 and not found and (before := _strength(text[: starts[0]])):
        found[starts[0]] = before
    return found


def _strength(text: str) -> Strength | None:
    match = _STRENGTH.search(text)
    if not match:
        return None
    number, unit, per, millilitre = match.groups()
    divisor = number_of(per) if per and millilitre else Decimal(1)
    whole = _in_mg(number, unit)
    return (whole[0] / divisor, whole[1]) if whole and divisor else None


def _in_mg(number: str, unit: str) -> Strength | None:
    value = number_of(number)
    if value is None:
        return None
    return (value, "iu") if unit in IU_UNITS else (value * MG_PER_UNIT[unit], "mg")


def paired_strengths(said: str) -> tuple[Strength, ...]:
    """The strengths of `25-100 mg`, `28 mg-800 mcg` or `12.5/50/200`, in order; empty where there are none."""
    match = _PAIR.search(_IRON_STATED.sub(" ", plain(said[:LONGEST_TEXT])))
    if not match:
        return ()
    written = zip(match.groups()[::2], match.groups()[1::2], strict=True)
    found = [_in_mg(number, unit or "mg") for number, unit in written if number]
    return tuple(each for each in found if each)


def _stated(iron: re.Match[str], text: str) -> Decimal | None:
    """The iron that the label states; `44 mg iron)/5 mL` shares the volume of the salt."""
    number, per, millilitre, named = iron.groups()
    volume = None if millilitre else _VOLUME.match(text, iron.end())
    value, divisor = number_of(number or named), number_of((volume[1] if volume else per) or "1")
    return value / divisor if value is not None and divisor else None


def _amount(ingredient: Ingredient, strength: Strength | None, stated: Decimal | None) -> Amount:
    value, unit = strength or (None, "")
    iron = stated if "iron-oral" in ingredient.classes else None
    if ingredient.name == "iron":
        return Amount(ingredient.name, iron if iron is not None else value if unit == "mg" else None)
    if "iron-iv" in ingredient.classes:
        return Amount(ingredient.name, value if unit == "mg" else stated)
    if unit == "iu":
        return Amount(ingredient.name, international_units=value)
    return Amount(ingredient.name, value, elemental_iron_mg=iron)
