"""Twice the entries cost no more than twice the work, counted in function calls (reliability DOS-8).

Counted steps are the same on every machine. What costs more within one call, such as a pattern, is in
`test_patterns.py`, and the time of whole bodies in `test_bodies.py`.
"""

from __future__ import annotations

import functools
import sys
from types import FrameType
from typing import Any

import pytest
from flask.testing import FlaskClient

from cards.reading.drafts import MOST_DRAFTS
from cards.remembered import forget_all
from tests.protocol.cost.bodies import KINDS, Kind
from tests.protocol.cost.patterns import modules

#: How much more twice the entries may cost, and how much more a doubling may add than the doubling before it: two where
#: the work is in proportion, four where it grows with the square.
MOST_GROWTH, MOST_ADDED = 2.5, 3.0
#: The orders that are judged, 200, are compared with each other: they alone grow with the square up to that number, and
#: may need so many steps in all.
_COMPARED = tuple(name for name in KINDS if name.startswith("drafts_"))
_MOST_COMPARED = 2_000_000
#: Steps below which nothing grows that anybody could notice.
_FLOOR = 20_000
#: The kinds that the quick run doubles: one for each list of a call.
_QUICK = (
    "codings_of_a_diagnosis",
    "results_of_one_day_for_saturation",
    "ingredients_that_are_contained",
    "patients_without_an_id",
)


#: What is read of one value ends at a limit: whatever stands behind it costs nothing.
_OF_ONE_VALUE = ("numbers_of_one_result", "numbers_in_a_list_of_one_result", "numbers_of_a_ratio")
#: Steps that may be needed for one result whose text holds a thousand numbers, which are not read to the end.
_MOST_OF_A_RESULT = 2_000


def forget() -> None:
    """Empty the bounded memories of `cards`, so that no call finds what another worked out."""
    forget_all()
    for module in (each for each in modules() if each.__name__.startswith("cards.")):
        for each in vars(module).values():
            if isinstance(each, functools._lru_cache_wrapper) and each.cache_parameters()["maxsize"]:
                each.cache_clear()
    forget_all()


def steps(http: FlaskClient, kind: Kind, count: int) -> int:
    """Return how many functions are called to answer a body with so many entries."""
    raw, calls = kind.raw(count), 0

    def counted(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    forget()
    sys.setprofile(counted)
    try:
        answer = http.post(kind.path, data=raw, content_type="application/json")
    finally:
        sys.setprofile(None)
    assert answer.status_code < 500
    return calls


def grows_too_fast(one: int, two: int, four: int) -> bool:
    """Return whether the work for once, twice and four times the entries grows faster than they do."""
    added, added_before = four - two, max(two - one, 1)
    return added > _FLOOR and (four > MOST_GROWTH * two or added > MOST_ADDED * added_before)


def work(http: FlaskClient, kind: Kind, count: int) -> tuple[int, int, int]:
    """Return the steps for once, twice and four times a count; what is made once and for all is made before."""
    steps(http, kind, count)
    one, two, four = (steps(http, kind, count * times) for times in (1, 2, 4))
    return one, two, four


def test_work_that_grows_with_the_square_is_seen() -> None:
    linear, square = ([20_000 + 300 * n + part * n * n for n in (50, 100, 200)] for part in (0, 6))
    assert grows_too_fast(*square) and not grows_too_fast(*linear)


@pytest.mark.parametrize("name", _QUICK)
def test_twice_the_entries_cost_no_more_than_twice_the_work(http: FlaskClient, name: str) -> None:
    assert not grows_too_fast(*(found := work(http, KINDS[name], 40))), found


@pytest.mark.full
@pytest.mark.parametrize("count", [50, 250])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_each_kind_of_list_grows_with_its_length(http: FlaskClient, kind: Kind, count: int) -> None:
    least = max(count, MOST_DRAFTS) if kind.name in _COMPARED else count
    assert not grows_too_fast(*(found := work(http, kind, least))), found


@pytest.mark.slow
@pytest.mark.parametrize("name", _COMPARED)
def test_all_orders_that_are_judged_cost_little(http: FlaskClient, name: str) -> None:
    assert steps(http, KINDS[name], MOST_DRAFTS) < _MOST_COMPARED


@pytest.mark.control("DOS-8")
@pytest.mark.parametrize("name", _OF_ONE_VALUE)
def test_of_one_value_no_more_is_read_than_its_limit(http: FlaskClient, name: str) -> None:
    few, many = (steps(http, KINDS[name], count) for count in (200, 2_000))
    assert many - few < _FLOOR, (few, many)


@pytest.mark.control("DOS-8")
def test_a_result_of_very_many_numbers_costs_little(http: FlaskClient) -> None:
    few, many = (steps(http, KINDS["results_of_many_numbers"], count) for count in (10, 30))
    assert many - few < 20 * _MOST_OF_A_RESULT, (few, many)
