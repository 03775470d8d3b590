"""The protocol checklist: which test proves which row. `python -m tests.docs.generate` writes it down.

A test carries its rows in a marker: `@pytest.mark.row("D-03", "T-11")`. One that proves a control of the reliability
page as well, or alone, carries `@pytest.mark.control("SSRF-5")`.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CONTROLS = ROOT / "docs" / "reference" / "reliability.md"
_HEADER = """\
# Protocol checklist

Which test proves which row of [CDS Hooks, row by row](protocol.md). A test carries the ids of its rows in the marker
`row`, and the suite demands that every row has a test, or a reason why none over HTTP can prove it. What is listed here
is run by `.ci/run`; a test that fails ends it.
"""


@dataclass
class Row:
    id: str
    level: str
    what: str
    tests: list[str] = field(default_factory=list)
    why_not: str = ""


def read_rows() -> dict[str, list[Row]]:
    """Read the rows by section, without tests."""
    content = tomllib.loads((HERE / "rows.toml").read_text(encoding="utf-8"))
    reasons = content.pop("left-out")
    return {
        section: [Row(name, level, what, why_not=reasons.get(name, "")) for name, (level, what) in rows.items()]
        for section, rows in content.items()
    }


def marked(file: Path, marker: str) -> Iterator[tuple[str, str]]:
    """Yield each test of a file with each id that its markers of this kind name."""
    for test in read_tests(file):
        for node in test.decorator_list:
            if isinstance(node, ast.Call) and ast.unparse(node.func) == f"pytest.mark.{marker}":
                yield from ((test.name, ast.literal_eval(each)) for each in node.args)


@cache
def read_tests(file: Path) -> tuple[ast.FunctionDef, ...]:
    """Return the tests of a file, as they are written."""
    written = ast.parse(file.read_text(encoding="utf-8")).body
    return tuple(each for each in written if isinstance(each, ast.FunctionDef) and each.name.startswith("test_"))


def files_of_tests() -> list[Path]:
    """Return all files of tests, by path."""
    return sorted((ROOT / "tests").rglob("test_*.py"))


def rows_with_tests() -> dict[str, list[Row]]:
    """Return the rows with their tests; raises `LookupError` if a test names an unknown row."""
    sections = read_rows()
    by_id = {row.id: row for rows in sections.values() for row in rows}
    for file in files_of_tests():
        for test, name in marked(file, "row"):
            if name not in by_id:
                raise LookupError(f"{file.relative_to(ROOT)}: {test} names {name}, which is no row")
            by_id[name].tests.append(f"{file.relative_to(ROOT)}::{test}")
    return sections


def checklist_page() -> str:
    """Return the whole checklist as a page of the reference."""
    sections = rows_with_tests()
    lines = [_HEADER]
    for section, rows in sections.items():
        title = section.replace("-", " ").capitalize().replace("Fhir", "FHIR").replace("Jwt", "JWT")
        lines += [f"## {title}", "", "| Row | Level | Asks for | Proved by |"]
        lines.append("|---|---|---|---|")
        lines += [_line(row) for row in rows]
        lines.append("")
    every = [row for rows in sections.values() for row in rows]
    proved = sum(bool(row.tests) for row in every)
    tests = {test for row in every for test in row.tests}
    lines.append(
        f"{len(every)} rows: {proved} proved by {len(tests)} tests, {len(every) - proved} left out with a reason."
    )
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    proof = "<br>".join(f"`{test.removeprefix('tests/').replace('::', ' ')}`" for test in row.tests)
    return (
        f"| [{row.id}](protocol.md#{row.id.lower()}) | {row.level} | {row.what} | {proof or f'none: {row.why_not}'} |"
    )
