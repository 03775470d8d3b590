"""How often a day: what a FHIR Timing says, in the shapes of R4, STU3 and DSTU2, and what directions say in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from math import ceil
from typing import NamedTuple

from cards.drugs.numbers import NUMBER, measurable, number_of
from cards.fhir.json_values import Json, codings, first, items, text
from cards.written_numbers import one_reading

_WITH_EXPONENT = re.compile(r"\d+(?:\.\d+)?[eE][+-]?\d{1,4}")
_DAYS = {"s": Decimal(1) / 86400, "min": Decimal(1) / 1440, "h": Decimal(1) / 24, "d": Decimal(1)}
_DAYS |= {"wk": Decimal(7), "mo": Decimal(30), "a": Decimal(365)}
_SPELLED = {"day": "d", "days": "d", "week": "wk", "weeks": "wk", "hour": "h", "hours": "h", "month": "mo", "year": "a"}
_TIMES = {
    "1": "QD DAILY AM PM QAM QPM QHS BED Q24H",
    "2": "BID BD Q12H",
    "3": "TID TDS Q8H",
    "4": "QID QDS Q6H",
    "6": "Q4H",
    "8": "Q3H",
    "12": "Q2H",
    "24": "Q1H",
    "0.5": "QOD",
}
#: At meals, whichever they are: three a day, as `with meals` in words.
_MEALS = frozenset({"C", "AC", "PC"})
_CODES = {code: times for times, codes in _TIMES.items() for code in codes.split()}
_PER_DAYS = {"WK": 7, "QW": 7, "WEEKLY": 7, "MO": 30, "Q2W": 14, "Q4W": 28}


def times_a_day(timing: Json) -> Decimal | None:
    """Return doses a day; `None` where the timing does not tell. Of a range the upper end."""
    repeat = first(first(timing).get("repeat"))
    return _by_repeat(repeat) or _by_code(first(timing).get("code"))


def times_on_a_full_day(timing: Json) -> Decimal | None:
    """Return doses on a day on which it is taken at all: one for three times a week; None where that is not told."""
    rate = times_a_day(timing)
    if rate is None:
        return None
    repeat = first(first(timing).get("repeat"))
    at_times = _named_times(repeat)
    every_day = _by_repeat({**repeat, "dayOfWeek": None}) or rate
    return Decimal(max(ceil(every_day), at_times, 1))


def days_in(period: Json) -> Decimal | None:
    """Return the days of a quantity of time; None where it is none."""
    value = number(first(period).get("value"))
    lengths = (_days_of(text(first(period).get(key))) for key in ("code", "unit"))
    length = next((each for each in lengths if each), None)
    return value * length if value and length else None


def _days_of(unit: str) -> Decimal | None:
    return _DAYS.get(_SPELLED.get(unit.lower(), unit.lower()))


def is_one_dose(timing: Json) -> bool:
    """Return whether the timing itself is of a single dose: a count of one, or one event that does not repeat."""
    repeat = first(first(timing).get("repeat"))
    if number(repeat.get("count")) == 1:
        return True
    return not repeat and len(items(first(timing).get("event"))) == 1


def days_it_lasts(timing: Json) -> int | None:
    """Return the days that it goes on, by its bounds or the number of its doses; `None` where neither tells."""
    repeat = first(first(timing).get("repeat"))
    bounds = first(repeat.get("boundsDuration")) or first(first(repeat.get("boundsRange")).get("high"))
    value, length = number(bounds.get("value")), _days_of(text(bounds.get("code")) or text(bounds.get("unit")))
    if value and length:
        return ceil(value * length)
    doses, rate = number(repeat.get("countMax")) or number(repeat.get("count")), times_a_day(timing)
    return ceil(doses / rate) if doses and rate else None


def is_stat(timing: Json) -> bool:
    return any(code.upper() == "STAT" for _, code in codings(first(timing).get("code")))


def _by_repeat(repeat: Mapping[str, Json]) -> Decimal | None:
    frequency = number(repeat.get("frequencyMax")) or number(repeat.get("frequency"))
    at_times = _named_times(repeat)
    of_week = Decimal(min(len(items(repeat.get("dayOfWeek"))) or 7, 7)) / 7
    period = number(repeat.get("period"))
    unit = text(repeat.get("periodUnit") or repeat.get("periodUnits")).lower()
    length = _days_of(unit)
    if at_times and (not frequency or frequency == 1) and (unit in ("", "d", "day")) and (period or 1) == 1:
        return at_times * of_week
    if not length or not period:
        return None
    times = frequency or Decimal(1)
    rate = times / (period * length)
    return rate * of_week if of_week < 1 and rate >= 1 else rate


def _named_times(repeat: Mapping[str, Json]) -> int:
    """Return how many times of a day are named; `with meals` alone is three, with a frequency it only says when."""
    if at_hours := len(items(repeat.get("timeOfDay"))):
        return at_hours
    meals = 1 if number(repeat.get("frequency")) else 3
    return sum(meals if text(when) in _MEALS else 1 for when in items(repeat.get("when")))


def _by_code(code: Json) -> Decimal | None:
    for _, each in codings(code):
        spelled = each.upper()
        if spelled in _CODES:
            return Decimal(_CODES[spelled])
        if spelled in _PER_DAYS:
            return Decimal(1) / _PER_DAYS[spelled]
    return None


def number(value: Json) -> Decimal | None:
    """Return a positive number of JSON, also where it was sent as text; `None` where it is none that anybody would
    order.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    if isinstance(value, str) and not _WITH_EXPONENT.fullmatch(value.strip()):
        found = one_reading(value.strip())
    else:
        found = Decimal(value) if isinstance(value, int | Decimal) else Decimal(str(value).strip())
    return measurable(found) if found is not None and found.is_finite() and found > 0 else None


