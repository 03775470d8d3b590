"""One dosage instruction of any FHIR version: how much a dose, how many doses a day."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from cards.drugs.directions import LONGEST_SIG, Said, read_sig
from cards.drugs.ingredients import plain
from cards.drugs.iron import is_iron
from cards.drugs.languages.other_drugs import names_another
from cards.drugs.numbers import IRON_MG, IU_UNITS, MG_OF_IRON, MG_PER_UNIT, NUMBER, measurable
from cards.drugs.products import strengths
from cards.drugs.timing import (
    AFTER_DIALYSIS,
    days_in,
    is_one_dose,
    number,
    times_a_day,
    times_on_a_full_day,
)
from cards.drugs.words import amounts_named
from cards.facts.drugs import Product
from cards.fhir.json_values import Json, codings, cut, first, items, objects, text, text_of
from cards.remembered import remembered
from cards.values import frozen

_PIECE_WORDS = (
    "1 tab tabs tablet tablets tabl tbl entab ertab chewtab cap caps capsule capsules ercap caplet caplets softgel "
    "pill pills each ea piece stuk stuks comp patch patches dose drf stuck stucke stk st tablette tabletten tabletter "
    "tabletta tabletka filmtablette filmtabletten kapsel kapseln kapsler comprime comprimes gelule gelules comprimido "
    "comprimidos capsula capsulas compressa compresse "
    "732936001 732937005 385055001 385049006 "
    "10219000 15054000"
)
_PIECES = frozenset(["", *_PIECE_WORDS.split()])
#: Those that count whatever it is, be it a pack.
_COUNTS = frozenset({"", "1", "each", "ea", "stuk", "stuks", "stuck", "stucke", "stk", "st"})
#: Of which one is given at once, as a rule.
_OF_ONE_DOSE = frozenset({"vial", "ampule", "ampoule", "syringe", "infusion"})
#: Words beside the one for a piece that say what kind of piece it is.
_KINDS_OF_PIECES = (
    "film coated enteric oral extended delayed prolonged modified sustained release hard soft gelatin chewable "
    "effervescent dispersible orally disintegrating pellicule pelliculado recubierto rivestita con"
)
_OF_PIECES = frozenset(_KINDS_OF_PIECES.split())
_MILLILITRES = frozenset({"ml", "millilitre", "millilitres", "milliliter", "milliliters", "258773002"})
_TEASPOONS = frozenset({"tsp", "teaspoon", "teaspoons", "teaspoonful", "teaspoonfuls"})
_ML_PER_TEASPOON = 5
_MOST_PIECES = 12  # of one dose
_FEWEST_OF_A_MASS = 10  # a bare number below it that is the strength may be pieces
_DIRECTIONS, _FURTHER = ("text", "patientInstruction"), "additionalInstruction"
_AFTER_DIALYSIS = re.compile(AFTER_DIALYSIS)
_AND = re.compile(r"\b(?:and|plus)\b|[&+]")
_NAME = r"((?:[a-z][\w-]*+\s++){1,3}?)"
#: `with isoniazid 300 mg`, `with 500 mg of vitamin C`.
_BESIDE = re.compile(
    rf"\b(?:with|while on)\s++(?:{_NAME}(?:{NUMBER})\s*+(?:mc?g|g|iu|units?)\b"
    rf"|(?:{NUMBER})\s*+(?:mc?g|g|iu|units?)\s++(?:of\s++)?((?:[a-z][\w-]*+\s*+){{1,2}}))",
    re.IGNORECASE,
)
_IRON_UNIT = re.compile(MG_OF_IRON)
_SNOMED_UNITS = {"258684004": "mg", "258685003": "mcg", "258682000": "g"}


@frozen
class Taken:
    """One instruction: `amount` of `unit` ("" pieces, ml, mg, iu, mg iron) a dose, `per_day` doses a day.

    `per_full_day`: doses on a day on which it is taken at all, where that is told; 1 for three times a week.
    `after_dialysis`: the words say that it is given after dialysis, and at no other time of the day.
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
    def taken_once(self) -> Taken:
        """Return the instruction as it is at least on a day on which it is taken: one intake where no day is told."""
        return replace(self, per_day=self.on_a_full_day.per_day or Decimal(1))

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


def tells_how_often(dosages: Iterable[Mapping[str, Json]], product: Product) -> bool:
    """Return whether structure or words of any instruction tell how many doses a day are taken."""
    return any(taken_of(each, False, product).per_day is not None for each in dosages)


