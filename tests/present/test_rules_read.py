"""The knowledge files as they are read: every member of a threshold, its history, and which file a fault is in."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from cards.rules import BadKnowledge, DatedValue, Threshold, rules_from

_FILE = """
title = "A decision"
question = "Is it so?"
version = "1"
changed = 2026-01-01
hooks = ["patient-view"]

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


def _limit() -> Threshold:
    return rules_from({"one": _FILE}, "").limit("a.limit")


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
    bare = """
title = "A decision"
question = "Is it so?"
version = "1"
changed = 2026-01-01
hooks = ["patient-view"]
next_review = 2027-01-01

[thresholds.days]
value = "30"
unit = "d"
meaning = "a month"
side = "after"
citation = "ours"
certainty = "quoted"
"""
    rules = rules_from({"one": bare}, "")
    assert rules.limit("days") == Threshold(
        "days", Decimal(30), "d", "a month", "after", "ours", "quoted", Decimal(1), (Decimal(30), Decimal(30))
    )
    one = rules.decisions["one"]
    assert (one.name, one.hooks, one.reviewer, one.next_review) == ("one", ("patient-view",), "", date(2027, 1, 1))
    assert (one.because, one.texts, one.cards) == ({}, {}, {})
    assert (one.reads, one.orders, one.facts) == ((), (), ())


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
    found = rules_from({"one": _FILE}, "").on(day).limit("a.limit")
    assert (found.value, found.citation) == (value, citation)


@pytest.mark.parametrize(
    ("decision", "citations", "where"),
    [("not [ TOML", "", "cards/decisions/one.toml: not TOML"), (_FILE, "not [ TOML", "cards/citations.toml: not TOML")],
)
def test_a_file_that_cannot_be_read_is_named(decision: str, citations: str, where: str) -> None:
    with pytest.raises(BadKnowledge) as raised:
        rules_from({"one": decision}, citations)
    assert [fault.startswith(where) for fault in raised.value.faults] == [True]