# ------------------------------------------------------------------ in words

PerDay = Callable[[re.Match[str]], Decimal | None]


class Frequency(NamedTuple):
    """One form of how often. `per_day` gives the doses a day of a match; those of `example` are `reads`."""

    pattern: re.Pattern[str]
    per_day: PerDay
    example: str
    reads: str


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


def _on_weekdays(match: re.Match[str]) -> Decimal | None:
    """Return how many days of the week are named, or None where the other days have a dose of their own."""
    if re.search(r"\b(?:other|remaining|rest)\b", match.string):
        return None
    return Decimal(len(set(re.findall(_DAY, match[0])))) / 7


def divided(above: Decimal | None, below: Decimal | None) -> Decimal | None:
    """Return the quotient, or None if a number is missing or zero."""
    return above / below if above and below else None


def _row(pattern: str, per_day: PerDay, example: str, reads: str) -> Frequency:
    return Frequency(re.compile(pattern), per_day, example, reads)


_N = rf"({NUMBER})"
_A = r"(?:a|per|each|every|/)?"
#: `1 om`; in Dutch and the languages of the north `om` is another word.
_OM = r"(?:(?<=\d )|(?<=tab )|(?<=tabs )|(?<=cap )|(?<=caps )|(?<=mg ))om(?= ?(?:$|[,;.&+]|and\b|\d{1,2} on\b))"
_MORNING = rf"(?:mornings?|breakfast|q?am|mane|matin|petit[- ]dejeuner|{_OM})"
_MIDDAY, _AFTERNOON = r"(?:noon|midday|midi|(?<!petit[- ])dejeuner|lunch(?:time)?)", r"(?:afternoons?|teatime)"
_DUSK, _NIGHT = r"(?:evenings?|dinner|supper|soir|diner|q?pm)", r"(?:bed(?:time)?|nights?|nocte|coucher|q?hs)"
_EVENING = rf"(?:{_DUSK}|{_NIGHT})"
_PART = rf"(?:{_MORNING}|{_MIDDAY}|{_AFTERNOON}|{_EVENING})"
_DAY = r"\b(?:mon|tue|wed|thu|fri|sat|sun)"
_WEEKDAY = rf"{_DAY}(?:s|rs?|n?es|ns|ur)?(?:days?)?\b"
_OTHER = r"(?:other|second|2nd)"
#: At most once a day: there is no second session.
AFTER_DIALYSIS = r"\b(?:after|post|following)\W{0,2}(?:each |every |the )?(?:ha?emo)?(?:dialysis|hd)\b"
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
    _row(
        rf"\b{_N}\s*+(?:x|mal|ganger?|fois|volte|veces|vezes|keer)\s*+"
        r"(?:taglich|tgl|am tag|pro tag|om dagen|pr\.? dag|per dag|dagligen|daglig|dagelijks|par jour|al giorno|al dia"
        r"|por dia|ao dia)\b",
        _times(1),
        "3 fois par jour",
        "3",
    ),
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
    _row(r"\bpar jour\b", _fixed("1"), "2 par jour", "1"),
    # meals and parts of the day
    _row(
        rf"\b(?:(?:each|every) meal|meals|(?<!\d )ac|(?<!\d )pc) ?(?:and|&|\+) ?(?:at )?{_NIGHT}\b",
        _fixed("4"),
        "1 tab pc & hs",
        "4",
    ),
    _row(
        r"\b(?:with|before|after) (?:each meal|every meal|meals|breakfast,? lunch,? and)",
        _fixed("3"),
        "with meals",
        "3",
    ),
    _row(r"(?<!\d )\b(?:ac|pc)\b(?! (?:breakfast|lunch|dinner|supper))", _fixed("3"), "1 tab ac", "3"),
    _row(r"\bq? ?(?:hs|am|pm|afternoon)\b", _fixed("1"), "qhs", "1"),
    _row(r"\bnocte\b", _fixed("1"), "nocte", "1"),
    _row(rf"\b(?:mane|{_OM})\b", _fixed("1"), "mane", "1"),
    _row(r"\b(?:matin|soir|dejeuner|diner|coucher)\b", _fixed("1"), "1 le soir", "1"),
    _row(r"\bon(?= ?(?:$|[,;]))", _fixed("1"), "1 on", "1"),
    _row(r"\bmid(?:day|i)\b", _fixed("1"), "midday", "1"),
    _row(rf"\b(?:at|before|after|prior to|each|every|q|in|with)\s*+(?:the )?{_PART}\b", _fixed("1"), "at bedtime", "1"),
    _row(AFTER_DIALYSIS, _fixed("1"), "after each dialysis", "1"),
    # times of no named stretch are those of a day
    _row(r"\b([2-9]) times\b", _times(1), "1 tab 3 times", "3"),
    _row(r"\btwice\b", _fixed("2"), "1 tab twice", "2"),
    _row(r"\bthrice\b", _fixed("3"), "1 tab thrice", "3"),
    # days of the week last: `1 tab tid, collect every thursday`
    _row(
        rf"(?<!except )(?<!except on )(?<!call )(?<!call on )(?:\b(?:every|each) )?"
        rf"{_WEEKDAY}(?:(?: ?[,/&] ?(?:and )?| and ){_WEEKDAY})+"
        rf"|\b(?:every|each) {_WEEKDAY}(?! ?(?:-|to\b|thr))",
        _on_weekdays,
        "on tuesdays and saturdays",
        "2/7",
    ),
)
_PARTS = {
    part: re.compile(rf"\b{words}\b")
    for part, words in {"morning": _MORNING, "midday": _MIDDAY, "afternoon": _AFTERNOON, "evening": _EVENING}.items()
}
#: On the same day: with the number of times, where it is told.
_AGAIN = re.compile(
    r"\b(?:may|can) (?:be )?repeat(?:ed)?(?: the dose| dose| it)?"
    r"(?: (?:up to )?(?:x ?)?(once|twice|[1-9])\b(?! ?(?:tab|cap|mg|h))(?: (?:more )?times?)?)?"
    r"(?![^.;,]*\b(?:days?|weeks?|months?|every|q\d{0,2}h?)\b)"
)
_COUNTED = {"once": "1", "twice": "2"}
_DUSK_AND_NIGHT = re.compile(rf"\b{_DUSK} ?(?:,|and|&|\+)[,& ]{{0,2}}(?:at |in the )?{_NIGHT}\b")
_EACH_PART = re.compile(
    rf"\b(?:(?P<morning>{_MORNING})|(?P<midday>{_MIDDAY})|(?P<afternoon>{_AFTERNOON})|(?P<evening>{_DUSK})|(?P<night>{_NIGHT}))\b"
)
_JOINT = re.compile(r"\b(?:and|plus|et)\b|[&+/]")
#: What may stand between a comma, or an `and`, and the next part of the day of the same dose.
_BEFORE_A_PART = re.compile(
    r"(?:\W|\d|(?:at|le|au|q|gelules?|comprimes?|in|on|with|before|after|prior|to|each|every|the|an?|again|another|also|then|take|give|by|mouth|po"
    r"|around|about|once|tab(?:let)?s?|cap(?:sule)?s?|pills?|patch|mg|of|hours?|hrs?)\b)*+"
)
#: Behind these words a part of the day is of something else.
_OF_ANOTHER = re.compile(
    r"\b(?:may|can|could|cause|hold|held|avoid|separate|start(?:ing)?|begin(?:ning)?|stop|if|when|until)\b|[.;] "
)
#: Behind several times a day, a part of the day is one more; `4 times daily with meals and at bedtime` are four.
_ONE_MORE = re.compile(
    r"(?P<meals> (?:with |after |before )?(?:meals|food|ac|pc))?"
    rf",? ?(?:\b(?:and|plus)\b|[&+]),? ?(?:once |again )?(?:at |before |in the |every |q ?)?{_PART}\b"
)
_MEALS_A_DAY = 3
#: How far from a part of the day, also where the number of hours was taken out.
_APART = re.compile(r"\b(?:hours?|hrs?)\b|  (?:after|before)\b")
#: Parts of the day beside these words are no intakes of their own.
_NOT_EACH_PART = re.compile(r"\b(?:or|remove|not|between)\b")


