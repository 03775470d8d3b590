"""On which side of a limit a value lies: by the `side` beside the limit, in three answers, in the unit of the limit."""

from __future__ import annotations

import ast
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from cards.dates import Days, PartialDate
from cards.knowledge.limits import (
    SIDES,
    Comparable,
    Limit,
    compare,
    due_on,
    first_above,
    in_days,
    is_recent,
    meets,
    misses,
)
from cards.quantity import Quantity, UnlikeUnits
from cds_service.knowledge.load import national_rules
from tests.builders.faults import assert_none, faults
from tests.builders.observations import lab

_CARDS = Path(__file__).resolve().parents[4] / "cards"
TODAY = date(2026, 6, 15)
#: The sides by whether a value under, on and over the limit lies on them.
UNDER, UP_TO, FROM, OVER = (True, False, False), (True, True, False), (False, True, True), (False, False, True)
ANSWERS = {
    "below": UNDER,
    "before": UNDER,
    "at or below": UP_TO,
    "within": UP_TO,
    "up to": UP_TO,
    "at or above": FROM,
    "at or after": FROM,
    "above": OVER,
    "after more than": OVER,
}


def limit(side: str, value: str = "75", unit: str = "ng/mL") -> Limit:
    return Limit("a.limit", Decimal(value), unit, "", side, "ours", "ours")


def ferritin(text: str) -> Quantity:
    value = text.lstrip("<>=")
    return Quantity(Decimal(value), "ng/mL", text.removesuffix(value))


def test_every_side_has_its_answers() -> None:
    assert set(ANSWERS) == set(SIDES)


@pytest.mark.parametrize(("side", "answers"), ANSWERS.items())
def test_a_value_under_on_and_over_a_limit(side: str, answers: tuple[bool, ...]) -> None:
    numbers: tuple[tuple[Comparable, ...], ...] = (
        (Decimal("74.9"), Decimal(75), Decimal("75.1")),
        (74, 75, 76),
        (ferritin("74.9"), ferritin("75"), ferritin("75.1")),
        (lab("ferritin", "74.9"), lab("ferritin", "75"), lab("ferritin", "75.1")),
    )
    for values in numbers:
        assert tuple(compare(value, limit(side)) for value in values) == answers
        assert tuple(meets(value, limit(side)) for value in values) == answers
        assert tuple(misses(value, limit(side)) for value in values) == tuple(not answer for answer in answers)
    days = (Days(74, 74), Days(75, 75), Days(76, 76))
    assert tuple(compare(value, limit(side, unit="d")) for value in days) == answers


@pytest.mark.parametrize(
    ("value", "closed", "open_"),
    [
        ("<75", True, True),
        ("<=75", True, None),
        ("<76", None, None),
        (">75", False, False),
        (">74", None, None),
        ("<74", True, True),
        (">76", False, False),
    ],
)
def test_a_censored_value_is_open_where_it_may_lie_on_either_side(
    value: str, closed: bool | None, open_: bool | None
) -> None:
    for lower, upper, answer in (("at or below", "above", closed), ("below", "at or above", open_)):
        assert compare(ferritin(value), limit(lower)) is answer
        assert compare(ferritin(value), limit(upper)) is (None if answer is None else not answer)
        assert meets(ferritin(value), limit(lower)) is (answer is True)
        assert misses(ferritin(value), limit(lower)) is (answer is False)


#: What a comparator at the number of a limit itself says of each kind of limit: below, at or below, at or above, above.
AT_THE_LIMIT: dict[str, tuple[bool | None, ...]] = {
    "<": (True, True, False, False),
    "<=": (None, True, None, False),
    ">": (False, False, True, True),
    ">=": (False, None, True, True),  # surely above: as high as is reported, though it may be the limit itself
}
KINDS = ("below", "at or below", "at or above", "above")
MEASURED = tuple(
    each for each in national_rules().thresholds.values() if getattr(each, "analyte", "") and each.side in KINDS
)


@pytest.mark.parametrize("limit_of_a_result", MEASURED, ids=lambda limit: limit.name)
@pytest.mark.parametrize("comparator", AT_THE_LIMIT)
def test_a_comparator_under_on_and_over_every_limit_of_a_result(limit_of_a_result: Limit, comparator: str) -> None:
    cut, upwards = limit_of_a_result.quantity, comparator.startswith(">")
    is_upper = SIDES[limit_of_a_result.side].upper
    step = Decimal("0.01")
    under, on, over = (Quantity(cut.value + each, cut.unit, comparator) for each in (-step, Decimal(0), step))
    assert compare(on, limit_of_a_result) is AT_THE_LIMIT[comparator][KINDS.index(limit_of_a_result.side)]
    assert compare(under, limit_of_a_result) is (None if upwards else not is_upper)
    assert compare(over, limit_of_a_result) is (is_upper if upwards else None)


