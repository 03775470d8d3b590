"""Directions in words: how many a dose, how often a day. What cannot be told is `None`, never zero.

English, with the abbreviations of prescriptions (tid, q8h, qod, qhs, prn). Ranges answer with their upper end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from cards.drugs.ingredients import plain
from cards.drugs.numbers import MG_OF_IRON, NUMBER, number_of

LONGEST_SIG = 1000
_COUNTED = {"half": "0.5", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7"}
_COUNTED |= {"eight": "8", "nine": "9", "ten": "10", "twelve": "12"}
#: Before these signs are taken apart: as plain letters `1½` would be `11/2`.
_PARTS_OF_ONE = {"½": " 1/2", "¼": " 1/4", "¾": " 3/4"}
_FRACTION = re.compile(r"\b(?:(\d+)\s+)?(\d+)\s*/\s*(\d+)\b(?!\s*(?:mg|ml|/))")
_AND_A_HALF = re.compile(r"\b(\d+)\s+and\s+(?:a\s+)?0\.5\b")
_BRACKETS = re.compile(rf"\(\s*(?:{'|'.join(_COUNTED)}|\d+)\s*\)")
_DOTTED = re.compile(r"\b([a-z])\.")
_HOUR = re.compile(r"\b\d{1,2}(?::\d\d)?\s*(?=[ap]m\b)")
_AT_AN_HOUR = re.compile(r"\bat\s+\d{1,2}(?::\d\d)?\s*[ap]m\b")
_PLAIN_HOUR = re.compile(r"\b\d{1,2}(?::\d\d\s*|)(?=[ap]m\b)")
_WORD_NUMBER = re.compile(rf"\b({'|'.join(_COUNTED)})\b")
_RANGE = rf"({NUMBER})(?:\s*(?:-|to|or)\s*({NUMBER}))?"
_PIECES = r"(?:tab(?:let)?s?|tabs?\b|cap(?:sule|let)?s?|caps?\b|pills?|softgels?|gumm(?:y|ies)|patch(?:es)?|each)\b"
_PIECES_DOSE = re.compile(rf"{_RANGE}\s*(?:\w+\s+)?{_PIECES}")
_TAKEN_DOSE = re.compile(rf"(?:^|take|give)\s*{_RANGE}\s*(?:to be taken|(?:by mouth|po|orally)?\s*(?=\D|$))")
_UNIT = rf"({MG_OF_IRON}|mg|mcg|ug|micrograms?|milligrams?|grams?|gm|g|ml|iu|units?|tsp|teaspoon(?:ful)?s?)\b"
_MEASURED_DOSE = re.compile(rf"({NUMBER})(?:\s*(?:m?c?g)?\s*(?:-|to|or)\s*({NUMBER}))?\s*{_UNIT}")
_SPAN = r"(?:days?|weeks?|wks?|months?|years?|d|hours?|hrs?|min(?:ute)?s?)\b"
_NOT_A_DOSE = re.compile(
    rf"\d+\s*refills?\b|(?:\bdisp(?:ense)?|#|\bqty)[-: ]*#?\s*\d+\s*[a-z]*|\b(?:for|x|after|in)\s*\d+\s*{_SPAN}"
    rf"|(?<!every )(?<!each )(?<!q )\b(?:{NUMBER})(?:\s*(?:-|to)\s*\d+)?\s*{_SPAN}"
    r"(?=\s*(?:before|after|prior|apart|away|from|between)\b)"
    r"|\b(?:max(?:imum)?|no more than|not (?:to )?exceed)\b(?:[^.;,]|[.,]\d)*"
)
#: `3x`, `2 times`, `3/day` and `12-hourly` tell how often, not how many.
_HOW_OFTEN = re.compile(rf"(?:{NUMBER})\s*(?:times?\b|x(?!\s*\d)|/ ?day|-?\s*hourly)")
#: The strength of a piece before its name: `1 325 mg tablet` is one tablet.
_STRENGTH_BEFORE = re.compile(rf"\(?(?<![/-])(?:{NUMBER})\s*-?{_UNIT}\s*\)?\s+(?=(?:\w+\s+)?{_PIECES})")
_STRENGTH_EACH = re.compile(rf"{_PIECES}\s*\(?\s*(?:{NUMBER})\s*(?:mg|mcg|g|units?|iu)(?:\s+total)?\s*\)?")

_ONCE = re.compile(rf"\b(?:stat|x ?1(?!\s*{_SPAN}|\s*refill)|premed\w*|once only|pre-?medication|on call)\b")
_BARE_ONCE = re.compile(
    r"\bsingle dose\b|\b1[- ]?(?:time|x)\b|\btimes 1\b"
    r"|\bonce\b(?!\s*(?:a|per|each|every|daily|weekly|monthly|in|at|nightly|/))"
)
#: What parts directions of several doses a day: `1 tab in the morning and 2 tabs at bedtime`.
_PARTING = re.compile(r"\s*(?:,(?!\d)|;|&|\+|\band\b|\bplus\b)\s*")
_ONE_AFTER_ANOTHER = re.compile(r"\b(?:then|increase|titrate|taper|decrease|total(?: daily)?(?: dose)?(?: of|:)?\s*\d)")
_NEXT = re.compile(r"\b(?:then|increased?(?: the)?(?: dose)? to)\b")
#: `650 mg = 2 tab`: so near, pieces are the dose that was measured; `665 mg ... 28 tablet` is the supply.
_LINK = 4
_IN_BRACKETS = re.compile(r"\([^()]*\)")

PerDay = Callable[[re.Match[str]], Decimal | None]


def _times(days: int) -> PerDay:
    """So many times in so many days: the first group is the number of times."""
    return lambda match: _divided(number_of(match[1]), Decimal(days))


def _fixed(times: str, days: int = 1) -> PerDay:
    return lambda match: Decimal(times) / days


def _every(times: str, days: int = 1) -> PerDay:
    """Once in so many parts: a stretch of `days` has `times` of them, the first group says how many lie between."""
    return lambda match: _divided(Decimal(times) / days, number_of(match[1]))


_N = rf"({NUMBER})"
_A = r"(?:a|per|each|every|/)?"
_MORNING, _EVENING = r"(?:mornings?|breakfast|am)", r"(?:bed(?:time)?|nights?|evenings?|dinner|supper|pm)"
_PART = rf"(?:{_MORNING}|{_EVENING}|noon|lunch)"
_THREE_DAYS = r"\btiw\b|\bm[-,/ ]*w[-,/ ]*f\b|\bmon\w*[,/ ]+wed\w*[,/ ]+(?:and )?fri\w*"
_OTHER = r"(?:other|second|2nd)"
#: When to take it, and no dose of its own.
_ONLY_MEALS = re.compile(r"\s*(?:with|before|after)\s+(?:each |every )?(?:meals?|food|eating)\s*\.?")
_MEALS = r"\b(?:with|before|after) (?:each meal|every meal|meals|breakfast,? lunch,? and)"
#: Read from the top: what is more particular first. A week is seven days, a month thirty.
_FREQUENCIES: tuple[tuple[re.Pattern[str], PerDay], ...] = tuple(
    (re.compile(pattern), answer)
    for pattern, answer in (
        (rf"\b{_N}(?:\s*(?:-|to)\s*\d+)?\s*(?:times?|x)\s*{_A}\s*(?:week|wk)(?:ly)?\b", _times(7)),
        (rf"\b(?:twice|2x)\s*{_A}\s*week(?:ly)?\b", _fixed("2", 7)),
        (rf"\bthrice\s*{_A}\s*week(?:ly)?\b|{_THREE_DAYS}", _fixed("3", 7)),
        (rf"\b(?:every|q)\s*{_N}\s*(?:-\s*\d+\s*)?(?:weeks?|wks?)\b", _every("1", 7)),
        (rf"\bevery {_OTHER} week\b", _fixed("1", 14)),
        (r"\b(?:(?:once|1 time) (?:a|per|every|each) week|once weekly|weekly|every week)\b", _fixed("1", 7)),
        (r"\b(?:(?:1|each|per) week|q ?w(?:ee)?k(?:ly)?)\b|/ ?week\b", _fixed("1", 7)),
        (r"\b(?:once (?:a|per) month|monthly|every month|per month|q ?month)\b", _fixed("1", 30)),
        (rf"\bevery {_OTHER} (?:day|{_PART})\b|\balternat(?:e|ing) (?:days?|{_PART})\b", _fixed("1", 2)),
        (r"\b(?:qod|q ?o ?d|every 48 hours|eod)\b", _fixed("1", 2)),
        (r"\bevery (?:third|3rd) day\b", _fixed("1", 3)),
        (rf"\b(?:every|q)\s*{_N}\s*(?:-\s*\d+\s*)?(?:days?|d)\b", _every("1")),
        (rf"\b(?:every|q)\s*{_N}\s*(?:(?:-|to)\s*\d+\s*)?-?(?:hours?|hourly|hrs?|h)\b", _every("24")),
        (rf"\b{_N}\s*-?\s*hourly\b", _every("24")),
        (rf"\b(?:(?:{NUMBER})\s*(?:-|to|or)\s*)?{_N}\s*(?:x|times?)\s*{_A}\s*(?:day|daily)\b", _times(1)),
        (rf"(?:\bx ?|\b){_N} ?/ ?day\b", _times(1)),
        (r"\b(?:qid|qds)\b", _fixed("4")),
        (r"\b(?:tid|tds|thrice (?:a day|daily))\b", _fixed("3")),
        (rf"\b(?:bid|bd|twice\s*{_A}\s*(?:day|daily))\b", _fixed("2")),
        (rf"\b{_MORNING} and (?:at |in |with |before )?(?:the )?(?:\d+ ?)?{_EVENING}\b", _fixed("2")),
        (r"\b(?:qd|od|daily|nightly|(?:a|per|each|every) day|qday|q ?day|q ?24 ?h)\b|/ ?day\b", _fixed("1")),
        (_MEALS, _fixed("3")),
        (r"\b(?:qhs|q ?hs|hs|qam|q ?am|qpm|q ?pm|nocte|mane|am|pm)\b", _fixed("1")),
        (rf"\b(?:at|before|prior to|each|every|in|with)\s*(?:the )?{_PART}\b", _fixed("1")),
    )
)


@dataclass(frozen=True, slots=True)
class Said:
    """What directions say: an amount of `unit` ("" = pieces) a dose, and how often a day; `once` = one dose in all."""

    amount: Decimal | None = None
    unit: str = ""
    per_day: Decimal | None = None
    once: bool = False


def read_sig(said: str) -> Said:
    """The dose and frequency of directions in words; several doses of one day are added up."""
    sig = _as_numbers(said[:LONGEST_SIG])
    per_day = _per_day(_NOT_A_DOSE.sub(" ", sig))
    goes_on = per_day is not None and bool(_ONE_AFTER_ANOTHER.search(sig))
    once = (bool(_ONCE.search(sig)) and not goes_on) or (per_day is None and bool(_BARE_ONCE.search(sig)))
    bare = _NOT_A_DOSE.sub(" ", _IN_BRACKETS.sub(" ", sig))
    return _largest_step(bare, per_day, once) or _over_the_day(bare, once) or Said(*_dose(sig), per_day, once)


def _as_numbers(said: str) -> str:
    """Words to numbers, `1 (one)` to `1`, `1/2` to 0.5, `1 1/2` to 1.5, `t.i.d.` to `tid`."""
    for sign, written in _PARTS_OF_ONE.items():
        said = said.replace(sign, written)
    sig = _WORD_NUMBER.sub(lambda match: _COUNTED[match[1]], _DOTTED.sub(r"\1", plain(said)))
    sig = _AND_A_HALF.sub(r"\1.5", _BRACKETS.sub(" ", sig))
    return " ".join(_FRACTION.sub(_fraction, _without_clock(sig)).split())


def _without_clock(sig: str) -> str:
    """`8 am` is an hour and not eight pieces where the directions say `at`, write minutes or leave no blank."""
    return (_HOUR if _AT_AN_HOUR.search(sig) else _PLAIN_HOUR).sub("", sig)


def _fraction(match: re.Match[str]) -> str:
    whole, above, below = Decimal(match[1] or 0), Decimal(match[2]), Decimal(match[3])
    return f"{whole + above / below:f}" if 0 < above < below <= 8 else match[0]


def _largest_step(bare: str, per_day: Decimal | None, once: bool) -> Said | None:
    """Of steps that follow one another the largest; a step that does not say how often goes on as before."""
    steps = [_over_the_day(step, once) or Said(*_dose(step), _per_day(step) or per_day) for step in _NEXT.split(bare)]
    known = [step for step in steps if step.amount is not None and step.per_day is not None]
    if len(known) < 2 or len({step.unit for step in known}) > 1:
        return None
    most = max((step.amount or 0) * (step.per_day or 0) for step in known)
    return Said(Decimal(most), known[0].unit, Decimal(1), once)


def _over_the_day(bare: str, once: bool) -> Said | None:
    """The sum of the doses of one day; `None` where the directions are not of two or more that can all be read.

    Where two can be read and a third dose cannot, nobody knows the sum.
    """
    if _ONE_AFTER_ANOTHER.search(bare):
        return None
    parts = [part for part in _PARTING.split(bare) if not _ONLY_MEALS.fullmatch(part)]
    read = [(*_dose(part), _per_day(part)) for part in parts]
    doses = [(amount, unit, per_day) for amount, unit, per_day in read if amount is not None or per_day is not None]
    known = [amount * per_day for amount, _, per_day in doses if amount is not None and per_day is not None]
    units = {unit for _, unit, _ in doses}
    if len(known) >= 2 and any(amount is not None and per_day is None for amount, _, per_day in doses):
        return Said(once=once)
    if len(doses) < 2 or len(known) < len(doses) or len(units) > 1:
        return None
    return Said(sum(known, Decimal(0)), units.pop(), Decimal(1), once)


def _per_day(sig: str) -> Decimal | None:
    for pattern, answer in _FREQUENCIES:
        match = pattern.search(sig)
        if match:
            return answer(match)
    return None


def _dose(sig: str) -> tuple[Decimal | None, str]:
    """Pieces before measures (`650 mg = 2 tab` is two tablets), measures before a number alone."""
    bare = _HOW_OFTEN.sub(" ", _NOT_A_DOSE.sub(" ", sig)).strip()
    without_strength = _STRENGTH_BEFORE.sub(" ", bare)
    pieces = _PIECES_DOSE.search(without_strength)
    if not pieces and without_strength != bare:
        pieces = _TAKEN_DOSE.search(without_strength)
    measured = _MEASURED_DOSE.match(bare)
    if pieces and not (measured and without_strength == bare and pieces.start() > measured.end() + _LINK):
        return _upper(pieces), ""
    measured = measured or _MEASURED_DOSE.search(_STRENGTH_EACH.sub(" ", bare))
    if measured:
        return _upper(measured), measured[3]
    taken = _TAKEN_DOSE.search(bare)
    return (_upper(taken), "") if taken else (None, "")


def _upper(match: re.Match[str]) -> Decimal | None:
    """The upper end of `1-2`."""
    return number_of(match[2] or match[1])


def _divided(above: Decimal | None, below: Decimal | None) -> Decimal | None:
    return above / below if above and below else None
