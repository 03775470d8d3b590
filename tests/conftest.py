"""What every test may ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

#: The machine that runs these may be busy: how long an example takes to make says nothing about the code.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

_SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew instead of comparing")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Third-party records and specifications beside the checkout; tests that need them skip without."""
    if not _SHARED.is_dir():
        pytest.skip("the folder ../shared is not beside this checkout")
    return _SHARED
