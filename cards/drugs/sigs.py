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
from cards.drugs.timing import spoken_times_a_day


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


def _multiplied(match: re.Match[str]) -> str:
    """Return the amount of a dose; three or more, where so many times of the day stand behind it, are the times."""
    many, each = int(match[1]), number_of(match[2])
    are_times = many > 2 and match[3] != "ml" and many == _times_behind(match)
    return match[0] if are_times or not each else f"{(many * each).normalize():f} {match[3]}"


def _times_behind(match: re.Match[str]) -> Decimal | int | None:
    behind = match.string[match.end() :]
    scheme = SCHEME.pattern.search(behind)
    return (
        sum(bool(count and number_of(count)) for count in scheme.groups()[2:]) if scheme else spoken_times_a_day(behind)
    )


def _counted_hours(match: re.Match[str]) -> str:
    """Return how many hours are named, as times a day; one beside a part of the day is read as it stands.

    So are those behind several times a day, and those at which a day starts: `start at 8 am, 9 am. 1 cap tid`.
    """
    before = re.split(r"[.;] |\bthen\b", match.string[: match.start()])[-1]
    if re.search(rf"\b{_OFTEN}|\btimes\b|\b(?:start|begin)\w* $", before):
        return match[0]
    named = {hour.replace(" ", "").replace(":00", "") for hour in re.findall(_TIME, match[0])}
    of_the_clock = [hour for hour in named if hour[0].isdigit()]
    return f"{len(named)} times daily" if len(of_the_clock) > 1 else match[0]


def _with_days(match: re.Match[str]) -> str:
    return re.sub(r"x ?\d++", r"\g<0> days", match[0])


