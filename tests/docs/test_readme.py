"""The README is short, and what it tells a newcomer to type is what the pages tell."""

from __future__ import annotations

import re

from tests.docs.paths import DOCS, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
DEMO, TESTS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


def test_it_is_read_in_a_minute() -> None:
    assert len(README.encode()) <= 6144


def test_it_has_two_blocks_to_type_and_the_pages_have_the_same() -> None:
    assert DEMO.endswith("rls-cds demo\n") and TESTS.endswith("pytest -q\n")
    assert f"```sh\n{DEMO}```" in (DOCS / "start" / "demo.md").read_text(encoding="utf-8")
    assert f"```sh\n{TESTS}```" in (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
