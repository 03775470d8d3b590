"""An install takes all that it needs from a lock file and looks for nothing else: no later release can break it."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.install.lock_files import (
    PYTHONS,
    ROOT,
    Pin,
    asked_of_the_project,
    environment,
    holds,
    installed,
    missing,
    read_lock,
)

RUNS, EVERYTHING, OLDEST = ROOT / "requirements.lock", ROOT / "requirements-dev.lock", ROOT / ".ci" / "lowest.lock"
#: Each lock file with the extras that it is for.
EXTRAS = {RUNS: ("postgres",), EVERYTHING: ("postgres", "bulk", "dev")}
STATED = installed()


def gaps(lock: Path, pins: list[Pin], python: str = "3.11", platform: str = "linux") -> set[str]:
    return set(missing(pins, asked_of_the_project(*EXTRAS[lock]), STATED, environment(python, platform)))


@pytest.mark.parametrize("platform", ["linux", "darwin"])
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", EXTRAS, ids=lambda lock: lock.name)
def test_every_name_and_extra_that_is_needed_is_pinned(lock: Path, python: str, platform: str) -> None:
    assert not gaps(lock, read_lock(lock), python, platform)


@pytest.mark.parametrize("lock", EXTRAS, ids=lambda lock: lock.name)
def test_no_entry_can_be_taken_out_unnoticed(lock: Path) -> None:
    pins = read_lock(lock)
    for pin in (each for each in pins if holds(each.requirement, environment("3.11"))):
        rest = [each for each in pins if each is not pin]
        assert any(gap.startswith(f"{pin.name} is not pinned") for gap in gaps(lock, rest)), pin.name


@pytest.mark.parametrize("lock", EXTRAS, ids=lambda lock: lock.name)
def test_no_extra_can_be_taken_out_unnoticed(lock: Path) -> None:
    pins = read_lock(lock)
    with_extras = [pin for pin in pins if pin.requirement.extras]
    assert with_extras
    for pin in with_extras:
        bare = replace(pin, requirement=Requirement(f"{pin.name}=={pin.version}"))
        without = [bare if each is pin else each for each in pins]
        assert any(gap.startswith(f"{pin.name} is pinned without [") for gap in gaps(lock, without)), pin.name


def test_a_version_that_somebody_cannot_use_is_noticed() -> None:
    old = [
        replace(pin, requirement=Requirement("werkzeug==1.0")) if pin.name == "werkzeug" else pin
        for pin in read_lock(RUNS)
    ]
    assert any("flask asks for >=" in gap for gap in gaps(RUNS, old))


@pytest.mark.control("V15.2.4")
@pytest.mark.parametrize("lock", [*EXTRAS, OLDEST], ids=lambda lock: lock.name)
def test_a_lock_holds_names_versions_and_hashes_only(lock: Path) -> None:
    for pin in read_lock(lock):
        (one,) = pin.requirement.specifier
        assert one.operator == "==" and "*" not in one.version and pin.requirement.url is None, pin.name
        assert pin.hashes and all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in pin.hashes), pin.name


def test_what_runs_is_the_same_in_both() -> None:
    everything = {pin.name: pin for pin in read_lock(EVERYTHING)}
    for pin in read_lock(RUNS):
        assert (pin.version, pin.hashes) == (everything[pin.name].version, everything[pin.name].hashes), pin.name
    assert not {"pytest", "playwright", "mypy", "hypothesis"} & {pin.name for pin in read_lock(RUNS)}


def test_the_lower_bounds_are_the_versions_that_are_tried() -> None:
    tried = {pin.name: pin.version for pin in read_lock(OLDEST)}
    for asked in asked_of_the_project("postgres"):
        (lower,) = asked.specifier
        name = canonicalize_name(asked.name)
        assert lower.operator == ">=" and lower.contains(tried[name]), name
        assert tried[name].release[: len(lower.version.split("."))] == tuple(map(int, lower.version.split("."))), name


def test_what_builds_the_package_is_what_the_locks_pin() -> None:
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert stated["dependency-groups"]["build"] == stated["build-system"]["requires"]


@pytest.mark.parametrize(("block", "lock"), [(0, RUNS), (1, EVERYTHING)], ids=["demo", "tests"])
def test_the_readme_installs_from_its_lock_and_looks_nothing_up(block: int, lock: Path) -> None:
    given = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)[block]
    assert given.splitlines()[:4] == [
        "python3 -m venv .venv",
        f".venv/bin/pip install --quiet --no-deps --require-hashes --only-binary :all: -r {lock.name}",
        ".venv/bin/pip install --quiet --no-deps --no-build-isolation -e .",
        ".venv/bin/pip check",
    ]
