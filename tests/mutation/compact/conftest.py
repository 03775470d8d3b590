"""Each test begins with no table in memory, so that a change in what reads the tables is seen by every test."""

from __future__ import annotations

import os
import sys

import pytest


@pytest.fixture(autouse=True)
def nothing_read_before() -> None:
    for name, module in tuple(sys.modules.items()):
        if name.startswith("cards."):
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


#: What repeats other suites is not run twice: mutmut alone, which says so in the environment, collects it.
collect_ignore = [] if "MUTANT_UNDER_TEST" in os.environ else ["test_suites.py", "test_tables.py", "test_golden.py"]
