"""What a lock file pins, and what an install would still have to look for."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")

#: The version of a distribution and its requirements as it states them; None where it is not installed.
Metadata = Callable[[str], tuple[Version, Sequence[str]] | None]


@dataclass(frozen=True, slots=True)
class Pin:
    """One entry of a lock file: `name[extra]==version ; marker --hash=...`."""

    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> Version:
        (one,) = self.requirement.specifier
        return Version(one.version)


def read_lock(path: Path) -> list[Pin]:
    """Return the entries of a lock file, in its order."""
    return [_pin(entry) for entry in path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()]


def _pin(entry: str) -> Pin:
    stated, *hashes = re.split(r"\s+--hash=", entry.strip())
    return Pin(Requirement(stated), tuple(hashes))


def asked_of_the_project(*extras: str) -> list[Requirement]:
    """Return what pyproject.toml asks for, to run with these extras and to be built."""
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project, build = stated["project"], stated["build-system"]["requires"]
    optional = [each for extra in extras for each in project["optional-dependencies"][extra]]
    return [Requirement(each) for each in (*project["dependencies"], *optional, *build)]


def installed(folder: Path | None = None) -> Metadata:
    """Return what the distributions of a `site-packages` state; of the running Python where no folder is named."""
    everything = metadata.distributions() if folder is None else metadata.distributions(path=[str(folder)])
    found = {str(canonicalize_name(each.metadata["Name"])): each for each in reversed([*everything])}

    def stated(name: str) -> tuple[Version, Sequence[str]] | None:
        return (Version(found[name].version), found[name].requires or ()) if name in found else None

    return stated


def environment(python: str, platform: str = "linux") -> dict[str, str]:
    """Return the values that markers are compared with, on that Python (3.12 or 3.12.4) and platform.

    Without a third number it is the running Python where that is one of them, whose packages can be asked; else the
    first of its kind.
    """
    systems = {"linux": "Linux", "darwin": "Darwin"}
    given = {key: str(value) for key, value in default_environment().items()}
    minor = ".".join(python.split(".")[:2])
    full = (
        python
        if python != minor
        else given["python_full_version"]
        if given["python_version"] == minor
        else f"{python}.0"
    )
    return given | {
        "python_version": minor,
        "python_full_version": full,
        "sys_platform": platform,
        "platform_system": systems[platform],
    }


def missing(
    pins: Iterable[Pin], asked: Iterable[Requirement], stated: Metadata, where: Mapping[str, str]
) -> Iterator[str]:
    """Say of each name, extra and version that is needed, however indirectly, where the lock does not pin it.

    An extra counts as pinned where the lock spells it, as `name[extra]`: an old pip takes `coverage[toml]` and
    `coverage==7.1` for two different things, and looks for the first in the registry. What is not installed here,
    because only another Python or platform needs it, cannot be asked what it needs in turn.
    """
    at_hand = {pin.name: pin for pin in pins if holds(pin.requirement, where)}
    open_ones = [(each, "the project") for each in asked if holds(each, where)]
    seen: set[tuple[str, str]] = set()
    while open_ones:
        needed, by = open_ones.pop()
        name = canonicalize_name(needed.name)
        pin = at_hand.get(name)
        if pin is None:
            yield f"{name} is not pinned; {by} asks for it"
            continue
        if needed.extras - pin.requirement.extras:
            yield f"{name} is pinned without [{','.join(needed.extras - pin.requirement.extras)}]; {by} asks for it"
        if not needed.specifier.contains(pin.version, prereleases=True):
            yield f"{name} is pinned to {pin.version}; {by} asks for {needed.specifier}"
        version, requires = stated(name) or (pin.version, ())
        if version != pin.version:
            yield f"{name} {version} is installed, and the lock says {pin.version}: install from the lock first"
        for extra in {"", *needed.extras} - {known for at, known in seen if at == name}:
            seen.add((name, extra))
            further = [Requirement(each) for each in requires]
            open_ones += [(each, name) for each in further if holds(each, {**where, "extra": extra})]


def holds(requirement: Requirement, where: Mapping[str, str]) -> bool:
    """Say whether a requirement counts in that environment."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": "", **where})
