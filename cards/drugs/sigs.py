"""The words of directions that are read, one form a row: a pattern, what it means, and an example with its reading.

`cards.drugs.directions` reads with these tables, and every example is a test: the row reads it, and no row above it
does. A reading is written as the dose, `x`, and how often a day: `2 x 3/7` is two pieces three times a week,
`325 mg x 1` is one dose of 325 mg a day, `? x 1` leaves the dose open and `2 x ?` how often; `once` is one dose in
all. English, with the abbreviations of prescriptions. The directions are in lower case when they are compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from cards.drugs.numbers import MG_OF_IRON, NUMBER, number_of


class Form(NamedTuple):
    """One form of words. `example` is read as `reads` because of it."""

    pattern: str
    meaning: str
    example: str
    reads: str


@dataclass(frozen=True)
class Forms:
    """Forms of one effect; `pattern` matches any of them, the first that fits where several do."""

    rows: tuple[Form, ...]
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        joined = "|".join(row.pattern for row in self.rows)
        object.__setattr__(self, "pattern", re.compile(joined))

    def are_in(self, sig: str) -> bool:
        """Return whether one of the forms is in the directions."""
        return bool(self.pattern.search(sig))

    def removed_from(self, sig: str) -> str:
        """Return the directions with a blank in place of each of the forms."""
        return self.pattern.sub(" ", sig)


PerDay = Callable[[re.Match[str]], Decimal | None]


class Frequency(NamedTuple):
    """One form of how often. `per_day` gives the doses a day of a match; those of `example` are `reads`."""

    pattern: re.Pattern[str]
    per_day: PerDay
    example: str
    reads: str


class Rewrite(NamedTuple):
    """One form of a number, and the figures that take its place: `example` becomes `becomes`."""

    pattern: re.Pattern[str]
    figures: str | Callable[[re.Match[str]], str]
    example: str
    becomes: str


# ------------------------------------------------------------------ numbers

_COUNTED = {"half": "0.5", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7"}
_COUNTED |= {"eight": "8", "nine": "9", "ten": "10", "twelve": "12"}
#: Replaced before accents and signs are taken apart: as plain letters `1½` would be `11/2`.
PARTS_OF_ONE = {"½": " 1/2", "¼": " 1/4", "¾": " 3/4"}


def _divided_out(match: re.Match[str]) -> str:
    whole, above, below = Decimal(match[1] or 0), Decimal(match[2]), Decimal(match[3])
    return f"{whole + above / below:f}" if 0 < above < below <= 8 else match[0]


#: From the top, each over all that those above it left.
REWRITES = (
    Rewrite(re.compile(r"\b([a-z])\."), r"\1", "1 tab t.i.d.", "1 tab tid"),
    Rewrite(
        re.compile(rf"\b({'|'.join(_COUNTED)})\b"),
        lambda match: _COUNTED[match[1]],
        "two tabs twelve hourly",
        "2 tabs 12 hourly",
    ),
    Rewrite(re.compile(rf"\(\s*+(?:{'|'.join(_COUNTED)}|\d+)\s*+\)"), " ", "2 (two) tabs", "2 tabs"),
    Rewrite(re.compile(r"\b(\d+)\s++and\s++(?:a\s++)?0\.5\b"), r"\1.5", "one and a half tabs", "1.5 tabs"),
)
#: After the hours of the clock are gone. Up to eighths: `7/12` and `90/12` are other things.
FRACTION = Rewrite(
    re.compile(r"\b(?:(\d+)\s++)?(\d+)\s*+/\s*+(\d+)\b(?!\s*+(?:mg|ml|/))"), _divided_out, "1 1/2 tabs", "1.5 tabs"
)

# ------------------------------------------------------------------ the clock

_CLOCK = r"\b\d{1,2}(?::\d\d)?\s*+"
#: `8 am` is an hour and not eight pieces where the directions say `at`, write minutes or leave no blank.
AT_AN_HOUR = Forms((Form(rf"\bat\s++{_CLOCK[2:]}[ap]m\b", "hours are named", "1 tab at 9 am and 9 pm", "1 x 2"),))
HOUR = Forms((Form(rf"{_CLOCK}(?=[ap]m\b)", "an hour, beside another after `at`", "1 tab at 8 am and 8 pm", "1 x 2"),))
PLAIN_HOUR = Forms(
    (Form(r"\b\d{1,2}(?::\d\d\s*+|)(?=[ap]m\b)", "an hour by its form", "1 tab 8:00 am and 10:00 pm", "1 x 2"),)
)

# ------------------------------------------------------------------ how many

#: One word between a number and what it counts.
_WORD = r"\w{1,40}+"
_RANGE = rf"({NUMBER})(?:\s*+(?:-|to|or)\s*+({NUMBER}))?"
_PIECES = r"(?:tab(?:let)?s?|tabs?\b|cap(?:sule|let)?s?|caps?\b|pills?|softgels?|gumm(?:y|ies)|patch(?:es)?|each)\b"
_UNIT = rf"({MG_OF_IRON}|mg|mcg|ug|micrograms?|milligrams?|grams?|gm|g|ml|iu|units?|tsp|teaspoon(?:ful)?s?)\b"
_SPAN = r"(?:days?|weeks?|wks?|months?|years?|d|hours?|hrs?|min(?:ute)?s?)\b"

#: The groups are the ends of a range; the upper one is the dose.
PIECES_DOSE = Forms((Form(rf"{_RANGE}\s*+(?:{_WORD}\s++)?{_PIECES}", "pieces", "daily: 1 to 2 red tablets", "2 x 1"),))
TAKEN_DOSE = Forms(
    (
        Form(
            rf"(?:^|take|give)\s*+{_RANGE}(?!\d)",
            "a number alone, at the head or after `take`",
            "take 2 by mouth daily",
            "2 x 1",
        ),
    )
)
#: The third group is the unit.
MEASURED_DOSE = Forms(
    (
        Form(
            rf"({NUMBER})(?:\s*+(?:m?c?g)?\s*+(?:-|to|or)\s*+({NUMBER}))?\s*+{_UNIT}",
            "a measured dose",
            "12.5 mg-25 mg daily",
            "25 mg x 1",
        ),
    )
)
STRENGTH_BEFORE = Forms(
    (
        Form(
            rf"\(?(?<![/-])(?:{NUMBER})\s*+-?{_UNIT}(?:\s*+\)\s++|\s++)(?=(?:{_WORD}\s++)?{_PIECES})",
            "the strength of a piece, before its name",
            "2 325 mg tablets daily",
            "2 x 1",
        ),
    )
)
STRENGTH_EACH = Forms(
    (
        Form(
            rf"{_PIECES}\s*+\(?\s*+(?:{NUMBER})\s*+(?:mg|mcg|g|units?|iu)(?:\s++total)?\s*+\)?",
            "the strength of a piece, after its name",
            "take tablet 325 mg daily",
            "? x 1",
        ),
    )
)

# ------------------------------------------------------------------ numbers that are no dose

#: Taken out before doses and frequencies are looked for.
NOT_A_DOSE = Forms(
    (
        Form(r"(?<!\d)\d++\s*+refills?\b", "refills", "3 refills", "? x ?"),
        Form(
            r"(?:\bdisp(?:ense)?|#|\bqty)[-: ]*+#?+\s*+\d++\s*+[a-z]*+",
            "the supply",
            "disp: 90 tablets, 1 tab tid",
            "1 x 3",
        ),
        Form(rf"\b(?:for|x|after|in)\s*+\d+\s*+{_SPAN}", "how long", "1 tab daily for 1 week", "1 x 1"),
        Form(
            rf"(?<!every )(?<!each )(?<!q )\b(?:{NUMBER})(?:\s*+(?:-|to)\s*+\d+)?\s*+{_SPAN}"
            r"(?=\s*+(?:before|after|prior|apart|away|from|between)\b)",
            "how far from something else",
            "take 2 hours before bed",
            "? x 1",
        ),
        Form(
            r"\b(?:max(?:imum)?|no more than|not (?:to )?exceed)\b(?:[^.;,]|[.,]\d)*",
            "the most that may be taken",
            "no more than 4 tablets, 1 tab daily",
            "1 x 1",
        ),
    )
)
HOW_OFTEN = Forms(
    (
        Form(
            rf"(?:{NUMBER})\s*+(?:times?\b|x(?!\s*+\d)|/ ?day|-?\s*+hourly)",
            "how often, not how many",
            "3 times daily",
            "? x 3",
        ),
    )
)
ONLY_MEALS = Forms(
    (
        Form(
            r"\s*+(?:with|before|after)\s++(?:each |every )?(?:meals?|food|eating)\s*+\.?",
            "when to take it, and no dose of its own",
            "1 tab in the morning, with meals, and 1 tab at night",
            "2 x 1",
        ),
    )
)

# ------------------------------------------------------------------ one dose in all

ONCE = Forms(
    (
        Form(r"\bstat\b", "at once", "1 tab stat", "1 x ? once"),
        Form(rf"\bx ?1(?!\s*+{_SPAN}|\s*+refill)\b", "times one", "1 tab daily x1", "1 x 1 once"),
        Form(r"\bpremed\w*\b", "before a procedure", "1 tab as premedication", "1 x ? once"),
        Form(r"\bpre-medication\b", "before a procedure", "1 tab for pre-medication", "1 x ? once"),
        Form(r"\bonce only\b", "once", "1 tab once only at bedtime", "1 x 1 once"),
        Form(r"\bon call\b", "when called to a procedure", "1 tab on call", "1 x ? once"),
    )
)
#: These mean one dose only where nothing says how often: `as a single dose daily` is daily.
BARE_ONCE = Forms(
    (
        Form(r"\bsingle dose\b", "one dose", "1 tab as a single dose", "1 x ? once"),
        Form(r"\b1[- ]?(?:time|x)\b", "one time", "1 tab 1 time", "1 x ? once"),
        Form(r"\btimes 1\b", "times one", "1 tab times 1", "1 x ? once"),
        Form(
            r"\bonce\b(?!\s*+(?:a|per|each|every|daily|weekly|monthly|in|at|nightly|/))",
            "once",
            "1 tab once",
            "1 x ? once",
        ),
    )
)

# ------------------------------------------------------------------ several doses

#: The blanks before a separator, all of them or none: a pattern that begins with `\s*` is tried at each blank anew.
_GAP = r"(?:(?<!\s)\s++)?+"
#: What separates the doses of one day.
PARTING = Forms(
    (
        Form(rf"{_GAP},(?!\d)\s*+", "and", "1 tab am, 2 tabs pm", "3 x 1"),
        Form(rf"{_GAP};\s*+", "and", "1 tab am; 2 tabs pm", "3 x 1"),
        Form(rf"{_GAP}&\s*+", "and", "1 tab am & 2 tabs pm", "3 x 1"),
        Form(rf"{_GAP}\+\s*+", "and", "1 tab am + 2 tabs pm", "3 x 1"),
        Form(rf"{_GAP}\band\b\s*+", "and", "1 tab am and 2 tabs pm", "3 x 1"),
        Form(rf"{_GAP}\bplus\b\s*+", "and", "1 tab am plus 2 tabs pm", "3 x 1"),
    )
)
#: Steps that follow one another are never added up.
ONE_AFTER_ANOTHER = Forms(
    (
        Form(r"\bthen", "a later step", "1 tab stat then 1 tab daily", "1 x 1"),
        Form(r"\bincrease", "a higher step", "1 tab stat, increase to 2 tabs daily", "2 x 1"),
        Form(r"\btitrate", "steps", "1 tab am, titrate, 1 tab pm", "1 x 1"),
        Form(r"\btaper", "lower steps", "1 tab am, taper, 1 tab pm", "1 x 1"),
        Form(r"\bdecrease", "a lower step", "2 tabs daily, decrease to 1 tab daily", "2 x 1"),
        Form(
            r"\btotal(?: daily)?(?: dose)?(?: of|:)?\s*+\d",
            "the sum of what stands before it",
            "100 mg am, 200 mg pm, total daily dose 300 mg daily",
            "100 mg x 1",
        ),
    )
)
#: Where one step ends and the next begins.
NEXT_STEP = Forms(
    (
        Form(r"\bthen\b", "a later step", "1 tab daily then 2 tabs daily", "2 x 1"),
        Form(r"\bincreased?(?: the)?(?: dose)? to\b", "a higher step", "1 tab daily, increase to 2 tabs", "2 x 1"),
    )
)
IN_BRACKETS = Forms((Form(r"\([^()]*\)", "an aside", "1 tab daily (1 tab am and 1 tab pm)", "1 x 1"),))

# ------------------------------------------------------------------ how often


def _times(days: int) -> PerDay:
    """Return the reading of so many times in so many days; the first group is the number of times."""
    return lambda match: divided(number_of(match[1]), Decimal(days))


def _fixed(times: str, days: int = 1) -> PerDay:
    return lambda match: Decimal(times) / days


def _every(times: str, days: int = 1) -> PerDay:
    """Return the reading of once in so many parts, of which a stretch of `days` has `times`.

    The first group says how many parts lie between two doses.
    """
    return lambda match: divided(Decimal(times) / days, number_of(match[1]))


def divided(above: Decimal | None, below: Decimal | None) -> Decimal | None:
    """Return the quotient, or None if a number is missing or zero."""
    return above / below if above and below else None


def _row(pattern: str, per_day: PerDay, example: str, reads: str) -> Frequency:
    return Frequency(re.compile(pattern), per_day, example, reads)


_N = rf"({NUMBER})"
_A = r"(?:a|per|each|every|/)?"
_MORNING, _EVENING = r"(?:mornings?|breakfast|am)", r"(?:bed(?:time)?|nights?|evenings?|dinner|supper|pm)"
_PART = rf"(?:{_MORNING}|{_EVENING}|noon|lunch)"
_OTHER = r"(?:other|second|2nd)"
#: Read from the top: what is more particular first. A week is seven days, a month thirty.
FREQUENCIES = (
    # weeks
    _row(
        rf"\b{_N}(?:\s*+(?:-|to)\s*+\d+)?\s*+(?:times?|x)\s*+{_A}\s*+(?:week|wk)(?:ly)?\b", _times(7), "3x/week", "3/7"
    ),
    _row(rf"\btwice\s*+{_A}\s*+week(?:ly)?\b", _fixed("2", 7), "twice a week", "2/7"),
    _row(rf"\bthrice\s*+{_A}\s*+week(?:ly)?\b", _fixed("3", 7), "thrice weekly", "3/7"),
    _row(r"\btiw\b", _fixed("3", 7), "tiw", "3/7"),
    _row(r"\bm[-,/ ]*w[-,/ ]*f\b", _fixed("3", 7), "m, w, f", "3/7"),
    _row(r"\bmon\w*[,/ ]+wed\w*[,/ ]+(?:and )?fri\w*", _fixed("3", 7), "monday, wednesday and friday", "3/7"),
    _row(rf"\b(?:every|q)\s*+{_N}\s*+(?:-\s*+\d+\s*+)?(?:weeks?|wks?)\b", _every("1", 7), "every 2 weeks", "1/14"),
    _row(rf"\bevery {_OTHER} week\b", _fixed("1", 14), "every other week", "1/14"),
    _row(r"\bonce (?:a|per|every|each) week\b", _fixed("1", 7), "once a week", "1/7"),
    _row(r"\bweekly\b", _fixed("1", 7), "weekly", "1/7"),
    _row(r"\bevery week\b", _fixed("1", 7), "every week", "1/7"),
    _row(r"\b(?:1|each|per) week\b", _fixed("1", 7), "per week", "1/7"),
    _row(r"\bq ?w(?:ee)?k(?:ly)?\b", _fixed("1", 7), "qwk", "1/7"),
    _row(r"/ ?week\b", _fixed("1", 7), "1/week", "1/7"),
    # months
    _row(r"\bonce a month\b", _fixed("1", 30), "once a month", "1/30"),
    _row(r"\bmonthly\b", _fixed("1", 30), "monthly", "1/30"),
    _row(r"\b(?:every|per) month\b", _fixed("1", 30), "every month", "1/30"),
    _row(r"\bq ?month\b", _fixed("1", 30), "qmonth", "1/30"),
    # days apart
    _row(rf"\bevery {_OTHER} (?:day|{_PART})\b", _fixed("1", 2), "every other night", "1/2"),
    _row(rf"\balternat(?:e|ing) (?:days?|{_PART})\b", _fixed("1", 2), "on alternate days", "1/2"),
    _row(r"\bq ?o ?d\b", _fixed("1", 2), "qod", "1/2"),
    _row(r"\beod\b", _fixed("1", 2), "eod", "1/2"),
    _row(r"\bevery (?:third|3rd) day\b", _fixed("1", 3), "every third day", "1/3"),
    _row(rf"\b(?:every|q)\s*+{_N}\s*+(?:-\s*+\d+\s*+)?(?:days?|d)\b", _every("1"), "every 4 days", "1/4"),
    # hours
    _row(rf"\b(?:every|q)\s*+{_N}\s*+(?:(?:-|to)\s*+\d+\s*+)?-?(?:hours?|hourly|hrs?|h)\b", _every("24"), "q8h", "3"),
    _row(rf"\b{_N}\s*+-?\s*+hourly\b", _every("24"), "6-hourly", "4"),
    # times a day
    _row(
        rf"\b(?:(?:{NUMBER})\s*+(?:-|to|or)\s*+)?{_N}\s*+(?:x|times?)\s*+{_A}\s*+(?:day|daily)\b",
        _times(1),
        "3 or 4 times a day",
        "4",
    ),
    _row(rf"(?:\bx ?|\b){_N} ?/ ?day\b", _times(1), "x3/day", "3"),
    _row(r"\bq(?:id|ds)\b", _fixed("4"), "qid", "4"),
    _row(r"\bt(?:id|ds)\b", _fixed("3"), "tid", "3"),
    _row(r"\bthrice (?:a day|daily)\b", _fixed("3"), "thrice daily", "3"),
    _row(r"\b(?:bid|bd)\b", _fixed("2"), "bid", "2"),
    _row(rf"\btwice\s*+{_A}\s*+(?:day|daily)\b", _fixed("2"), "twice a day", "2"),
    _row(
        rf"\b{_MORNING} and (?:at |in |with |before )?(?:the )?(?:\d+ ?)?{_EVENING}\b",
        _fixed("2"),
        "morning and evening",
        "2",
    ),
    _row(r"\b(?:qd|od)\b", _fixed("1"), "qd", "1"),
    _row(r"\b(?:dai|night)ly\b", _fixed("1"), "daily", "1"),
    _row(r"\b(?:a|per|each|every) day\b", _fixed("1"), "each day", "1"),
    _row(r"\bq ?day\b", _fixed("1"), "qday", "1"),
    _row(r"/ ?day\b", _fixed("1"), "80 mg/day", "1"),
    # meals and parts of the day
    _row(
        r"\b(?:with|before|after) (?:each meal|every meal|meals|breakfast,? lunch,? and)",
        _fixed("3"),
        "with meals",
        "3",
    ),
    _row(r"\bq? ?(?:hs|am|pm)\b", _fixed("1"), "qhs", "1"),
    _row(r"\bnocte\b", _fixed("1"), "nocte", "1"),
    _row(r"\bmane\b", _fixed("1"), "mane", "1"),
    _row(rf"\b(?:at|before|prior to|each|every|in|with)\s*+(?:the )?{_PART}\b", _fixed("1"), "at bedtime", "1"),
)
