"""Dates of any precision, zone and year: each is read or not known, and none ends a call."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cards
from cards.dates import ENDLESS, days_after, names_no_day, parse_known, parse_partial_date
from tests.protocol.totality.odd_values import DATES, GRAMMAR, NO_END, NOT_SET
from tests.protocol.totality.places import Place, places
from tests.protocol.totality.services import ZONES, answer

EVERY_ZONE = tuple(ZoneInfo(name) for name in sorted(available_timezones()))
_YEAR = re.compile(r"\d{4}")


def judge_reading(texts: Iterable[str], zones: Iterable[ZoneInfo]) -> int:
    """Read every text in every zone; how many were read."""
    read = 0
    for zone in zones:
        for text in texts:
            found = parse_partial_date(text, zone)
            if found is None:
                continue
            read += 1
            year = int(text[:4])
            assert found.first <= found.last and found.text, (text, zone)
            assert year > 1 and (year == 9999) == (found == ENDLESS), (text, zone)
            assert abs(found.first.year - year) <= 1, (text, zone)
            assert date.fromisoformat(days_after(found.last, 3650).isoformat()) >= found.last
    return read


def test_no_text_of_the_grammar_fails_in_any_zone_of_the_world() -> None:
    assert len(EVERY_ZONE) > 400
    assert judge_reading((*DATES, *GRAMMAR[::41]), EVERY_ZONE) > 10_000


@pytest.mark.full
def test_the_whole_grammar_in_every_zone_of_the_world() -> None:
    read = judge_reading(GRAMMAR, EVERY_ZONE)
    print(f"\n{len(GRAMMAR)} texts in {len(EVERY_ZONE)} zones, {read} read")
    assert read > 1_000_000


_LIKE_A_DATE = re.compile(r"\d{4}(-\d\d){0,2}([T ][0-9:.,]{0,16})?([Zz]|[+-][0-9:]{0,5})?")


@given(st.text(max_size=40) | st.from_regex(_LIKE_A_DATE, fullmatch=True))
def test_no_text_at_all_fails(text: str) -> None:
    for zone in (UTC, ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York"), ZoneInfo("Pacific/Kiritimati")):
        parse_partial_date(text, zone)
        names_no_day(text)


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Manila", "America/Juneau"])
def test_dates_that_stand_for_none_mean_the_same_in_every_zone(zone: str) -> None:
    for text in NOT_SET:
        assert parse_partial_date(text, ZoneInfo(zone)) is None and names_no_day(text), text
    for text in NO_END:
        assert parse_partial_date(text, ZoneInfo(zone)) == ENDLESS and names_no_day(text), text
        assert parse_known(text, ZoneInfo(zone)) is None, text


@pytest.mark.parametrize("text", ["9999-02-30", "9999-13", "9999-00-01", "99999", "2026-02-30", "0002-01-01", "9998"])
def test_what_is_no_date_or_a_plain_one_is_not_taken_for_no_end(text: str) -> None:
    assert parse_partial_date(text, UTC) != ENDLESS


@given(st.dates(), st.integers(-(10**9), 10**9))
def test_days_are_added_up_to_the_end_of_the_calendar(day: date, days: int) -> None:
    try:
        assert days_after(day, days) == day + timedelta(days=days)
    except OverflowError:
        assert days_after(day, days) == (date.max if days > 0 else date.min)


# ------------------------------------------------------------------ through the whole service

#: Names under which a date is read, beside those that say so themselves.
_ALSO_DATES = {"start", "end", "issued", "authoredOn", "authored", "orderedOn", "dateTime", "lastUpdated"}
_SAYS_SO = re.compile(r"date[A-Z]\w*|[a-z]\w*(?:Date|DateTime|Instant)|birthDate")


def _date_members() -> Iterator[str]:
    """Every member of FHIR that the readers look up and that holds a date; `_name` holds what stands beside one."""
    root = Path(cards.__file__).parent
    for file in (file for room in ("fhir", "drugs", "reading") for file in (root / room).glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            name = node.value if isinstance(node, ast.Constant) else None
            if isinstance(name, str) and (name in _ALSO_DATES or _SAYS_SO.fullmatch(name)):
                yield name


@pytest.mark.slow
def test_every_date_that_is_read_is_tried_here() -> None:
    tried = {str(step) for place in places("date", 1) for step in place.way}
    assert set(_date_members()) - tried == set()


def sweep(tried: Iterable[Place], texts: Iterable[str], zones: Iterable[str]) -> int:
    """Put each text into each place in each zone; how many calls."""
    calls = 0
    for zone in zones:
        for place in tried:
            for text in texts:
                answer(zone, place.path, place.holding(text))
                calls += 1
    return calls


@pytest.mark.slow
@pytest.mark.parametrize("zone", ZONES[1:3])
def test_no_date_in_any_place_ends_a_call(zone: str) -> None:
    assert sweep(places("date", 1), (NOT_SET[1], NO_END[1], "9998-12-31T23:59:59-12:00"), [zone]) > 150


@pytest.mark.full
def test_every_odd_date_in_every_place_and_five_zones() -> None:
    calls = sweep(places("date"), DATES, ZONES)
    print(f"\n{calls} calls, {len(places('date', 1))} members that hold a date")
    assert calls > 20_000


def _is_as_if_absent(place: Place, text: str) -> bool:
    """A specimen of the year 9999 was taken on a day to come as any other; a value that is a date stays no number."""
    zone, instead = ZONES[2 if text in NOT_SET else 1], place.without()
    if place.name.endswith("].valueDateTime"):
        instead = place.holding("not a date")
    elif place.name.endswith(("].effectiveDateTime", "].effectiveInstant")) and text in NO_END:
        instead = place.holding("2199-12-31")
    shown, expected = answer(zone, place.path, place.holding(text)), answer(zone, place.path, instead)
    return str(shown).replace("9999-12-31", "2199-12-31") == str(expected)


@pytest.mark.slow
def test_a_date_that_stands_for_none_answers_as_if_it_were_absent() -> None:
    differing = [
        (place.name, text)
        for place in places("date", 1)
        for text in (NOT_SET[1], NO_END[1])
        if not _is_as_if_absent(place, text)
    ]
    assert differing == []


@pytest.mark.full
def test_every_such_date_answers_as_if_it_were_absent() -> None:
    tried = [(place, text) for place in places("date", 6) for text in (*NOT_SET, *NO_END)]
    print(f"\n{len(tried)} pairs of calls")
    assert [(place.name, text) for place, text in tried if not _is_as_if_absent(place, text)] == []
