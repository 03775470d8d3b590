"""The knowledge files as they are read: every member of a threshold, its history, and which file a fault is in."""

from __future__ import annotations

import tomllib
from datetime import date
from decimal import Decimal

import pytest

from cards.knowledge.rules import DatedValue, Judges, Rules, Threshold, rules_from

_FILE = """
title = "A decision"
question = "Is it so?"
version = "1"
changed = 2026-01-01
hooks = ["patient-view"]
reviewer = "a physician"
next_review = 2027-01-01
reads = []
orders = []
facts = []
uses = []
because = {}
cards = {}
needs = { default = [] }

[thresholds."a.limit"]
value = "30"
unit = "ng/mL"
meaning = "low"
side = "below"
citation = "new"
certainty = "quoted"
step = "0.5"
range = ["10", "50"]
analyte = "ferritin"
reviewer = "a physician"
next_review = 2027-01-01
history = [
    { since = 2020-01-01, value = "20", citation = "old" },
    { since = 2026-01-01, value = "30", citation = "new" },
]
"""


def _rules(text: str) -> Rules:
    return rules_from({"one": tomllib.loads(text)}, {})


def _limit() -> Threshold:
    return _rules(_FILE).limit("a.limit")


def test_all_that_a_file_says_of_a_threshold_is_kept() -> None:
    assert _limit() == Threshold(
        name="a.limit",
        value=Decimal(30),
        unit="ng/mL",
        meaning="low",
        side="below",
        citation="new",
        certainty="quoted",
        step=Decimal("0.5"),
        range=(Decimal(10), Decimal(50)),
        history=(DatedValue(date(2020, 1, 1), Decimal(20), "old"), DatedValue(date(2026, 1, 1), Decimal(30), "new")),
        analyte="ferritin",
        reviewer="a physician",
        next_review=date(2027, 1, 1),
    )


def test_a_file_may_leave_out_what_it_does_not_need() -> None:
    """Among the members that may be left out are the step, the analyte and the reviewer of a threshold."""
    head, _, _ = _FILE.partition("[thresholds")
    bare = f"""{head}
[thresholds.days]
value = "30"
unit = "d"
meaning = "a month"
side = "at or after"
range = ["20", "40"]
citation = "ours"
certainty = "quoted"
history = [{{ since = 2020-01-01, value = "30", citation = "ours" }}]
"""
    rules = _rules(bare)
    limit = rules.limit("days")
    assert (limit.step, limit.analyte, limit.reviewer, limit.next_review) == (Decimal(1), "", "", None)
    assert (limit.range, limit.side) == ((Decimal(20), Decimal(40)), "at or after")
    one = rules.decisions["one"]
    assert (one.name, one.hooks, one.next_review) == ("one", ("patient-view",), date(2027, 1, 1))
    assert (one.texts, one.thresholds, one.switches, one.judges) == ({}, ("days",), (), Judges())


@pytest.mark.parametrize(
    ("day", "value", "citation"),
    [
        (date(2019, 12, 31), 20, "old"),
        (date(2020, 1, 1), 20, "old"),
        (date(2025, 12, 31), 20, "old"),
        (date(2026, 1, 1), 30, "new"),
    ],
)
def test_a_threshold_and_its_source_are_those_of_the_day(day: date, value: int, citation: str) -> None:
    found = _rules(_FILE).on(day).limit("a.limit")
    assert (found.value, found.citation) == (value, citation)
