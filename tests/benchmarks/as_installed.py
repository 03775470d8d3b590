"""Start programs of this checkout as they start where requirements.lock was installed.

A developer's environment holds libraries that others import where they find them: `jsonschema` builds a grammar beside
one of them, which takes a second and 25 MB. They are hidden. Bytecode is kept, since pip compiles what it installs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import packages_distributions

from packaging.utils import canonicalize_name

from tests.benchmarks.processes import ROOT
from tests.install.lock_files import read_lock


def python(statement: str) -> list[str]:
    """Return the command that runs a statement with what an installation has."""
    hide = f"import sys; sys.modules.update(dict.fromkeys({' '.join(hidden())!r}.split()))"
    return [sys.executable, "-c", f"{hide}; {statement}"]


def environment(more: Mapping[str, str]) -> Mapping[str, str]:
    """Return the variables of such a program: ours, and more."""
    ours = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**ours, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", **more}


@cache
def hidden() -> tuple[str, ...]:
    """Return the names of the packages that are here and in no distribution of the lock file."""
    locked = {"rls-cds", *(pin.name for pin in read_lock(ROOT / "requirements.lock"))}
    ours = {each.name for each in ROOT.iterdir()}
    found = packages_distributions()
    return tuple(
        sorted(
            name
            for name, distributions in found.items()
            if name.isidentifier() and name not in ours and not locked & set(map(canonicalize_name, distributions))
        )
    )