def taken_of(each: Mapping[str, Json], one_dose: bool, product: Product) -> Taken:
    """Return the structured dose and timing, completed from the words; a dose in words keeps its frequency.

    Of a written dose that may be two numbers (`1,500 mg`) the one counts that pieces of the product make up. Where the
    structure and the words tell two doses of a day, or a most a day is told of a drug as needed, the highest counts.
    """
    said = [_decided(read_sig(_without_others(words, product)), product) for words in _sigs(each)]
    after_dialysis = any(map(_is_after_dialysis, _sigs(each)))
    dose = _structured(each, product)
    amount, unit = (_as_iron(dose, said) if dose else None) or dose or _spoken(said)
    if one_dose:
        return Taken(amount, unit, Decimal(1), Decimal(1), after_dialysis)
    timing = each.get("timing")
    told = (times_a_day(timing), times_on_a_full_day(timing))
    how_often = [one for one in said if one.per_day and not one.is_most]
    spoken = next(((one.per_day, one.per_full_day) for one in how_often if dose or one.amount), None)
    last = next(((one.per_day, one.per_full_day) for one in how_often), (None, None))
    first_told, second = (told, spoken) if dose else (spoken, told)
    per_day, full_day = next((one for one in (first_told, second) if one and one[0]), last)
    is_only = (full_day or per_day or Decimal(1)) <= 1  # another intake of the day is not washed out
    taken = Taken(amount, unit, per_day, full_day, after_dialysis and is_only)
    return _with_higher(taken, said, each, product)


def _with_higher(taken: Taken, said: Iterable[Said], each: Mapping[str, Json], product: Product) -> Taken:
    """Return the highest of what is told; where a step of it was not read, a dose whose times a day are not known."""
    to_the_top = taken.a_day is None or _is_as_needed(each)  # else the most is a limit, and not what is ordered
    told = [one for one in said if one.amount is not None and (to_the_top or not one.is_most)]
    others = [_in_words(one, taken.after_dialysis) for one in told]
    if to_the_top:
        others += _most_in_a_period(each)
    highest = taken
    for other in others:
        highest = other if _is_higher(other, highest, product) else highest
    if not any(one.is_least for one in said):
        return highest
    day = highest.on_a_full_day.a_day
    return replace(highest, amount=highest.amount if day is None else day, per_day=None, per_full_day=None)


def _in_words(said: Said, after_dialysis: bool) -> Taken:
    amount, unit = _spoken([said])
    often = (Decimal(1), Decimal(1)) if said.is_least else (said.per_day, said.per_full_day)
    return Taken(amount, unit, *often, after_dialysis=after_dialysis)


def _is_higher(other: Taken, than: Taken, product: Product) -> bool:
    """Return whether another telling of a dose brings more a day; not where the two cannot be compared.

    A mass of iron may be that of the salt or of the iron, so that it is compared with no pieces.
    """
    day, known = other.on_a_full_day.a_day, than.on_a_full_day.a_day
    if day is None or known is None:
        return day is not None and than.per_day is None
    if other.unit == than.unit:
        return day > known
    pieces, known_pieces = (_pieces_of(value, of.unit, product) for value, of in ((day, other), (known, than)))
    return pieces is not None and known_pieces is not None and pieces > known_pieces


def _pieces_of(amount: Decimal, unit: str, product: Product) -> Decimal | None:
    if len(product.ingredients) != 1 or is_iron(product.ingredients[0]):
        return None
    size = {"": Decimal(1), "mg": product.ingredients[0].mg, "iu": product.ingredients[0].international_units}.get(unit)
    return amount / size if size else None


def _is_as_needed(each: Mapping[str, Json]) -> bool:
    """Return whether the instruction is to be followed as needed, in any version of FHIR."""
    reasons = (each.get("asNeededCodeableConcept"), each.get("asNeededFor"))
    return each.get("asNeeded") is True or each.get("asNeededBoolean") is True or any(map(objects, reasons))


def _most_in_a_period(each: Mapping[str, Json]) -> list[Taken]:
    """Return the most that may be taken, a ratio or in R5 several: what a day brings at most if taken as needed."""
    read = [(_quantity(first(one.get("numerator"))), days_in(one.get("denominator"))) for one in _ratios(each)]
    return [Taken(*most, 1 / days, max(1 / days, Decimal(1))) for most, days in read if most and days]


def _ratios(each: Mapping[str, Json]) -> Sequence[Mapping[str, Json]]:
    return tuple(objects(each.get("maxDosePerPeriod")))[:MOST_DOSAGES]


def _is_after_dialysis(words: str) -> bool:
    """Return whether the words say so of every dose that they name: `1 at bedtime and 1 after dialysis` do not."""
    parts = _AND.split(plain(words))
    after = [part for part in parts if _AFTER_DIALYSIS.search(part)]
    return bool(after) and not any(read_sig(part).amount for part in parts if part not in after)


def _without_others(words: str, product: Product) -> str:
    """Return the directions without the dose of another drug that is taken with this one; how often is of both."""
    return _BESIDE.sub(lambda match: " " if _is_another(match[1] or match[2], product) else match[0], words)


def _is_another(name: str, product: Product) -> bool:
    """Return whether a name is of a drug that the product does not hold; iron and its salts are one."""
    named = amounts_named(name)
    if any(map(is_iron, named)) and any(map(is_iron, product.ingredients)):
        return False
    names = {amount.ingredient for amount in named}
    return not names & product.ingredient_names() if names else names_another(plain(name))


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