#: How long a step is, without a word for it: `qhs x3, bid x3, tid`.
_BARE_LENGTH = (
    r"\b(?:q?hs|q?[ap]m|[btq]id|[bt]ds?|daily|nightly|at (?:night|bedtime)) x ?\d{1,2}(?= ?(?:[,;.]|$|(?:and )?then\b))"
)
_TIME = r"\b(?:\d{1,2}(?::\d\d)? ?[ap]m|\d{1,2}:\d\d|noon|midday|midnight|bed(?:time)?|hs)\b"
#: Without `at`, `8 am` is an hour from five on: `1 am, 2 pm` are pieces.
_FIRST_TIME = r"(?<!:)(?:(?:[5-9]|1[0-2]) ?[ap]m|\d{1,2}(?::\d\d(?: ?[ap]m)?|[ap]m))\b"
_AND_AT = r" ?(?:[,;&]| \+ |\b(?:and|plus)\b)[ ,]*+(?:and |& )?(?:at )?"
_NO_HOURS = r"(?<!between )(?<!from )(?<!of )(?<!before )(?<!after )(?<!take )(?<!give )(?<!^)"
#: A day's amount in parts: the parts are no doses of that amount.
_SPREAD = (
    r"(?:\b(?:in(?:to)?|as|over)\s++(?:\d+(?:\s*+(?:-|to)\s*+\d+)?\s++)?)?\b"
    r"(?:(?<!be )divided|split(?= (?:into|between|over|evenly|equally|[btq]id)\b))"
    r"(?: ?(?:(?:in(?:to)?|as|to|over|up|equally|evenly|between|among|the|doses?|daily|a|per|day|every|q|q?\d+h?|"
    r"hourly|h(?:ou)?rs?|times?|twice|thrice|x|[btq]id|bd|[tq]ds|am|pm|morning|evening|night|bedtime)\b|[-/])"
    r"(?! ?(?:mg|g|mcg|ml|tabs?|tablets?|caps?|capsules?)\b))*+"
    r"|\b(?:in(?:to)?|as|over)\s++[2-9](?:\s*+(?:-|to)\s*+\d)?\s++(?:[a-z]+ )?doses\b"
)
#: Behind these a number is no whole to which a part is added: `week 1 - 1/2 tab`, `1/2-1-1/2`.
_NO_WHOLE = (
    r"(?<![\d/.,:-])(?<!- )(?<!at )(?<!x )(?<!day )(?<!days )(?<!week )(?<!weeks )(?<!wk )(?<!month )(?<!night )"
)
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
    Rewrite(re.compile(_SPREAD), " daily ", "900 mg a day divided tid", "900 mg a day daily"),
    # `1 at 5 pm, 2 at 9 pm` are doses, and not hours of one dose
    Rewrite(
        re.compile(rf"(?:\bat {_TIME}|{_NO_HOURS}\b{_FIRST_TIME})(?:{_AND_AT}{_TIME})+(?!:|,? (?:or|if)\b|/)"),
        _counted_hours,
        "1 tab at 7 pm and 11 pm",
        "1 tab 2 times daily",
    ),
    Rewrite(
        re.compile(rf"{_BARE_LENGTH}(?:[,;.]? (?:[^,;.x]{{1,30}} )?{_BARE_LENGTH})+"),
        _with_days,
        "1 tab qhs x3, bid x3, tid",
        "1 tab qhs x3 days, bid x3 days, tid",
    ),
    # in the north and the Netherlands; `1 tablet x 3` may be a course
    Rewrite(
        re.compile(
            r"\b(tablett\w*|tabl|kapse?l\w*|kaps|stuks?|stk) x ?([1-9](?:-[1-9])?)"
            r"(?! ?(?:\d|[./x]|days?|weeks?|dag\w*|uke\w*|vec?k\w*|uger?|dos\w*|gang\w*|engang\w*)|\w)"
        ),
        r"\1 \2 times daily",
        "1 tablett x 3",
        "1 tablett 3 times daily",
    ),
    # taken together; infusions are given one by one
    Rewrite(
        re.compile(
            rf"(?<![\d/.,])\b([2-9]) ?x ?({NUMBER}) ?(mg|mcg|g|iu|units?)\b(?! ?-? ?(?:[a-z]+ )?(?:tab|cap|pill))"
            r"(?!.*\b(?:iv|apart|infus\w*)\b)"
        ),
        _multiplied,
        "2 x 300 mg tds",
        "600 mg tds",
    ),
    Rewrite(
        re.compile(r"\b([2-9]) (?:x )?(\d+) ?(ml)(?= ?spoon)"), _multiplied, "two 5ml spoonfuls", "10 ml spoonfuls"
    ),
    Rewrite(
        re.compile(r"(?<!at )\b(\d+)[ -]++(?:and|&|\+)[ -]++(?:(?:a|1)[ -])?0\.5\b"),
        r"\1.5",
        "one and one-half tabs",
        "1.5 tabs",
    ),
    Rewrite(
        re.compile(
            rf"{_NO_WHOLE}\b([1-9])(?: ?(?:\band\b|[&+]) {{0,2}}|(?:(?<=^[1-9])|(?<=take [1-9])) - |- ?)"
            r"(?=(?:1/2|[13]/4)(?!\d|/| ?- ?\d))"
        ),
        r"\1 ",
        "1-1/2 tabs",
        "1.5 tabs",
    ),
)
#: After the hours of the clock are gone. Up to eighths: `7/12` and `90/12` are other things.
FRACTION = Rewrite(
    re.compile(r"\b(?:(\d+)\s++)?(\d+)\s*+/\s*+(\d+)\b(?!\s*+(?:mg|ml|/))"), _divided_out, "1 1/2 tabs", "1.5 tabs"
)

# ------------------------------------------------------------------ the clock

_CLOCK = r"\b\d{1,2}(?::\d\d)?\s*+"
#: `8 am` is an hour and not eight pieces where the directions say `at` or `between`, write minutes or leave no blank.
AT_AN_HOUR = Forms(
    (Form(rf"\b(?:at|between)\s++{_CLOCK[2:]}[ap]m\b", "hours are named", "1 tab between 8 pm and 10 pm", "1 x 1"),)
)
HOUR = Forms(
    (Form(rf"{_CLOCK}(?=[ap]m\b)", "an hour, beside another after `at`", "1 tab between 9 pm and 10 pm", "1 x 1"),)
)
PLAIN_HOUR = Forms((Form(r"\b\d{1,2}(?::\d\d\s*+|)(?=[ap]m\b)", "an hour by its form", "1 tab, 9pm", "1 x 1"),))

# ------------------------------------------------------------------ how many

