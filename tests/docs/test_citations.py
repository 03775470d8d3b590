"""A comment that cites a page names a place that docs/ holds. The forms stand in .github/CONTRIBUTING.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.docs.paths import DOCS, ROOT

#: Folders in which no citation of an older form is left.
CONVERTED = ("cards", "cds_service", "fhir_fixtures")
_OLD = re.compile(
    r"clinical pages?\b|product\.md|product (?:page|contract)|reliability page|sandbox page|amendments,? section"
    r"|contract, section|(?<!\w)page \d+\.\d+",
    re.IGNORECASE,
)
#: A row of the protocol or a control, which code may name without the page.
_ID = re.compile(r"(?<![\w-])(?:[A-Z]-\d\d|(?:DOS|FB|JWT|LOG|OUT|SSRF|TOK)-\d+)(?![\w-])")
_KINDS = (".py", ".toml", ".json", ".html", ".csv")


@dataclass(frozen=True, slots=True)
class Form:
    """How code cites one page or several: `words` and a place, whose anchor begins with `anchor`."""

    words: str
    place: str
    pages: str
    anchor: str = ""


FORMS = (
    Form("clinical rationale", r"\d+(?:\.\d+)?", "explanation/clinical/*.md", "c-"),
    Form("clinical amendments", r"\d", "explanation/clinical/amendments.md", "a-"),
    Form("data amendments", r"\d", "explanation/**/data*.md", "d-"),
    Form("contract sections?", r"\d", "reference/contract.md", "p-"),
    Form("reliability", r"\d\.\d", "reference/reliability.md", "section-"),
    Form("reliability", r"[A-Z]+-\d+", "reference/reliability.md"),
    Form("protocol", r"[A-Z]-\d\d", "reference/protocol.md"),
    Form("sandbox", r"\d(?:\.\d)?", "reference/sandbox.md", "section-"),
)


def one_line(text: str) -> str:
    """Return the text without line ends and the signs of a comment that follow them."""
    return re.sub(r"\s*\n\s*(?:#:? ?)?", " ", text)


def cited(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield each citation with the pages it may be on and the anchor, and for an item of a list its number as well."""
    for form in FORMS:
        several = rf"{form.place}(?:(?:, | and | to ){form.place}\b)*"
        words = rf"(?i:\b{form.words}) ({several})(?!\w)(?:,? \(?(?:rule|case|item)s? (\d+))?"
        for match in re.finditer(words, one_line(text)):
            for place in re.findall(form.place, match[1]):
                yield match[0], form.pages, f"{form.anchor}{place.lower().replace('.', '-')}|{match[2] or ''}"


@cache
def places(pages: str) -> frozenset[str]:
    """Return the anchors of these pages; `c-0-3|7` for the seventh item of a list below the anchor `c-0-3`."""
    found = set()
    for page in sorted(DOCS.glob(pages)):
        parts = re.split(r"\{ ?#([\w-]+) ?\}|id=\"([\w-]+)\"", page.read_text(encoding="utf-8"))
        anchors = [left or right for left, right in zip(parts[1::3], parts[2::3], strict=True)]
        for anchor, text in zip(anchors, parts[3::3], strict=True):
            found |= {f"{anchor}|", *(f"{anchor}|{number}" for number in re.findall(r"^(\d+)\. ", text, re.MULTILINE))}
    found |= {re.sub(r"^(p-\d)-(\d)\|$", r"\1|\2", each) for each in found}  # an item with an anchor of its own
    return frozenset(found)


def files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from (each for each in sorted((ROOT / folder).rglob("*")) if each.suffix in _KINDS)


@pytest.mark.parametrize("package", ["cards", "cds_service", "fhir_fixtures"])
def test_every_citation_leads_to_a_place(package: str) -> None:
    lost = [
        f"{file.relative_to(ROOT)}: {citation}"
        for file in files(package)
        for citation, pages, place in cited(file.read_text(encoding="utf-8"))
        if place not in places(pages)
    ]
    assert not lost


def test_every_row_and_control_that_code_names_is_described() -> None:
    described = places("reference/protocol.md") | places("reference/reliability.md")
    named = {found for file in files("cards", "cds_service") for found in _ID.findall(file.read_text(encoding="utf-8"))}
    assert len(named) > 50
    assert not [each for each in sorted(named) if f"{each.lower()}|" not in described]


@pytest.mark.parametrize("folder", CONVERTED)
def test_no_citation_of_an_older_form_is_left(folder: str) -> None:
    old = [
        f"{file.relative_to(ROOT)}: {match[0]}"
        for file in files(folder)
        for match in _OLD.finditer(one_line(file.read_text(encoding="utf-8")))
    ]
    assert not old


@pytest.mark.parametrize(
    ("comment", "place"),
    [
        ("# 0.1 g (clinical rationale 4.3)", "c-4-3|"),
        ("# Clinical\n    # rationale 0.3, rule 7: rounded once", "c-0-3|7"),
        ("(clinical rationale 7.5, case 6)", "c-7-5|6"),
        ('"clinical amendments 1 (ICD-10-GM)"', "a-1|"),
        ("contract section 5, item 3", "p-5|3"),
        ("reliability SSRF-6.", "ssrf-6|"),
        ("Reliability 2.5", "section-2-5|"),
        ("protocol F-10", "f-10|"),
        ("sandbox 4.5", "section-4-5|"),
    ],
)
def test_a_citation_is_read_and_there(comment: str, place: str) -> None:
    ((_, pages, found),) = cited(comment)
    assert found == place and place in places(pages)


def test_several_places_of_one_citation_are_each_read() -> None:
    assert [place for _, _, place in cited("clinical rationale 0.2, 2 and 6.3")] == ["c-0-2|", "c-2|", "c-6-3|"]
    assert [place for _, _, place in cited("reliability LOG-1 to LOG-6")] == ["log-1|", "log-6|"]


@pytest.mark.parametrize(
    "comment",
    [
        "clinical rationale 4.9",
        "clinical rationale 0.3, rule 70",
        "clinical amendments 9",
        "contract section 9",
        "contract section 6, item 2",
        "reliability SSRF-60",
        "protocol F-99",
        "sandbox 4.9",
    ],
)
def test_a_place_that_is_not_there_is_noticed(comment: str) -> None:
    ((_, pages, place),) = cited(comment)
    assert place not in places(pages)


@pytest.mark.parametrize(
    "comment",
    [
        "clinical page 4.3",
        "product.md section 5",
        "reliability\n# page SSRF-6",
        "page 0.2",
        "sandbox page",
        "amendments, section 4",
        "contract, section 5",
    ],
)
def test_an_older_form_is_noticed(comment: str) -> None:
    assert _OLD.search(one_line(comment))