def _structured(each: Mapping[str, Json], product: Product) -> tuple[Decimal, str] | None:
    """The largest dose told as a quantity or a range, of a range the upper end; `None` where one cannot be read.

    Of doses in several units (`1 tablet`, `600 mg`) the one that is called ordered counts, else the first.
    """
    told = [(holder, dose) for holder in (*objects(each.get("doseAndRate")), each) for dose in _quantities(holder)]
    read = [_unit_told(_quantity(dose), dose, product) for _, dose in told]
    known = [dose for dose in read if dose]
    if not known or len(known) < len(read):
        return None
    if len({unit for _, unit in known}) == 1:
        return max(known)
    ordered = (dose for (holder, _), dose in zip(told, known, strict=True) if _is_ordered(holder))
    return next(ordered, known[0])


def _is_ordered(dose_and_rate: Mapping[str, Json]) -> bool:
    kind = dose_and_rate.get("type")
    return "ordered" in {text_of(kind).lower(), *(code.lower() for _, code in codings(kind))}


def _quantities(holder: Mapping[str, Json]) -> Iterable[Mapping[str, Json]]:
    """The quantity of one dose; the upper end of a range has the unit of the lower where it has none itself."""
    for key in ("doseQuantity", "doseSimpleQuantity", "quantityQuantity", "dose"):
        if objects(holder.get(key)):
            return [first(holder.get(key))]
    for key in ("doseRange", "quantityRange"):
        if objects(holder.get(key)):
            found = first(holder.get(key))
            low, high = first(found.get("low")), first(found.get("high"))
            return [{**_units_of(low), **_without_empty_units(high)} if high else low]
    return []


def _units_of(quantity: Mapping[str, Json]) -> dict[str, Json]:
    return {key: quantity.get(key) for key in ("code", "unit")}


def _without_empty_units(quantity: Mapping[str, Json]) -> Mapping[str, Json]:
    return {key: value for key, value in quantity.items() if key not in ("code", "unit") or value}


def _quantity(quantity: Mapping[str, Json]) -> tuple[Decimal, str] | None:
    value = number(quantity.get("value"))
    units = [text(quantity.get(key)) for key in ("code", "unit")]
    if value is None:
        return None
    known = (_in_base_unit(value, unit) for unit in units if unit)
    return next((each for each in known if each), None) or (None if any(units) else (value, ""))


def _unit_told(
    dose: tuple[Decimal, str] | None, quantity: Mapping[str, Json], product: Product
) -> tuple[Decimal, str] | None:
    """The dose, of which a bare number may be a mass: `300` of a 300 mg capsule are no 300 capsules.

    It is a mass where pieces of the product make it up and nobody takes so many. A few may be pieces or the strength:
    they are pieces where the unit is `1`, else they leave the dose unread.
    """
    if not dose or dose[1] or any(text(quantity.get(key)) not in ("", "1") for key in ("code", "unit")):
        return dose
    value = dose[0]
    is_counted = any(text(quantity.get(key)) == "1" for key in ("code", "unit"))
    is_strength = any(value in (each.mg, each.international_units) for each in product.ingredients)
    is_in_halves = not value % Decimal("0.5")
    if 1 <= value <= _MOST_PIECES and (not is_strength or value == 1 or (is_counted and is_in_halves)):
        return dose
    if is_strength and is_in_halves and 1 < value < _FEWEST_OF_A_MASS:
        return None
    made = [based for unit in ("mg", "mcg", "iu") if (based := _fitting(value, unit, product))]
    if len(made) == 1:
        return made[0]
    return dose if value <= _MOST_PIECES and not made else None


def _fitting(value: Decimal, unit: str, product: Product) -> tuple[Decimal, str] | None:
    return _in_base_unit(value, unit) if _is_made_of_pieces(value, unit, product) else None


def _in_base_unit(value: Decimal, unit: str) -> tuple[Decimal, str] | None:
    """In pieces, mL, mg, IU or mg of iron; `None` for a unit we do not know, and for no dose in it."""
    if measurable(value) is None:
        return None
    if _IRON_UNIT.fullmatch(unit.lower().replace("(", "").replace(")", "").strip()):
        return value, IRON_MG
    written = _SNOMED_UNITS.get(
        unit, unit.lower().strip("{}. ").split("(")[0].strip().replace("µ", "u").replace("μ", "u")
    )
    if written in MG_PER_UNIT:
        return value * MG_PER_UNIT[written], "mg"
    if written in IU_UNITS:
        return value, "iu"
    if written in _MILLILITRES:
        return value, "ml"
    if written in _TEASPOONS:
        return value * _ML_PER_TEASPOON, "ml"
    return (value, "") if _is_piece(written) else None


def names_a_piece(unit: str) -> bool:
    """Return whether a unit (already plain) names a tablet, a vial or the like, and does not only count."""
    return unit in _OF_ONE_DOSE or (unit not in _COUNTS and _is_piece(unit))


def _is_piece(unit: str) -> bool:
    """Return whether a unit is a piece in one of our languages: `Stück`, `film-coated tablet`."""
    if unit in _PIECES:
        return True
    words = plain(unit).replace("-", " ").split()
    return any(word in _PIECES for word in words) and all(word in _PIECES or word in _OF_PIECES for word in words)
