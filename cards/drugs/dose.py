"""What a day brings of each ingredient: strength times quantity times frequency.

Iron is counted for the fullest day, on which everything is taken that is taken at all (clinical amendments 2, section
1): its effect and its harm follow the single intake, not the mean of a week. `fullest_mg` is the same of every
ingredient, for gabapentinoids (clinical amendments 2, section 2), `fullest_units` for the print of vitamin D.

`least_mg` and `least_iron_mg` are what such a day brings at least. "1 tablet as needed" tells no dose of a day, yet a
tablet that is above a limit by itself is above it on each day on which it is taken. Directions that name no intake, or
cannot be read, are of one piece at least.

Where the order gives a range, the upper end counts, for every rule is an upper limit. What cannot be told is `None`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_UP, Decimal
from itertools import pairwise

from cards.drugs.forms import INJECTED, LIQUID, SOLID
from cards.drugs.ingredients import is_vitamin_d
from cards.drugs.instructions import Taken, taken_of
from cards.drugs.iron import Iron, elemental_iron, is_iron
from cards.drugs.kinds import MULTI_INGREDIENT
from cards.drugs.numbers import IRON_MG, measurable
from cards.drugs.timing import number
from cards.facts.drugs import Amount, DailyDose, Product
from cards.fhir.json_values import Json, first, items, objects, text
from cards.remembered import remembered

_IU_PER_MG = Decimal(40000)  # vitamin D: 1 microgram is 40 international units
_SMALLEST = Decimal("0.0001")
_ONE_PIECE = Taken(Decimal(1), "", Decimal(1))


@remembered
def daily_dose(dosage: Json, product: Product, *, one_dose: bool = False) -> DailyDose:
    """Return the daily dose of a product under these instructions (`dosageInstruction`, `dosage`, of any FHIR version).

    Several instructions add up; those of another `sequence`, or of periods of which none begins before the last has
    ended, follow one another, so the largest counts. Those for different parts of the day are of one day, whatever
    their `sequence` (ours). `one_dose`: the single dose stands for the day.
    """
    phases: dict[tuple[Decimal | None, int], list[Taken]] = {}
    held = objects(dosage)
    apart, of_one_day = _are_apart(held), _share_the_day(held)
    for place, each in enumerate(held):
        phase = (None if of_one_day else number(each.get("sequence")), place if apart else 0)
        phases.setdefault(phase, []).append(taken_of(each, one_dose, product))
    doses = [_of_phase(phase, product) for phase in phases.values()] or [_of_phase([], product)]
    return _largest(doses)


def _are_apart(dosages: Iterable[Mapping[str, Json]]) -> bool:
    """Return whether each instruction has a period of its own; the day on which one ends may begin the next."""
    repeats = (first(first(each.get("timing")).get("repeat")) for each in dosages)
    bounds = (first(repeat.get("boundsPeriod")) for repeat in repeats)
    periods = sorted((text(each.get("start"))[:10], text(each.get("end"))[:10]) for each in bounds)
    return all(end and end <= start for (_, end), (start, _) in pairwise(periods))


def _share_the_day(dosages: Iterable[Mapping[str, Json]]) -> bool:
    """Return whether each instruction names parts of the day (`when`) that no other names, and none tells its end."""
    repeats = [first(first(each.get("timing")).get("repeat")) for each in dosages]
    parts = [{text(part) for part in items(repeat.get("when"))} for repeat in repeats]
    named = sum(map(len, parts))
    return all(parts) and named == len(set().union(*parts)) and not any(map(_ends, repeats))


def _ends(repeat: Mapping[str, Json]) -> bool:
    return any(name.startswith(("bounds", "count", "duration")) for name in repeat)


def _of_phase(phase: Iterable[Taken], product: Product) -> DailyDose:
    """The instructions of one phase, added up; one that cannot be read leaves the sum unread."""
    taken = list(phase)
    mg = {each.ingredient: _sum(_mg(one, each, product) for one in taken) for each in product.ingredients}
    units = {each.ingredient: _sum(_iu(one, each, product) for one in taken) for each in product.ingredients}
    full_units = {
        each.ingredient: _sum(_iu(one.on_a_full_day, each, product) for one in taken) for each in product.ingredients
    }
    iron = [_iron(taken, each, product) for each in product.ingredients if is_iron(each)]
    once = [one.taken_once for one in taken]
    if _is_a_piece(product) and not any(one.amount for one in once):
        once = [_ONE_PIECE]
    least_iron = [_iron([one], each, product) for one in once for each in product.ingredients if is_iron(each)]
    total = None if not iron or any(each is None for each in iron) else sum(each.mg for each in iron if each)
    return DailyDose(
        mg=mg,
        fullest_mg={
            each.ingredient: _sum(_mg(one.on_a_full_day, each, product) for one in taken)
            for each in product.ingredients
        },
        least_mg={
            each.ingredient: _sum_of_read(_mg(one, each, product) for one in once) for each in product.ingredients
        },
        after_dialysis=bool(taken) and all(one.after_dialysis for one in taken),
        international_units={name: value for name, value in units.items() if value is not None},
        fullest_units={name: value for name, value in full_units.items() if value is not None},
        elemental_iron_mg=None if total is None else _rounded(Decimal(total)),
        least_iron_mg=_sum_of_read(each.mg for each in least_iron if each and each.salt_known),
        iron_salt_known=all(each is not None and each.salt_known for each in iron),
        iron_every_day=all(one.on_a_full_day.per_day == one.per_day for one in taken),
    )


def _is_a_piece(product: Product) -> bool:
    """Whether the strength is that of a tablet, a capsule or the like, of which nobody takes less than one a day."""
    return (not product.form or product.form in SOLID) and product.route not in INJECTED


def _sum(read: Iterable[Decimal | None]) -> Decimal | None:
    parts = list(read)
    known = [part for part in parts if part is not None]
    return _rounded(sum(known, Decimal(0))) if parts and len(known) == len(parts) else None


def _sum_of_read(parts: Iterable[Decimal | None]) -> Decimal | None:
    """The sum of what was read, which is the least that all of them bring; `None` where nothing was."""
    known = [part for part in parts if part is not None]
    return _rounded(sum(known, Decimal(0))) if known else None


def _rounded(value: Decimal) -> Decimal | None:
    """To four places, upwards: seven sevenths of a weekly dose are never less than it. `None` where it is no dose."""
    if measurable(value) is None:
        return None
    exact = value.quantize(_SMALLEST)
    cut = exact if exact == value else value.quantize(_SMALLEST, ROUND_UP)
    return cut.normalize() + 0


def _pieces(taken: Taken, amount: Amount, product: Product) -> Decimal | None:
    """How many dose units (pieces, or mL of a liquid) a day; from a mass only where one ingredient is dosed."""
    day = taken.a_day
    if day is None:
        return None
    if taken.unit in ("", "ml"):
        return day if (taken.unit == "ml") == (product.form == LIQUID) else None
    strength = {"mg": amount.mg, "iu": amount.international_units}.get(taken.unit)
    alone = len(product.ingredients) == 1 and MULTI_INGREDIENT not in product.classes
    return day / strength if alone and strength else None


def _mg(taken: Taken, amount: Amount, product: Product) -> Decimal | None:
    if taken.unit == "mg" and len(product.ingredients) == 1:
        return taken.a_day
    pieces = _pieces(taken, amount, product)
    return pieces * amount.mg if pieces is not None and amount.mg is not None else None


def _iu(taken: Taken, amount: Amount, product: Product) -> Decimal | None:
    """International units; for vitamin D also out of a mass."""
    if taken.unit == "iu" and len(product.ingredients) == 1:
        return taken.a_day
    pieces = _pieces(taken, amount, product)
    if pieces is not None and amount.international_units is not None:
        return pieces * amount.international_units
    mg = _mg(taken, amount, product)
    return mg * _IU_PER_MG if mg is not None and is_vitamin_d(amount.ingredient) else None


def _iron(taken: Iterable[Taken], amount: Amount, product: Product) -> Iron | None:
    each_day = [_iron_of(one.on_a_full_day, amount, product) for one in taken]
    known = [each for each in each_day if each is not None]
    if not each_day or len(known) < len(each_day):
        return None
    return Iron(sum((each.mg for each in known), Decimal(0)), all(each.salt_known for each in known))


def _iron_of(taken: Taken, amount: Amount, product: Product) -> Iron | None:
    """A mass is that of the salt, unless it is called iron, or is a multiple of a piece's iron and of no half piece.

    `65 mg` and `195 mg` of a 325 mg tablet are its iron, `650 mg` are two tablets.
    """
    if taken.unit == IRON_MG:
        return Iron(taken.a_day) if taken.a_day is not None else None
    unit = elemental_iron(amount, product)
    pieces = _pieces(taken, amount, product)
    if unit is not None and pieces is not None:
        if taken.unit == "mg" and _is_multiple_of_iron(taken.amount, amount.mg, unit.mg):
            return Iron(taken.a_day or Decimal(0), unit.salt_known)
        return Iron(pieces * unit.mg, unit.salt_known)
    if taken.unit != "mg" or len(product.ingredients) != 1 or taken.amount is None or taken.per_day is None:
        return None
    dose = elemental_iron(Amount(amount.ingredient, taken.amount), product)
    return Iron(dose.mg * taken.per_day, dose.salt_known) if dose else None


def _is_multiple_of_iron(dose: Decimal | None, piece: Decimal | None, iron: Decimal) -> bool:
    return bool(dose and piece and iron and not dose % iron and dose % (piece / 2))


def _largest(doses: list[DailyDose]) -> DailyDose:
    """Of phases that follow one another the largest; unread where any is unread."""
    if len(doses) == 1:
        return doses[0]
    iron = [each.elemental_iron_mg for each in doses]
    return DailyDose(
        mg={name: _maximum([each.mg.get(name) for each in doses]) for name in doses[0].mg},
        fullest_mg={name: _maximum([each.fullest_mg.get(name) for each in doses]) for name in doses[0].fullest_mg},
        least_mg={name: _highest_read(each.least_mg.get(name) for each in doses) for name in doses[0].least_mg},
        after_dialysis=all(each.after_dialysis for each in doses),
        international_units={
            name: _maximum([each.international_units.get(name) for each in doses])
            for name in doses[0].international_units
        },
        fullest_units={
            name: _maximum([each.fullest_units.get(name) for each in doses]) for name in doses[0].fullest_units
        },
        elemental_iron_mg=_maximum(iron),
        least_iron_mg=_highest_read(each.least_iron_mg for each in doses),
        iron_salt_known=all(each.iron_salt_known for each in doses),
        iron_every_day=all(each.iron_every_day for each in doses),
    )


def _maximum(values: list[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return max(known) if known and len(known) == len(values) else None


def _highest_read(values: Iterable[Decimal | None]) -> Decimal | None:
    """The largest of what was read, which is the least that the fullest phase brings; `None` where nothing was."""
    return max((value for value in values if value is not None), default=None)