#: One word between a number and what it counts.
_WORD = r"[a-z]\w{0,39}+"
_RANGE = rf"({NUMBER})(?:\s*+(?:-|to|or)\s*+({NUMBER}))?"
_PIECES = r"(?:tab(?:let)?s?|tabs?\b|cap(?:sule|let)?s?|caps?\b|pills?|softgels?|gumm(?:y|ies)|patch(?:es)?|each)\b"
_UNITS = rf"(?:{MG_OF_IRON}|mg|mcg|ug|micrograms?|milligrams?|grams?|gm|g|ml|iu|units?|tsp|teaspoon(?:ful)?s?)\b"
_UNIT = rf"({_UNITS})"
_AT_MOST = r"\b(?:max(?:imum)?|no more than|not (?:to )?exceed)\b"
_NIGHTS = r"nights?(?! ?(?:(?:a|per|each|every|/) ?(?:week|wk|month)|weekly))"
_DAYS = rf"(?:days?|{_NIGHTS}|weeks?|wks?|months?|d|w)\b"
_LENGTH = (
    r"\b(?<!repeat )(?<!repeat dose )(?<!repeat once )(?:for|x|after|in|over|within)\s*+"
    r"(?:the )?(?:first |next )?\d+(?:\s*+(?:-|to)\s*+\d+)?\s*+"
)
_INTERVAL = (
    r"(?:(?:every|each|q|per|a)\s*+)?(?:\d+(?:-\d+)?\s*+)?(?:days?|weeks?|wks?|nights?|d|weekly|daily|nightly)\b"
)
_OFTEN = r"(?:twice|thrice|bid|bd|tid|tds|qid|qds)\b"
_SPAN = rf"(?:days?|{_NIGHTS}|weeks?|wks?|months?|years?|d|hours?|hrs?|min(?:ute)?s?)\b"

#: The groups are the ends of a range; the upper one is the dose.
PIECES_DOSE = Forms((Form(rf"{_RANGE}\s*+(?:{_WORD}\s++)?{_PIECES}", "pieces", "daily: 1 to 2 red tablets", "2 x 1"),))
TAKEN_DOSE = Forms((Form(rf"(?:^|take|give)\s*+{_RANGE}(?!\d)", "a number alone", "take 2 by mouth daily", "2 x 1"),))
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

_FILLS = (
    r"(?<!\d)\d++(?:st|nd|rd|th)?\s*+(?:(?:re)?fills?|rfs?|bottles?|box(?:es)?)\b"
    r"|\b(?:re)?fill(?:s|ed)?\b[: ]*+(?:x ?|up to )?\d++(?: ?(?:times|x)\b)?"
)
_JOINING = "or|and|at|if|when|after|before|to|then|by|take|give|start|begin|in|on|until|for|with|reduce|increase"
_NOT_A_DAY = (
    r"(?! ?(?:by mouth |orally |po )?(?:once |in total )?(?:daily|nightly|weekly|(?:a|per|each|every|/) ?day)\b)"
)
_MANY = rf"(?:1[3-9]|[2-9]\d|\d{{3}})(?!\d)\s*+(?:(?!{_UNITS}){_WORD}\s++)?{_PIECES}{_NOT_A_DAY}"
_OTHER_DOSE = rf"(?:(?!(?:{_JOINING})\b)[a-z][a-z-]*+\s++){{0,3}}(?:{NUMBER})\s*+{_UNITS}"
#: Taken out before doses and frequencies are looked for.
NOT_A_DOSE = Forms(
    (
        Form(_FILLS, "refills", "3 refills", "? x ?"),
        Form(
            r"(?:\bdisp(?:ense)?|#|\bqty)[-: ]*+#?+\s*+\d++\s*+(?:x\s*+\d++|[a-z]*+)",
            "the supply",
            "disp: 9 tablets, 1 tab tid",
            "1 x 3",
        ),
        Form(
            rf"(?:(?<!^)(?<!take )(?<!give )(?<!to )(?<!or )(?<!of )(?<!\d-)(?<!\d - )(?<![\d.,/]){_MANY}"
            rf"|^{_MANY}\s*+[,.;:-](?=\s*+(?:take )?\d))",
            "more than anybody takes",
            "1 tid, 90 caps",
            "1 x 3",
        ),
        Form(
            r"\b(?:(?<!not )(?<!dont )(?<!don't )(?<!never )(?<!avoid )(?<!without )(?<!suddenly )(?<!abruptly )"
            r"(?:stop(?:ping)?|discontinue|(?:(?<=[.;] )|(?<=\())(?:replac(?:es|ing)|instead of|in place of))\s++"
            rf"{_OTHER_DOSE}(?:(?!\b(?:and|plus|then|start|begin|take|give)\b)[^.;,&+])*+"
            rf"|(?:replac(?:es|ing)|instead of|in place of)\s++{_OTHER_DOSE})",
            "what is taken no more",
            "1 nightly. stop ropinirole 2 mg",
            "1 x 1",
        ),
        Form(rf"{_RANGE}\s*+{_UNITS} ?(?:/|per) ?kg\b", "a dose by weight", "6 mg/kg/day", "? x 1"),
        Form(_LENGTH + _SPAN, "how long", "for 1 week 1 tab daily", "1 x 1"),
        Form(
            rf"\bby (?:increments of )?(?:{NUMBER})\s*+(?:{_PIECES}|{_UNITS})(?:\s*+{_INTERVAL})?",
            "by how much, and not how many",
            "300 mg at bedtime, increase to 1800 mg daily by 300 mg every 3 days",
            "1800 mg x 1",
        ),
        Form(
            rf"(?<!every )(?<!each )(?<!q )\b(?:{NUMBER})(?:\s*+(?:-|to)\s*+\d+)?\s*+{_SPAN}"
            r"(?=\s*+(?:before|after|prior|apart|away|from|between)\b)",
            "how far from something else",
            "take 2 hours before bed",
            "? x 1",
        ),
        Form(
            rf"{_AT_MOST}(?:[^.;,]|[.,]\d)*",
            "the most that may be taken",
            "no more than 4 tablets, 1 tab daily",
            "1 x 1",
        ),
    )
)
HOW_OFTEN = Forms(
    (
        Form(
            rf"(?:{NUMBER})\s*+(?:(?:times?|mal|ganger?|fois|volte|ve[cz]es|keer)\b|x(?!\s*+\d)|/ ?day|-?\s*+hourly)",
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
            "only when to take it",
            "1 tab in the morning, with meals, and 1 tab at night",
            "2 x 1",
        ),
    )
)

