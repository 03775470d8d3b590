"""Drug names, strengths and iron content in words: on word boundaries, never inside a word.

`iron` is not in spironolactone, buspirone, Elmiron or Metopirone, and `ferr` is no name (clinical rationale 4.6).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

from cards.drugs.ingredients import Ingredient, brands_by_words, is_vitamin_d, names_by_words, plain
from cards.drugs.iron_words import iron_beside_strength, names_parenteral_iron, without_denied_iron
from cards.drugs.languages.folding import folded, without_salt
from cards.drugs.numbers import GROUPED, IU_UNITS, MG_PER_UNIT, NUMBER, measurable, number_of
from cards.drugs.products import strengths
from cards.drugs.trade_names import TELL_THEIR_IRON, Named, further_names
from cards.facts.drugs import Amount
from cards.written_numbers import readings

#: The iron of vitamins that hold some and do not say how much: never more than a low dose.
IRON_UNTOLD = "iron of unknown content"
LONGEST_TEXT = 1000  # signs; a product name is shorter, and what is longer is not one
#: No piece holds as much vitamin D: what is more is of the calcium beside it (ours).
_MOST_VITAMIN_D_MG = 25
_WORD = re.compile(r"[a-z0-9]+")
_LONGEST_NAME = 9  # words
_UNIT = r"(mg|mcg|ug|micrograms?|milligrams?|grams?|gm|g|iu|unt|units?)"
_STRENGTH = re.compile(
    rf"({GROUPED}|{NUMBER})\s*+{_UNIT}\b(?:\s*+(?:total)?\s*+(?:/|per)\s*+({NUMBER})?\s*+(ml|millilitres?)\b)?"
)
_NEXT = rf"\s*+[-/]\s*+({NUMBER})\s*+{_UNIT}?"
_PAIR = re.compile(rf"({NUMBER})\s*+{_UNIT}?{_NEXT}(?:{_NEXT})?(?!\s*+(?:ml|hr?\b|[\d.,]))")
_VOLUME = re.compile(rf"\s*+(?:mg\s*+)?/\s*+({NUMBER})?\s*+ml\b")
#: `400 (241.3 mg) mg`: in brackets stands the element of a salt, which shares the unit and the volume of the salt.
_ELEMENT = re.compile(rf"(?<=\d)\s*+\(\s*+({NUMBER})\s*+mg\s*+\)(?=\s*+mg\b)")
_WITH_IRON = TELL_THEIR_IRON | {"iron-oral", "iron-iv"}
_NOT_A_SALT = r"(?![\s-]++(?:\d|carbonyl|sucrose|dextran|poly|bis|complex|fumarate|sul|gluc|isomalt|malt|pyro|asparto))"
_IRON_STATED = re.compile(
    rf"\(?\b(?:({NUMBER})\s*+(?:mg)?\s*+(?:of\s++)?(?:elemental\s*+(?:iron|fe)?\b|elemental\b|(?:iron|fe)\b){_NOT_A_SALT}"
    rf"(?:\s*+/\s*+({NUMBER})?\s*+(ml)\b)?|elemental\s++iron:?\s*+({NUMBER})\s*+mg)\s*+\)?"
)
#: `27 mg iron-800 mcg`: the label of a combination lists its iron first, then what is named after the iron.
_IRON_LISTED = re.compile(
    rf"({NUMBER})\s*+mg\s++iron\s*+-\s*+({NUMBER})\s*+{_UNIT}\b(?:\s*+-\s*+(?:{NUMBER})\s*+{_UNIT}\b){{0,4}}"
)
_AFTER_IRON = re.compile(r"\b(?:iron|ferrous)\b[^-\d]{0,30}-\s*$")
#: `iron-FA` is folic acid; FA-8 is a trade name.
_FA = re.compile(r"\bfa\b(?!-8)")
_IRON_WORD = re.compile(r"\b(?:iron|ferrous|fe)\b")
_BRAND = re.compile(r"\[[^\[\]]*\]")
_HEAD = re.compile(r"(?:^|[/,;:+&(\[-]|\band|\bwith|\bplus)\s*$")
_TAIL = re.compile(
    r"(?![\s-]?free\b)\s*(?:$|[\d/,;+&()\[\]-]|mg\b|oral|po\b|tab|cap|pill|supplement|chew|liquid|drops|er\b|sr\b|and\b|plus\b|with\b|"
    r"kaps|comp|film|dragee|drasj|gel|tropf|gouttes|gotas|gocce|droppar|draber|brause|bruis)"
)
MANY = re.compile(
    r"\b(?:multi ?-?vit\w*|multiple vitamins?|prenatal|pnv|mvi|vitamin b complex|b ?-?complex|vit ?-?min\w*)\b"
)
#: Vitamins that hold iron though they do not name it: those with minerals, and those for pregnancy.
_WITH_MINERALS = re.compile(r"\b(?:minerals?|mineralstoff\w*|mineraux|minerales)\b")
_PRENATAL = re.compile(
    r"\bprenatal \W?(?:multi ?-?)?(?:vit(?:amins?|s)?(?! ?-?[a-k]\b)|tab\w*|cap\w*|supplements?)\b|\bpnv\b"
)
HORMONES = re.compile(
    r"\b(?:norethin\w*|ethinyl ?estradiol|ethinylestradiol|levonorgestrel|norgestimate|norgestrel|desogestrel|"
    r"drospirenone|ethynodiol|loestrin|junel|microgestin|larin|blisovi|taytulla|tilia|tri-legest|estrostep|minastrin|"
    r"generess|femcon|zenchent|wymzya|kaitlib|layolis|hailey|aurovela|tarina|gildess|lomedia|mibelas)\b"
)


Strength = tuple[Decimal, str]  # a number in mg, or in IU with unit "iu"; per mL where the label says so


def amounts_named(said: str) -> tuple[Amount, ...]:
    """Return the ingredients that words name, each with the strength beside it where one is written.

    In a liquid the strength is that of one mL; without `/ 5 mL` or the like it is not known.
    """
    text = plain(said[:LONGEST_TEXT])
    if _IRON_WORD.search(text):
        text = _FA.sub("folic acid", text)
    iron, element, listed = (pattern.search(text) for pattern in (_IRON_STATED, _ELEMENT, _IRON_LISTED))
    salt_text = _IRON_STATED.sub(_blanked, _ELEMENT.sub(_blanked, _IRON_LISTED.sub(_blanked, text)))
    kept = _without_general_names(_named(salt_text))
    strengths = _strengths(salt_text, kept) if kept else {}
    if listed:
        strengths |= _listed_after_iron(listed, kept)
        stated = number_of(listed[1])
    else:
        stated = _stated(iron, text) if iron else _shared(element[1], element.end(), text) if element else None
    merged: dict[str, Amount] = {}
    for each in kept:
        name = each.ingredient.name
        if name not in merged or merged[name] == Amount(name):
            merged[name] = _amount(each.ingredient, strengths.get(each.start), stated)
    if list(merged) == ["iron"] and names_parenteral_iron(text):
        return (Amount("intravenous iron", merged["iron"].mg),)
    if not any(_WITH_IRON & each.ingredient.classes for each in kept):
        beside = iron_beside_strength(text)
        told = number_of(beside) if beside else None
        mg = (told if stated is None else stated) if beside or MANY.search(text) else None
        if mg is not None:
            merged["iron"] = Amount("iron", measurable(mg))
        elif names_parenteral_iron(text):
            merged["intravenous iron"] = Amount("intravenous iron")
        elif _holds_iron_untold(text):
            merged[IRON_UNTOLD] = Amount(IRON_UNTOLD)
    return tuple(merged.values())


def _holds_iron_untold(text: str) -> bool:
    """Whether plain words are of vitamins that hold iron without naming it, and do not deny it."""
    with_minerals = MANY.search(text) and _WITH_MINERALS.search(text)
    return bool(with_minerals or _PRENATAL.search(text)) and without_denied_iron(text) == text


def components(said: str) -> int:
    """Count the ingredients that a name of the form `A 1 MG / B 2 MG` lists."""
    parts = said[:LONGEST_TEXT].split(" / ")
    return sum(any(sign.isdigit() for sign in part) for part in parts)


def _named(text: str) -> list[Named]:
    """Generic names, and the trade names that name more, in order. `[Brand]` of RxNorm says nothing new."""
    bare = without_brackets(text)
    generic, trade = list(_matches(bare, names_by_words())), list(_matches(bare, brands_by_words()))
    if not generic:
        return trade
    return sorted((*generic, *further_names(bare, generic, trade)), key=lambda each: each.start)


def without_brackets(text: str) -> str:
    return _BRAND.sub(lambda found: " " * len(found.group()), text)


def _matches(text: str, known: Mapping[tuple[str, ...], tuple[Ingredient, ...]]) -> Iterator[Named]:
    words = list(_WORD.finditer(text))
    keys = tuple(folded(word.group()) for word in words)
    at = 0
    while at < len(words):
        length, found = _longest(keys, at, known)
        start, end = words[at].start(), words[at + length - 1].end()
        yield from (
            Named(each, start, end, len(found))
            for each in found
            if not each.bare or _stands_alone(text, start, end, length)
        )
        at += length


def _longest(
    keys: tuple[str, ...], at: int, known: Mapping[tuple[str, ...], tuple[Ingredient, ...]]
) -> tuple[int, tuple[Ingredient, ...]]:
    for length in range(min(_LONGEST_NAME, len(keys) - at), 0, -1):
        found = known.get(keys[at : at + length])
        if found:
            return length, found
    stems = (known[(stem,)] for stem in without_salt(keys[at]) if (stem,) in known)
    return 1, next(stems, ())


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
    named = [each for each in named if not each.in_brackets] or named
    starts = sorted({each.start for each in named})
    for start, following in zip(starts, [*starts[1:], len(text)], strict=True):
        here = [each for each in named if each.start == start]
        strength = _strength(text[max(each.end for each in here) : following], here[0].ingredient.name)
        if strength and here[0].among == 1:  # a trade name of two: one number is not the strength of both
            found[start] = strength
    if len(starts) == 1 and not found:
        before = _strength(text[: starts[0]], named[0].ingredient.name)
        found |= {starts[0]: before} if before else {}
    return found


def _listed_after_iron(listed: re.Match[str], named: list[Named]) -> dict[int, Strength]:
    """The strength that is listed after that of iron: of the name behind it, else of the name behind the iron."""
    strength = _in_mg(listed[2], listed[3])
    behind = [
        each for each in named if not listed.string[listed.end() : each.start].strip() and each.start > listed.end()
    ]
    others = [each for each in named if _AFTER_IRON.search(listed.string[: each.start])]
    return {each.start: strength for each in (behind or others)[:1]} if strength else {}


def _strength(text: str, ingredient: str) -> Strength | None:
    """Return the first strength that words name; of vitamin D the first in units, if any."""
    named = list(_STRENGTH.finditer(text))
    in_units = [each for each in named if each[2] in IU_UNITS] if is_vitamin_d(ingredient) else []
    match = next(iter(in_units or named), None)
    if match is None:
        return None
    number, unit, per, millilitre = match.groups()
    divisor = number_of(per) if per and millilitre else Decimal(1)
    whole = _in_mg(number, unit) or _of_a_product(number, unit, ingredient)
    value = measurable(whole[0] / divisor) if whole and divisor else None
    return (value, whole[1]) if whole and value is not None else None


def _in_mg(number: str, unit: str) -> Strength | None:
    return _sized(number_of(number), unit)


def _sized(value: Decimal | None, unit: str) -> Strength | None:
    """Return a number above zero in mg or IU: no label names nothing as its strength."""
    size = measurable(value if unit in IU_UNITS else value * MG_PER_UNIT[unit]) if value else None
    return (size, "iu" if unit in IU_UNITS else "mg") if size else None


def _of_a_product(number: str, unit: str, ingredient: str) -> Strength | None:
    """Return the one reading of an ambiguous number that a product of the ingredient has (data amendments 3).

    `2 325 mg` may also be two pieces of 325 mg. Units are whole numbers: `20,000 units` are no 20 (ours).
    """
    if unit in IU_UNITS and " " not in number:
        return _sized(max(readings(number), default=None), unit)
    counted = number.rpartition(" ")[2]
    candidates = (_sized(each, unit) for each in (*readings(number), *(readings(counted) if counted != number else ())))
    known = {each for each in candidates if each and (ingredient, *each) in strengths()}
    return known.pop() if len(known) == 1 else None


def paired_strengths(said: str) -> tuple[Strength, ...]:
    """Return the strengths of `25-100 mg`, `28 mg-800 mcg` or `12.5/50/200`, in order; empty where there are none."""
    match = _PAIR.search(_IRON_STATED.sub(" ", _IRON_LISTED.sub(" ", plain(said[:LONGEST_TEXT]))))
    if not match:
        return ()
    written = zip(match.groups()[::2], match.groups()[1::2], strict=True)
    found = [_in_mg(number, unit or "mg") for number, unit in written if number]
    return tuple(each for each in found if each)


def _stated(iron: re.Match[str], text: str) -> Decimal | None:
    """The iron that the label states; `44 mg iron)/5 mL` shares the volume of the salt."""
    number, per, millilitre, named = iron.groups()
    if millilitre:
        return _quotient(number or named, per)
    return _shared(number or named, iron.end(), text)


def _shared(number: str, end: int, text: str) -> Decimal | None:
    """Return an amount that shares the volume of the salt beside it, if one stands after it."""
    volume = _VOLUME.match(text, end)
    return _quotient(number, volume[1] if volume else None)


def _quotient(number: str, per: str | None) -> Decimal | None:
    value, divisor = number_of(number), number_of(per or "1")
    return measurable(value / divisor) if value and divisor else None


def _blanked(found: re.Match[str]) -> str:
    return " " * len(found.group())


def _amount(ingredient: Ingredient, strength: Strength | None, stated: Decimal | None) -> Amount:
    value, unit = strength or (None, "")
    iron = stated if "iron-oral" in ingredient.classes else None
    if ingredient.name == "iron":
        return Amount(ingredient.name, iron if iron is not None else value if unit == "mg" else None)
    if "iron-iv" in ingredient.classes:
        return Amount(ingredient.name, value if unit == "mg" else stated)
    if unit == "iu":
        return Amount(ingredient.name, international_units=value)
    if is_vitamin_d(ingredient.name) and value is not None and value > _MOST_VITAMIN_D_MG:
        return Amount(ingredient.name)
    return Amount(ingredient.name, value, elemental_iron_mg=iron)
