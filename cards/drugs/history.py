"""What a list of orders says together: how long a drug is taken, when iron was infused (clinical rationale 4.8)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from math import ceil

from cards.dates import PartialDate, cut_at, lies_in_future
from cards.drugs.directions import LONGEST_SIG, read_sig
from cards.drugs.ingredients import plain
from cards.drugs.timing import days_it_lasts, times_a_day
from cards.facts.drugs import Drug
from cards.fhir.json_values import Json, items, objects, text, text_of
from cards.knowledge.definitions import defined
from cards.knowledge.limits import meets, misses
from cards.patient.given import is_as_given

_COUNTS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
#: A number, or the upper one of a range.
_COUNT = rf"(?:(?:\d{{1,2}}\s*+(?:-|to)\s*+)?(\d{{1,3}}|{'|'.join(_COUNTS)}))"
#: `for 5 weeks`, `x 5 weeks`, `über 5 Wochen`; with the days of the unit.
_FOR = r"(?:\bx|\b(?:for|over|times|total of|fur|uber|wahrend|insgesamt|pendant|durante))\s*+"
_FOR_A_TIME = (
    (re.compile(rf"{_FOR}{_COUNT}\s*+-?(?:weeks?|wks?|wochen?|semaines?|semanas?)\b"), 7),
    (re.compile(rf"{_FOR}{_COUNT}\s*+-?(?:months?|monaten?|mois|meses)\b"), 30),
    (re.compile(rf"{_FOR}{_COUNT}\s*+-?(?:days?|tagen?|jours?|dias?)\b"), 1),
)
#: `x5`, `x 5 doses`, `for 5 doses`, `5 doses`; `5 doses a week` and `in 2 doses` say something else.
_GIVING = r"(?:total )?(?:doses|infusions|infusionen|injections|injektionen|treatments|sessions|gaben|dosen)\b"
_DOSES = re.compile(
    rf"{_FOR}{_COUNT}\s*+(?:(?:iv |weekly )?{_GIVING})|"
    rf"\bx\s*+{_COUNT}\b(?!\s*+(?:[./,-]\s*+\d|/|mg|mcg|ml|g\b|%|a\b|per|each|every|daily|weekly|monthly|x\b))|"
    rf"(?<!in )(?<!into )\b{_COUNT}\s*+{_GIVING}"
    r"(?![\s,]*+(?:/|a\b|per|each|every|q ?\d|q ?w|q ?month|daily|weekly|monthly))"
)
#: After the course something else is given: the order goes on.
_GOES_ON = re.compile(
    r"\b(?:then|thereafter|afterwards|followed by|dann|danach|anschliessend|puis|ensuite|maintenance|"
    r"may (?:be )?repeat(?:ed)?)\b(?! (?:stop|d/?c|discontinue|off|done|end|re-? ?check|check|re-? ?assess|"
    r"re-? ?evaluate|repeat (?:ferritin|labs?)|labs?|ferritin|follow))"
)


def with_history(drugs: Iterable[Drug]) -> tuple[Drug, ...]:
    """Return the drugs with an active one starting where the first order of its unbroken row started.

    Where infusions were recorded as given, the order for them is no infusion of its own. A dispense is no drug beside
    the order that it fills, nor beside the dispense after it.
    """
    rows: dict[frozenset[str], list[Drug]] = {}
    listed = [(drug, rows.setdefault(_treatment(drug), [])) for drug in drugs]
    for drug, row in listed:
        row.append(drug)
    for row in rows.values():
        row.sort(key=lambda drug: _first_day(drug.start), reverse=True)
    return tuple([_in_its_row(drug, row) for drug, row in listed])


def last_giving(
    start: PartialDate | None, end: PartialDate | None, today: date, *, as_given: bool, goes_on: bool
) -> PartialDate | None:
    """Return the last time at which something between these may have been given; `None` where all lies ahead.

    The end of what was given is when it was given last. Of what was ordered it was some day until then.
    """
    begun = start or end
    if begun is None or (lies_in_future(begun, today) if as_given else begun.first > today):
        return None
    last = max(begun, end, key=lambda moment: moment.order) if end else begun
    if (end is None and goes_on) or last.first > today:
        cut = cut_at(begun, today)
        return cut if cut is not begun else PartialDate(begun.first, max(begun.first, today))
    return last if as_given or begun.first == last.first else PartialDate(begun.first, last.last)


def reaches_today(given: PartialDate | None, today: date) -> bool:
    """Return whether what was given on an earlier day, and names no end, may have been given until today."""
    return given is not None and given.first < given.last == today


def may_go_on(start: PartialDate | None, today: date, *, as_given: bool) -> bool:
    """Return whether what began then and names no end may go on today.

    An order of more than a year ago does not, and nothing that is said to be given for more than 90 days (ours).
    """
    limit = defined("drug.dispensed_days" if as_given else "drug.unsaid_days")
    return start is None or not misses(start.days_before(today), limit)


def days_directed(dosage: Mapping[str, Json]) -> int | None:
    """Return the days that an instruction goes on, by its timing or else by its words; `None` where neither tells."""
    told = days_it_lasts(dosage.get("timing"))
    if told is not None:
        return told
    words = [text(each) for name in ("text", "patientInstruction") for each in items(dosage.get(name))]
    words += [
        text_of(each)
        for name in ("additionalInstruction", "additionalInstructions")
        for each in objects(dosage.get(name))
    ]
    per_day = times_a_day(dosage.get("timing"))
    found = [days for each in words if (days := _days_spoken(plain(each[:LONGEST_SIG]), per_day)) is not None]
    return max(found, default=None)


def _days_spoken(words: str, per_day: Decimal | None) -> int | None:
    """The days for which plain directions say that it is given, or that so many doses take."""
    found = [(match, Decimal(days)) for pattern, days in _FOR_A_TIME if (match := pattern.search(words))]
    per_day = per_day or read_sig(words).per_day
    if per_day and (doses := _DOSES.search(words)):
        found.append((doses, 1 / per_day))
    if not found or _GOES_ON.search(words, max(match.end() for match, _ in found)):
        return None
    return max(ceil(_count(match) * days) for match, days in found)


def _count(match: re.Match[str]) -> int:
    written = next(filter(None, match.groups()))
    return int(written) if written.isdigit() else _COUNTS.index(written) + 1


def _treatment(drug: Drug) -> frozenset[str]:
    return frozenset([name.removeprefix("dried ") for name in drug.product.ingredient_names()])


def _in_its_row(drug: Drug, row: list[Drug]) -> Drug:
    told_once = _without_dispense(drug, row)
    start = _start(told_once, row) if told_once.active else told_once.start
    dated = told_once if start is told_once.start else _going_on_since(start, told_once)
    return _without_order_date(dated, row)


def _going_on_since(start: PartialDate | None, drug: Drug) -> Drug:
    """A drug that was taken before is not planned for the day of its renewal; each infusion has a day of its own."""
    return replace(drug, start=start, planned_on=drug.planned_on if drug.has("iron-iv") else None)


def _without_dispense(drug: Drug, row: list[Drug]) -> Drug:
    """A dispense of what an active order or statement, or a later dispense, tells already is not active."""
    if not (drug.dispensed and drug.active):
        return drug
    active = [other for other in row if other.active]  # the latest first
    is_told = any(not other.dispensed for other in active) or _first_day(active[0].start) != _first_day(drug.start)
    return replace(drug, active=False) if is_told else drug


def _first_day(moment: PartialDate | None) -> date:
    return moment.first if moment else date.max


def _start(drug: Drug, row: list[Drug]) -> PartialDate | None:
    """The earliest start over orders that are active, or ended at most 30 days before the next began."""
    begin = drug.start
    for other in row:  # the latest first
        if other.start is None or (begin and other.start.first >= begin.first):
            continue
        if other.active or _goes_on(other, begin):
            begin = other.start
    return begin


def _goes_on(earlier: Drug, begin: PartialDate | None) -> bool:
    """What began at `begin` is the same treatment: not longer after the end of `earlier` than the gap allows."""
    if earlier.end is None or begin is None:
        return False
    return meets((begin.first - earlier.end.last).days, defined("drug.gap_days"))


def _without_order_date(drug: Drug, row: list[Drug]) -> Drug:
    """The order of an infusion that was given on or after its date: what was given tells, the order does not."""
    ordered = drug.given_on
    if ordered is None or is_as_given(drug):
        return drug
    given = (other.given_on for other in row if is_as_given(other))
    return replace(drug, given_on=None) if any(day and day.last >= ordered.first for day in given) else drug
