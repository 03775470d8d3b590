"""Count the tests of several runs: `python .ci/report.py NAME=FILE.xml ...`, with the JUnit files of pytest.

Prints how many ran and were skipped, and why. Exits with 1 where a test was skipped for a reason that does not hold
where every component is installed: a skip must hide no missing browser, database or runtime.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter

#: Reasons that depend on the machine or the checkout and on no component that can be installed.
ALLOWED = ("../shared", "a small disk cannot be mounted here", "the C library of this machine is older")


def counted(file: str) -> tuple[Counter[str], Counter[str]]:
    """Return the numbers of tests by outcome, and those of skipped ones by reason."""
    outcomes: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for case in ElementTree.parse(file).iter("testcase"):  # noqa: S314 (our own file)
        skipped = case.find("skipped")
        outcome = "ran" if skipped is None else "expected to fail" if "xfail" in skipped.get("type", "") else "skipped"
        outcomes[outcome] += 1
        if skipped is not None and outcome == "skipped":
            reasons[skipped.get("message", "")] += 1
    return outcomes, reasons


def main(arguments: list[str]) -> int:
    hidden = 0
    for name, file in (each.split("=", 1) for each in arguments):
        outcomes, reasons = counted(file)
        print(f"{name}: " + ", ".join(f"{number} {outcome}" for outcome, number in sorted(outcomes.items())))
        for reason, number in reasons.most_common():
            is_allowed = any(each in reason for each in ALLOWED)
            hidden += 0 if is_allowed else number
            print(f"{number:>6} skipped: {reason}" + ("" if is_allowed else "  <- not allowed here"))
    return 1 if hidden else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
