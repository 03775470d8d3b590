"""The protocol checklist: which test proves which row. `python -m tests.protocol.table` runs them and writes it down.

A test carries its rows at the end of its name: test_without_services_the_list_is_empty_d03.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CHECKLIST = HERE / "CHECKLIST.md"
#: Where tests with row ids live.
FOLDERS = ("http", "clients", "feedback", "store", "protocol", "versions", "quirks")
_ID = re.compile(r"[a-z]+[0-9]{1,2}")
_HEADER = """\
# CDS Hooks: row by row

Made by `python -m tests.protocol.table`, which runs the tests that carry a row's id at the end of their name. What a
level means stands in `tests/protocol/rows.toml`.
"""


@dataclass
class Row:
    id: str
    level: str
    what: str
    tests: list[str] = field(default_factory=list)
    why_not: str = ""


def read_rows() -> dict[str, list[Row]]:
    """The rows by section, without tests."""
    content = tomllib.loads((HERE / "rows.toml").read_text(encoding="utf-8"))
    reasons = content.pop("left-out")
    return {
        section: [Row(name, level, what, why_not=reasons.get(name, "")) for name, (level, what) in rows.items()]
        for section, rows in content.items()
    }


def ids_of(test: str) -> list[str]:
    """The rows at the end of a test's name: `..._t03_f11` gives T-03 and F-11."""
    found: list[str] = []
    for word in reversed(test.split("_")):
        if not _ID.fullmatch(word):
            break
        found.insert(0, word)
    return [f"{word[0].upper()}-{word[1:]}" for word in found if re.fullmatch(r"[a-z][0-9]{2}", word)]


def tests_in(file: Path) -> Iterator[str]:
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name


def rows_with_tests() -> dict[str, list[Row]]:
    """The rows with the tests that name them. Raises `LookupError` where a test names a row that is none."""
    sections = read_rows()
    by_id = {row.id: row for rows in sections.values() for row in rows}
    for folder in FOLDERS:
        for file in sorted((ROOT / "tests" / folder).glob("test_*.py")):
            for test in tests_in(file):
                for name in ids_of(test):
                    if name not in by_id:
                        raise LookupError(f"{file.name}: {test} names {name}, which is no row")
                    by_id[name].tests.append(f"{file.relative_to(ROOT)}::{test}")
    return sections


def markdown(sections: Mapping[str, list[Row]], results: Mapping[str, str]) -> str:
    """The whole table. `results`: the outcome by test."""
    lines = [_HEADER]
    for section, rows in sections.items():
        lines += [f"## {section.replace('-', ' ').capitalize()}", "", "| Row | Level | Asks for | Tests | Result |"]
        lines.append("|---|---|---|---|---|")
        lines += [_line(row, results) for row in rows]
        lines.append("")
    every = [row for rows in sections.values() for row in rows]
    proved = sum(bool(row.tests) for row in every)
    tests = {test for row in every for test in row.tests}
    lines.append(
        f"{len(every)} rows: {proved} proved by {len(tests)} tests, {len(every) - proved} left out with a reason."
    )
    return "\n".join(lines) + "\n"


def _line(row: Row, results: Mapping[str, str]) -> str:
    if not row.tests:
        return f"| {row.id} | {row.level} | {row.what} | none: {row.why_not} | left out |"
    shown = "<br>".join(test.removeprefix("tests/").replace("::", " ") for test in row.tests)
    said = {results.get(test, "not run") for test in row.tests}
    return f"| {row.id} | {row.level} | {row.what} | {shown} | {', '.join(sorted(said))} |"


class _Watch:
    """The worst outcome of each test over its cases."""

    def __init__(self) -> None:
        self.results: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = report.nodeid.partition("[")[0]
        if report.failed:
            self.results[test] = "failed"
        elif report.when == "call" or report.skipped:
            self.results.setdefault(test, "skipped" if report.skipped else "passed")


def run(tests: list[str]) -> dict[str, str]:
    """The outcome of each test, by its address."""
    watch = _Watch()
    pytest.main(["-q", "-p", "no:cacheprovider", "--no-header", "-o", "addopts=", *tests], plugins=[watch])
    return watch.results


def main() -> int:
    sections = rows_with_tests()
    tests = sorted({test for rows in sections.values() for row in rows for test in row.tests})
    results = run(tests)
    CHECKLIST.write_text(markdown(sections, results), encoding="utf-8")
    return int(any(results.get(test) != "passed" for test in tests))


if __name__ == "__main__":
    sys.exit(main())
