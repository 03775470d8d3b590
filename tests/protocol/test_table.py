"""The checklist is whole and as written: each row has a test or a reason, and the table on disk is this one."""

from __future__ import annotations

import re

from tests.protocol.table import CHECKLIST, ids_of, markdown, read_rows, rows_with_tests

REMADE = "run `python -m tests.protocol.table`"


def test_each_row_has_a_test_or_a_reason() -> None:
    rows = [row for section in rows_with_tests().values() for row in section]
    assert len(rows) == len({row.id for row in rows}) == 220
    assert [row.id for row in rows if not row.tests and not row.why_not] == []
    assert [row.id for row in rows if row.tests and row.why_not] == []


def test_the_table_is_the_one_on_disk_and_nothing_in_it_failed() -> None:
    """Results change by running, rows and tests by writing: the latter must be as they are."""
    written = CHECKLIST.read_text(encoding="utf-8")
    results = dict.fromkeys((test for row in _rows() for test in row.tests), "passed")
    assert written == markdown(rows_with_tests(), results), REMADE


def _rows() -> list:
    return [row for section in rows_with_tests().values() for row in section]


def test_the_ids_are_read_off_the_end_of_a_name() -> None:
    assert ids_of("test_no_services_d03_t11") == ["D-03", "T-11"]
    assert ids_of("test_vitamin_b12_is_read") == []
    assert ids_of("test_a_peer_ssrf5_a08_out8") == ["A-08"]


def test_rows_are_told_in_a_line_each() -> None:
    for section in read_rows().values():
        for row in section:
            assert re.fullmatch(r"[A-Z]-[0-9]{2}", row.id) and row.level and "|" not in row.what and len(row.what) < 110
