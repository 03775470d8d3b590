"""The patient in words that a card may print."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import pytest

from cards.dates import parse_partial_date
from cards.facts.chart import Person
from cards.wording.person import render_person
from tests.decisions.charts import chart


@pytest.mark.parametrize(
    ("birth", "words"),
    [
        ("2026-05-16", "child, under 1 month"),
        ("2026-05-15", "child, 1 month"),
        ("2025-12-16", "child, 5 months"),
        ("2025-12-15", "child, 6 months"),
        ("2025-06-16", "child, 11 months"),
        ("2025-06-15", "child, 1"),
        ("2025-12", "child, 5 months"),
        ("2026", "child, under 1 year"),
        ("2017-06-15", "child, 9"),
    ],
)
def test_a_child_under_a_year_is_told_in_months(birth: str, words: str) -> None:
    told = replace(chart({"person": "9 M"}), person=Person(parse_partial_date(birth, UTC), "male"))
    assert render_person(told) == words