@lru_cache(maxsize=1024)
def spoken_times_a_day(words: str) -> Decimal | None:
    """Return doses a day of directions in lower case; the parts of the day that they name are one dose each.

    A dose that may be repeated is counted as if it was.
    """
    if again := _AGAIN.search(words):
        times = _told_a_day(f"{words[: again.start()]} {words[again.end() :]}")
        return times * (1 + int(_COUNTED.get(again[1], again[1] or "1"))) if times else None
    return _told_a_day(words)


def _told_a_day(words: str) -> Decimal | None:
    match, times = next(
        ((match, row.per_day(match)) for row in FREQUENCIES if (match := row.pattern.search(words))), (None, None)
    )
    more = _ONE_MORE.match(words, match.end()) if match and times and times > 1 else None
    if times and more and (times == _MEALS_A_DAY or not more["meals"]):
        return times + 1
    if (times is None or times == 1) and not _NOT_EACH_PART.search(words):
        parts = _parts_of_one_dose(words)
        return Decimal(parts) if parts > 1 else times
    return times


def _parts_of_one_dose(words: str) -> int:
    """Return how many parts of the day are joined to one another; what stands apart only says when, or what else."""
    named = list(_EACH_PART.finditer(words))
    most, joined = 0, frozenset[str]()
    for before, part in zip([None, *named], named, strict=False):
        goes_on = before is not None and _is_joined(words[before.end() : part.start()])
        joined = (joined if goes_on else frozenset()) | {part.lastgroup or ""}
        most = max(most, len(joined))
    return most


def _is_joined(between: str) -> bool:
    """Return whether two parts of the day are joined by `and` or a comma, or stand side by side with their counts."""
    *before, behind = _JOINT.split(between)
    if not _BEFORE_A_PART.fullmatch(behind) or _OF_ANOTHER.search(between):
        return False
    return bool(before) or (not _APART.search(between) and bool(re.search(r"[\d,]|^\s*$", between)))


def parts_of_the_day(words: str) -> frozenset[str]:
    """Return the parts of the day that are named, the night apart from the evening where both are named together."""
    night = {"night"} if _DUSK_AND_NIGHT.search(words) else set()
    return frozenset({part for part, pattern in _PARTS.items() if pattern.search(words)} | night)


def spoken_times_on_a_full_day(words: str, per_day: Decimal | None) -> Decimal | None:
    """Return how often it is taken on a day on which it is taken; three times a week is once, twice a day on Mondays is
    twice.
    """
    if per_day is None or per_day >= 1:
        return per_day
    rest = words
    for row in FREQUENCIES:
        match = row.pattern.search(rest)
        if match:
            rest = f"{rest[: match.start()]} {rest[match.end() :]}"
            times = row.per_day(match)
            if times is not None and times >= 1:
                return times
    return Decimal(1)
