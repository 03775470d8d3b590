"""The suites of the core, one test for each test function: all rows of its table in a loop.

Left out are tests that ask for a fixture (third-party records), that generate their input, that measure time or that
read the source, which holds every mutant at once, and a few that take long and hold what others hold too.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import pytest

_TESTS = Path(__file__).parent.parent.parent
_SUITES = ("unit/cards", "unit/cds_service/knowledge", "decisions")
_HEAVY = (
    "decisions.test_definitions.",
    "decisions.test_tables.",
    "decisions.test_wording.test_nothing_is_offered_while_a_secondary_list_is_unread",
    "decisions.test_wording.test_the_summary_is_whole_for_products_with_long_names",
    "decisions.test_patient_view_words.test_losing_a_secondary_list_never_makes_a_card_more_urgent",
    "unit.cards.knowledge.test_limits.test_no_other_module_says_on_which_side_a_limit_lies",
    "unit.cards.wording.test_phrases.",
    "unit.cds_service.knowledge.test_review_and_use.",
    "unit.cds_service.knowledge.test_source_attributes.",
)
_GIVEN = {"tmp_path"}
_MANY = 60


def _modules() -> Iterator[str]:
    paths = [path for suite in _SUITES for path in sorted((_TESTS / suite).rglob("test_*.py"))]
    yield from (".".join(path.relative_to(_TESTS.parent).with_suffix("").parts) for path in paths)


def rows(function: Callable[..., None]) -> list[dict[str, Any]]:
    """Every combination of arguments that the `parametrize` marks of a test function name."""
    marks = [mark for mark in getattr(function, "pytestmark", []) if mark.name == "parametrize"]
    tables = [[_row(mark.args[0], values) for values in mark.args[1]] for mark in marks]
    return [dict(pair for part in parts for pair in part.items()) for parts in product(*tables)]


def _row(names: str | tuple[str, ...], values: Any) -> dict[str, Any]:
    words = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    given = getattr(values, "values", None) if type(values).__name__ == "ParameterSet" else None
    given = given if given is not None else values if len(words) > 1 else (values,)
    return dict(zip(words, given, strict=True))


def _runs_alone(function: Callable[..., None]) -> bool:
    """Needs nothing but its table: no fixture, no generated input, no clock."""
    named = {name for row in rows(function)[:1] for name in row}
    return (
        set(inspect.signature(function).parameters) <= named | _GIVEN
        and not hasattr(function, "hypothesis")
        and "perf_counter" not in function.__code__.co_names
    )


def _functions() -> Iterator[tuple[str, Callable[..., None]]]:
    for name in _modules():
        for called, function in vars(import_module(name)).items():
            whole = f"{name.removeprefix('tests.')}.{called}"
            if called.startswith("test_") and not whole.startswith(_HEAVY) and _runs_alone(function):
                yield whole, function


_FOUND = tuple(_functions())


@pytest.mark.parametrize("function", [function for _, function in _FOUND], ids=[name for name, _ in _FOUND])
def test_every_row(function: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> None:
    wants_a_folder = "tmp_path" in inspect.signature(function).parameters
    for row in _spread(rows(function), function.__module__):
        function(**row, **({"tmp_path": tmp_path_factory.mktemp("row")} if wants_a_folder else {}))


def _spread(every: list[dict[str, Any]], module: str) -> list[dict[str, Any]]:
    """All rows; of those that write the cards of every case only some, for `test_cards` writes them too."""
    step = len(every) // _MANY + 1 if module.startswith("tests.decisions.") else 1
    return every[::step]
