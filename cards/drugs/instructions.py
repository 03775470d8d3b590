"""One dosage instruction of any FHIR version: how much a dose, how many doses a day."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from cards.drugs.numbers import IRON_MG, IU_UNITS, MG_OF_IRON, MG_PER_UNIT
from cards.drugs.sigs import Said, read_sig
from cards.drugs.timing import is_one_dose, number, times_a_day
from cards.reading.shapes import Json, first, items, objects, text, text_of

_PIECE_WORDS = (
    "1 tab tabs tablet tablets tablet(s) tabl tbl entab ertab chewtab cap caps capsule capsules capsule(s) ercap "
    "caplet caplets softgel pill pills each ea piece stuk comp patch patches dose drf "
    "732936001 732937005 385055001 385049006 "
    "10219000 15054000"
)
_PIECES = frozenset(["", *_PIECE_WORDS.split()])
_MILLILITRES = frozenset({"ml", "millilitre", "millilitres", "milliliter", "milliliters", "258773002"})
_TEASPOONS = frozenset({"tsp", "teaspoon", "teaspoons", "teaspoonful", "teaspoonfuls"})
_ML_PER_TEASPOON = 5
_IRON_UNIT = re.compile(MG_OF_IRON)
_SNOMED_UNITS = {"258684004": "mg", "258685003": "mcg", "258682000": "g"}


@dataclass(frozen=True, slots=True)
class Taken:
    """One instruction: `amount` of `unit` ("" pieces, ml, mg, iu, mg iron) a dose, `per_day` doses a day."""

    amount: Decimal | None
    unit: str
    per_day: Decimal | None

    @property
    def a_day(self) -> Decimal | None:
        return None if self.amount is None or self.per_day is None else self.amount * self.per_day


def one_dose_in(dosage: Json) -> bool:
    """The instructions are of a single dose: by their count, or by their words where nothing says how often."""
    held = objects(dosage)
    return bool(held) and all(_is_one_dose(each) for each in held)


def _is_one_dose(each: Mapping[str, Json]) -> bool:
    timing = each.get("timing")
    if is_one_dose(timing):
        return True
    return times_a_day(timing) is None and any(read_sig(words).once for words in _sigs(each))


def taken_of(each: Mapping[str, Json], one_dose: bool) -> Taken:
    """The structured dose and timing, and from the words what these leave open; a dose in words keeps its frequency."""
    said = [read_sig(words) for words in _sigs(each)]
    dose = _structured(each)
    amount, unit = (_as_iron(dose, said) if dose else None) or dose or _spoken(said)
    spoken = next((one.per_day for one in said if one.per_day and (dose or one.amount)), None)
    told = times_a_day(each.get("timing"))
    per_day = (told or spoken) if dose else (spoken or told)
    per_day = per_day or next((one.per_day for one in said if one.per_day), None)
    return Taken(amount, unit, Decimal(1) if one_dose else per_day)


def _as_iron(dose: tuple[Decimal, str], said: Iterable[Said]) -> tuple[Decimal, str] | None:
    """The structured dose as mg of iron, where the words call this very number elemental."""
    amount, unit = dose
    spoken = (_spoken([each]) for each in said)
    return next((each for each in spoken if unit == "mg" and each == (amount, IRON_MG)), None)


def _spoken(said: Iterable[Said]) -> tuple[Decimal | None, str]:
    for each in said:
        if each.amount is not None:
            return _in_base_unit(each.amount, each.unit) or (None, "")
    return None, ""


def _sigs(each: Mapping[str, Json]) -> list[str]:
    """The directions in words, the most telling first; the words of a timing code speak of frequency only."""
    spoken = [text(words) for key in ("text", "patientInstruction") for words in items(each.get(key))]
    spoken += [text_of(extra) for extra in objects(each.get("additionalInstruction"))]
    return [words for words in (*spoken, text_of(first(each.get("timing")).get("code"))) if words]


def _structured(each: Mapping[str, Json]) -> tuple[Decimal, str] | None:
    """The dose as a quantity or the upper end of a range; `None` where it cannot be read."""
    for holder in (*objects(each.get("doseAndRate")), each):
        for key in ("doseQuantity", "doseSimpleQuantity", "quantityQuantity", "dose"):
            if objects(holder.get(key)):
                return _quantity(first(holder.get(key)))
        for key in ("doseRange", "quantityRange"):
            if objects(holder.get(key)):
                found = first(holder.get(key))
                return _quantity(first(found.get("high")) or first(found.get("low")))
    return None


def _quantity(quantity: Mapping[str, Json]) -> tuple[Decimal, str] | None:
    value = number(quantity.get("value"))
    units = [text(quantity.get(key)) for key in ("code", "unit")]
    if value is None:
        return None
    known = (_in_base_unit(value, unit) for unit in units if unit)
    return next((each for each in known if each), None) or (None if any(units) else (value, ""))


def _in_base_unit(value: Decimal, unit: str) -> tuple[Decimal, str] | None:
    """In pieces, mL, mg, IU or mg of iron; `None` for a unit we do not know."""
    if _IRON_UNIT.fullmatch(unit.lower().replace("(", "").replace(")", "").strip()):
        return value, IRON_MG
    plain = _SNOMED_UNITS.get(unit, unit.lower().strip("{}. ").split(" (")[0].replace("µ", "u").replace("μ", "u"))
    if plain in MG_PER_UNIT:
        return value * MG_PER_UNIT[plain], "mg"
    if plain in IU_UNITS:
        return value, "iu"
    if plain in _MILLILITRES:
        return value, "ml"
    if plain in _TEASPOONS:
        return value * _ML_PER_TEASPOON, "ml"
    return (value, "") if plain in _PIECES else None
