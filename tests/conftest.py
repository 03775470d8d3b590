"""What every test may ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

#: The machine that runs these may be busy: how long an example takes to make says nothing about the code.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

_TESTS = Path(__file__).resolve().parent
_SHARED = _TESTS.parent.parent / "shared"
#: The folders that `pytest` alone runs, but for what is marked `slow` in them; every test of the others is `slow`.
_FAST = ("unit", "decisions", "protocol")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew instead of comparing")


def pytest_configure(config: pytest.Config) -> None:
    """Run all that the command line names: only `pytest` without a path and without `-m` leaves the slow tests out."""
    has_marker = any(each.startswith("-m") for each in config.invocation_params.args)
    if config.args_source is pytest.Config.ArgsSource.ARGS and not has_marker:
        config.option.markexpr = ""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import the slow folders where no test of theirs would be run."""
    by_default = config.args_source is pytest.Config.ArgsSource.TESTPATHS and config.option.markexpr == "not slow"
    is_slow = collection_path.parent == _TESTS and collection_path.is_dir() and collection_path.name not in _FAST
    return True if by_default and is_slow else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark as slow what stands in no fast folder, and leave out the long forms unless `-m` names them."""
    for item in items:
        if item.path.relative_to(_TESTS).parts[0] not in _FAST:
            item.add_marker(pytest.mark.slow)
    if "full" not in config.option.markexpr:
        long_forms = [item for item in items if item.get_closest_marker("full")]
        config.hook.pytest_deselected(items=long_forms)
        items[:] = [item for item in items if item not in long_forms]


@pytest.fixture(scope="session")
def shared() -> Path:
    """Third-party records and specifications beside the checkout; tests that need them skip without."""
    if not _SHARED.is_dir():
        pytest.skip("the folder ../shared is not beside this checkout")
    return _SHARED
