"""Directions in words: how many a dose, how often a day. What cannot be told is `None`, never zero.

English, with the abbreviations of prescriptions (tid, q8h, qod, qhs, prn). Ranges answer with their upper end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from cards.drugs.ingredients import plain
from cards.drugs.numbers import NUMBER, number_of

LONGEST_SIG = 1000
_COUNTED = {"half": "0.5", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "eight": "8"}
_FRACTION = re.compile(r"\b(\d+)\s*/\s*(\d+)\b(?!\s*(?:mg|ml|/))")
_BRACKETS = re.compile(r"\(\s*(?:one|two|three|four|five|six|half|\d+)\s*\)")
_WORD_NUMBER = re.compile(rf"\b({'|'.join(_COUNTED)})\b")
_RANGE = rf"({NUMBER})(?:\s*(?:-|to|or)\s*({NUMBER}))?"
_PIECES = r"(?:tab(?:let)?s?|tabs?\b|cap(?:sule|let)?s?|caps?\b|pills?|softgels?|gumm(?:y|ies)|patch(?:es)?|each)\b"
_PIECES_DOSE = re.compile(rf"{_RANGE}\s*(?:\w+\s+)?{_PIECES}")
_TAKEN_DOSE = re.compile(rf"(?:^|take|give)\s*{_RANGE}\s*(?:to be taken|(?:by mouth|po|orally)?\s*(?=\D|$))")
_MEASURED_DOSE = re.compile(rf"{_RANGE}\s*(mg|mcg|ug|micrograms?|milligrams?|grams?|gm|g|ml|iu|units?)\b")
_NOT_A_DOSE = re.compile(
    r"\d+\s*refills?\b|\bdisp(?:ense)?[- ]*#?\s*\d+\s*\w*|\b(?:for|x)\s*\d+\s*(?:days?|weeks?|months?)"
)
_STRENGTH_EACH = re.compile(rf"{_PIECES}\s*\(?\s*{NUMBER}\s*(?:mg|mcg|g|units?|iu)(?:\s+total)?\s*\)?")

_ONCE = re.compile(r"\b(?:stat|x ?1|one[- ]time|premed\w*|once only|pre-?medication|on call)\b")
_BARE_ONCE = re.compile(r"\bsingle dose\b|\bonce\b(?!\s*(?:a|per|each|every|daily|weekly|monthly|in|at|nightly|/))")

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
_PART = r"(?:bedtime|night|morning|evening)"
_THREE_DAYS = r"\btiw\b|\bm-?w-?f\b|\bmon\w*,? wed\w*,? (?:and )?fri\w*"
_MEALS = r"\b(?:with|before|after) (?:each meal|every meal|meals|breakfast,? lunch,? and)"
#: Read from the top: what is more particular first. A week is seven days, a month thirty.
_FREQUENCIES: tuple[tuple[re.Pattern[str], PerDay], ...] = tuple(
    (re.compile(pattern), answer)
    for pattern, answer in (
        (rf"\b{_N}(?:\s*(?:-|to)\s*\d+)?\s*times?\s*{_A}\s*(?:week|wk)(?:ly)?\b", _times(7)),
        (rf"\b(?:twice|2x)\s*{_A}\s*week(?:ly)?\b", _fixed("2", 7)),
        (rf"\bthrice\s*{_A}\s*week(?:ly)?\b|{_THREE_DAYS}", _fixed("3", 7)),
        (rf"\b(?:every|q)\s*{_N}\s*(?:-\s*\d+\s*)?(?:weeks?|wks?)\b", _every("1", 7)),
        (r"\b(?:(?:once|1 time) (?:a|per|every|each) week|once weekly|weekly|every week)\b", _fixed("1", 7)),
        (r"\b(?:(?:1|each|per) week|q ?w(?:ee)?k(?:ly)?)\b|/ ?week\b", _fixed("1", 7)),
        (r"\b(?:once (?:a|per) month|monthly|every month|per month)\b", _fixed("1", 30)),
        (r"\b(?:every other day|every second day|alternate days?|qod|q ?o ?d|every 48 hours|eod)\b", _fixed("1", 2)),
        (rf"\b(?:every|q)\s*{_N}\s*(?:-\s*\d+\s*)?(?:days?|d)\b", _every("1")),
        (rf"\b(?:every|q)\s*{_N}\s*(?:(?:-|to)\s*\d+\s*)?-?(?:hours?|hourly|hrs?|h)\b", _every("24")),
        (rf"\b{_N}\s*-\s*hourly\b", _every("24")),
        (rf"\b(?:(?:{NUMBER})\s*(?:-|to|or)\s*)?{_N}\s*(?:x|times?)\s*{_A}\s*(?:day|daily)\b", _times(1)),
        (r"\b(?:qid|qds|q\.i\.d)\b", _fixed("4")),
        (r"\b(?:tid|tds|t\.i\.d|thrice (?:a day|daily))\b", _fixed("3")),
        (rf"\b(?:bid|bd|b\.i\.d|twice\s*{_A}\s*(?:day|daily)|morning and (?:evening|night|bedtime))\b", _fixed("2")),
        (r"\b(?:qd|od|daily|nightly|(?:a|per|each|every) day|qday|q ?day|q ?24 ?h)\b|\bq\.d\.|/ ?day\b", _fixed("1")),
        (r"\b(?:qhs|q ?hs|hs|qam|q ?am|qpm|q ?pm|nocte|mane)\b", _fixed("1")),
        (rf"\b(?:at|before|each|every|in|with)\s*(?:the )?{_PART}\b", _fixed("1")),
        (_MEALS, _fixed("3")),
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
    """The dose and frequency of directions in words."""
    sig = _as_numbers(plain(said[:LONGEST_SIG]))
    per_day = _per_day(_NOT_A_DOSE.sub(" ", sig))
    once = bool(_ONCE.search(sig)) or (per_day is None and bool(_BARE_ONCE.search(sig)))
    amount, unit = _dose(sig)
    return Said(amount, unit, per_day, once)


def _as_numbers(sig: str) -> str:
    """Words to numbers, `1 (one)` to `1`, `1/2` to 0.5."""
    sig = _WORD_NUMBER.sub(lambda match: _COUNTED[match[1]], sig)
    sig = _BRACKETS.sub(" ", sig).replace("½", "0.5").replace("one-half", "0.5")
    return " ".join(_FRACTION.sub(_fraction, sig).split())


def _fraction(match: re.Match[str]) -> str:
    above, below = Decimal(match[1]), Decimal(match[2])
    return f"{above / below:f}" if 0 < above < below <= 8 else match[0]


def _per_day(sig: str) -> Decimal | None:
    for pattern, answer in _FREQUENCIES:
        match = pattern.search(sig)
        if match:
            return answer(match)
    return None


def _dose(sig: str) -> tuple[Decimal | None, str]:
    """Pieces before measures (`650 mg = 2 tab` is two tablets), measures before a number alone."""
    bare = _NOT_A_DOSE.sub(" ", sig)
    pieces = _PIECES_DOSE.search(bare)
    if pieces:
        return _upper(pieces), ""
    measured = _MEASURED_DOSE.search(_STRENGTH_EACH.sub(" ", bare))
    if measured:
        return _upper(measured), measured[3]
    taken = _TAKEN_DOSE.search(bare.strip())
    return (_upper(taken), "") if taken else (None, "")


def _upper(match: re.Match[str]) -> Decimal | None:
    """The upper end of `1-2`."""
    return number_of(match[2] or match[1])


def _divided(above: Decimal | None, below: Decimal | None) -> Decimal | None:
    return above / below if above and below else None
