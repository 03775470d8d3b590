"""Instants as programs write them (reliability FB-6; protocol B-08)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.hooks.instants import read_instant

MOMENT = datetime(2026, 7, 1, 9, 29, 15, tzinfo=UTC)
DATES = ("%Y-%m-%d", "%Y%m%d")
SEPARATORS = ("T", "t", " ", "  ", " T ")
TIMES = {"%H:%M:%S": 0, "%H%M%S": 0, "%H:%M": 15, "%H:%M:%S.250": -0.25, "%H:%M:%S,25": -0.25}
#: Spellings of an offset, and how many minutes the clock of that zone is ahead of UTC.
ZONES = {
    "": 0,
    "Z": 0,
    "z": 0,
    " Z": 0,
    "Z UTC": 0,
    " UTC": 0,
    "GMT": 0,
    " UT": 0,
    "Z[UTC]": 0,
    "+0000": 0,
    "+00": 0,
    "-00:00": 0,
    "+0": 0,
    "+02:00": 120,
    "+0200": 120,
    " +0200": 120,
    "+02": 120,
    "+2": 120,
    "+02:00[Europe/Paris]": 120,
    "GMT+02:00": 120,
    " GMT+0200 (Central European Summer Time)": 120,
    "UTC-5": -300,
    "-05:00": -300,
    "−05:00": -300,
    "+05:45": 345,
    "-1130": -690,
    "+14:00": 840,
}


def spellings() -> Iterator[tuple[str, datetime]]:
    for date, separator, (time, missing), (zone, ahead) in product(DATES, SEPARATORS, TIMES.items(), ZONES.items()):
        local = MOMENT + timedelta(minutes=ahead)
        yield local.strftime(date + separator + time) + zone, MOMENT - timedelta(seconds=missing)


@pytest.mark.parametrize("around", ["{}", " {}", "{}\n", "\t{} "])
def test_every_spelling_of_date_time_and_offset_is_the_same_instant(around: str) -> None:
    table = list(spellings())
    assert len(table) == len(DATES) * len(SEPARATORS) * len(TIMES) * len(ZONES)
    wrong = {text: read_instant(around.format(text)) for text, at in table if read_instant(around.format(text)) != at}
    assert wrong == {}


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=2)), timezone(-timedelta(hours=3, minutes=30))])
def test_what_libraries_write_is_read(zone: timezone) -> None:
    local = MOMENT.astimezone(zone)
    offset = local.strftime("%z")
    milliseconds = int(MOMENT.timestamp() * 1000)
    written = [
        local.isoformat(),
        str(local),
        format_datetime(local),
        format_datetime(MOMENT, usegmt=True),
        local.strftime(f"%a %b %d %Y %H:%M:%S GMT{offset} (somewhere)"),
        f"/Date({milliseconds})/",
        f"/Date({milliseconds}{offset})/",
        milliseconds,
        float(milliseconds),
        milliseconds // 1000,
        milliseconds / 1000,
        f"{local.strftime('%Y-%m-%dT%H:%M:%S')}.0000000{offset}",
    ]
    assert [(each, read_instant(each)) for each in written if read_instant(each) != MOMENT] == []


@given(
    st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)),  # noqa: DTZ001 - a zone is added
    st.timedeltas(min_value=-timedelta(hours=23), max_value=timedelta(hours=23)),
)
def test_every_moment_in_every_zone_is_read_to_the_microsecond(moment: datetime, ahead: timedelta) -> None:
    ahead -= timedelta(seconds=ahead.seconds % 60, microseconds=ahead.microseconds)
    at = moment.replace(tzinfo=timezone(ahead))
    assert read_instant(at.isoformat()) == at


@given(st.text(max_size=40) | st.integers() | st.floats() | st.none() | st.booleans())
def test_whatever_is_sent_nothing_is_raised(value: object) -> None:
    found = read_instant(value)
    assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-06-30T23:59:60Z", "2026-06-30T23:59:59+00:00"),
        ("2026-07-01T01:59:60.25+02:00", "2026-06-30T23:59:59.250000+00:00"),
        ("2026-06-30T24:00:00Z", "2026-07-01T00:00:00+00:00"),
        ("2026-07-01T09:29:15.1234567Z", "2026-07-01T09:29:15.123456+00:00"),
        ("2026-07-01T09:29:15.123456789Z", "2026-07-01T09:29:15.123456+00:00"),
        ("2024-02-29T23:59:59Z", "2024-02-29T23:59:59+00:00"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:00"),
        ("0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00+00:00"),
        ("9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59.999999+00:00"),
        ("9999-12-31T24:00:00Z", "9999-12-31T23:59:59.999999+00:00"),
    ],
)
def test_bounds_of_clock_and_calendar(text: str, expected: str) -> None:
    found = read_instant(text)
    assert found is not None and found.isoformat() == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "yesterday",
        "2026-07-01",
        "09:29:15Z",
        "1782898155",
        "2026-02-29T09:29:15Z",
        "2026-13-01T09:29:15Z",
        "0000-01-01T00:00:00Z",
        "2026-07-01T24:29:15Z",
        "2026-07-01T24:00:01Z",
        "2026-07-01T09:60:15Z",
        "2026-07-01T09:29:61Z",
        "2026-07-01T9:29:15Z",
        "2026-07-0109:29:15Z",
        "2026-0701T09:29:15Z",
        "2026-W27-3T09:29:15Z",
        "26-07-01T09:29:15Z",
        "01/07/2026 09:29:15",
        "2026-07-01T09:29:15 PM",
        "2026-07-01T09:29:15 CEST",
        "2026-07-01T09:29:15[Europe/Paris]",
        "2026-07-01T09:29:15Z+02:00",
        "2026-07-01T09:29:15+24:00",
        "2026-07-01T09:29:15+02:60",
        "Wed, 01 Foo 2026 09:29:15 GMT",
        "Wed, 01 Jul 2026 09:29:15 EST",
        "２０２６-07-01T09:29:15Z",
        "2026-07-01T09:29:15Z" + " " * 100,
        "/Date(9999999999999999)/",
        0,
        7,
        99_999_999_999,
        10**15,
        float("inf"),
        float("nan"),
        None,
        True,
        [],
        {},
    ],
)
def test_what_could_mean_several_instants_or_none_is_not_read(value: object) -> None:
    assert read_instant(value) is None
