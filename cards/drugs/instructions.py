"""One dosage instruction of any FHIR version: how much a dose, how many doses a day."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from cards.drugs.directions import LONGEST_SIG, Said, read_sig
from cards.drugs.ingredients import plain
from cards.drugs.numbers import IRON_MG, IU_UNITS, MG_OF_IRON, MG_PER_UNIT, measurable
from cards.drugs.products import strengths
from cards.drugs.timing import is_one_dose, number, times_a_day, times_on_a_full_day
from cards.facts.chart import Product
from cards.fhir.json_values import Json, cut, first, items, objects, text, text_of
from cards.remembered import remembered

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
_MOST_PIECES = 12  # of one dose
_DIRECTIONS, _FURTHER = ("text", "patientInstruction"), "additionalInstruction"
_AFTER_DIALYSIS = re.compile(r"\b(?:after|post|following)\W{0,2}(?:each |every |the )?(?:ha?emo)?(?:dialysis|hd)\b")
_IRON_UNIT = re.compile(MG_OF_IRON)
_SNOMED_UNITS = {"258684004": "mg", "258685003": "mcg", "258682000": "g"}


@dataclass(frozen=True, slots=True)
class Taken:
    """One instruction: `amount` of `unit` ("" pieces, ml, mg, iu, mg iron) a dose, `per_day` doses a day.

    `per_full_day`: doses on a day on which it is taken at all, where that is told; 1 for three times a week.
    `after_dialysis`: the words say that it is given after dialysis.
    """

    amount: Decimal | None
    unit: str
    per_day: Decimal | None
    per_full_day: Decimal | None = None
    after_dialysis: bool = False

    @property
    def on_a_full_day(self) -> Taken:
        """Return the instruction as it is on a day on which it is taken."""
        return replace(self, per_day=self.per_full_day or self.per_day)

    @property
    def a_day(self) -> Decimal | None:
        return None if self.amount is None or self.per_day is None else self.amount * self.per_day


#: The most instructions of one drug that are judged, and the most further directions of one (contract section 5).
MOST_DOSAGES = 20


@remembered
def is_cut_short(dosages: Sequence[Mapping[str, Json]]) -> bool:
    """Return whether there are more instructions, or more or longer directions, than are judged."""
    return len(dosages) > MOST_DOSAGES or any(map(_is_cut_short, dosages))


def _is_cut_short(dosage: Mapping[str, Json]) -> bool:
    further = any(len(items(dosage.get(name))) > MOST_DOSAGES for name in (*_DIRECTIONS, _FURTHER))
    return further or any(len(words) > LONGEST_SIG for words in _sigs(dosage))


@remembered
def one_dose_in(dosage: Json) -> bool:
    """Return whether the instructions are of a single dose: by their count, or by their words."""
    held = objects(dosage)
    return bool(held) and all(_is_one_dose(each) for each in held)


def _is_one_dose(each: Mapping[str, Json]) -> bool:
    timing = each.get("timing")
    if is_one_dose(timing):
        return True
    return times_a_day(timing) is None and any(read_sig(words).once for words in _sigs(each))


def taken_of(each: Mapping[str, Json], one_dose: bool, product: Product) -> Taken:
    """Return the structured dose and timing, completed from the words; a dose in words keeps its frequency.

    Of a written dose that may be two numbers (`1,500 mg`) the one counts that pieces of the product make up.
    """
    said = [_decided(read_sig(words), product) for words in _sigs(each)]
    after_dialysis = any(_AFTER_DIALYSIS.search(plain(words)) for words in _sigs(each))
    dose = _structured(each)
    amount, unit = (_as_iron(dose, said) if dose else None) or dose or _spoken(said)
    if one_dose:
        return Taken(amount, unit, Decimal(1), Decimal(1), after_dialysis)
    timing = each.get("timing")
    told = (times_a_day(timing), times_on_a_full_day(timing))
    spoken = next(((one.per_day, one.per_full_day) for one in said if one.per_day and (dose or one.amount)), None)
    last = next(((one.per_day, one.per_full_day) for one in said if one.per_day), (None, None))
    first_told, second = (told, spoken) if dose else (spoken, told)
    per_day, full_day = next((one for one in (first_told, second) if one and one[0]), last)
    return Taken(amount, unit, per_day, full_day, after_dialysis)


def _decided(said: Said, product: Product) -> Said:
    """Return what is said, with an amount that may be two numbers as the one that fits the product."""
    if said.amount is not None or len(said.either) < 2:
        return said
    fitting = [each for each in said.either if _is_made_of_pieces(each, said.unit, product)]
    return replace(said, amount=fitting[0]) if len(fitting) == 1 else said


def _is_made_of_pieces(amount: Decimal, unit: str, product: Product) -> bool:
    """Return whether so many mg or IU are halves of a piece, from half a piece to twelve."""
    based = _in_base_unit(amount, unit)
    if based is None or based[1] not in ("mg", "iu"):
        return False
    of_product = [
        size for each in product.ingredients if (size := each.mg if based[1] == "mg" else each.international_units)
    ]
    names = product.ingredient_names()
    sizes = of_product or [number for name, number, of in strengths() if name in names and of == based[1]]
    return any(not based[0] % (size / 2) and size / 2 <= based[0] <= size * _MOST_PIECES for size in sizes)


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
    spoken = [
        text(words) for key in ("text", "patientInstruction") for words in items(cut(each.get(key)))[:MOST_DOSAGES]
    ]
    spoken += [text_of(extra) for extra in objects(cut(each.get(_FURTHER)))[:MOST_DOSAGES]]
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
    """In pieces, mL, mg, IU or mg of iron; `None` for a unit we do not know, and for no dose in it."""
    if measurable(value) is None:
        return None
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
