"""Numbers as people write them (data amendments 3)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cards.written_numbers import one_reading, readings


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("38", ["38"]),
        ("38,5", ["38.5"]),
        (".5", ["0.5"]),
        ("0.350", ["0.350"]),
        ("0,412", ["0.412"]),
        ("1234.567", ["1234.567"]),
        ("1.2345", ["1.2345"]),
        ("1.234,5", ["1234.5"]),
        ("1,234.5", ["1234.5"]),
        ("1.234.567", ["1234567"]),
        ("12 345,6", ["12345.6"]),
        ("1.500", ["1500", "1.500"]),
        ("1,500", ["1500", "1.500"]),
        ("50 000", ["50000", "50.000"]),
        ("50\u202f000", ["50000", "50.000"]),
        ("1,23,456", []),
        ("1.5.2", []),
        ("1 2", []),
        ("1.", []),
        ("", []),
        ("many", []),
    ],
)
def test_a_written_number_has_every_value_that_it_may_have(written: str, values: list[str]) -> None:
    assert [str(value) for value in readings(written)] == values
    assert one_reading(written) == (Decimal(values[0]) if len(values) == 1 else None)


@given(st.decimals("0", "999999999", places=4))
def test_the_digits_of_a_number_are_among_its_readings_in_every_house_style(value: Decimal) -> None:
    for written in (f"{value:f}", f"{value:f}".replace(".", ","), f"{value:,f}"):
        assert value in readings(written)


@given(st.text(alphabet="0123456789., '-", max_size=12))
def test_nothing_that_is_written_without_a_digit_above_zero_is_more_than_zero(written: str) -> None:
    if not any(sign in "123456789" for sign in written):
        assert not any(readings(written))
