"""Units by the grammar of UCUM (data amendments 3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cards.labs.unit_grammar import parse_unit


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ng/mL", "ng.mL-1"),
        ("ng/mL", "ug/L"),
        ("ng/mL", "µg/l"),
        ("ng/mL", "ng/mL{serum}"),
        ("ng/mL", "{fasting}ng/mL"),
        ("mg/dL", "mg.dL-1"),
        ("umol/L", "nmol/mL"),
        ("mL/min/{1.73_m2}", "mL/min/1.73m2"),
        ("mL/min/{1.73_m2}", "mL/min{1.73_m2}"),
        ("mL/min/{1.73_m2}", "mL.min-1/1.73 sq m"),
        ("{ratio}", "1"),
    ],
)
def test_two_spellings_of_one_unit_are_one(one: str, other: str) -> None:
    assert parse_unit(one) is not None
    assert parse_unit(one) == parse_unit(other)


@pytest.mark.parametrize(
    ("one", "other"), [("ng/mL", "ng/dL"), ("mg/dL", "mmol/L"), ("mL/min", "mL/min/1.73m2"), ("meq/L", "mmol/L")]
)
def test_units_of_another_size_or_kind_differ(one: str, other: str) -> None:
    assert parse_unit(one) and parse_unit(other)
    assert parse_unit(one) != parse_unit(other)


@pytest.mark.parametrize("text", ["", "/", "ng/", "ng//mL", ".L", "furlong", "mg per dL", "258814008", "n" * 50, "{a"])
def test_what_is_no_unit(text: str) -> None:
    assert parse_unit(text) is None


@given(st.text(max_size=45))
def test_no_text_makes_it_fail(text: str) -> None:
    found = parse_unit(text)
    assert found is None or found.size > 0
