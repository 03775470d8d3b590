"""The checklist is complete: each row has a test or a reason."""

from __future__ import annotations

import re
from pathlib import Path

from tests.protocol.table import CONTROLS, files_of_tests, marked, read_rows, read_tests, rows_with_tests


def test_each_row_has_a_test_or_a_reason() -> None:
    rows = [row for section in rows_with_tests().values() for row in section]
    assert len(rows) == len({row.id for row in rows}) == 220
    assert [row.id for row in rows if not row.tests and not row.why_not] == []
    assert [row.id for row in rows if row.tests and row.why_not] == []


def test_rows_are_read_from_the_markers_of_a_test(tmp_path: Path) -> None:
    file = tmp_path / "test_some.py"
    file.write_text(
        '@pytest.mark.row("D-03", "T-11")\n@pytest.mark.control("SSRF-5")\n@pytest.mark.row("A-08")\n'
        "def test_no_services(): ...\n\n\ndef test_vitamin_b12_is_read(): ...\n",
        encoding="utf-8",
    )
    assert list(marked(file, "row")) == [("test_no_services", row) for row in ("D-03", "T-11", "A-08")]
    assert list(marked(file, "control")) == [("test_no_services", "SSRF-5")]


def test_a_row_is_named_by_its_marker_and_not_by_the_name_of_a_test() -> None:
    named = [
        f"{file.name}: {test.name}"
        for file in files_of_tests()
        for test in read_tests(file)
        if re.search(r"_[a-z][0-9]{2}$", test.name)
    ]
    assert named == []


def test_every_control_that_a_test_names_stands_on_the_reliability_page() -> None:
    """Requirements of ASVS are held to the table of `docs/reference/security.md`."""
    page = CONTROLS.read_text(encoding="utf-8")
    every = {name for file in files_of_tests() for _, name in marked(file, "control")}
    named = {name for name in every if not re.fullmatch(r"V\d+\.\d+\.\d+", name)}
    assert len(named) > 20
    assert [name for name in sorted(named) if not re.search(rf"\b{name}\b", page)] == []


def test_each_row_is_one_line() -> None:
    for section in read_rows().values():
        for row in section:
            assert re.fullmatch(r"[A-Z]-[0-9]{2}", row.id) and row.level and "|" not in row.what and len(row.what) < 110
