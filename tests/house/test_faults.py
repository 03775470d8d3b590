"""A test that lists the faults of its subject names every one, and none that is not."""

from __future__ import annotations

import pytest

from tests.builders.faults import assert_none, faults


def is_even(number: int) -> None:
    assert number % 2 == 0, f"{number} is odd"


def test_every_fault_is_listed_with_the_case_and_the_check() -> None:
    found = faults(is_even, [1, 2, 3], lambda number: f"case {number}")
    assert [each.splitlines()[:2] for each in found] == [
        ["case 1", "    is_even: 1 is odd"],
        ["case 3", "    is_even: 3 is odd"],
    ]
    with pytest.raises(AssertionError, match=r"(?s)^faults: 2\ncase 1\n.*\ncase 3\n"):
        assert_none(found)


def test_without_a_fault_nothing_fails() -> None:
    assert_none(faults(is_even, [0, 2]))


def test_an_error_is_no_fault_and_names_its_case() -> None:
    def breaks(number: int) -> None:
        raise LookupError(number)

    with pytest.raises(LookupError) as raised:
        faults(breaks, [7])
    assert raised.value.__notes__ == ["breaks of 7"]
