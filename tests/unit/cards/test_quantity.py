"""How a number is printed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cards.quantity import in_print, plain, to_one_place

AMOUNTS = st.decimals(0, 100_000, allow_nan=False, allow_infinity=False, places=6)


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ("107.1429", "107"), ("107.5001", "108"), ("428.5715", "429"), ("65", "65"), ("37.5", "37.5"),
        ("112.50", "112.5"), ("2.25", "2.25"), ("0.125", "0.125"),
        ("0.0625", "0.063"), ("3.3334", "3.3"), ("9.99999", "10"), ("0", "0"),
    ],
)  # fmt: skip
def test_an_amount_is_printed_as_a_nurse_writes_it(value: str, printed: str) -> None:
    assert plain(in_print(Decimal(value))) == printed


@pytest.mark.parametrize(
    ("value", "above", "printed"),
    [("130.04", "130", "130.1"), ("100.0001", "100", "100.1"), ("130.6", "130", "130.6"), ("0.50001", "0.5", "0.501"),
     ("107.1429", "100", "107"), ("129.96", "130", "130")],
)  # fmt: skip
def test_what_exceeds_a_limit_is_printed_as_more_than_it(value: str, above: str, printed: str) -> None:
    assert plain(in_print(Decimal(value), above=Decimal(above))) == printed


@given(AMOUNTS)
def test_no_amount_has_more_decimals_than_a_tablet(value: Decimal) -> None:
    shown = in_print(value)
    _, _, decimals = plain(shown).partition(".")
    assert len(decimals) <= (1 if shown >= 10 else 3)
    assert abs(shown - value) <= max(Decimal("0.0005"), value * Decimal("0.05"))
    assert in_print(shown) == shown


@given(AMOUNTS, AMOUNTS)
def test_an_amount_stays_on_its_side_of_the_limit_that_is_named(value: Decimal, limit: Decimal) -> None:
    limit = limit.quantize(Decimal("0.1"))
    assert value <= limit or in_print(value, above=limit) > limit


def test_a_body_weight_has_one_place() -> None:
    assert plain(to_one_place(Decimal("70.30684"))) == "70.3"
