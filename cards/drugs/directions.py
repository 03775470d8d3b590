"""Directions in words: how many a dose, how often a day. What cannot be told is `None`, never zero.

The words are those of the tables in `cards.drugs.sigs`. Ranges answer with their upper end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from cards.drugs import sigs
from cards.drugs.ingredients import plain
from cards.drugs.numbers import number_of
from cards.remembered import remembered
from cards.written_numbers import readings

#: The most characters of directions that are judged (contract section 5).
LONGEST_SIG = 200
#: `650 mg = 2 tab`: so near, pieces are the dose that was measured; `665 mg ... 28 tablet` is the supply.
_LINK = 4


@dataclass(frozen=True, slots=True)
class Said:
    """What directions say: an amount of `unit` ("" = pieces) a dose, and how often a day; `once` = one dose in all.

    per_full_day  how often on a day on which it is taken at all, where that is more than `per_day`
    either        the readings of an amount that may be two numbers; `amount` is then None
    """

    amount: Decimal | None = None
    unit: str = ""
    per_day: Decimal | None = None
    once: bool = False
    per_full_day: Decimal | None = None
    either: tuple[Decimal, ...] = ()


@remembered
def read_sig(said: str) -> Said:
    """Return the dose and frequency of directions in words; several doses of one day are added up."""
    return _read(said[:LONGEST_SIG])


@lru_cache(maxsize=4096)
def _read(said: str) -> Said:
    sig = _in_figures(said)
    per_day = _per_day(sigs.NOT_A_DOSE.removed_from(sig))
    goes_on = per_day is not None and sigs.ONE_AFTER_ANOTHER.are_in(sig)
    once = (sigs.ONCE.are_in(sig) and not goes_on) or (per_day is None and sigs.BARE_ONCE.are_in(sig))
    bare = sigs.NOT_A_DOSE.removed_from(sigs.IN_BRACKETS.removed_from(sig))
    summed = _largest_step(bare, per_day, once) or _over_the_day(bare, once)
    if summed:
        return summed
    dose = _dose(sig)
    full_day = _full_day(sigs.NOT_A_DOSE.removed_from(sig), per_day)
    return Said(dose.amount, dose.unit, per_day, once, full_day, dose.either)


def _in_figures(said: str) -> str:
    """Return the directions in lower case, with their numbers in figures and without hours of the clock."""
    for sign, written in sigs.PARTS_OF_ONE.items():
        said = said.replace(sign, written)
    sig = plain(said)
    for row in sigs.REWRITES:
        sig = row.pattern.sub(row.figures, sig)
    return " ".join(sigs.FRACTION.pattern.sub(sigs.FRACTION.figures, _without_clock(sig)).split())


def _without_clock(sig: str) -> str:
    hour = sigs.HOUR if sigs.AT_AN_HOUR.are_in(sig) else sigs.PLAIN_HOUR
    return hour.pattern.sub("", sig)


def _largest_step(bare: str, per_day: Decimal | None, once: bool) -> Said | None:
    """Return the largest of steps that follow one another; a step that does not say how often goes on as before."""
    told = sigs.NEXT_STEP.pattern.split(bare)
    if len(told) < 2:
        return None
    steps = [_over_the_day(step, once) or _one_step(step, _per_day(step) or per_day) for step in told]
    known = [step for step in steps if step.amount is not None and step.per_day is not None]
    if len(known) < 2 or len({step.unit for step in known}) > 1:
        return None
    most = max((step.amount or Decimal(0)) * (step.per_day or Decimal(0)) for step in known)
    fullest = max((step.amount or Decimal(0)) * (step.per_full_day or Decimal(0)) for step in known)
    return Said(most, known[0].unit, Decimal(1), once, fullest / most if most else Decimal(1))


def _one_step(step: str, per_day: Decimal | None) -> Said:
    dose = _dose(step)
    return Said(dose.amount, dose.unit, per_day, per_full_day=_full_day(step, per_day))


def _over_the_day(bare: str, once: bool) -> Said | None:
    """Return the sum of the doses of one day, or None unless there are two or more that can all be read.

    If two can be read and a third dose cannot, the sum is not known.
    """
    if sigs.ONE_AFTER_ANOTHER.are_in(bare):
        return None
    parts = [part for part in sigs.PARTING.pattern.split(bare) if not sigs.ONLY_MEALS.pattern.fullmatch(part)]
    if len(parts) < 2:
        return None
    read = [(*_dose(part)[:2], _per_day(part)) for part in parts]
    doses = [(amount, unit, per_day) for amount, unit, per_day in read if amount is not None or per_day is not None]
    known = [amount * per_day for amount, _, per_day in doses if amount is not None and per_day is not None]
    units = {unit for _, unit, _ in doses}
    if len(known) >= 2 and any(amount is not None and per_day is None for amount, _, per_day in doses):
        return Said(once=once)
    if len(doses) < 2 or len(known) < len(doses) or len(units) > 1:
        return None
    total = sum(known, Decimal(0))
    return Said(total, units.pop(), Decimal(1), once, _fullest(doses) / total if total else Decimal(1))


def _fullest(doses: Iterable[tuple[Decimal | None, str, Decimal | None]]) -> Decimal:
    """Return what a day brings on which all of these are taken; less than once a day is once on that day."""
    return sum((amount * max(per_day, Decimal(1)) for amount, _, per_day in doses if amount and per_day), Decimal(0))


def _per_day(sig: str) -> Decimal | None:
    for row in sigs.FREQUENCIES:
        match = row.pattern.search(sig)
        if match:
            return row.per_day(match)
    return None


def _full_day(sig: str, per_day: Decimal | None) -> Decimal | None:
    """Return how often it is taken on a day on which it is taken; three times a week is once, twice a day on Mondays is
    twice.
    """
    if per_day is None or per_day >= 1:
        return per_day
    rest = sig
    for row in sigs.FREQUENCIES:
        match = row.pattern.search(rest)
        if match:
            rest = f"{rest[: match.start()]} {rest[match.end() :]}"
            times = row.per_day(match)
            if times is not None and times >= 1:
                return times
    return Decimal(1)


class _Dose(NamedTuple):
    amount: Decimal | None
    unit: str
    either: tuple[Decimal, ...] = ()


def _dose(sig: str) -> _Dose:
    """Return the dose and its unit: pieces before measures (`650 mg = 2 tab` is two tablets), a bare number last."""
    bare = sigs.HOW_OFTEN.removed_from(sigs.NOT_A_DOSE.removed_from(sig)).strip()
    without_strength = sigs.STRENGTH_BEFORE.removed_from(bare)
    pieces = sigs.PIECES_DOSE.pattern.search(without_strength)
    if not pieces and without_strength != bare:
        pieces = sigs.TAKEN_DOSE.pattern.search(without_strength)
    measured = sigs.MEASURED_DOSE.pattern.match(bare)
    if pieces and not (measured and without_strength == bare and pieces.start() > measured.end() + _LINK):
        return _Dose(_upper(pieces), "")
    measured = measured or sigs.MEASURED_DOSE.pattern.search(sigs.STRENGTH_EACH.removed_from(bare))
    if measured:
        return _Dose(_upper(measured), measured[3], readings(measured[2] or measured[1]))
    taken = sigs.TAKEN_DOSE.pattern.search(bare)
    return _Dose(_upper(taken), "") if taken else _Dose(None, "")


def _upper(match: re.Match[str]) -> Decimal | None:
    """Return the upper end of `1-2`."""
    return number_of(match[2] or match[1])
