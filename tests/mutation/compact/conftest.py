"""Each test begins with no table in memory, so that a change in what reads the tables is seen by every test."""

from __future__ import annotations

import sys

import pytest


@pytest.fixture(autouse=True)
def nothing_read_before() -> None:
    for name, module in tuple(sys.modules.items()):
        if name.startswith("cards."):
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()
