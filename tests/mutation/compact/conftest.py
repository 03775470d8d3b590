"""No test finds tables in memory that another suite has read, so that a change in what reads them is seen."""

from __future__ import annotations

import os
import sys

import pytest

#: What repeats other suites is not run twice: mutmut alone, which says so in the environment, collects it.
collect_ignore = [] if "MUTANT_UNDER_TEST" in os.environ else ["test_suites.py", "test_tables.py", "test_golden.py"]

#: Suites about the tables themselves: here each test reads them, for one that finds them in memory is not known to
#: depend on what reads them, and is not asked about a change there.
_ABOUT_TABLES = (
    "tests.unit.cards.drugs.",
    "tests.unit.cards.fhir.test_bundles",
    "tests.unit.cards.knowledge.test_code_systems",
    "tests.unit.cards.knowledge.test_valuesets",
    "tests.unit.cards.labs.",
    "tests.unit.cards.presenting.test_orderables",
    "tests.unit.cards.reading.test_chart",
    "tests.unit.cards.reading.test_results",
    "tests.unit.cards.site.test_results_in_site_units",
)


@pytest.fixture(scope="session")
def read_for() -> list[str]:
    """The suites for which tables were read; the last one finds them in memory."""
    return []


@pytest.fixture(autouse=True)
def nothing_read_before(request: pytest.FixtureRequest, read_for: list[str]) -> None:
    function = request.node.callspec.params.get("function") if hasattr(request.node, "callspec") else None
    whole = function is not None and not function.__module__.startswith(_ABOUT_TABLES)
    suite = function.__module__ if whole else request.node.nodeid
    _forget("tests.decisions.", "tests.builders.knowledge")
    if read_for[-1:] != [suite]:
        read_for.append(suite)
        _forget("cards.")


def _forget(*modules: str) -> None:
    """Clear the caches of these modules: what the core reads, and what other tests made of its answers."""
    for name, module in tuple(sys.modules.items()):
        if name.startswith(modules):
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()
