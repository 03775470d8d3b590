"""Bars of a report: labels that fit beside them."""

from __future__ import annotations

import re

import pytest

from cds_service.offline.screening.report.plots import Bar, bars

_LABEL = re.compile(r'<text class="label" x="(\d+)" y="\d+">([^<]*)</text>')
_BAR = re.compile(r'<rect class="" x="(\d+)" y="\d+" width="(\d+)"')


@pytest.mark.parametrize("letters", [1, 10, 47, 60, 200])
def test_a_label_begins_inside_the_plot_however_long_it_is(letters: int) -> None:
    drawn = bars("Cards", [Bar("W" * letters, 3, "3"), Bar("short", 1, "1")])
    ends, label = _LABEL.findall(drawn)[0]
    assert int(ends) - 6 * len(label) > 0
    assert label.startswith("W" * min(letters, 50))


def test_a_cut_label_still_says_its_level() -> None:
    drawn = bars("Cards", [Bar("x" * 80, 3, "3", level="critical")])
    [(_, label)] = _LABEL.findall(drawn)
    assert label.endswith("x…, critical")


def test_the_longest_bar_leaves_room_for_its_number() -> None:
    for label in ("a", "a" * 80):
        [(left, width)] = _BAR.findall(bars("Cards", [Bar(label, 9, "9")]))
        assert int(left) + int(width) <= 760 - 100
