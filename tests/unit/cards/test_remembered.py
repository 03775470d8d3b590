"""Functions remember what they made of short pieces of vocabulary, by content, and within bounds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cards import remembered as module
from cards.remembered import all_counts, forget_all, remembered


@pytest.fixture
def asked() -> list[Any]:
    return []


def function(asked: list[Any]) -> Any:
    @remembered
    def answer(value: Any, more: str = "") -> str:
        asked.append(value)
        return f"{value!r} {more}"

    return answer


def test_equal_pieces_in_different_objects_are_worked_out_once(asked: list[Any]) -> None:
    answer = function(asked)
    assert answer({"coding": [{"code": "2276-4"}]}) == answer({"coding": [{"code": "2276-4"}]})
    assert len(asked) == 1
    assert answer.counts() == (1, 1, 1)


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, True), (1, 1.0), ("1", 1), (b"1", "1"), ([], {}), (None, ""), ({"a": 1}, {"a": "1"}), ([1, [2]], [[1], 2])],
)
def test_pieces_that_only_look_alike_are_told_apart(asked: list[Any], one: Any, other: Any) -> None:
    answer = function(asked)
    assert (answer(one), answer(other)) == (f"{one!r} ", f"{other!r} ")
    assert len(asked) == 2


def test_what_else_is_given_counts_too(asked: list[Any]) -> None:
    answer = function(asked)
    assert answer("x", "a") != answer("x", "b")
    assert answer("x", more="a") == answer("x", "a")


@pytest.mark.parametrize("value", [Decimal(1), {"value": Decimal(1)}, "long" * module.LONGEST])
def test_what_is_long_or_no_plain_json_is_answered_and_not_kept(asked: list[Any], value: Any) -> None:
    answer = function(asked)
    assert answer(value) == answer(value)
    assert len(asked) == 2
    assert answer.counts().held == 0


def test_it_never_holds_more_than_it_may(asked: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    answer = function(asked)
    for number in range(10):
        assert answer(number) == f"{number} "
        assert answer.counts().held <= 3


def test_a_piece_that_is_changed_later_changes_no_answer(asked: list[Any]) -> None:
    answer = function(asked)
    piece = {"code": "G25.81"}
    before = answer(piece)
    piece["code"] = "I10"
    assert answer(piece) != before
    assert answer({"code": "G25.81"}) == before


def test_all_can_be_made_to_forget(asked: list[Any]) -> None:
    answer = function(asked)
    answer("x")
    forget_all()
    answer("x")
    assert len(asked) == 2


def test_every_function_is_counted_under_its_name() -> None:
    assert {"cards.fhir.json_values._codings", "cards.drugs.directions.read_sig"} <= set(all_counts())
