"""Directions in words: how many a dose, how often a day. What cannot be told is `None`, never zero.

The words are those of the tables in `cards.drugs.sigs` and `cards.drugs.timing`. Ranges answer with their upper end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from cards.drugs import sigs
from cards.drugs.ingredients import plain
from cards.drugs.numbers import NUMBER, number_of
from cards.drugs.timing import parts_of_the_day, spoken_times_a_day, spoken_times_on_a_full_day
from cards.remembered import remembered
from cards.values import frozen
from cards.written_numbers import readings

#: The most characters of directions that are judged (contract section 5).
LONGEST_SIG = 200
#: `650 mg = 2 tab`: so near, pieces are the dose that was measured; `665 mg ... 28 tablet` is the supply.
_LINK = 4
#: More pieces than these behind a duration, with no word of how often, are the supply: `for 1 week - 28 tablet`.
_MOST_UNSAID = 4
#: Sentences of several doses; they are of one day where each names another part of it.
_SENTENCE = re.compile(r"\. ?(?=(?:take|give) )")
#: The dose as it was, or the day since which it is what it is.
_PAST = re.compile(
    r"\b(?:dose )?(?:(?:increased|raised|titrated)(?!(?: up)? from [^.;,()]* to \.?\d)|decreased|"
    r"reduced|lowered|changed)(?: up| down)? (?:from (?:(?! to \.?\d)[^.;,()]|[.,]\d)*+(?: to (?=\.?\d))?+"
    r"|(?:on )?(?:today|yesterday|\d{1,4}[/-]\d[\d/-]*+))"
)
#: Behind how long a step is, words without an amount are the next step only if they begin so; else they say when.
_OFTEN_AGAIN = re.compile(
    rf"[ ,.;:-]*+(?:and )?(?:take |use )?(?:once|twice|thrice|daily|nightly|weekly|every|each|[btq]i?[ds]|q(?:hs|am|pm)"
    rf"|q ?\d|(?:{NUMBER}) ?(?:x|times|hourly))\b(?! (?:morning|evening|night|meal|time)s?\b)"
)


@frozen
class Said:
    """What directions say: an amount of `unit` ("" = pieces) a dose, and how often a day; `once` = one dose in all.

    per_full_day  how often on a day on which it is taken at all, where that is more than `per_day`
    either        the readings of an amount that may be two numbers; `amount` is then None
    is_most       only the most that may be taken a day is told
    is_least      a dose or step was not read: `amount` is what a day brings at least, `per_day` is None
    """

    amount: Decimal | None = None
    unit: str = ""
    per_day: Decimal | None = None
    once: bool = False
    per_full_day: Decimal | None = None
    either: tuple[Decimal, ...] = ()
    is_most: bool = False
    is_least: bool = False

    @property
    def is_told(self) -> bool:
        """Return whether a dose is told, be it one number or one of two."""
        return _Dose(self.amount, self.unit, self.either).is_told


@remembered
def read_sig(said: str) -> Said:
    """Return the dose and frequency of directions in words; several doses of one day are added up."""
    return _read(said[:LONGEST_SIG])


@lru_cache(maxsize=4096)
def _read(said: str) -> Said:
    sig = _without_total(_with_scheme(_in_figures(said)))
    bare = sigs.NOT_A_DOSE.removed_from(sig)
    per_day = spoken_times_a_day(bare)
    once = (sigs.ONCE.are_in(sig) and not (per_day is not None and _goes_on(sig))) or (
        per_day is None and sigs.BARE_ONCE.are_in(sig)
    )
    outside = sigs.IN_BRACKETS.pattern.sub(_told_in_brackets, sig)
    bare_outside = bare if outside == sig else sigs.NOT_A_DOSE.removed_from(outside)
    several = _by_steps(outside, per_day) or _told_before_when(outside) or _over_the_day(bare_outside)
    return replace(several or _at_its_top(sig, _one_step(bare, bare_outside), once), once=once)


def _goes_on(sig: str) -> bool:
    return sigs.NEXT_STEP.are_in(sig) or sigs.RISE.are_in(sig)


def _told_in_brackets(match: re.Match[str]) -> str:
    """Return the steps or the repeats that an aside tells, or a blank."""
    return match[0][1:-1] if "repeat" in match[0] or _goes_on(match[0]) else " "


def _with_scheme(sig: str) -> str:
    """Return the directions with `1-0-1` as two a day, or without it where they say in words how often."""
    if sig.count("-") < 2 or not sigs.SCHEME.are_in(sig):
        return sig
    rest = sigs.SCHEME.removed_from(sig)
    told = (spoken_times_a_day(rest) or 0) > 1 and _dose(rest).amount is not None
    return rest if told else sigs.SCHEME.pattern.sub(_counted, sig)


def _counted(scheme: re.Match[str]) -> str:
    """Return the sum of a scheme in words, in pieces or in the size that stands before it."""
    size, unit, *counts = scheme.groups()
    total = sum((Decimal(count) for count in counts if count), Decimal(0))
    each = (number_of(size) if size else None) or Decimal(1)
    return f"take {each * total:f} {unit or 'tab'} daily" if total else " "


def _without_total(sig: str) -> str:
    """Return the directions without the sum of the day, where the doses that it sums up are told."""
    rest = sigs.TOTAL.removed_from(sig)
    if rest == sig:
        return sig
    told = _one_step(sigs.NOT_A_DOSE.removed_from(rest))
    return rest if told.per_day and told.amount is not None else sig


def _in_figures(said: str) -> str:
    """Return the directions in lower case, with their numbers in figures and without hours of the clock."""
    for sign, written in sigs.PARTS_OF_ONE.items():
        said = said.replace(sign, written)
    sig = plain(said)
    for row in sigs.REWRITES:
        sig = row.pattern.sub(row.figures, sig)
    sig = _PAST.sub(" ", sig)
    return " ".join(sigs.FRACTION.pattern.sub(sigs.FRACTION.figures, _without_clock(sig)).split())


def _without_clock(sig: str) -> str:
    hour = sigs.HOUR if sigs.AT_AN_HOUR.are_in(sig) else sigs.PLAIN_HOUR
    return hour.pattern.sub("", sig)


def _by_steps(sig: str, per_day: Decimal | None) -> Said | None:
    """Return the highest of steps that follow one another, or None where there are none.

    Where a step cannot be read, or the dose rises to a top that is not told, the highest is what a day brings at least.
    """
    told = _steps(sig)
    if not (told.rises or told.is_open) and len(told.steps) < 2:
        return None
    steps = _completed([_step(step) for step in told.steps], per_day)
    if (len(steps) < 2 or _are_of_one_day(told.steps)) and not (told.rises or told.is_open):
        return None
    unread = told.is_open or any(step.is_least for step in steps) or len({step.unit for step in steps}) > 1
    if unread or not steps:
        first_unit = [step for step in steps if step.unit == steps[0].unit]
        least = max((_most_of(step, step.per_full_day or Decimal(1)) for step in first_unit), default=None)
        return Said(least or None, steps[0].unit if steps else "", is_least=True)
    highest = max(steps, key=lambda step: _most_of(step, step.per_day or Decimal(1)))
    fullest = max(_most_of(step, step.per_full_day) for step in steps)
    size = _most_of(highest, Decimal(1))
    return replace(highest, per_full_day=fullest / size if fullest and size else highest.per_full_day)


class _Told(NamedTuple):
    """The words of each step; whether the dose rises, and whether it does so to a top that is not told."""

    steps: list[str]
    rises: bool
    is_open: bool


def _steps(sig: str) -> _Told:
    """Return the steps; what stands between a rise and its target is by how much and how fast, and no step."""
    head, *rises = sigs.RISE.pattern.split(sig)
    steps, is_open = _one_after_another(head), False
    for rise in rises:
        targets = list(sigs.TARGET.pattern.finditer(rise))
        ends = [each.start() for each in targets[1:]] + [len(rise)]
        following = _one_after_another(rise)
        if targets:
            for target, end in zip(targets, ends, strict=True):
                first_step, *later = _one_after_another(rise[target.end() : end])
                of_a_day = sigs.OF_A_DAY.are_in(target[0]) and not spoken_times_a_day(first_step)
                steps += [f"{first_step} daily" if of_a_day else first_step, *later]
        elif (spoken_times_a_day(following[0]) or 0) > 1 or (not head.strip(" ,.;:") and len(following) > 1):
            steps += following
        else:
            is_open = True
            steps += following[1:]
    return _Told(steps, bool(rises), is_open or sigs.UNTOLD.are_in(sig))


def _one_after_another(sig: str) -> list[str]:
    """Return the words of each step, without those behind how long one is that only say when it is taken."""
    bounds = list(sigs.NEXT_STEP.pattern.finditer(sig))
    starts, ends = [0, *(each.end() for each in bounds)], [*(each.start() for each in bounds), len(sig)]
    steps = [sig[start:end] for start, end in zip(starts, ends, strict=True)]
    behind = [None, *(each[0] for each in bounds)]
    return [step if _is_step(step, bound) else "" for step, bound in zip(steps, behind, strict=True)]


def _told_before_when(sig: str) -> Said | None:
    """Return the one step, where it tells dose and how often and what stands behind its length only says when."""
    first, *later = _one_after_another(sig)
    if not later or any(step.strip(" ,.;:") for step in later) or "repeat" in sig:
        return None
    told = _step(first)
    return told if told.is_told and told.per_day else None


def _is_step(words: str, behind: str | None) -> bool:
    if behind is None or not sigs.LENGTH.fullmatch(behind) or _OFTEN_AGAIN.match(words):
        return True
    return _dose(sigs.NOT_A_DOSE.removed_from(words).strip(" ,.;:-")).is_told


def _are_of_one_day(steps: Iterable[str]) -> bool:
    """Return whether each names another part of the day: `1 am for 7 days, 2 pm for 7 days` are of one day."""
    named = [parts for step in steps if (parts := parts_of_the_day(step))]
    return len(named) > 1 and len(frozenset().union(*named)) == sum(map(len, named))


def _step(words: str) -> Said:
    bare = sigs.NOT_A_DOSE.removed_from(words).strip(" ,.;:-")
    return _over_the_day(bare) or _one_step(bare)


def _completed(read: Iterable[Said], per_day: Decimal | None) -> list[Said]:
    """Return the steps that tell a dose or how often; what one of them does not say goes on as before."""
    steps: list[Said] = []
    often: Said | None = None
    for step in read:
        if step.is_told:
            is_supply = not step.unit and step.per_day is None and (step.amount or 0) > _MOST_UNSAID
            if steps and is_supply:
                continue
        elif step.per_day is None or not steps:
            often = often or (step if step.per_day else None)
            continue
        else:
            step = replace(step, amount=steps[-1].amount, unit=steps[-1].unit, either=steps[-1].either)
        before = steps[-1] if steps else often
        if step.per_day is None and before:
            step = replace(step, per_day=before.per_day, per_full_day=before.per_full_day)
        steps.append(step)
    after = next((step for step in steps if step.per_day), Said(per_day=per_day, per_full_day=per_day))
    return [
        step if step.per_day else replace(step, per_day=after.per_day, per_full_day=after.per_full_day)
        for step in steps
    ]


def _most_of(step: Said, per_day: Decimal | None) -> Decimal:
    """Return what a day brings at most, of an amount that may be two numbers the higher."""
    return max([step.amount or Decimal(0), *step.either]) * (per_day or Decimal(0))


def _one_step(bare: str, outside: str = "") -> Said:
    """Return the one dose that is told; how often counts as it stands outside of brackets, where it does."""
    dose = _dose(bare)
    per_day = spoken_times_a_day(outside)
    often = outside if per_day else bare
    per_day = per_day or spoken_times_a_day(bare)
    full_day = spoken_times_on_a_full_day(often, per_day)
    return Said(dose.amount, dose.unit, per_day, per_full_day=full_day, either=dose.either)


def _over_the_day(bare: str) -> Said | None:
    """Return what the doses of one day bring together; a total that is then broken down counts once."""
    return _broken_down(bare) or _summed(bare)


def _broken_down(bare: str) -> Said | None:
    """Return the doses at their parts of the day, or at several times, where they sum to what stands before them."""
    for sign in sigs.BREAKDOWN.pattern.finditer(bare):
        before, behind = bare[: sign.start()], bare[sign.end() :]
        whole = _one_step(before)
        often = whole.per_day or 0
        is_more = sigs.ADDED.are_in(behind) or (often > 1 and "morning" not in parts_of_the_day(behind))
        if parts_of_the_day(before) or whole.amount is None or often < 1 or is_more:
            continue
        summed = _summed(behind) if all(map(parts_of_the_day, _doses_in(behind))) else None
        parts = summed or _one_step(behind)
        is_whole = parts.unit == whole.unit and _most_of(parts, parts.per_day) == _most_of(whole, whole.per_day)
        is_told_so = sign[0].strip() in {":", "=", "-"} or "meal" in behind
        if is_whole and (summed or (is_told_so and (parts.per_day or 0) > often == 1)):
            return parts
    return None


def _summed(bare: str) -> Said | None:
    """Return the sum of the doses of one day, or None unless there are two or more that can all be read.

    If two can be read and a third dose cannot, the sum is what a day brings at least.
    """
    parts = _doses_in(bare)
    if len(parts) < 2:
        return None
    read = [_one_step(part) for part in parts]
    doses = [
        replace(one, per_day=Decimal(1), per_full_day=Decimal(1)) if not one.per_day and parts_of_the_day(part) else one
        for one, part in zip(read, parts, strict=True)
        if one.is_told or one.per_day is not None
    ]
    known = [one for one in doses if one.amount is not None and one.per_day is not None]
    units = {one.unit for one in doses}
    unread = any(one.is_told and one not in known for one in doses)
    if len(doses) < 2 or len(known) < 2 or (len(known) < len(doses) and not unread) or len(units) > 1:
        return None
    total = sum((_most_of(one, one.per_day) for one in known), Decimal(0))
    fullest = sum((_most_of(one, max(one.per_full_day or Decimal(1), Decimal(1))) for one in known), Decimal(0))
    if unread:
        return Said(fullest, known[0].unit, is_least=True)
    return Said(total, known[0].unit, Decimal(1), per_full_day=fullest / total if total else Decimal(1))


def _doses_in(bare: str) -> Sequence[str]:
    """Return the words about each dose of a day."""
    sentences = _SENTENCE.split(bare)
    joined = "; ".join(sentences) if _are_of_one_day(sentences) else bare
    return _doses_of_the_day(sigs.PARTING.pattern.split(joined))


def _doses_of_the_day(parts: Sequence[str]) -> Sequence[str]:
    """Return the words about each dose; parts without a dose belong to the one before them, the first to the next."""
    if len(parts) < 2:
        return parts
    doses: list[str] = []
    waiting = ""
    for part in parts:
        if sigs.ONLY_MEALS.pattern.fullmatch(part):
            continue
        if _dose(part).is_told:
            doses.append(f"{waiting} {part}".strip())
            waiting = ""
        elif doses:
            doses[-1] += f" and {part}"
        else:
            waiting += f" {part}"
    return doses


def _at_its_top(sig: str, said: Said, once: bool) -> Said:
    """Return what is said, as the most that may be taken a day where nothing says how often."""
    most = None if once or said.per_day else sigs.MOST.pattern.search(sig)
    told = _one_step(sigs.NOT_A_DOSE.removed_from(most[1]).strip()) if most else said
    if not most or told.amount is None:
        return said
    one = Decimal(1)
    return replace(told, per_day=told.per_day or one, per_full_day=told.per_full_day or one, is_most=True)


class _Dose(NamedTuple):
    amount: Decimal | None
    unit: str
    either: tuple[Decimal, ...] = ()

    @property
    def is_told(self) -> bool:
        """Return whether a dose is told, be it one number or one of two."""
        return self.amount is not None or len(self.either) > 1


def _dose(told: str) -> _Dose:
    """Return the dose and its unit: pieces before measures (`650 mg = 2 tab` is two tablets), a bare number last."""
    bare = sigs.HOW_OFTEN.removed_from(told).strip()
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
