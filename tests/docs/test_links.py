"""Links and file names in the documentation lead somewhere in the tree. Links between pages are for mkdocs to check."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.paths import DOCS, ROOT

PAGES = sorted([*DOCS.rglob("*.md"), *(ROOT / ".github").rglob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"])
_TOP = r"(?:cards|cds_service|fhir_fixtures|tests|deploy|docs|\.ci|\.github)"
#: Files of a worked example, which the reader is told to make.
_EXAMPLE = "low_phosphate"


def files_named(text: str) -> Iterator[str]:
    """Yield the paths from the top of the tree that a page names as code, without the part of a test or an anchor."""
    for span in re.findall(r"`([^`\n]+)`", text):
        for name in re.findall(rf"(?<![\w/.-]){_TOP}/[\w./<>*-]+", span):
            yield name.rstrip(".")


def links(text: str) -> Iterator[str]:
    """Yield the targets of links that stay inside the tree."""
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            yield target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    for name in files_named(page.read_text(encoding="utf-8")):
        pattern = re.sub(r"<\w+>", "*", name)
        assert _EXAMPLE in name or any(ROOT.glob(pattern.rstrip("/"))), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_inside_the_tree_leads_to_a_file(page: Path) -> None:
    for target in links(page.read_text(encoding="utf-8")):
        file = target.partition("#")[0]
        assert not file or (page.parent / file).exists(), target


def test_names_and_links_are_found() -> None:
    text = "See `cards/quantity.py`, [here](a.md#b), [there](https://example.org) and `python -m tests.docs.generate`."
    assert list(files_named(text)) == ["cards/quantity.py"]
    assert list(links(text)) == ["a.md#b"]
