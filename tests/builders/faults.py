"""All faults of one subject in one message, where a test for each would bury its reader."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

Case = TypeVar("Case")


def faults(check: Callable[[Case], None], cases: Iterable[Case], name: Callable[[Case], str] = str) -> list[str]:
    """Return what is wrong with each case that fails the check, by its name; raises what is no failed assertion."""
    found = []
    for case in cases:
        try:
            check(case)
        except AssertionError as fault:
            # pytest adds to a failed assertion where each value came from, in lines that begin with a plus
            lines = [line for line in str(fault).splitlines() if not line.lstrip().startswith("+")]
            why = "\n    ".join(lines) or "does not hold"
            found.append(f"{name(case)}\n    {check.__name__}: {why}")
        except Exception as fault:
            fault.add_note(f"{check.__name__} of {name(case)}")
            raise
    return found


def assert_none(found: list[str]) -> None:
    """Fail with every fault that was found, not only with the first."""
    __tracebackhide__ = True
    if found:
        raise AssertionError("\n".join([f"faults: {len(found)}", *found]))