def test_there_are_limits_of_results_of_every_kind() -> None:
    assert {each.side for each in MEASURED} == set(KINDS)


@pytest.mark.parametrize(("days", "within"), [(Days(10, 75), True), (Days(75, 76), None), (Days(76, 99), False)])
def test_a_date_of_a_month_only_may_lie_on_either_side(days: Days, within: bool | None) -> None:
    assert compare(days, limit("within", unit="d")) is within


def test_no_value_lies_on_no_side() -> None:
    assert not any(answer(None, limit(side)) for side in SIDES for answer in (meets, misses))


@pytest.mark.parametrize(
    ("side", "first"), [("below", 18), ("at or below", 19), ("up to", 19), ("at or above", 18), ("above", 19)]
)
def test_the_first_whole_number_above_a_limit(side: str, first: int) -> None:
    assert first_above(limit(side, "18", "a")) == first


@pytest.mark.parametrize(("side", "day"), [("at or after", date(2026, 8, 10)), ("after more than", date(2026, 8, 11))])
def test_the_first_day_after_a_limit(side: str, day: date) -> None:
    assert due_on(limit(side, "56", "d"), TODAY) == day


@pytest.mark.parametrize(
    ("first", "last", "recent"),
    [
        ("2026-05-16", "2026-05-16", True),
        ("2026-05-15", "2026-05-16", False),
        ("2026-06-15", "2026-06-15", True),
        ("2026-06-15", "2026-06-16", False),
    ],
)
def test_what_is_recent_is_surely_in_the_window_and_not_to_come(first: str, last: str, recent: bool) -> None:
    moment = PartialDate(date.fromisoformat(first), date.fromisoformat(last))
    assert is_recent(moment, limit("within", "30", "d"), TODAY) is recent


def test_months_are_counted_back_from_today() -> None:
    days = in_days(limit("after more than", "24", "mo"), date(2026, 3, 31))
    assert (days.days, days.side) == ((date(2026, 3, 31) - date(2024, 3, 31)).days, "after more than")
    assert in_days(limit("within", "1", "mo"), date(2026, 3, 31)).days == 31


UNITS = {"days": "d", "months": "mo", "years": "a"}


@pytest.mark.parametrize("asked", UNITS)
@pytest.mark.parametrize("unit", [*UNITS.values(), "mg"])
def test_a_limit_is_given_in_no_other_unit_than_its_own(asked: str, unit: str) -> None:
    given = limit("within", "24", unit)
    if UNITS[asked] == unit:
        assert getattr(given, asked) == 24
    else:
        with pytest.raises(UnlikeUnits, match=f"a.limit is given in {unit}, not in {UNITS[asked]}"):
            getattr(given, asked)


@pytest.mark.parametrize("value", [Quantity(Decimal(38), "nmol/L"), Days(38, 38)])
def test_a_value_in_another_unit_is_not_compared(value: Comparable) -> None:
    with pytest.raises(UnlikeUnits):
        compare(value, limit("below"))


@pytest.mark.parametrize("side", ["is", "under"])
def test_a_number_that_is_no_limit_is_not_compared(side: str) -> None:
    with pytest.raises(KeyError):
        compare(38, limit(side))


def test_the_unit_of_an_age_is_years() -> None:
    assert national_rules().limit("adult_age").years == 18
    with pytest.raises(UnlikeUnits):
        _ = national_rules().limit("adult_age").days


#: Where numbers are compared with each other, and where a number is compared with a limit.
_COMPARE = {"quantity.py", "knowledge/limits.py"}


def test_no_other_module_says_on_which_side_a_limit_lies() -> None:
    others = [path for path in sorted(_CARDS.rglob("*.py")) if path.relative_to(_CARDS).as_posix() not in _COMPARE]
    assert_none(faults(compares_nothing_with_a_limit, others))


def compares_nothing_with_a_limit(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    asked = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr.startswith("surely_")]
    compared = [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Call) and _is_limit(inner)
    ]
    assert (asked, compared) == ([], [])


def _is_limit(call: ast.Call) -> bool:
    """A limit asked for by its name inside a comparison; what `meets` and its like answer is none."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name in ("limit", "whole", "amount", "defined", "first_above")
