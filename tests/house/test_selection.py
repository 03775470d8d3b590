"""Which tests run: the quick ones by `pytest` alone, and all of what the command line names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]


def collected(*arguments: str) -> set[str]:
    """Return the folders of `tests` of which tests would be run."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *arguments]
    said = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False).stdout
    return {line.split("/")[1] for line in said.splitlines() if line.startswith("tests/") and "::" in line}


def test_pytest_alone_runs_the_quick_folders() -> None:
    assert collected() == {"unit", "decisions", "protocol"}


@pytest.mark.parametrize(
    ("arguments", "folders"),
    [
        (("tests/house",), {"house"}),
        (("tests/house/test_bugs.py", "tests/install/test_lock_files.py"), {"house", "install"}),
        (("tests/house", "-m", "not slow"), set()),
        (("tests/protocol/totality/test_requests.py", "-m", "slow"), {"protocol"}),
        (("tests/protocol/test_limits.py", "-m", "full"), {"protocol"}),
        (("tests/integration/server/test_stopping.py", "-m", "slow or not slow"), {"integration"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_is_named_is_run(arguments: tuple[str, ...], folders: set[str]) -> None:
    assert collected(*arguments) == folders


def test_no_long_form_is_run_unless_it_is_asked_for() -> None:
    long_form = ("tests/protocol/test_generated.py", "-k", "ten_thousand")
    assert collected(*long_form, "-m", "slow or not slow") == set()
