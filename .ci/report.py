"""Count the tests of several runs: `python .ci/report.py NAME=FILE.xml ...`, with the JUnit files of pytest.

Prints how many ran and were skipped, and why, and which passed only when they were run again. Exits with 1 where a test
was skipped for a reason that does not hold where every component is installed (a skip must hide no missing browser,
database or runtime), or where more than a few tests were unsteady.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter

#: Reasons that depend on the machine or the checkout and on no component that can be installed.
ALLOWED = ("../shared", "a small disk cannot be mounted here", "the C library of this machine is older")
#: A machine that is busy for a moment may fail one test; whatever fails more of them is a fault.
MOST_UNSTEADY = 3


def counted(file: str) -> tuple[Counter[str], Counter[str], list[str]]:
    """Return the numbers of tests by outcome, those of skipped ones by reason, and the names of what ran again."""
    runs: dict[str, list[ElementTree.Element | None]] = {}
    for case in ElementTree.parse(file).iter("testcase"):  # noqa: S314 (our own file)
        runs.setdefault(f"{case.get('classname')}::{case.get('name')}", []).append(case.find("skipped"))
    outcomes: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for *_, skipped in runs.values():
        outcome = "ran" if skipped is None else "expected to fail" if "xfail" in skipped.get("type", "") else "skipped"
        outcomes[outcome] += 1
        if skipped is not None and outcome == "skipped":
            reasons[skipped.get("message", "")] += 1
    return outcomes, reasons, [name for name, each in runs.items() if len(each) > 1]


def main(arguments: list[str]) -> int:
    hidden, unsteady = 0, 0
    for name, file in (each.split("=", 1) for each in arguments):
        outcomes, reasons, again = counted(file)
        print(f"{name}: " + ", ".join(f"{number} {outcome}" for outcome, number in sorted(outcomes.items())))
        for reason, number in reasons.most_common():
            is_allowed = any(each in reason for each in ALLOWED)
            hidden += 0 if is_allowed else number
            print(f"{number:>6} skipped: {reason}" + ("" if is_allowed else "  <- not allowed here"))
        for test in again:
            print(f"unsteady: {test}  <- failed, and passed when it was run again")
        unsteady += len(again)
    return 1 if hidden or unsteady > MOST_UNSTEADY else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