# ------------------------------------------------------------------ one dose in all

#: What stands behind `x1` and `1x` where they are no number of times a day: `1x abends`, `1x/Tag`, `x 1 til natten`.
_IN_ALL = (
    r"(?= ?(?:$|[.;:)]|,(?!\d)|- |\d+(?:-\d+)? ?(?:min(?:ute)?s?|h(?:ou)?rs?|h)\b"
    r"|(?:only|now|today|tonight|tomorrow|doses?|stat|then|followed|and|or|at|before|prior|pre|after|when|during|if|prn"
    r"|as|may|repeat|by|po|iv|im|with|on|for|q?hs|in (?:the|clinic|office|pacu|or)|oral(?:ly)?|preop\w*|this"
    r"|immediately|upon|given|per(?! (?:da[yg]|week)\b)|(?:the )?(?:night|morning|evening) (?:before|of))\b|[(/] ?pre))"
)
_INFUSION = r"(?:als )?(?:iv|(?:kurz)?infusion) ?$"
ONCE = Forms(
    (
        Form(r"\bstat\b", "at once", "1 tab stat", "1 x ? once"),
        Form(
            rf"(?<!repeat )\bx ?1\b(?:(?<!\d x 1)(?<!\d x1){_IN_ALL}|(?= ?(?:dose|now|only|stat|today)\b))",
            "times one",
            "1 tab daily x1",
            "1 x 1 once",
        ),
        Form(r"\bpre-?med\w*\b", "before a procedure", "1 tab as pre-medication", "1 x ? once"),
        Form(r"\bonce only\b", "once", "1 tab once only at bedtime", "1 x 1 once"),
        Form(r"\bon call\b", "when called to a procedure", "1 tab on call", "1 x ? once"),
    )
)
#: These mean one dose only where nothing says how often: `as a single dose daily` is daily.
BARE_ONCE = Forms(
    (
        Form(r"\bsingle dose\b", "one dose", "1 tab as a single dose", "1 x ? once"),
        Form(
            rf"\b(?:1[- ]?time\b|times 1\b|1[- ]?x\b(?:{_IN_ALL}|(?= ?(?:{NUMBER}) ?m?g {_INFUSION})))",
            "one time",
            "1 tab 1 time",
            "1 x ? once",
        ),
        Form(
            r"\bonce\b(?!\s*+(?:a|per|each|every|(?:dai|week|month|night)ly|in|at|/))",
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
        Form(rf"{_GAP}(?:;|,(?!\d))\s*+", "and", "1 tab am, 2 tabs pm", "3 x 1"),
        Form(rf"{_GAP}[&+]\s*+", "and", "1 tab am & 2 tabs pm", "3 x 1"),
        Form(rf"{_GAP}\b(?:and|plus|et)\b\s*+", "and", "1 tab am and 2 tabs pm", "3 x 1"),
        Form(
            r" (?:(?<=\bam )|(?<=\bpm )|(?<=\bhs )|(?<=\bom )|(?<=mane )|(?<=nocte )|(?<=matin )|(?<=midi )|"
            r"(?<=soir )|(?<=morning )|(?<=noon )|(?<=midday )|(?<=lunchtime )|(?<=teatime )|"
            r"(?<=evening )|(?<=night )|(?<=bedtime )|(?<=breakfast )|(?<=lunch )|(?<=dinner )|(?<=supper ))"
            rf"(?=\d)(?!\d+\s*+(?:x\b|times|nights|mornings|evenings|{_SPAN}))",
            "a number behind a part of the day",
            "1 mane 2 nocte",
            "3 x 1",
        ),
    )
)
#: Behind what is taken in a day it may be told again, dose by dose.
BREAKDOWN = Forms(
    (
        Form(
            rf"{_GAP}(?:[:;]|[.,](?!\d)|(?<= )[-=] )\s*+(?=(?:take |give )?(?:{NUMBER}))",
            "that is",
            "2 tabs daily: 1 tab am and 1 tab pm",
            "2 x 1",
        ),
    )
)
#: A dose in these words comes on top of what stands before it.
ADDED = Forms(
    (
        Form(
            r"\b(?:prn|needed|extra|additional(?:ly)?)\b",
            "on top",
            "2 tabs daily; 1 tab am and 1 tab pm as needed",
            "4 x 1",
        ),
    )
)
LENGTH = re.compile(_LENGTH + _DAYS)
#: Where one step ends and the next begins: steps that follow one another are never added up.
NEXT_STEP = Forms(
    (
        Form(r"\bthe(?:n|reafter)\b", "a later step", "1 tab daily thereafter 2 tabs daily", "2 x 1"),
        Form(r"\bafter(?:wards?| that)\b", "a later step", "1 tab daily, after that 2 tabs daily", "2 x 1"),
        Form(r"\bfollowed by\b", "a later step", "1 tab daily followed by 2 tabs daily", "2 x 1"),
        Form(r"\btaper\w*", "lower steps", "2 tabs bid, taper, 1 tab bid", "2 x 2"),
        Form(r"\bdecrease", "a lower step", "2 tabs daily, decrease to 1 tab daily", "2 x 1"),
        Form(
            rf"[,;.] (?=[^,;.]*\bafter \d+ {_DAYS} ?(?:[,;.]|$))",
            "a later step, and when it begins",
            "1 tab qhs, 2 tabs qhs after 3 days",
            "2 x 1",
        ),
        Form(
            rf"{_LENGTH}{_DAYS}(?! (?:and|&|\+|plus) )",
            "how long a step is",
            "1 tab daily x 3 days, 1 tab bid x 3 days",
            "1 x 2",
        ),
        Form(
            r"\b(?:on )?(?<!\d )(?<!\d)(?<!\ba )(?<!each )(?<!every )(?<!per )(?<!/)(?<!other )"
            rf"\b(?:day|week|wk|month)s? ?#?\d{{1,3}}(?!\d)(?! ?(?:{_PIECES}|{_UNITS}|x\b|times|/))"
            rf"(?: ?(?:-|to|and|&) ?\d{{1,3}}(?!\d|\.\d| ?(?:{_PIECES}|{_UNITS}))"
            r"|(?:, ?(?:and )?\d{1,3}(?= ?(?:[,.;]|and|$)))*+)(?: on(?:wards?)?\b)?",
            "which days or weeks",
            "week 1: 1 tab daily; week 2: 2 tabs daily",
            "2 x 1",
        ),
        Form(
            rf"\b(?<!every )(?<!each )(?<!other )(?:1st|2nd|3rd|first|second|third|next|last) {_DAYS}",
            "which days or weeks",
            "1st week 1 tab qhs, 2nd week 1 tab bid",
            "1 x 2",
        ),
    )
)
#: The dose goes up from here, to a target or as far as the patient bears; what else rises has another object.
_ITS_DOSE = r"(?: (?:the|your))?(?: (?:dose|dosage|it))?\b"
_SO_FAR = (
    r"(?:(?:to|by|as|up|until|if|every|each|q|weekly|daily|slowly|gradually|from)\b|q\d"
    rf"|{NUMBER}|in (?:{NUMBER}) ?{_UNITS})"
)
#: Behind a dose or before a number: what else rises has neither, as in `for restless legs increasing every night`.
_INCREASING = (
    r"(?:(?<=[,;.] )|(?<=night )|(?<=daily )|(?<=[btq]id )|(?<=[btq]ds )|(?<=nightly )|(?<=nocte )"
    rf"|(?<=bedtime )|(?<=bd )|(?=increasing as tolerated)"
    rf"|(?=increasing\b[^.;,]{{0,80}}\b(?:by|to) (?:(?:a|the|max(?:imum)?|dose|total|of) )*+(?:{NUMBER})))increasing"
)
RISE = Forms(
    (
        Form(
            rf"(?<!not )\b(?:increased?|{_INCREASING}){_ITS_DOSE}(?= ?{_SO_FAR})",
            "a higher step",
            "1 tab daily, increase to 2 tabs",
            "2 x 1",
        ),
        Form(
            r"(?<!not )\b(?:up-?)?titrat(?:e\b|ing|ion|ed (?=to|up|by|as))",
            "a higher step",
            "1 tab daily, titrate up to 2 tabs daily",
            "2 x 1",
        ),
        Form(
            rf"(?:(?<=may )increase|(?<=can )increase|(?<!not )(?<!\ba )\b(?:raise|go up|build up|escalate|double))"
            rf"{_ITS_DOSE}(?= ?(?:{_SO_FAR}|$|[,.;:)]|bid|[tq]id|(?:twice|after|in|over|with)\b))",
            "a higher step",
            "1 tab daily, build up to 2 tabs",
            "2 x 1",
        ),
    )
)
_NAMED = r"(?:a|the|dose|dosage|target|goal|of|usual|is|max(?:imum)?|total|daily)\b"
#: Where a rise ends.
TARGET = Forms(
    (
        Form(
            rf"(?:\bfrom (?:{NUMBER}) to|(?<!\d )\bto|\buntil|\breach(?:es|ing)?|\btarget|\bgoal|\bmax(?:imum)?|"
            rf"\bno more than|\bnot (?:to )?exceed)\b[ :]?(?:{_NAMED}[ :]?){{0,5}}+(?=\d|\.\d|{_OFTEN})",
            "the top of a rise",
            "300 mg at bedtime, titrate to effect, max 1800 mg daily",
            "1800 mg x 1",
        ),
    )
)
#: A target in these words is that of a day, where it does not say how often.
OF_A_DAY = Forms(
    (Form(r"\b(?:max|total|daily|no more|not )", "a day", "300 mg tid, titrate to max 3600 mg", "3600 mg x 1"),)
)
UNTOLD = Forms(
    (
        Form(
            r"\b(?:then|thereafter|afterwards?),? (?:take |use |continue )?as (?:directed|instructed)\b",
            "a step told elsewhere",
            "1 tab daily, then as directed",
            "1 x ?",
        ),
    )
)
#: The sum of what stands beside it.
TOTAL = Forms(
    (
        Form(
            rf"(?:\bfor )?(?:\ba )?\btotal(?: daily)?(?: dose)?(?: of|:| is)?\s*+(?:{NUMBER})\s*+(?:{_UNITS}\s*+)?"
            r"(?:daily\b|(?:per|a|each) day\b|/ ?day\b)?",
            "the sum of the day",
            "100 mg am, 200 mg pm, total daily dose 300 mg daily",
            "300 mg x 1",
        ),
    )
)
#: The group is the most that may be taken a day; it counts where nothing says how often.
MOST = Forms(
    (
        Form(
            rf"{_AT_MOST}"
            r"(?![^.;,]*\b(?:(?:per|a|each|every) dose|doses|times|at a time|at once|(?!24)\d+ ?h(?:ou)?rs?)\b)"
            rf"(?: (?:of|is|{_NAMED}))*+[: ]*+((?:[^.;,]|[.,]\d)*)",
            "the most a day",
            "600 mg as needed, max 2400 mg a day",
            "2400 mg x 1",
        ),
    )
)
_COUNT = r"(\d(?:\.\d{1,2})?)"
#: How many in the morning, at noon, in the evening and at night, behind the size of each.
SCHEME = Forms(
    (
        Form(
            rf"(?:({NUMBER}) ?((?:{_PIECES}|{_UNITS})) )?(?<![\d/.,-]){_COUNT} ?- ?{_COUNT} ?- ?{_COUNT}"
            rf"(?: ?- ?{_COUNT})?(?! ?-|[\d/]|[.,]\d)",
            "so many at each part of the day",
            "1-0-1-2",
            "4 x 1",
        ),
    )
)
IN_BRACKETS = Forms((Form(r"\([^()]*\)", "an aside", "1 tab daily (1 tab am and 1 tab pm)", "1 x 1"),))
